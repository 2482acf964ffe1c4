// Cuts MySQL's and MariaDB's scripts into statements and classes them, without a server.
#pragma once

#include <cstdint>
#include <string_view>

#include "mysql_token.hpp"
#include "talos/driver.hpp"

namespace talos::mysql {

/// Bits of Script::traits.
enum Trait : std::uint64_t {
  /// It may leave something in the session: a variable, a role, a temporary or prepared object, a lock, a default
  /// database, or whatever code that it calls does.
  trait_session_state = 1,
  trait_sql_mode = 2,            ///< it sets sql_mode
  trait_foreign_key_checks = 4,  ///< it sets foreign_key_checks or unique_checks
  trait_call = 8,                ///< it holds a CALL: one statement may answer with several results
  /// It holds a DELIMITER: the bytes between its statements are no SQL, and one statement may hold several for the
  /// server. It must be sent statement by statement as split_sql() cuts the whole of it, and not as it stands.
  trait_delimiter = 16,
  trait_default_database = 32,  ///< USE
  trait_names = 64,             ///< SET NAMES and what else says how bytes are to be taken
  trait_autocommit = 128,       ///< it sets autocommit
};

/// Streams: keeps nothing of the text; the time grows with its length. `modes` are those that the session is in when
/// the text begins to run; where the text sets sql_mode literally, the modes follow.
///
/// Stored programs and compound statements are one statement, with a DELIMITER or without. With one in force, a
/// semicolon still ends what is no program, as it does on the server.
///
/// Throws ErrorCode::usage with the offset: NUL, invalid UTF-8, an unclosed quote, name, comment or body, a semicolon
/// within a version comment, a DELIMITER that is none.
std::uint64_t split_sql(std::string_view text, LexerModes modes, const StatementSink& sink);

/// All of the statement stands in version comments (/*!50001 … */): a server of another version takes it for an empty
/// one, error 1065 if nothing else is sent, and 1064 in the midst of others: send it by itself.
bool may_be_empty(std::string_view statement);

}  // namespace talos::mysql
