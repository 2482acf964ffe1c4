#include "mysql_dsn.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace talos;
using namespace talos::mysql;
using namespace std::chrono_literals;

namespace {

using Network = MySqlDsn::Network;
using Tls = MySqlDsn::Tls;

MySqlDsn parse(std::string_view text) { return parse_mysql_dsn(text, "mysql"); }

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// All that the usage error shows that parsing must end in.
std::string refusal(const std::string& text) {
  try {
    const MySqlDsn dsn = parse(text);
    FAIL_CHECK("accepted: " << text << " as " << dsn.describe());
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::usage);
    CHECK_FALSE(error.hint.empty());
    return std::string(error.what()) + "\n" + error.hint + error.detail;
  }
  return {};
}

/// user:password@host:port/database or user:password@socket,socket/database.
std::string place(const std::string& text) {
  const MySqlDsn dsn = parse(text);
  std::string result = dsn.user + ":" + dsn.password + "@";
  if (dsn.network == Network::tcp)
    result += dsn.host + ":" + std::to_string(dsn.port);
  else
    for (const std::string& socket : dsn.sockets) result += (&socket == &dsn.sockets.front() ? "" : ",") + socket;
  return result + "/" + dsn.database;
}

Tls tls_of(const std::string& parameters) { return parse("mysql://h/d?" + parameters).tls; }

MySqlDsn::Pairs settings(const std::string& parameters) { return parse("mysql://h/d?" + parameters).settings; }

}  // namespace

TEST_CASE("go-sql-driver's forms are read as it reads them") {
  const struct {
    std::string text;
    std::string expected;
  } cases[]{
      {"mysql://u:p@tcp(h:3307)/d", "u:p@h:3307/d"},
      {"mysql://u:p@tcp(h)/d", "u:p@h:3306/d"},
      {"mysql://u:p@tcp/d", "u:p@127.0.0.1:3306/d"},
      {"mysql://u:p@/d", "u:p@127.0.0.1:3306/d"},
      {"mysql://u@/d", "u:@127.0.0.1:3306/d"},
      {"mysql:///d", ":@127.0.0.1:3306/d"},
      {"mysql://@/d", ":@127.0.0.1:3306/d"},
      {"mysql://u:p@(h:3307)/d", "u:p@h:3307/d"},
      {"mysql://u:p@tcp(:3307)/d", "u:p@127.0.0.1:3307/d"},
      {"mysql://u:p@tcp([::1]:3307)/d", "u:p@::1:3307/d"},
      {"mysql://u:p@tcp([fe80::1%25eth0])/d", "u:p@fe80::1%25eth0:3306/d"},
      {"mysql://u:p@tcp6([::1])/d", "u:p@::1:3306/d"},
      {"mysql://u:p@unix(/run/x.sock)/d", "u:p@/run/x.sock/d"},
      {"mysql://u:p@unix/d", "u:p@/tmp/mysql.sock,/run/mysqld/mysqld.sock/d"},
      {"mysql://u:p@unix()/d", "u:p@/tmp/mysql.sock,/run/mysqld/mysqld.sock/d"},
      {"u:p@tcp(h:3307)/d", "u:p@h:3307/d"},
      {"u:p@/d?parseTime=true", "u:p@127.0.0.1:3306/d"},
      {"/d", ":@127.0.0.1:3306/d"},
      {"mysql://u:p@tcp(h)/d%20e%2Ff", "u:p@h:3306/d e/f"},
      {"mysql://u:p@tcp(h)/d+e", "u:p@h:3306/d+e"},
      {"mysql://u:p@tcp(h)/d?", "u:p@h:3306/d"},
  };
  for (const auto& c : cases) CHECK_MESSAGE(place(c.text) == c.expected, c.text);
}

TEST_CASE("URLs with a plain host and port, which Go refuses, are taken") {
  CHECK(place("mysql://u:p@h:3307/d") == "u:p@h:3307/d");
  CHECK(place("mariadb://u:p@h/d") == "u:p@h:3306/d");
  CHECK(place("mysql://h/d") == ":@h:3306/d");
  CHECK(place("mysql://u:p@[::1]:3307/d") == "u:p@::1:3307/d");
  CHECK(place("mysql://u:p@[2001:db8::1]/d") == "u:p@2001:db8::1:3306/d");
  CHECK(place("mysql://u:p@db-1.example.com:3307/d?tls=false") == "u:p@db-1.example.com:3307/d");
}

