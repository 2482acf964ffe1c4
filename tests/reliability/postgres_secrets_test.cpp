// R7, T4, G18 on PostgreSQL (pg_secrets.hpp).
#include <doctest/doctest.h>

#include "pg_secrets.hpp"
#include "postgres_database.hpp"
#include "test_database.hpp"

namespace talos::test {

namespace {

std::string quoted(const std::string& value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

const std::vector<DsnForm>& forms() {
  const std::string all = "@:/%#&+' ";
  using P = const std::string&;
  static const std::vector<DsnForm> list{
      {"URI, encoded", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@" + h + "/" + d; }},
      {"URI, raw", "@:#&+'", [](P p, P h, P d) { return "postgresql://keeper:" + p + "@" + h + "/" + d; }},
      {"URI, in a parameter", all,
       [](P p, P h, P d) { return "postgres://" + h + "/" + d + "?user=keeper&password=" + percent_encoded(p); }},
      {"URI of an old driver", all,
       [](P p, P h, P d) {
         return "pgx5://keeper:" + percent_encoded(p) + "@" + h + "/" + d + "?sslmode=disable&pool_max_conns=3";
       }},
      {"keywords, quoted", all,
       [](P p, P h, P d) {
         const auto colon = h.find(':');
         return "postgres:host=" + h.substr(0, colon) + " port=" + h.substr(colon + 1) +
                " user=keeper password=" + quoted(p) + " dbname=" + d;
       }},
      {"URI with an unknown parameter", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@" + h + "/" + d + "?nonsense=1"; }},
      {"URI with a broken port", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@" + h + "x/" + d; }},
      {"several hosts", all,
       [](P p, P h, P d) { return "postgres://keeper:" + percent_encoded(p) + "@127.0.0.1:1," + h + "/" + d; }},
  };
  return list;
}

class Place : public SecretPlace {
 public:
  Place() : SecretPlace(std::make_unique<PostgresDatabase>(*shared_server()), shared_server()->port()) {}
};

}  // namespace

TEST_CASE("T4: the scan finds a canary in the database, in pg_stat_activity and in the server's log") {
  if (!database_or_skip()) return;
  const Place place;
  PgClient client(place.database->dsn());
  check_canaries(place, [&](const std::string& canary) { client.run("SELECT '" + canary + "'"); });
}

TEST_CASE("R7, G18: no password of a login, granted or refused, is printed, stored, logged or shown by the server") {
  if (!database_or_skip()) return;
  check_logins(Place(), forms(), "PostgreSQL");
}

TEST_CASE("R7, G18: the same through pgbouncer") {
  if (!database_or_skip() || !pgbouncer_or_skip()) return;
  const Place place;
  const PgBouncer pooler(*shared_server(), PgBouncer::Pool::transaction);
  const Needles right(shared_server()->password());
  for (const auto& command : secret_commands) {
    const auto granted = run(place.command(command, true, pooler.dsn(place.database->name())));
    INFO(granted.out << granted.err);
    CHECK(place.leak(right, granted) == "");
    CHECK(granted.status == 0);
    const std::string password = use_password("@:/%#&+' ");
    const auto refused = run(place.command(command, true,
                                           "postgres://postgres:" + percent_encoded(password) + "@127.0.0.1:" +
                                               std::to_string(pooler.port()) + "/" + place.database->name()));
    INFO(refused.out << refused.err);
    CHECK(refused.status == 5);
    CHECK(place.leak(Needles(password), refused) == "");
    CHECK(Needles(password).found_in(pooler.log()).empty());
  }
}

TEST_CASE("R7, G18: a waiting and a working process show no password in /proc/<pid>/cmdline or pg_stat_activity") {
  if (!database_or_skip()) return;
  check_command_lines(Place(), "postgres");
}

}  // namespace talos::test
