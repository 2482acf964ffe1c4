#include "cockroach_scratch.hpp"

#include <thread>
#include <utility>

#include "cockroach_server.hpp"
#include "common/backoff.hpp"
#include "pg_scratch.hpp"
#include "pg_side.hpp"
#include "pg_text.hpp"

namespace talos::cockroach {

CockroachScratch::~CockroachScratch() {
  try {
    do_drop();
  } catch (const Error&) {
    // drop() tells.
  }
}

// One statement, again where it was rolled back for another's sake.
void CockroachScratch::run(const pg::Parameters& parameters, const std::string& sql) const {
  constexpr int most_attempts = 10;
  for (int attempt = 1;; ++attempt) {
    try {
      pg::SideConnection connection(parameters, place_.dsn, {});
      connection.ask(joined(place_.settings));
      connection.ask(sql);
      return;
    } catch (const Error& error) {
      if (error.native_code != pg::sqlstate::serialization_failure || attempt == most_attempts) throw;
      std::this_thread::sleep_for(common::retry_delay(attempt) / 4);
    }
  }
}

std::string CockroachScratch::do_create() {
  do_drop();
  name_ = pg::new_scratch_name();
  try {
    run(place_.parameters, "CREATE DATABASE " + name_);
  } catch (Error& error) {
    error.code = ErrorCode::connection;
    if (error.native_code == pg::sqlstate::insufficient_privilege)
      error.hint = "a scratch database needs a user that may create databases: ALTER USER … CREATEDB";
    throw;
  }
  run(pg::in_database(place_.parameters, name_), "CREATE SCHEMA IF NOT EXISTS " + pg::quoted_name(place_.schema));
  return place_.dsn.with_database(name_);
}

// What the server prints of its tables differs from release to release, and a restored backup needs a storage.
std::string CockroachScratch::do_copy(std::string_view /*from*/, std::string_view /*table*/) {
  throw Error(ErrorCode::unsupported, "on CockroachDB no copy of a database is made: --from cannot be given")
      .with_hint("verify from the start; --since V says which version the release before has");
}

// Never by a name that we did not make.
void CockroachScratch::do_drop() {
  if (name_.empty()) return;
  try {
    run(place_.parameters, "DROP DATABASE IF EXISTS " + name_ + " CASCADE");
  } catch (const Error& error) {
    throw error.retold("cannot drop the database " + name_ + ": " + error.what());
  }
  name_.clear();
}

}  // namespace talos::cockroach
