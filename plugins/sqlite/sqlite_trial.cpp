#include "sqlite_trial.hpp"

#include <string>

namespace talos::sqlite {

std::optional<Error> SqliteTrial::do_prepare(std::string_view statement) {
  if (!db_) return Error(ErrorCode::connection, "there is no database");
  try {
    const Query query(*db_, std::string(statement));
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace talos::sqlite
