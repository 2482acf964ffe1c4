#include "migration_source.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <tuple>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "talos/error.hpp"

namespace talos {

namespace {

// Larger bodies are mapped, so that they cost no anonymous memory.
constexpr std::int64_t largest_copied_body = 16 << 20;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string system_message(int error) { return std::generic_category().message(error); }

[[noreturn]] void cannot_read(const std::filesystem::path& path, int error) {
  throw Error(ErrorCode::usage, "cannot read migration file " + path.string() + ": " + system_message(error));
}

[[noreturn]] void size_changed(const std::filesystem::path& path) {
  throw Error(ErrorCode::usage, "migration file " + path.string() + " changed its size while it was read")
      .with_hint("run the command again when nothing writes to the directory");
}

Body copy_file(int fd, std::size_t size, const std::filesystem::path& path) {
  auto text = std::make_shared<std::string>(size + 1, '\0');
  std::size_t length = 0;
  while (length <= size) {
    const ssize_t got = ::read(fd, text->data() + length, text->size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) cannot_read(path, errno);
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length != size) size_changed(path);
  text->resize(size);
  const std::string_view bytes(*text);
  return Body(bytes, std::move(text));
}

Body map_file(int fd, std::size_t size, const std::filesystem::path& path) {
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) cannot_read(path, errno);
  std::shared_ptr<const void> owner(address, [size](void* mapped) { ::munmap(mapped, size); });
  return Body(std::string_view(static_cast<const char*>(address), size), std::move(owner));
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// A name that its author may well have meant as a migration, in any case of letters; silence here is how a migration is
// forgotten.
bool looks_like_migration(std::string_view name) {
  if (name.starts_with(".") || name.ends_with("~")) return false;
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  auto has = [&](std::string_view part) { return lower.find(part) != std::string::npos; };
  auto digit_at = [&](std::size_t at) { return lower.size() > at && lower[at] >= '0' && lower[at] <= '9'; };
  if (has(".up.") || has(".down.") || lower.ends_with(".up") || lower.ends_with(".down")) return true;
  const bool flyway = (lower.starts_with('v') || lower.starts_with('u')) && digit_at(1);
  return lower.ends_with(".sql") && (digit_at(0) || flyway);
}

struct Found {
  Version version;
  Direction direction;
  MigrationFile file;
};

std::string title_of(const MigrationFile& file) { return std::string(parse_file_name(file.name)->title); }

class Collector {
 public:
  explicit Collector(std::string origin) : origin_(std::move(origin)) {}

  void add(const FileName& parsed, MigrationFile file) {
    found_.push_back({parsed.version, parsed.direction, std::move(file)});
  }

  void fingerprints(MigrationFile file) { fingerprints_ = std::move(file); }

  MigrationSet finish() && {
    std::sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
      return std::tie(a.version, a.direction, a.file.name) < std::tie(b.version, b.direction, b.file.name);
    });
    refuse_duplicates();
    std::vector<Migration> migrations;
    migrations.reserve(found_.size());
    for (Found& found : found_) {
      if (migrations.empty() || migrations.back().version != found.version)
        migrations.push_back({found.version, title_of(found.file), {}, {}});
      (found.direction == Direction::up ? migrations.back().up : migrations.back().down) = std::move(found.file);
    }
    auto notes = warnings(migrations);
    return MigrationSet(std::move(origin_), std::move(migrations), std::move(notes), std::move(fingerprints_));
  }

 private:
  void refuse_duplicates() const {
    const auto twice = std::adjacent_find(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
      return a.version == b.version && a.direction == b.direction;
    });
    if (twice == found_.end()) return;
    const Found& a = *twice;
    const Found& b = *std::next(twice);
    throw Error(ErrorCode::usage, "two migration files have version " + std::to_string(b.version) + " (" +
                                      std::string(to_string(b.direction)) + ") in " + origin_ + ": " + a.file.name +
                                      " and " + b.file.name)
        .with_hint("give one of them another version");
  }

  static std::vector<std::string> warnings(const std::vector<Migration>& migrations) {
    std::vector<std::string> result;
    for (const Migration& migration : migrations) {
      if (!migration.down) result.push_back(migration.up->name + " has no down file: it cannot be rolled back");
      if (!migration.up) result.push_back(migration.down->name + " has no up file");
    }
    return result;
  }

  std::optional<MigrationFile> fingerprints_;
  std::string origin_;
  std::vector<Found> found_;
};

