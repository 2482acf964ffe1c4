// One migration file made ready to run: its directives, its statements' classes, and whether it runs as one
// transaction or statement by statement. Everything that can be refused is refused here, before anything runs.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migration_source.hpp"
#include "talos/driver.hpp"

namespace talos {

/// The `-- talos:<word>` lines at the head of a file (G9).
struct Directives {
  bool no_transaction = false;
  std::string breaking;  ///< the reason; empty: not given
  std::string verify;    ///< the query; empty: not given
};

/// Throws ErrorCode::usage (with offset) for an unknown word or a wrong argument.
Directives parse_directives(std::string_view text);

/// What the journal counts: one statement, or one BEGIN … COMMIT group of a no-transaction file.
struct JournalUnit {
  std::size_t begin = 0;  ///< byte range in the text
  std::size_t end = 0;
  bool transaction = false;  ///< it and its journal row are one transaction
  std::string_view begin_text = {};
  std::vector<ScriptPart> session = {};         ///< its statements that change only the session
  std::optional<ScriptPart> unrepeatable = {};  ///< one that did something to the session which cannot be done again
};

enum class RunMode {
  transaction,  ///< the file, its tracker row and its history row are one transaction
  statements,   ///< dirty first, then unit by unit with a journal
};

class PreparedScript {
 public:
  /// `file` may be null (a step without a file): an empty script. Throws ErrorCode::usage with file and place.
  PreparedScript(const Migration& migration, Direction direction, const MigrationFile* file, Session& session);
  PreparedScript(PreparedScript&&) = delete;

  const Script& script() const { return script_; }
  RunMode mode() const { return mode_; }
  /// For `transaction`: the bytes to run, without an outer BEGIN … COMMIT.
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }
  /// For `statements`.
  const std::vector<JournalUnit>& units() const { return units_; }
  /// What the journal counts of either: a transaction is one that is all of it.
  std::vector<JournalUnit> journalled() const {
    return mode_ == RunMode::statements ? units_ : std::vector<JournalUnit>{{begin_, end_, true}};
  }
  ScriptPart part(const JournalUnit& unit) const { return {&script_, unit.begin, unit.end}; }
  const Directives& directives() const { return directives_; }
  std::size_t statement_count() const { return statement_count_; }
  std::int64_t size() const { return static_cast<std::int64_t>(body_.bytes().size()); }
  /// Of the file's raw bytes.
  const std::string& sha256() const { return sha256_; }
  /// Sentences for the operator (a lone statement that runs without a transaction).
  const std::vector<std::string>& notes() const { return notes_; }

  /// Fills file, line, column and statement number of an error that has an offset.
  Error locate(Error error) const;

 private:
  class Analysis;

  Body body_;
  std::string file_;
  std::string sha256_;
  Script script_;
  Directives directives_;
  RunMode mode_ = RunMode::transaction;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t statement_count_ = 0;
  std::vector<std::size_t> statement_starts_;  ///< empty for very large files
  std::vector<JournalUnit> units_;
  std::vector<std::string> notes_;
};

/// A text of which no literal is to be shown or stored: it sets somebody's password.
bool speaks_of_credentials(std::string_view text);

/// 1-based line of a byte of a text.
std::size_t line_of(std::string_view text, std::size_t offset);

}  // namespace talos