TEST_CASE("raw @ : / ; ? and # may stand in a password, and a colon in it is no second one") {
  CHECK(place("mysql://u:p@s:s/w;o?r#d@tcp(h)/d") == "u:p@s:s/w;o?r#d@h:3306/d");
  CHECK(place("mysql://u:p(w)@tcp(h)/d") == "u:p(w)@h:3306/d");
  CHECK(place("mysql://u:://@@@h:3307/d") == "u:://@@@h:3307/d");
  CHECK(place("mysql://u:&=%@h/d") == "u:&=%@h:3306/d");
}

TEST_CASE("user and password are decoded where there is a scheme, and their raw spelling is kept for a second try") {
  const MySqlDsn dsn = parse("mysql://a%40b:x%2Fy+z%zz@h/d");
  CHECK(dsn.user == "a@b");
  CHECK(dsn.password == "x/y z%zz");
  CHECK(dsn.user_raw == "a%40b");
  CHECK(dsn.password_raw == "x%2Fy+z%zz");
  CHECK(dsn.has_raw_spelling());
  CHECK_FALSE(parse("mysql://a:b@h/d").has_raw_spelling());
  CHECK(parse("mysql://u:a%00b%15@h/d").password == "a%00b%15");
  CHECK(parse("mysql://u%0A:p@h/d").describe() == "mysql://u%0A@h:3306/d");
  const MySqlDsn raw = parse("a%40b:x%2Fy+z@/d");
  CHECK(raw.user == "a%40b");
  CHECK(raw.password == "x%2Fy+z");
  CHECK_FALSE(raw.has_raw_spelling());
}

TEST_CASE("what has no address, no database or no clear end of the password is refused, quoting nothing") {
  for (const std::string text : {"mysql://u:hunter22@h",
                                 "mysql://u:hunter22@h:3306",
                                 "mysql://u:hunter22@h/",
                                 "mysql://u:hunter22@h/?tls=true",
                                 "mysql://u:x@hunter22:port/d",
                                 "mysql://u:x@h:0/d",
                                 "mysql://u:x@h:65536/d",
                                 "mysql://u:x@h:3306x/d",
                                 "mysql://u:x@tcp(h/d",
                                 "mysql://u:x@tcp(h)x/d",
                                 "mysql://u:x@udp(h)/d",
                                 "mysql://u:x@unix(hunter22)/d",
                                 "mysql://u:x@[::1/d",
                                 "mysql://u:x@[]/d",
                                 "mysql://u:x@[::1]x/d",
                                 "mysql://u:x@h/d/e",
                                 "mysql://u:hunter22/x",
                                 "mysql://u:12/hunter22@h",
                                 "mysql://u:12/x?hunter22@h",
                                 "mysql://u:12/x?y=hunter22@h",
                                 "mysql://u:x@h/d?hunter22",
                                 "mysql://u:x@h/d?hunter 22=1",
                                 "mysql://u:x@ hunter22/d",
                                 "mysql://u:x@hun%0Ater22/d",
                                 "",
                                 "hunter22",
                                 "mysql://",
                                 "mysql:hunter22",
                                 "mysql://u:hunter22\n@h/d",

                                 "mysql://u:x@h/d%0A"})
    CHECK_FALSE_MESSAGE(has(refusal(text), "hunter"), text);
}

TEST_CASE("M3: tls says how far TLS goes; golang-migrate's named configurations need their files") {
  CHECK(tls_of("x=1") == Tls::off);
  for (const char* value : {"true", "1", "TRUE", "True"}) CHECK(tls_of(std::string("tls=") + value) == Tls::verify);
  for (const char* value : {"false", "0", "FALSE"}) CHECK(tls_of(std::string("tls=") + value) == Tls::off);
  CHECK(tls_of("tls=skip-verify") == Tls::required);
  CHECK(tls_of("tls=Skip-Verify") == Tls::required);
  CHECK(tls_of("tls=preferred") == Tls::preferred);
  CHECK(tls_of("tls=true&tls=false") == Tls::off);
  CHECK(tls_of("tls=true&x-tls-insecure-skip-verify=true") == Tls::required);
  CHECK(tls_of("ssl-mode=REQUIRED") == Tls::required);
  CHECK(tls_of("ssl-mode=verify_identity") == Tls::verify);
  const MySqlDsn dsn = parse("mysql://h/d?tls=mine&x-tls-ca=%2Fa%2Fca.pem&x-tls-cert=%2Fc&x-tls-key=%2Fk");
  CHECK(dsn.tls == Tls::verify);
  CHECK(dsn.tls_ca == "/a/ca.pem");
  CHECK(dsn.tls_cert == "/c");
  CHECK(dsn.tls_key == "/k");
  CHECK(tls_of("tls=mine&x-tls-ca=c&x-tls-insecure-skip-verify=1") == Tls::required);
  CHECK_FALSE(has(refusal("mysql://h/d?tls=hunter22"), "hunter"));
  CHECK_FALSE(refusal("mysql://h/d?ssl-mode=hunter22").empty());
  CHECK_FALSE(refusal("mysql://h/d?tls=true&x-tls-cert=c").empty());
}

