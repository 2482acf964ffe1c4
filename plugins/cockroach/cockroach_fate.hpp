// What a server's error says of the statement it answers.
#pragma once

#include <cstdint>

#include "pg_error.hpp"

namespace talos::cockroach {

enum class Fate : std::uint8_t {
  refused,  ///< it did not happen, and would not the next time
  restart,  ///< it was rolled back (40001): the whole transaction, or the single statement, may be tried again
  wait,     ///< it did not happen: a schema change stands in the way, and will be over
  unknown,  ///< it may have happened; once that is known it may be tried again
  broken,   ///< it may have happened in part; found out like `unknown`, but never tried again
};

/// Of a statement outside of a transaction, or of COMMIT. Of any other inside of one only `restart` means more than
/// that it did not happen: without a COMMIT nothing does.
Fate fate_of(const pg::ServerError& error);

/// Too many clients, or a node on its way up or down: the next attempt to connect may do better.
bool is_passing_refusal(const Error& error);

}  // namespace talos::cockroach
