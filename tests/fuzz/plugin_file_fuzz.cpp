// A real plugin with changed bytes: listing and judging it, all that happens before loading, never fails in another way
// than by talos::Error, and believes nothing that is not written in it. The input is a list of changes: two bytes of
// place, one of value, the place counted from the ELF header or, with the top bit set, from the note.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "dsn.hpp"
#include "fuzz.hpp"
#include "plugin_loader.hpp"
#include "plugin_note.hpp"
#include "talos/plugin.hpp"

namespace talos::fuzz {

namespace {

namespace fs = std::filesystem;

// In a directory of our own, removed at exit: <directory>/sqlite.so.
class PluginFile {
 public:
  PluginFile() {
    std::ifstream stream(TALOS_SQLITE_PLUGIN, std::ios::binary);
    original_.assign(std::istreambuf_iterator<char>(stream), {});
    const PluginNote head("x", "x", "x");
    note_ = original_.find(std::string_view(reinterpret_cast<const char*>(&head), offsetof(PluginNote, abi_version)));
    must(note_ != std::string::npos, "the plugin has a note");
    std::string name = (fs::temp_directory_path() / "talos-fuzz-XXXXXX").string();
    must(::mkdtemp(name.data()) != nullptr, "a directory can be made");
    directory_ = name;
    fd_ = ::open((directory_ / "sqlite.so").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(fd_ >= 0, "a file can be made");
    write_whole();
  }
  ~PluginFile() {
    ::close(fd_);
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  PluginFile(const PluginFile&) = delete;
  PluginFile& operator=(const PluginFile&) = delete;

  const fs::path& directory() const { return directory_; }

  std::size_t place(unsigned int number) const {
    const std::size_t base = (number & 0x8000U) != 0 ? note_ : 0;
    return std::min(base + (number & 0x7fffU) % (base == 0 ? 1024 : sizeof(PluginNote)), original_.size() - 1);
  }
  void put(std::size_t at, std::uint8_t byte) const {
    must(::pwrite(fd_, &byte, 1, static_cast<off_t>(at)) == 1, "a byte can be written");
  }
  void restore(std::size_t at) const { put(at, static_cast<std::uint8_t>(original_[at])); }

 private:
  void write_whole() const {
    must(::pwrite(fd_, original_.data(), original_.size(), 0) == static_cast<ssize_t>(original_.size()),
         "a file can be written");
  }

  std::string original_;
  std::size_t note_ = 0;
  fs::path directory_;
  int fd_ = -1;
};

constexpr std::string_view sqlite_only[] = {"sqlite"};
constexpr Edition edition{"talos", "Talos", sqlite_only, "refused", "remedy"};

void check(const PluginFile& file) {
  const auto listings = list_plugins({{file.directory()}}, edition);
  must(listings.size() == 1, "every shared object is listed");
  const PluginListing& listing = listings.front();
  must(listing.usable == listing.reason.empty(), "what is not usable has a reason");
  must(listing.name.empty() || is_plugin_word(listing.name), "a plugin's name can name a file");
  if (!listing.usable) return;
  must(listing.name == "sqlite" && listing.abi_version == plugin_abi_version, "only the edition's plugin is usable");
}

}  // namespace

}  // namespace talos::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos::fuzz;
  static const PluginFile file;
  constexpr std::size_t change = 3;
  for (std::size_t i = 0; i + change <= size; i += change)
    file.put(file.place(static_cast<unsigned int>(data[i]) << 8U | data[i + 1]), data[i + 2]);
  check(file);
  for (std::size_t i = 0; i + change <= size; i += change)
    file.restore(file.place(static_cast<unsigned int>(data[i]) << 8U | data[i + 1]));
  return 0;
}
