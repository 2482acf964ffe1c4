// SQLite databases of the reliability tests.
#pragma once

#include "talos.hpp"
#include "test_database.hpp"

namespace talos::test {

/// A database file and a set on disk.
struct SqliteTarget {
  std::filesystem::path database;
  std::filesystem::path migrations;

  operator Target() const { return {talos_program(), "sqlite://" + database.string(), migrations}; }
};

/// That file, which is not the object's own.
class SqliteDatabase : public TestDatabase {
 public:
  explicit SqliteDatabase(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }
  Target target(const std::filesystem::path& migrations) const override;
  bool exists() const override;
  bool has_table(const std::string& name) const override;
  std::vector<std::string> rows(const std::string& sql) const override;
  std::string schema() const override;
  std::string picture() const override;
  std::vector<std::string> scratch_words() const override { return {"--scratch", "sqlite://:memory:"}; }
  pid_t holder() const override;

 private:
  std::string own_faults(bool dirty) const override;

  std::filesystem::path file_;
};

/// The plugin of the build tree.
std::filesystem::path plugin_file();

/// Runs as an ordinary user (uid 1000), which needs a copy of the program that user can reach; as whoever runs the
/// test, where that is not root.
class OrdinaryUser {
 public:
  explicit OrdinaryUser(const std::filesystem::path& scratch);
  /// Owner of what the user may write.
  void give(const std::filesystem::path& path) const;
  ProcessOptions as_user(ProcessOptions options) const;

  static constexpr unsigned int uid = 1000;

 private:
  bool root_;
  std::filesystem::path program_;
  std::filesystem::path plugins_;
};

/// Our own hold on a database's run lock, as another runner's would be.
class HeldLock {
 public:
  explicit HeldLock(const std::filesystem::path& database);
  ~HeldLock();
  HeldLock(const HeldLock&) = delete;
  HeldLock& operator=(const HeldLock&) = delete;

 private:
  int fd_;
};

}  // namespace talos::test
