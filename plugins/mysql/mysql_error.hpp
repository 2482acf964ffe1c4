// What a server says when a statement fails, and what becomes of it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "talos/error.hpp"

namespace talos::mysql {

struct ServerError {
  unsigned number = 0;
  std::string sqlstate;
  std::string message;

  bool is(unsigned wanted) const { return number == wanted; }
  bool is_one_of(std::initializer_list<unsigned> wanted) const;
  /// The client library's own word: the server has said nothing.
  bool of_the_client() const { return number >= 2000 && number < 3000; }
  /// The server ended the session with this word.
  bool ends_connection() const;
};

/// `code` says what it means to the caller; everything the server said is kept.
Error to_error(const ServerError& error, ErrorCode code);
/// By its number: connection for what the server or the disk cannot do now, statement for all else.
ErrorCode code_for(const ServerError& error);

/// "1146 (42S02)".
std::string native_code(const ServerError& error);

namespace number {
inline constexpr unsigned access_denied_to_database = 1044;
inline constexpr unsigned access_denied = 1045;
inline constexpr unsigned no_database = 1046;
inline constexpr unsigned unknown_database = 1049;
inline constexpr unsigned table_access_denied = 1142;
inline constexpr unsigned no_such_table = 1146;
inline constexpr unsigned incomplete_rollback = 1196;
inline constexpr unsigned lock_wait_timeout = 1205;
inline constexpr unsigned lock_deadlock = 1213;
inline constexpr unsigned access_denied_for_privilege = 1227;
inline constexpr unsigned subquery_many_rows = 1242;
inline constexpr unsigned query_interrupted = 1317;
inline constexpr unsigned duplicate_key = 1062;
inline constexpr unsigned statement_timeout_mariadb = 1969;
inline constexpr unsigned query_timeout_mysql = 3024;
}  // namespace number

}  // namespace talos::mysql
