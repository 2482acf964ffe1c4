#include "mysql_scratch.hpp"

#include <random>
#include <utility>

#include <unistd.h>

#include "mysql_dsn.hpp"
#include "mysql_text.hpp"
#include "mysql_token.hpp"

namespace talos::mysql {

namespace {

std::string random_name() {
  std::random_device random;
  std::string name = std::string(scratch_prefix) + std::to_string(::getpid()) + "_";
  for (int i = 0; i < 8; ++i) name += "0123456789abcdef"[random() % 16];
  return name;
}

}  // namespace

MySqlScratch::~MySqlScratch() {
  try {
    do_drop();
  } catch (const Error&) {
    // Nobody is left to be told.
  }
}

std::string MySqlScratch::do_create() {
  do_drop();
  const std::string name = random_name();
  try {
    ask_("CREATE DATABASE " + quoted_name(name) + defaults());
  } catch (const Error& error) {
    Error told = error.retold("the scratch database cannot be made: " + std::string(error.what()));
    told.hint = "grant this user all rights on `talos\\_scratch\\_%`.*";
    throw Error(told);
  }
  database_ = name;
  return with_database(dsn_, database_);
}

// Of the database that the DSN names; the server's own where that is none of anybody's.
std::string MySqlScratch::defaults() const {
  const Table answer = ask_("SELECT @@character_set_database, @@collation_database, DATABASE()")[0];
  const Row& row = answer.rows.at(0);
  if (lower(row.at(2).value_or("")) == "information_schema") return {};
  return " CHARACTER SET " + row.at(0).value_or("") + " COLLATE " + row.at(1).value_or("");
}

std::string MySqlScratch::do_copy(std::string_view from, std::string_view table) {
  const std::string dsn = do_create();
  try {
    const std::string tracker = fill_(from, table, database_);
    // Sessions on the copy must find it.
    return table.empty() ? with_parameter(dsn, "x-migrations-table", tracker) : dsn;
  } catch (...) {
    do_drop();
    throw;
  }
}

void MySqlScratch::do_drop() {
  static constexpr std::string_view patience = "SET SESSION lock_wait_timeout = 30; ";
  const std::string name = std::exchange(database_, {});
  if (name.empty()) return;
  // A statement that its session gave up may still hold a table.
  ask_firmly_(std::string(patience) + "DROP DATABASE IF EXISTS " + quoted_name(name + std::string(twin_suffix)) +
              "; DROP DATABASE IF EXISTS " + quoted_name(name));
}

}  // namespace talos::mysql
