// Where migrations come from: a plugin's embedded array or a directory. File names, order, bodies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "talos/migration.hpp"

namespace talos {

/// What the schema is after each version stands in a file of this name beside the migrations.
inline constexpr std::string_view fingerprints_file = "fingerprints";

/// The bytes of a migration file. Embedded ones and mapped files are not copied.
class Body {
 public:
  Body(std::string_view bytes, std::shared_ptr<const void> owner) : bytes_(bytes), owner_(std::move(owner)) {}
  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
  std::shared_ptr<const void> owner_;
};

/// A directory of migrations, held open: looking a file up in it costs one step, however deep it lies.
class MigrationDirectory {
 public:
  /// Throws ErrorCode::usage where it cannot be read.
  explicit MigrationDirectory(std::filesystem::path path);
  ~MigrationDirectory();
  MigrationDirectory(const MigrationDirectory&) = delete;
  MigrationDirectory& operator=(const MigrationDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

/// One migration file, its body unread. A directory of a hundred thousand is listed at every start, so nothing is
/// asked of a file before it is needed.
struct MigrationFile {
  std::string name;
  std::shared_ptr<const MigrationDirectory> directory;  ///< null for an embedded file
  const EmbeddedFile* embedded = nullptr;
  std::string_view known_sha256 = {};  ///< embedded files carry it from the build; else empty

  /// Bytes. Throws ErrorCode::usage where the file cannot be looked at.
  std::int64_t size() const;
  /// Reads the whole file. Throws ErrorCode::usage where it cannot be read, or changes its size meanwhile.
  Body load() const;
};

struct Migration {
  Version version = no_version;
  std::string title;  ///< of the up file, else of the down file
  std::optional<MigrationFile> up;
  std::optional<MigrationFile> down;

  const std::optional<MigrationFile>& file(Direction direction) const { return direction == Direction::up ? up : down; }
};

/// All migrations of one source, by version.
class MigrationSet {
 public:
  MigrationSet() = default;
  MigrationSet(std::string origin, std::vector<Migration> migrations, std::vector<std::string> warnings,
               std::optional<MigrationFile> fingerprints = std::nullopt);

  const std::string& origin() const { return origin_; }  ///< for messages: "embedded in sqlite" or the directory
  const std::vector<Migration>& migrations() const { return migrations_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// The file of that name beside them (fingerprints.hpp).
  const std::optional<MigrationFile>& fingerprints() const { return fingerprints_; }
  const Migration* find(Version version) const;
  Version highest() const { return migrations_.empty() ? no_version : migrations_.back().version; }

 private:
  std::string origin_;
  std::vector<Migration> migrations_;
  std::vector<std::string> warnings_;
  std::optional<MigrationFile> fingerprints_;
};

struct FileName {
  Version version;
  std::string_view title;
  Direction direction;
};

/// golang-migrate's grammar: NNNNNN_title.up.sql / .down.sql. Nothing if `name` is no migration's.
/// Throws ErrorCode::usage if it is one whose version is above 2^63-1.
std::optional<FileName> parse_file_name(std::string_view name);

/// Throws ErrorCode::usage: the directory cannot be read, a duplicate, a version out of range, a file that looks like
/// a migration and is none (foo.up.sql, 1_x.sql, V1__x.sql, 1_x.up.sql.bak). Other files are left alone. An up file
/// without its down is a warning.
MigrationSet read_directory(const std::filesystem::path& directory);
MigrationSet read_embedded(std::string_view plugin, std::span<const EmbeddedFile> files);

}  // namespace talos
