#include "pg_dsn.hpp"

#include <doctest/doctest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

using namespace talos;
using namespace talos::pg;
using namespace std::chrono_literals;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

PgDsn parse(std::string_view text) { return parse_pg_dsn(text, "postgres", "5432"); }

Pairs sorted(Pairs pairs) {
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

Pairs parameters(std::string_view text) { return sorted(parse(text).parameters); }

/// All that the usage error shows that parsing must end in.
std::string refusal(std::string_view text) {
  try {
    const PgDsn dsn = parse(text);
    FAIL_CHECK("accepted: " << text << " as " << dsn.describe());
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::usage);
    CHECK_FALSE(error.hint.empty());
    return std::string(error.what()) + "\n" + error.hint + error.detail;
  }
  return {};
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// What libpq itself reads, without empty values; nothing if it refuses.
std::optional<Pairs> libpq(const std::string& text) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(text.c_str(), &message),
                                                                             PQconninfoFree);
  PQfreemem(message);
  if (!options) return std::nullopt;
  Pairs result;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0') result.emplace_back(option->keyword, option->val);
  return sorted(result);
}

constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

std::string encode(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (has(unreserved, {&c, 1})) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += '%';
      result += "0123456789ABCDEF"[byte >> 4];
      result += "0123456789ABCDEF"[byte & 15];
    }
  }
  return result;
}

class Passwords {
 public:
  /// Printable characters, those that DSNs are made of more often than others.
  std::string next() {
    constexpr std::string_view special = "@/:?#%&=+,[]' \\";
    std::string text(8 + random_() % 24, ' ');
    for (char& c : text)
      c = random_() % 3 == 0 ? special[random_() % special.size()] : static_cast<char>(' ' + random_() % 95);
    return text;
  }

 private:
  std::mt19937 random_{20240607};
};

/// A piece of `secret`, five characters long, that `text` shows; empty if there is none. Pieces that stand in
/// `harmless` do not count.
std::string leaked(std::string_view text, std::string_view secret, std::string_view harmless) {
  for (std::size_t i = 0; i + 5 <= secret.size(); ++i)
    if (has(text, secret.substr(i, 5)) && !has(harmless, secret.substr(i, 5))) return std::string(secret.substr(i, 5));
  return {};
}

}  // namespace

