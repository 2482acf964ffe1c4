// What a statement does to transactions and to the session, judged by its words.
#pragma once

#include <cstdint>
#include <string_view>

#include "mysql_token.hpp"
#include "talos/migration.hpp"

namespace talos::mysql {

/// What was met on the way to a statement's end.
struct Seen {
  bool into_file = false;      ///< SELECT … INTO OUTFILE, DUMPFILE
  bool into_variable = false;  ///< SELECT … INTO @a
  bool assigns = false;        ///< @a := …
  bool session_lock = false;   ///< GET_LOCK( and its kin
  bool backslash = false;
  bool compound = false;         ///< MariaDB's BEGIN NOT ATOMIC … END and its like
  bool needs_delimiter = false;  ///< a program whose end nothing but a DELIMITER shows, and there is none
};

/// Sets everything of `statement` but its place; returns the bits of Trait that it adds. Only what M2 names is `dml`:
/// what is not recognised is `ddl`.
std::uint64_t classify(std::string_view text, const Seen& seen, LexerModes modes, Statement& statement);

/// Why the statement that begins with this word is one of the mysql client and not of the server; empty if it is not.
std::string_view client_command(std::string_view word);

}  // namespace talos::mysql
