#include "mysql_error.hpp"

#include <algorithm>

namespace talos::mysql {

bool ServerError::is_one_of(std::initializer_list<unsigned> wanted) const {
  return std::find(wanted.begin(), wanted.end(), number) != wanted.end();
}

bool ServerError::ends_connection() const {
  // Shutdown in progress, connection killed (both engines' numbers), too long idle.
  return of_the_client() || is_one_of({1053, 1927, 3169, 4031, 1152, 1158, 1159, 1160, 1161});
}

std::string native_code(const ServerError& error) {
  return std::to_string(error.number) + (error.sqlstate.empty() ? "" : " (" + error.sqlstate + ")");
}

Error to_error(const ServerError& error, ErrorCode code) {
  // Syntax errors quote what follows, over the end of its line.
  std::string message = error.message;
  std::replace(message.begin(), message.end(), '\n', ' ');
  return Error(code, message).with_native_code(native_code(error));
}

ErrorCode code_for(const ServerError& error) {
  if (error.ends_connection()) return ErrorCode::connection;
  // Disk full, out of memory, too many connections, read-only servers, tables that cannot grow.
  if (error.is_one_of({1021, 1037, 1038, 1040, 1041, 1114, 1203, 1226, 1290, 1836, 3100})) return ErrorCode::connection;
  return ErrorCode::statement;
}

}  // namespace talos::mysql
