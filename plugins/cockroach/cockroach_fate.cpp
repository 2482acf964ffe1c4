#include "cockroach_fate.hpp"

#include <algorithm>
#include <string_view>

namespace talos::cockroach {

Fate fate_of(const pg::ServerError& error) {
  const std::string_view state = error.sqlstate;
  const auto is_one_of = [&](std::initializer_list<std::string_view> states) {
    return std::find(states.begin(), states.end(), state) != states.end();
  };
  // Before all else: such a code hides the one of what happened inside (XXA00: the transaction is committed, and the
  // schema change that was to follow has failed).
  if (state.starts_with("XX")) return Fate::broken;
  if (state == pg::sqlstate::serialization_failure) return Fate::restart;
  // 40003: the answer is ambiguous. 57014, 57P01, 58C0x: the statement ended, its job may go on.
  if (is_one_of({"40003", "57014", "57P01", "57P02", "58C00", "58C01"}) || error.ends_connection())
    return Fate::unknown;
  // 55000: an object that is being added or dropped.
  if (state == "55000") return Fate::wait;
  if (state == "0A000" && error.message.find("undergoing a schema change") != std::string::npos) return Fate::wait;
  return Fate::refused;
}

bool is_passing_refusal(const Error& error) {
  return error.code == ErrorCode::connection && (error.native_code == "53300" || error.native_code == "57P03");
}

}  // namespace talos::cockroach
