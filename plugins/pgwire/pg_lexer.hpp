// Cuts PostgreSQL scripts into statements and classes them, without a server.
#pragma once

#include <cstdint>
#include <string_view>

#include "talos/driver.hpp"

namespace talos::pg {

/// Bits of Script::traits.
enum Trait : std::uint64_t {
  /// It may leave something in the session: a setting that is not LOCAL, a role, a temporary or prepared object, a
  /// lock,
  /// or whatever code that it calls by DO or CALL does.
  trait_session_state = 1,
  /// It speaks of a setting that changes how the bytes after it are read (client_encoding,
  /// standard_conforming_strings).
  trait_lexing_settings = 2,
  /// It may run code that stands elsewhere: functions, the triggers of tables. Unset only where every statement surely
  /// runs none, but for event triggers.
  trait_foreign_code = 4,
};

/// Streams: keeps nothing of the text; the time grows with its length. Throws ErrorCode::usage with the offset: NUL,
/// invalid UTF-8, an unclosed quote, name, comment or dollar body.
std::uint64_t split_sql(std::string_view text, const StatementSink& sink);

}  // namespace talos::pg
