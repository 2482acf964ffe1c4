// R7, T4, G18 on CockroachDB's double (pg_secrets.hpp).
#include <doctest/doctest.h>

#include "cockroach_database.hpp"
#include "pg_secrets.hpp"

namespace talos::test {

namespace {

const std::vector<DsnForm>& forms() {
  const std::string all = "@:/%#&+' ";
  using P = const std::string&;
  static const std::vector<DsnForm> list{
      {"URI, encoded", all,
       [](P p, P h, P d) { return "cockroach://keeper:" + percent_encoded(p) + "@" + h + "/" + d; }},
      {"URI, raw", "@:#&+'", [](P p, P h, P d) { return "cockroachdb://keeper:" + p + "@" + h + "/" + d; }},
      {"URI, in a parameter", all,
       [](P p, P h, P d) { return "cockroach://" + h + "/" + d + "?user=keeper&password=" + percent_encoded(p); }},
      {"URI of golang-migrate", all,
       [](P p, P h, P d) {
         return "crdb-postgres://keeper:" + percent_encoded(p) + "@" + h + "/" + d +
                "?sslmode=disable&x-force-lock=true";
       }},
      {"URI with an unknown parameter", all,
       [](P p, P h, P d) { return "cockroach://keeper:" + percent_encoded(p) + "@" + h + "/" + d + "?nonsense=1"; }},
      {"URI with a broken port", all,
       [](P p, P h, P d) { return "cockroach://keeper:" + percent_encoded(p) + "@" + h + "x/" + d; }},
      {"several hosts", all,
       [](P p, P h, P d) { return "cockroach://keeper:" + percent_encoded(p) + "@127.0.0.1:1," + h + "/" + d; }},
  };
  return list;
}

// What the double shows of sessions is searched, too, and every statement that has come to it since the last time.
class Place : public SecretPlace {
 public:
  Place()
      : SecretPlace(std::make_unique<CockroachDatabase>(*shared_double_or_skip()), shared_double_or_skip()->port()) {}

  std::string activity() const override {
    std::string text = SecretPlace::activity();
    CrdbDouble& crdb = *shared_double_or_skip();
    for (const std::string& row : pg_rows(crdb.libpq_dsn(database->name()), "SHOW SESSIONS")) text += row + "\n";
    const auto statements = crdb.statements();
    for (; seen_ < statements.size(); ++seen_)
      text += statements[seen_].application + " " + statements[seen_].sql + "\n";
    return text;
  }

 private:
  mutable std::size_t seen_ = shared_double_or_skip()->statements().size();
};

}  // namespace

TEST_CASE("T4: the scan finds a canary in the database, in what the double shows and in the server's log") {
  if (!database_or_skip()) return;
  const Place place;
  PgClient client(shared_double_or_skip()->libpq_dsn(place.database->name()));
  check_canaries(place, [&](const std::string& canary) { client.run("SELECT '" + canary + "'"); });
}

TEST_CASE("R7, G18: no password of a login, granted or refused, is printed, stored, logged or shown by the double") {
  if (!database_or_skip()) return;
  check_logins(Place(), forms(), "CockroachDB's double");
}

TEST_CASE("R7, G18: a waiting and a working process show no password in /proc/<pid>/cmdline or SHOW SESSIONS") {
  if (!database_or_skip()) return;
  check_command_lines(Place(), "cockroach");
}

}  // namespace talos::test
