// What a PostgreSQL statement does to transactions and to the session, judged by its words.
#pragma once

#include <cstdint>
#include <string_view>

#include "pg_token.hpp"
#include "talos/migration.hpp"

namespace talos::pg {

/// What was met on the way to a statement's end.
struct Seen {
  bool into = false;  ///< SELECT … INTO
  bool into_temporary = false;
  bool set_config = false;        ///< set_config(
  bool session_lock = false;      ///< pg_advisory_lock( and its kin
  bool temporary_schema = false;  ///< pg_temp.x
  bool backslash = false;
};

/// Sets everything of `statement` but its place; returns the bits of Trait that it adds.
std::uint64_t classify(std::string_view text, const Seen& seen, Statement& statement);

/// COPY … FROM STDIN (or STDOUT, which is the same there): rows follow in the script.
bool copies_from_client(std::string_view text);

/// The words after REINDEX say CONCURRENTLY, as an option or before the name; leaves `words` before the object's kind.
bool take_reindex_options(Tokens& words);

}  // namespace talos::pg
