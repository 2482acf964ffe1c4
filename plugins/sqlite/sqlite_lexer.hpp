// Cuts SQLite scripts into statements and classes them, without a database.
#pragma once

#include <cstdint>
#include <string_view>

#include "talos/driver.hpp"

namespace talos::sqlite {

/// Bits of Script::traits.
enum Trait : std::uint64_t {
  /// Must run with foreign keys off: it says so, or it rebuilds a table (DROP TABLE with RENAME TO). Inside a
  /// transaction PRAGMA foreign_keys does nothing, and dropping a parent deletes its children by ON DELETE CASCADE.
  trait_foreign_keys_off = 1,
  /// It may leave something in the session (PRAGMA, ATTACH, temporary objects).
  trait_session_state = 2,
};

/// Throws ErrorCode::usage with the offset: NUL, an unclosed quote or comment.
std::uint64_t split_sql(std::string_view text, const StatementSink& sink);

/// `PRAGMA foreign_keys = …` as a statement of its own.
bool is_foreign_keys_pragma(std::string_view statement);

/// VACUUM in place, or a PRAGMA: run again it does no harm, and the end is the same.
bool is_maintenance(std::string_view statement);

}  // namespace talos::sqlite
