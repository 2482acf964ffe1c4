// One message of SQL: the statements around a migration's own, and which of them an error belongs to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace talos::mysql {

/// Whatever completion_type a script set.
constexpr std::string_view commit_sql = "COMMIT AND NO CHAIN NO RELEASE";

/// A migration begins now, by the server's clock.
constexpr std::string_view began_sql = "SET @talos_began = UTC_TIMESTAMP(6)";

class Message {
 public:
  enum class Part : unsigned char {
    setting,   ///< what a session is set to, and BEGIN
    lock,      ///< our lock is still held
    claim,     ///< the tracker is what the plan was made from
    body,      ///< a statement of the migration
    warnings,  ///< SHOW WARNINGS, of the statement before it
    tracker,   ///< the tracker is what the claim made of it
    ending,    ///< journal and history
    absence,   ///< what the statements make is not there
    stop,      ///< nobody wants us to stop; behind another statement: and our lock is still held
    commit,
    look  ///< what the catalogue says of the next statement's object
  };

  /// One statement of ours, without a semicolon at its end.
  void add(Part part, std::string_view statement);
  void add(Part part, const std::vector<std::string>& statements);
  /// A statement of the migration, which stands at `offset` of its text; it may end in a comment.
  void add_body(std::string_view statement, std::size_t offset);

  const std::string& sql() const { return sql_; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

  /// Of the statement with this number, from 0; the last one's for any beyond.
  Part part(std::size_t statement) const;
  /// In the migration's text, of a body statement and of what shows its warnings.
  std::size_t offset(std::size_t statement) const;
  /// The body statement itself.
  std::string_view text(std::size_t statement) const;

 private:
  struct Entry {
    Part part;
    std::size_t offset = 0;  ///< in the migration's text
    std::size_t begin = 0;   ///< in this message
    std::size_t length = 0;
  };
  void append(Entry entry, std::string_view statement);

  std::string sql_;
  std::vector<Entry> entries_;
};

}  // namespace talos::mysql
