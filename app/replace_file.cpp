#include "replace_file.hpp"

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include "talos/error.hpp"

namespace talos::app {

void replace_file(const std::filesystem::path& file, std::string_view content) {
  std::filesystem::path beside = file;
  beside += ".new";
  std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  std::error_code failure;
  if (!stream) failure.assign(errno, std::generic_category());
  if (stream) std::filesystem::rename(beside, file, failure);
  if (!failure) return;
  std::error_code ignored;
  std::filesystem::remove(beside, ignored);
  throw Error(ErrorCode::usage, "cannot write " + file.string() + ": " + failure.message());
}

}  // namespace talos::app
