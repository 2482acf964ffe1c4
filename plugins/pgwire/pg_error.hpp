// What a server says when a statement fails, and what becomes of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "talos/error.hpp"

struct pg_result;

namespace talos::pg {

struct ServerError {
  std::string sqlstate;
  std::string severity;  ///< not translated: ERROR, FATAL, PANIC
  std::string message;
  std::string detail;
  std::string hint;
  std::string context;
  std::string internal_query;           ///< the statement inside a function that failed
  std::optional<std::size_t> position;  ///< 1-based, in characters of the whole message that was sent

  bool is(std::string_view state) const { return sqlstate == state; }
  /// The server ended the session, or nothing came back at all.
  bool ends_connection() const;
};

ServerError server_error(const pg_result* result);

/// `code` says what it means to the caller; everything the server said is kept.
Error to_error(const ServerError& error, ErrorCode code);
/// By its SQLSTATE: connection for what the server or the disk cannot do now, statement for all else.
ErrorCode code_for(const ServerError& error);

/// Byte of the `position`-th (1-based) character of an UTF-8 text; its size if there are fewer.
std::size_t byte_of_character(std::string_view text, std::size_t position);

namespace sqlstate {
inline constexpr std::string_view unique_violation = "23505";
inline constexpr std::string_view serialization_failure = "40001";
inline constexpr std::string_view deadlock_detected = "40P01";
inline constexpr std::string_view insufficient_privilege = "42501";
inline constexpr std::string_view duplicate_table = "42P07";
inline constexpr std::string_view duplicate_object = "42710";
inline constexpr std::string_view lock_not_available = "55P03";
inline constexpr std::string_view query_canceled = "57014";
}  // namespace sqlstate

}  // namespace talos::pg
