#include "fixtures.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "sha256.hpp"

namespace talos::test {

MemorySet::MemorySet(std::initializer_list<File> files) {
  for (const auto& [name, body] : files) {
    const char* const stable_name = texts_.emplace_back(name).c_str();
    const std::string& stable_body = texts_.emplace_back(body);
    const auto* const bytes = reinterpret_cast<const unsigned char*>(stable_body.data());
    files_.push_back({stable_name, bytes, bytes + stable_body.size(), texts_.emplace_back(sha256(body)).c_str()});
  }
  set_ = read_embedded("fake", files_);
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "talos-unit-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TemporaryDirectory::write(const std::string& name, std::string_view content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
}

}  // namespace talos::test
