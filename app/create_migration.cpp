#include "create_migration.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "migration_source.hpp"
#include "talos/error.hpp"

namespace talos::app {

namespace {

namespace fs = std::filesystem;

std::string file_title(const std::string& name) {
  std::string title;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    if (c >= 'A' && c <= 'Z')
      title += static_cast<char>(c - 'A' + 'a');
    else if (letter)
      title += c;
    else if (c == ' ' || c == '-' || c == '_')
      title += '_';
    else
      throw Error(ErrorCode::usage, "the name may hold letters, digits, blanks, dashes and underscores");
  }
  const bool named = std::any_of(title.begin(), title.end(), [](char c) { return c != '_'; });
  if (!named || title.size() > 200) throw Error(ErrorCode::usage, "the name is empty or too long");
  return title;
}

// O_EXCL: never over somebody's file.
void make_file(const fs::path& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0)
    throw Error(ErrorCode::usage, "cannot create " + path.string() + ": " + std::generic_category().message(errno));
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (::close(fd) == 0 && written) return;
  ::unlink(path.c_str());
  throw Error(ErrorCode::usage, "cannot write " + path.string() + ": " + std::generic_category().message(error));
}

}  // namespace

std::vector<fs::path> create_migration(const fs::path& directory, const std::string& name) {
  const std::string title = file_title(name);
  std::error_code ignored;
  if (!fs::exists(directory, ignored))
    throw Error(ErrorCode::usage, "the migrations directory " + directory.string() + " does not exist")
        .with_hint("mkdir -p " + directory.string());
  const MigrationSet set = read_directory(directory);
  if (set.highest() == INT64_MAX) throw Error(ErrorCode::usage, "there is no version left above the newest");
  const Version version = std::max<Version>(set.highest() + 1, 1);
  const std::string stem = fmt::format("{:06}_{}", version, title);
  const fs::path up = directory / (stem + ".up.sql");
  const fs::path down = directory / (stem + ".down.sql");
  make_file(up, fmt::format("-- {}\n", name));
  try {
    make_file(down, fmt::format("-- Undoes {}\n", up.filename().string()));
  } catch (const Error&) {
    ::unlink(up.c_str());
    throw;
  }
  return {up, down};
}

}  // namespace talos::app
