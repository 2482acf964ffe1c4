// with-crdb-double [--profile 23.2|24.3|25.2|26.1|26.3] -- COMMAND …: runs the command beside a double of CockroachDB
// in front of a PostgreSQL 15 with a fresh database, whose DSN (cockroach://) stands in for {dsn} in the arguments; its
// exit status is the command's, or 1 if the command sent something that the double has not modelled. A missing server
// is exit 77, or 1 where CI=true.
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdb_double.hpp"
#include "run_beside.hpp"

namespace talos::test {
namespace {

int with_double(CrdbProfile profile, std::vector<std::string> command) {
  const auto installation = postgres_or_skip(15);
  if (!installation) return skip_status;
  PostgresServer server(*installation, {"fsync=off"});
  CrdbDouble crdb(server, profile);
  const int status = run_beside(std::move(command), crdb.dsn(server.create_database()));
  const auto unknown = crdb.not_modelled();
  for (const std::string& sql : unknown) std::fprintf(stderr, "with-crdb-double: not modelled: %s\n", sql.c_str());
  return status == 0 && !unknown.empty() ? 1 : status;
}

}  // namespace
}  // namespace talos::test

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  std::optional<talos::test::CrdbProfile> profile = talos::test::CrdbProfile::v26_3;
  if (words.size() > 1 && words[0] == "--profile") {
    profile = talos::test::crdb_profile(words[1]);
    words.erase(words.begin(), words.begin() + 2);
  }
  if (!profile || words.size() < 2 || words[0] != "--") {
    std::fprintf(stderr, "usage: with-crdb-double [--profile 23.2|24.3|25.2|26.1|26.3] -- COMMAND...\n");
    return 2;
  }
  try {
    return talos::test::with_double(*profile, {words.begin() + 1, words.end()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "with-crdb-double: %s\n", error.what());
    return 1;
  }
}