TEST_CASE("URIs and keywords that libpq and Go read alike are read as libpq reads them") {
  for (const char* text : {
           "postgres://",
           "postgres:///",
           "postgresql://h",
           "postgres://h/db",
           "postgres://h:5433/db",
           "postgres://u@h/db",
           "postgres://u:p@h:5433/db?sslmode=verify-full&connect_timeout=3",
           "postgres://u:@h/db",
           "postgres://:p@h/db",
           "postgres://@h",
           "postgres://u:p:q@h/db",
           "postgres://u:p%40%2F%3a%25x@h/db",
           "postgres://u%20v:p@h/d%20b",
           "postgres://u:a+b@h/c+d",
           "postgres://u:p@/db",
           "postgres://[::1]/db",
           "postgres://[2001:db8::1]:5433,h:5434/db",
           "postgres://%2Frun%2Fpostgresql/db",
           "postgres://%2Frun%2Fpostgresql:5433/db",
           "postgres:///db?host=/run/postgresql&port=5433",
           "postgres:///db?host=%2Frun%2Fpostgresql",
           "postgres://h:5432/db?host=g&port=5433",
           "postgres://a,b:2,c/db?target_session_attrs=read-write",
           "postgres://a:1,b:2/db",
           "postgres:///db?host=a,b&port=1,2",
           "postgres://h/db?user=u&password=p",
           "postgres://h/db?user=u%40w&password=%26%3D%2B",
           "postgres://h?dbname=d",
           "postgres://h/d/e",
           "postgres://h/d%2Fe",
           "postgres://h/db?",
           "postgres://h/db?sslmode=disable&sslmode=require",
           "postgres://h/db?host=&port=",
           "postgres://h/db?ssl=true",
           "postgres://u:p#x@h/db",
           "postgres://u:p?x@h/db",
           "postgres://h/db#x",
           "postgres://h/db?application_name=me@x/y",
           "postgres://h/db?options=-c%20geqo%3Doff%20-c%20work_mem%3D8MB",
           "postgres://h/db?sslrootcert=/a/ca.pem&sslcert=/a/c.pem&sslkey=/a/k.pem&sslpassword=s&sslsni=1&sslcrl=/a/l",
           "postgres://h/db?keepalives=1&keepalives_idle=30&keepalives_interval=5&keepalives_count=3",
           "postgres://h/db?tcp_user_timeout=9000&gssencmode=disable&channel_binding=require&passfile=/p",
           "postgres://h/db?ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3&client_encoding=UTF8",
           "postgres:///?service=s",
           "postgres://h/db?hostaddr=127.0.0.1&krbsrvname=k&requirepeer=postgres&sslcrldir=/d&sslcompression=0",
       }) {
    CAPTURE(std::string(text));
    const auto expected = libpq(text);
    REQUIRE(expected);
    CHECK(parameters(text) == *expected);
  }
  for (const char* text :
       {"host=h", "host=h port=5433 dbname=d user=u password=p", "host = h  dbname= 'd e' ", "password='it\\'s' host=h",
        "host=h password=a\\ b\\\\c", "password='' host=h", "host=h password='a\\\\b'", "dbname=d host=a,b port=1,2",
        "host=/run/postgresql dbname=d", "user=u host=h password=a@b/c:d?e#f%20+", "host=h application_name=",
        "host=h user=u password=a=b", "host=h password='a b'", "host=h password=x\\", "host=h password=a'b'"}) {
    CAPTURE(std::string(text));
    const auto expected = libpq(text);
    REQUIRE(expected);
    CHECK(parameters(std::string("postgres://") + text) == *expected);
    CHECK(parameters(std::string("postgres:") + text) == *expected);
  }
}

