#include "cockroach_fate.hpp"

#include <doctest/doctest.h>

namespace talos::cockroach {
namespace {

Fate fate(const char* state, const char* message = "") {
  pg::ServerError error;
  error.sqlstate = state;
  error.severity = "ERROR";
  error.message = message;
  return fate_of(error);
}

}  // namespace

TEST_CASE("C4: only 40001 is tried again as it stands") {
  CHECK(fate("40001", "restart transaction: TransactionRetryWithProtoRefreshError") == Fate::restart);
  for (const char* state : {"23505", "23503", "42601", "42P07", "57000", "22012", "0A000", "25P02", "42501"}) {
    CAPTURE(state);
    CHECK(fate(state) == Fate::refused);
  }
}

TEST_CASE("C4: XXA00 and XX* are never tried again, and nobody takes them for nothing having happened") {
  for (const char* state : {"XXA00", "XX000", "XXUUU", "XX001"}) CHECK(fate(state) == Fate::broken);
}

TEST_CASE("What may have happened all the same is unknown") {
  for (const char* state : {"40003", "57014", "57P01", "58C00", "58C01", "08006", ""}) {
    CAPTURE(state);
    CHECK(fate(state) == Fate::unknown);
  }
}

TEST_CASE("A schema change that stands in the way is waited for") {
  CHECK(fate("55000", "column \"x\" is being dropped, try again later") == Fate::wait);
  CHECK(fate("0A000", "table \"t\" is currently undergoing a schema change") == Fate::wait);
  CHECK(fate("0A000", "unimplemented: this syntax") == Fate::refused);
}

TEST_CASE("Too many clients and a node that starts are refusals that pass; a wrong password is not") {
  const auto refusal = [](const char* state) {
    return is_passing_refusal(Error(ErrorCode::connection, "no").with_native_code(state));
  };
  CHECK(refusal("53300"));
  CHECK(refusal("57P03"));
  CHECK_FALSE(refusal("28P01"));
  CHECK_FALSE(refusal(""));
}

}  // namespace talos::cockroach
