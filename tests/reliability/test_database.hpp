// A database of the reliability tests, whatever its dialect: what it holds, and what of it is wrong. Each dialect's
// test programs link its own `new_database`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "harness.hpp"

namespace talos::test {

class TestDatabase {
 public:
  virtual ~TestDatabase() = default;

  virtual Target target(const std::filesystem::path& migrations) const = 0;

  /// Whether there is one already: SQLite's file comes with the first write.
  virtual bool exists() const = 0;
  virtual bool has_table(const std::string& name) const = 0;

  /// Runs every statement; the rows of all of them, each as `a|b|c`.
  virtual std::vector<std::string> rows(const std::string& sql) const = 0;
  std::string value(const std::string& sql) const;

  /// Without the bookkeeping: equal after the same statements.
  virtual std::string schema() const = 0;
  /// Schema and rows, without the bookkeeping.
  virtual std::string picture() const = 0;

  /// Until nothing that a killed runner has left at work is at work any more.
  virtual void settle() const {}

  /// The process that holds the run lock; 0 for nobody.
  virtual pid_t holder() const = 0;

  /// What of this is wrong, one line each: the engine's own integrity; tracker against history (G1); no migration
  /// twice, each in its order; no open journal row on a clean database; nothing of a run that is over.
  std::string faults(const TestSet& set) const;

  /// `version|0` or `version|1`, a line per row.
  std::vector<std::string> tracker() const;
  bool is_dirty() const;

  /// Options of verify and diagnose that name a server for scratch databases; none where the dialect describes no
  /// schemas.
  virtual std::vector<std::string> scratch_words() const { return {"--scratch", target({}).dsn}; }

  /// By the test's own eyes, where the program cannot know: the statement with this first line is in the database.
  virtual bool happened(const std::string& statement) const;

  /// Whether a kill may leave this migration half-way: it is not one transaction.
  virtual bool may_be_torn(const TestMigration& migration) const { return migration.no_transaction; }

  /// Of successful history rows of this action and version.
  long count_history(std::string_view action, long version) const;

 protected:
  TestDatabase() = default;

 private:
  virtual std::string own_faults(bool dirty) const = 0;
};

/// Of "program pid@host"; 0 where there is none.
pid_t pid_of_runner(const std::string& name);

/// T7: false, after saying why, where this dialect's server is not here and its tests are to be skipped.
bool database_or_skip();

/// A new empty one, gone with the object.
std::unique_ptr<TestDatabase> new_database();

/// A new one with all that is in that one, which nobody uses.
std::unique_ptr<TestDatabase> copy_of(const TestDatabase& other);

/// `resume` of a dirty database. Only where status says that nothing tells whether a statement happened, happened() is
/// asked; that is said on stdout.
void resume(const TestDatabase& database, const std::filesystem::path& migrations);

/// How many statements resume() has met of which nothing told whether they happened.
long unknown_outcomes();

/// `up` until it succeeds, with a resume after each refusal (exit 3). Throws on any other end.
void up_with_resumes(const TestDatabase& database, const std::filesystem::path& migrations, const TestSet& set);

}  // namespace talos::test