TEST_CASE("what libpq refuses among keywords and hosts is refused, quoting nothing") {
  for (const char* text : {"host=h password='hunter22", "host=h password='hunter''22'", "host=h hunter22",
                           "host=h =hunter22", "password=secret hunter22 host=h", "host=h password='a'hunter22=x"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(libpq(text));
    CHECK_FALSE(has(refusal(std::string("postgres://") + text), "hunter"));
  }
  for (const char* text : {"postgres://[::1/hunter22", "postgres://[]/hunter22", "postgres://[::1]x/hunter22"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(libpq(text));
    CHECK_FALSE(has(refusal(text), "hunter"));
  }
}

TEST_CASE("Go tools' schemes are read as any other") {
  for (const char* scheme :
       {"postgres", "postgresql", "pgx", "pgx4", "pgx5", "cockroach", "cockroachdb", "crdb-postgres", "PostgreSQL"})
    CHECK(parameters(std::string(scheme) + "://u:p@h/d") ==
          Pairs{{"dbname", "d"}, {"host", "h"}, {"password", "p"}, {"user", "u"}});
}

TEST_CASE("a DSN without a scheme is refused") {
  for (const char* text : {"", "host=h password=hunter22", "u:hunter22@h/d", "://hunter22", "postgres:/u:hunter22@h/d",
                           "postgres:hunter22", "host=h password=a://hunter22", "a b://hunter22"})
    CHECK_FALSE_MESSAGE(has(refusal(text), "hunter"), text);
}

TEST_CASE("a percent sign that begins no escape is itself") {
  CHECK(parse("postgres://u:100%@h/d").parameter("password") == "100%");
  CHECK(parse("postgres://u:a%zzb%4@h/d").parameter("password") == "a%zzb%4");
  CHECK(parse("postgres://h/d?password=5%").parameter("password") == "5%");
  CHECK(parse("postgres://u:^a$!*()~@h/d").parameter("password") == "^a$!*()~");
}

TEST_CASE("+ is a blank in parameters, as in Go, and itself in user, password and path") {
  CHECK(parse("postgres://h/d?application_name=a+b%2Bc").parameter("application_name") == "a b+c");
  CHECK(parse("postgres://u+v:a+b@h/c+d").parameter("user") == "u+v");
  CHECK(parse("postgres://u+v:a+b@h/c+d").parameter("password") == "a+b");
  CHECK(parse("postgres://u+v:a+b@h/c+d").parameter("dbname") == "c+d");
  CHECK(parse("postgres://host=h password=a+b").parameter("password") == "a+b");
}

TEST_CASE("raw special characters in a password are taken where only one reading makes sense") {
  const std::array<std::pair<const char*, const char*>, 11> cases{{{"postgres://u:p@w@h/d", "p@w"},
                                                                   {"postgres://u:@@@h/d", "@@"},
                                                                   {"postgres://u:p:w@h/d", "p:w"},
                                                                   {"postgres://u:p#w@h/d", "p#w"},
                                                                   {"postgres://u:p/w@h/d", "p/w"},
                                                                   {"postgres://u:p?w@h/d", "p?w"},
                                                                   {"postgres://u:p/w?x#y@h/d", "p/w?x#y"},
                                                                   {"postgres://u:p[w]@h/d", "p[w]"},
                                                                   {"postgres://u:p,w@h/d", "p,w"},
                                                                   {"postgres://u:p&w=x@h/d", "p&w=x"},
                                                                   {"postgres://u:p w\"'\\@h/d", "p w\"'\\"}}};
  for (const auto& [text, password] : cases) {
    CAPTURE(std::string(text));
    const PgDsn dsn = parse(text);
    CHECK(dsn.parameter("password") == password);
    CHECK(dsn.parameter("user") == "u");
    CHECK(dsn.describe() == "postgres://u@h/d");
  }
  CHECK(parse("postgres://me@azure:p@h/d").parameter("host") == "h");
}

TEST_CASE("an ambiguous end of the password is refused, saying how to write it") {
  for (const char* text :
       {"postgres://u:hunter22@secret/w@h/d", "postgres://u:12/hunter22@h/d", "postgres://u:12?hunter22@h/d",
        "postgres://u:hunter22@a?b=c@h/d", "postgres://u:hunter22/x", "postgres://u:a/hunter22@b@h/d",
        "postgres://u:hunter22@a b/d", "postgres://u:p@h:hunter22/d", "postgres://h:54x/d?password=hunter22@secret",
        "postgres://h/d?a@hunter22=b", "postgres://h/d?unknown=hunter22@secret", "postgres://u:p@h/d@hunter22"}) {
    CAPTURE(std::string(text));
    const std::string said = refusal(text);
    CHECK_FALSE(has(said, "hunter"));
    CHECK_FALSE(has(said, "secret"));
    CHECK(has(said, "percent-encode"));
  }
}

TEST_CASE("what follows a raw & or blank of a password is never taken for a setting") {
  for (const char* text :
       {"postgres://h/d?password=abc&hunter22", "postgres://h/d?password=abc&hunter22=x",
        "postgres://h/d?password=abc&hunter-22=x", "postgres://host=h password=abc hunter22=x",
        "postgres://h/d?sslpassword=abc&hunter22=x", "postgres://h/d?password=abc&x-%20y=z&hunter22=x",
        "postgres://h/d?password=abc&x-y=z&hunter22"})
    CHECK_FALSE_MESSAGE(has(refusal(text), "hunter"), text);
  CHECK(parse("postgres://host=h password=abc search_path=app").settings == Pairs{{"search_path", "app"}});
}

TEST_CASE("parameters of pools, drivers and frameworks are left out") {
  const PgDsn dsn = parse(
      "postgres://h/d?pool_max_conns=4&pool_min_conns=1&pool_min_idle_conns=1&pool_max_conn_lifetime=1h"
      "&pool_max_conn_lifetime_jitter=1m&pool_max_conn_idle_time=1m&pool_health_check_period=1m&pool_ping_timeout=1s"
      "&default_query_exec_mode=exec&statement_cache_capacity=1&description_cache_capacity=1&krbspn=x&servicefile=/x"
      "&max_conns=1&max_idle_conns=1&max_conn_lifetime=1m&max_conn_idle_time=1m&binary_parameters=yes&sslinline=false"
      "&fallback_application_name=x&x-multi-statement=true&x-multi-statement-max-size=1&x-anything=1&pgbouncer=true"
      "&connection_limit=1&replication=false&ssl=false");
  CHECK(sorted(dsn.parameters) == Pairs{{"dbname", "d"}, {"host", "h"}});
  CHECK(dsn.settings.empty());
}

TEST_CASE("other unknown names are run-time settings if they can be, in lower case, and the last one counts") {
  const PgDsn dsn = parse(
      "postgres://h/d?search_path=a&TimeZone=Asia/Shanghai&statement_timeout=5s&app.tenant=x+y&search_path=b%2Cc");
  CHECK(
      dsn.settings ==
      Pairs{{"search_path", "b,c"}, {"timezone", "Asia/Shanghai"}, {"statement_timeout", "5s"}, {"app.tenant", "x y"}});
  CHECK(parse("postgres://h/d?currentSchema=app").settings == Pairs{{"search_path", "app"}});
  CHECK(parse("postgres://h/d?schema=app").settings == Pairs{{"search_path", "app"}});
}

TEST_CASE("a name that is no setting's is refused, by its name if that is a word") {
  CHECK(has(refusal("postgres://h/d?tls-mode=hunter22"), "tls-mode"));
  CHECK_FALSE(has(refusal("postgres://h/d?tls-mode=hunter22"), "hunter"));
  for (const char* text : {"postgres://h/d?hunter%2022=x", "postgres://h/d?=hunter22", "postgres://h/d?hunter(22)=x"})
    CHECK_FALSE_MESSAGE(has(refusal(text), "hunter"), text);
}

TEST_CASE("values are checked before libpq could quote them") {
  for (const char* parameter : {"sslmode=hunter22",
                                "sslmode=no-verify",
                                "ssl=hunter22",
                                "connect_timeout=10s",
                                "connect_timeout=hunter22",
                                "keepalives_idle=x",
                                "tcp_user_timeout=x",
                                "sslsni=2",
                                "target_session_attrs=hunter22",
                                "gssencmode=x",
                                "channel_binding=x",
                                "ssl_min_protocol_version=SSLv3",
                                "port=hunter22",
                                "port=0",
                                "port=65536",
                                "port=1,x",
                                "host=hunter 22",
                                "host=h;Port=5432",
                                "hostaddr=hunter!",
                                "sslinline=true",
                                "replication=database",
                                "replication=true",
                                "require_auth=scram-sha-256",
                                "sslcertmode=require",
                                "x-statement-timeout=5s",
                                "x-statement-timeout=-1",
                                "x-lease-ttl=hunter22",
                                "x-lease-ttl=0s",
                                "x-lease-ttl=10",
                                "x-lease-ttl=25h",
                                "x-migrations-table-quoted=hunter22",
                                "dbname=postgres://u:hunter22@h/d",
                                "dbname=password%3Dhunter22"}) {
    CAPTURE(std::string(parameter));
    CHECK_FALSE(has(refusal(std::string("postgres://h/d?") + parameter), "hunter"));
  }
  for (const char* mode : {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}) {
    CHECK(parse(std::string("postgres://h/d?sslmode=") + mode).parameter("sslmode") == mode);
    CHECK(parse(std::string("postgres://h/d?ssl=") + mode).parameter("sslmode") == mode);
  }
}

TEST_CASE("NUL and other control characters are refused, raw and encoded") {
  using namespace std::string_literals;
  for (const std::string& text :
       {"postgres://u:p\0@h/d"s, "postgres://u:p%00@h/d"s, "postgres://u:p\n@h/d"s, "postgres://h/d%0A"s,
        "postgres://h/d?user=%7F"s, "postgres://h/d?a%09=b"s, "postgres://host=h password='a\tb'"s})
    CHECK_MESSAGE(has(refusal(text), "control character"), text);
}

TEST_CASE("golang-migrate's parameters are understood") {
  CHECK(parse("postgres://h/d?x-migrations-table=m&x-statement-timeout=1500").table == "m");
  CHECK(parse("postgres://h/d?x-migrations-table=m&x-statement-timeout=1500").statement_timeout == 1500ms);
  CHECK_FALSE(parse("postgres://h/d").statement_timeout);
  CHECK(parse("postgres://h/d?x-migrations-table=m").schema.empty());
  CHECK(parse("postgres://h/d?x-migrations-table=a.b").table == "a.b");
  const PgDsn two = parse("postgres://h/d?x-migrations-table=%22a%22.%22b%22&x-migrations-table-quoted=1");
  CHECK(two.schema == "a");
  CHECK(two.table == "b");
  const PgDsn one = parse("postgres://h/d?x-migrations-table-quoted=true&x-migrations-table=\"b\"");
  CHECK(one.schema.empty());
  CHECK(one.table == "b");
  for (const char* table : {"b", "\"b", "\"\"", "\"a\".b", "\"a\"\"b\"", "\"a\".\"b\".\"c\"", "x\"a\"", "\"a\".\"\""})
    CHECK_FALSE_MESSAGE(
        refusal(std::string("postgres://h/d?x-migrations-table-quoted=true&x-migrations-table=") + table).empty(),
        table);
}

TEST_CASE("the lease's length is a duration") {
  CHECK(parse("postgres://h/d?x-lease-ttl=10s").lease_ttl == 10s);
  CHECK(parse("postgres://h/d?x-lease-ttl=1m30s").lease_ttl == 90s);
  CHECK(parse("postgres://h/d?x-lease-ttl=500ms").lease_ttl == 500ms);
  CHECK_FALSE(parse("postgres://h/d").lease_ttl);
}

TEST_CASE("P1: the database's name for golang-migrate's key is the URL's path, decoded, with its slash") {
  CHECK(parse("postgres://h/public?sslmode=disable").path_database == "/public");
  CHECK(parse("postgres://h/a%20b").path_database == "/a b");
  CHECK(parse("postgres://h/a#b").path_database == "/a");
  CHECK(parse("postgres://h?dbname=d").path_database.empty());
  CHECK(parse("postgres://h/a?dbname=d").path_database == "/a");
  CHECK(parse("postgres://host=h dbname=d").path_database.empty());
}

TEST_CASE("another dialect's default port stands where nothing else gives one") {
  auto port = [](std::string_view text) { return parse_pg_dsn(text, "cockroach", "26257").parameter("port"); };
  REQUIRE(std::getenv("PGPORT") == nullptr);
  CHECK(port("cockroach://h/d") == "26257");
  CHECK(port("cockroach://h:1/d") == "1");
  CHECK(port("cockroach://a,b:1,c/d") == "26257,1,26257");
  CHECK(port("cockroach://a,b/d") == "26257,26257");
  CHECK(port("cockroach://host=h").compare("26257") == 0);
  CHECK(port("cockroach:///?service=s").empty());
  CHECK(parse("postgres://h/d").parameter("port").empty());
}

TEST_CASE("G18: the description shows scheme, user, hosts, database and service, and nothing else") {
  auto describe = [](std::string_view text) { return parse(text).describe(); };
  CHECK(describe("pgx5://u:hunter22@h:5433/d?sslmode=require&search_path=x") == "postgres://u@h:5433/d");
  CHECK(describe("postgres://a:1,[::1]:2,c/d") == "postgres://a:1,[::1]:2,c/d");
  CHECK(describe("postgres:///d?host=a,b&port=7") == "postgres://a:7,b:7/d");
  CHECK(describe("postgres://u@%2Frun%2Fpg:5433/d") == "postgres://u@/d?host=/run/pg&port=5433");
  CHECK(describe("postgres://hostaddr=::1 user=u") == "postgres://u@[::1]");
  CHECK(describe("postgres:///?service=s") == "postgres:///?service=s");
  CHECK(describe("postgres://") == "postgres://");
  CHECK(describe("postgres://u%3Ahunter22@h/d") == "postgres://***@h/d");
  CHECK(
      describe("postgres://h/d?user=u&password=hunter22&sslpassword=hunter22&options=hunter22&application_name=hunter22"
               "&passfile=hunter22&x-foo=hunter22&app.token=hunter22") == "postgres://u@h/d");
  CHECK(parse_pg_dsn("crdb-postgres://h/d", "cockroach", "26257").describe() == "cockroach://h:26257/d");
}

TEST_CASE("a DSN for another database of the server says all else that the first said") {
  for (const std::string_view text :
       {"postgres://u:p%27a%5C%20ss@h1:5432,h2:5433/db?search_path=%22My%20App%22,public&role=r&x-migrations-table=m&"
        "x-statement-timeout=5000&x-lease-ttl=1m30s&sslmode=require",
        "pgx5://u@/db?host=%2Fvar%2Frun&x-migrations-table=%22s%22.%22t%22&x-migrations-table-quoted=true",
        "postgres:host=h password='it\\'s' statement_timeout=5"}) {
    CAPTURE(text);
    const PgDsn first = parse(text);
    const PgDsn other = parse(first.with_database("other'db"));
    CHECK(other.parameter("dbname") == "other'db");
    for (const auto& [name, value] : first.parameters)
      if (name != "dbname") CHECK(other.parameter(name) == value);
    CHECK(other.settings == first.settings);
    CHECK(other.table == first.table);
    CHECK(other.schema == first.schema);
    CHECK(other.statement_timeout == first.statement_timeout);
    CHECK(other.lease_ttl == first.lease_ttl);
  }
}

TEST_CASE("any password comes back exactly if it is percent-encoded, or quoted among keywords") {
  Passwords passwords;
  for (int i = 0; i < 20'000; ++i) {
    const std::string password = passwords.next();
    CAPTURE(password);
    for (const std::string& text :
         {"postgres://u:" + encode(password) + "@h/d", "postgres://u@h/d?password=" + encode(password)}) {
      const PgDsn dsn = parse(text);
      REQUIRE(dsn.parameter("password") == password);
      REQUIRE(dsn.describe() == "postgres://u@h/d");
    }
    std::string quoted;
    for (const char c : password) quoted += (c == '\'' || c == '\\') ? std::string("\\") + c : std::string(1, c);
    REQUIRE(parse("postgres://host=h password='" + quoted + "'").parameter("password") == password);
  }
}

TEST_CASE(
    "G18: no five characters of a password are ever shown, however it is written, nor taken for a place or setting") {
  Passwords passwords;
  int taken = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string password = passwords.next();
    const std::array<std::string, 5> texts{"postgres://talos:" + password + "@db.internal:5432/bank?sslmode=require",
                                           "postgres://talos:" + password + "@db.internal",
                                           "postgres://db.internal/bank?user=talos&password=" + password,
                                           "postgres://db.internal/bank?password=" + password + "&user=talos",
                                           "postgres://host=db.internal password=" + password + " dbname=bank"};
    for (const std::string& text : texts) {
      CAPTURE(std::string(text));
      std::string said;
      try {
        const PgDsn dsn = parse(text);
        ++taken;
        said = dsn.describe() + dsn.parameter("host") + dsn.parameter("dbname") + dsn.path_database;
        for (const auto& [name, value] : dsn.settings) said += name + value;
      } catch (const Error& error) {
        said = std::string(error.what()) + error.hint + error.detail;
      }
      // What the rest of the DSN and the messages hold anyway is no leak.
      REQUIRE(leaked(said, password, "postgres://talos@db.internal:5432/bank?sslmode=require").empty());
    }
  }
  CHECK(taken > 100'000);
}
