// SDK. What a plugin sees of a migration: its text, cut into statements by the plugin itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace talos {

/// 0 … 2^63-1. `no_version` (-1) stands for "nothing applied", as in golang-migrate's tracker.
using Version = std::int64_t;
inline constexpr Version no_version = -1;

enum class Direction { up, down };

constexpr std::string_view to_string(Direction direction) { return direction == Direction::up ? "up" : "down"; }

/// How a statement behaves towards transactions. The program decides from it how a file is run.
enum class StatementClass {
  dml,                 ///< touches rows only; rolls back with its transaction on every engine
  ddl,                 ///< changes the schema; rolls back where Capabilities::transactional_ddl
  no_transaction,      ///< the engine refuses it inside a transaction (VACUUM, CREATE INDEX CONCURRENTLY)
  begin,               ///< a plain BEGIN
  begin_with_options,  ///< BEGIN with options: never dropped as an outer pair
  commit,              ///< COMMIT or END
  rollback,            ///< ROLLBACK of the transaction
  savepoint,           ///< SAVEPOINT, RELEASE, ROLLBACK TO with a name that is not the program's: allowed
  refused,             ///< no migrator can run it (a client's meta-command …): Statement::why says why
};

/// One statement of a migration's text, as Session::split() found it. Comments before it and its terminator are not
/// part of it; blanks and comments between its last word and the terminator, or the end of the text, may be. An empty
/// statement is never reported.
struct Statement {
  std::size_t offset = 0;  ///< first byte in the text given to split()
  std::size_t length = 0;
  StatementClass kind = StatementClass::ddl;
  /// It changes only the session (SET, USE, ATTACH …): a resumed run must say it again.
  bool session_only = false;
  /// False where saying it again cannot restore what it did (temporary table, PREPARE, LOCK TABLES).
  bool replayable = true;
  /// For `refused`: the reason, a sentence. Must live as long as the plugin (a literal).
  std::string_view why = {};
};

/// The text of one direction of one migration, ready to run. The program owns it; plugins only read it, and only
/// while the call they got it in lasts.
struct Script {
  Version version = no_version;
  Direction direction = Direction::up;
  std::string_view file;     ///< file name, for messages
  std::string_view text;     ///< the whole file, byte for byte, without a byte-order mark
  std::uint64_t traits = 0;  ///< whatever split() returned for this text: a plugin's note to itself
};

/// A part of a script: whole statements, text[begin, end).
struct ScriptPart {
  const Script* script = nullptr;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view text() const { return script->text.substr(begin, end - begin); }
};

/// One file of an embedded migration set, made by CMake's talos_add_plugin(). Constant data of the plugin.
struct EmbeddedFile {
  const char* name;           ///< NNNNNN_title.up.sql or .down.sql; or fingerprints
  const unsigned char* data;  ///< byte for byte as in the source tree, not NUL-terminated
  const unsigned char* end;   ///< one past the last byte
  const char* sha256;         ///< of those bytes, 64 lower-case hexadecimal digits
};

}  // namespace talos