// Follows links. The directory's own entry mostly tells, at no cost.
void require_regular_file(DIR* stream, const dirent& entry, const std::filesystem::path& directory) {
  if (entry.d_type == DT_REG) return;
  struct stat status {};
  if (::fstatat(::dirfd(stream), entry.d_name, &status, 0) != 0) cannot_read(directory / entry.d_name, errno);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorCode::usage, "migration file " + (directory / entry.d_name).string() + " is not a regular file");
}

}  // namespace

MigrationDirectory::MigrationDirectory(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ >= 0) return;
  const int error = errno;
  throw Error(ErrorCode::usage,
              "cannot read the migrations directory " + path_.string() + ": " + system_message(error));
}

MigrationDirectory::~MigrationDirectory() { ::close(descriptor_); }

std::int64_t MigrationFile::size() const {
  if (embedded != nullptr) return embedded->end - embedded->data;
  struct stat status {};
  if (::fstatat(directory->descriptor(), name.c_str(), &status, 0) != 0) cannot_read(directory->path() / name, errno);
  return status.st_size;
}

Body MigrationFile::load() const {
  if (embedded != nullptr) {
    const auto length = static_cast<std::size_t>(embedded->end - embedded->data);
    return Body(std::string_view(reinterpret_cast<const char*>(embedded->data), length), nullptr);
  }
  const std::filesystem::path path = directory->path() / name;
  const FileDescriptor fd(::openat(directory->descriptor(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) cannot_read(path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) cannot_read(path, errno);
  const auto size = static_cast<std::size_t>(status.st_size);
  return status.st_size > largest_copied_body ? map_file(fd.get(), size, path) : copy_file(fd.get(), size, path);
}

MigrationSet::MigrationSet(std::string origin, std::vector<Migration> migrations, std::vector<std::string> warnings,
                           std::optional<MigrationFile> fingerprints)
    : origin_(std::move(origin)),
      migrations_(std::move(migrations)),
      warnings_(std::move(warnings)),
      fingerprints_(std::move(fingerprints)) {}

const Migration* MigrationSet::find(Version version) const {
  const auto found = std::lower_bound(migrations_.begin(), migrations_.end(), version,
                                      [](const Migration& m, Version v) { return m.version < v; });
  return found != migrations_.end() && found->version == version ? &*found : nullptr;
}

std::optional<FileName> parse_file_name(std::string_view name) {
  const auto underscore = name.find('_');
  if (underscore == std::string_view::npos || !all_digits(name.substr(0, underscore))) return std::nullopt;
  std::string_view rest = name.substr(underscore + 1);
  Direction direction = Direction::up;
  if (rest.ends_with(".up.sql")) {
    rest.remove_suffix(7);
  } else if (rest.ends_with(".down.sql")) {
    rest.remove_suffix(9);
    direction = Direction::down;
  } else {
    return std::nullopt;
  }
  Version version = 0;
  const std::string_view digits = name.substr(0, underscore);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw Error(ErrorCode::usage, "migration file " + std::string(name) + ": its version is above 9223372036854775807");
  return FileName{version, rest, direction};
}

MigrationSet read_directory(const std::filesystem::path& directory) {
  const auto shared = std::make_shared<const MigrationDirectory>(directory);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
  if (!stream) cannot_read(directory, errno);
  Collector collector(directory.string());
  for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (name == fingerprints_file) {
      collector.fingerprints(MigrationFile{std::string(name), shared, nullptr});
      continue;
    }
    const auto parsed = parse_file_name(name);
    if (!parsed) {
      if (looks_like_migration(name))
        throw Error(ErrorCode::usage, std::string(name) + " in " + directory.string() +
                                          " looks like a migration but is not named like one")
            .with_hint("name it NNNNNN_title.up.sql or NNNNNN_title.down.sql, or move it out of the directory");
      continue;
    }
    require_regular_file(stream.get(), *entry, directory);
    collector.add(*parsed, MigrationFile{std::string(name), shared, nullptr});
  }
  if (errno != 0) cannot_read(directory, errno);
  return std::move(collector).finish();
}

MigrationSet read_embedded(std::string_view plugin, std::span<const EmbeddedFile> files) {
  Collector collector("the set embedded in the plugin " + std::string(plugin));
  for (const EmbeddedFile& file : files) {
    if (file.name == fingerprints_file) {
      collector.fingerprints(MigrationFile{file.name, nullptr, &file, file.sha256});
      continue;
    }
    const auto parsed = parse_file_name(file.name);
    if (!parsed)
      throw Error(ErrorCode::plugin, "the plugin " + std::string(plugin) + " embeds " + file.name +
                                         ", which is not named like a migration");
    collector.add(*parsed, MigrationFile{file.name, nullptr, &file, file.sha256});
  }
  return std::move(collector).finish();
}

}  // namespace talos