TEST_CASE("a raw slash in a parameter is taken where the address in front of it can be read") {
  const MySqlDsn dsn =
      parse("mysql://u:p@tcp(h:3306)/d?tls=mine&x-tls-ca=/etc/ssl/ca.pem&x-tls-insecure-skip-verify=0");
  CHECK(dsn.database == "d");
  CHECK(dsn.tls_ca == "/etc/ssl/ca.pem");
  CHECK(parse("mysql://u:p/w?x@h/d?tls=mine&x-tls-ca=/ca").password == "p/w?x");
  CHECK(parse("mysql://u:p@unix(/run/s)/d?serverPubKey=/k").server_public_key == "/k");
}

TEST_CASE("parameters of Go's driver become what the client library has for them") {
  const MySqlDsn dsn = parse(
      "mysql://h/d?timeout=1m1.5s&charset=utf8mb4,utf8&collation=utf8mb4_bin&maxAllowedPacket=1024&compress=true"
      "&allowAllFiles=true&connectionAttributes=program:me,team:x:y&serverPubKey=k");
  CHECK(dsn.connect_timeout == 61'500ms);
  CHECK(dsn.charsets == std::vector<std::string>{"utf8mb4", "utf8"});
  CHECK(dsn.collation == "utf8mb4_bin");
  CHECK(dsn.max_allowed_packet == 1024);
  CHECK(dsn.compress);
  CHECK(dsn.local_infile);
  CHECK(dsn.connection_attributes == MySqlDsn::Pairs{{"program", "me"}, {"team", "x:y"}});
  CHECK(dsn.server_public_key == "k");
  CHECK(parse("mysql://h/d?timeout=500us").connect_timeout == 1ms);
  CHECK_FALSE(parse("mysql://h/d?timeout=0").connect_timeout);
  CHECK_FALSE(parse("mysql://h/d").connect_timeout);
  for (const std::string wrong :
       {"timeout=5", "timeout=x", "timeout=", "timeout=1.2.3s", "timeout=25h", "timeout=-1s", "charset=a'b",
        "collation=a;b", "maxAllowedPacket=x", "maxAllowedPacket=99999999999", "compress=perhaps", "allowAllFiles=2",
        "x-no-lock=maybe", "x-statement-timeout=1s", "x-statement-timeout=-1"})
    CHECK_FALSE_MESSAGE(refusal("mysql://h/d?" + wrong).empty(), wrong);
}

TEST_CASE("M1, M4: parameters that would count found rows or cut a schema change short are accepted and mean nothing") {
  const MySqlDsn dsn = parse(
      "mysql://h/d?clientFoundRows=true&multiStatements=false&readTimeout=1s&writeTimeout=1s&parseTime=true&loc=UTC"
      "&interpolateParams=true&columnsWithAlias=true&checkConnLiveness=false&allowNativePasswords=false"
      "&allowOldPasswords=1&allowCleartextPasswords=1&rejectReadOnly=true&timeTruncate=1s&max_conns=4"
      "&max_idle_conns=2&max_conn_lifetime=1h&max_conn_idle_time=1m&parsetime=1&x-tls-unheard-of=1&x-foo=1");
  CHECK(dsn.settings.empty());
  CHECK(dsn.tls == Tls::off);
}

TEST_CASE("the program's own parameters are golang-migrate's") {
  const MySqlDsn dsn =
      parse("mysql://h/d?x-migrations-table=my_table&x-no-lock=true&x-statement-timeout=1500&x-no-tx-wrap=true");
  CHECK(dsn.table == "my_table");
  CHECK(dsn.no_lock);
  CHECK(dsn.no_transaction);
  CHECK(dsn.statement_timeout == 1500ms);
  CHECK(dsn.settings.empty());
}

TEST_CASE("an unknown parameter is a system variable, whose value cannot become anything else") {
  CHECK(settings("sql_mode=%27ANSI%2CTRADITIONAL%27&wait_timeout=30&time_zone=\"%2B00%3A00\"&autocommit=true&x=-1.5") ==
        MySqlDsn::Pairs{{"sql_mode", "'ANSI,TRADITIONAL'"},
                        {"wait_timeout", "30"},
                        {"time_zone", "\"+00:00\""},
                        {"autocommit", "true"},
                        {"x", "-1.5"}});
  CHECK(settings("a=1&A=2") == MySqlDsn::Pairs{{"A", "2"}});
  CHECK(settings("a='it''s'") == MySqlDsn::Pairs{{"a", "'it''s'"}});
  for (const std::string wrong :
       {"a=1;b",   "a='x';DROP", "a=1,+GLOBAL+b=2", "a=(SELECT 1)", "a=@@b",  "a=f()",  "a='x'y",
        "a='x\\'", "a='",        "a=''x'",          "a=",           "a=1%0A", "a=1%00", "a='x%0Ay'",
        "a=--1",   "a=1.",       "a=1.2.3",         "a='a;b'",      "a%3B=1", "1a=1",   "a-b=1",
        "a b=1",   "=1",         "a='x'#",          "a=b c"})
    CHECK_FALSE_MESSAGE(refusal("mysql://h/d?" + wrong).empty(), wrong);
}

TEST_CASE("a description has user, place and database, and nothing else") {
  CHECK(parse("mysql://u:secret@tcp(h)/d?sql_mode='secret'").describe() == "mysql://u@h:3306/d");
  CHECK(parse("mysql://[::1]:3307/d").describe() == "mysql://[::1]:3307/d");
  CHECK(parse("mysql://u:secret@unix(/run/s)/d").describe() == "mysql://u@unix(/run/s)/d");
  CHECK(parse("mysql://u%3Asecret@h/d").describe() == "mysql://***@h:3306/d");
  CHECK(parse_mysql_dsn("mariadb://h/d", "mariadb").describe() == "mariadb://h:3306/d");
}

TEST_CASE("another database goes into a DSN of any form, and all else of it stays") {
  CHECK(with_database("mysql://u:p%2Fq@tcp(h:3306)/base?tls=true&x=1", "s") ==
        "mysql://u:p%2Fq@tcp(h:3306)/s?tls=true&x=1");
  CHECK(with_database("mysql://u:p/?@unix(/run/a.sock)/base", "s") == "mysql://u:p/?@unix(/run/a.sock)/s");
  CHECK(with_database("u:p@h:3306/base", "s") == "u:p@h:3306/s");
  CHECK(with_database("mysql://u:p@h/base?x-tls-ca=/etc/ca.pem&tls=custom", "s") ==
        "mysql://u:p@h/s?x-tls-ca=/etc/ca.pem&tls=custom");
  CHECK(with_parameter("u:p?@h/base", "x-migrations-table", "t") == "u:p?@h/base?x-migrations-table=t");
  CHECK(with_parameter("u@h/base?a=1", "x-migrations-table", "t") == "u@h/base?a=1&x-migrations-table=t");
}

TEST_CASE("property: a password encoded or raw comes back as it was, and is neither shown nor taken for a place") {
  constexpr std::string_view special = "@/:?#%&=+,;()[]' \\";
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string password(8 + random() % 24, ' ');
    for (char& c : password)
      c = random() % 3 == 0 ? special[random() % special.size()] : static_cast<char>(' ' + random() % 95);
    CAPTURE(password);
    std::string encoded;
    for (const char c : password) {
      encoded += '%';
      encoded += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4U];
      encoded += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15U];
    }
    const MySqlDsn dsn = parse("mysql://user:" + encoded + "@tcp(host:3306)/base?tls=true");
    REQUIRE(dsn.password == password);
    REQUIRE(parse("mysql://user:" + password + "@tcp(host:3306)/base?tls=true").password_raw == password);
    REQUIRE(parse("user:" + password + "@host:3306/base").password == password);
    REQUIRE(dsn.describe() == "mysql://user@host:3306/base");
  }
}
