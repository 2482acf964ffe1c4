// A real server that takes nothing but TLS.
#include <string>

#include <doctest/doctest.h>

#include "postgres_server.hpp"
#include "proxy.hpp"
#include "tls.hpp"

namespace talos::test {

TEST_CASE("a server with certificates takes its clients by TLS with theirs, and nobody else") {
  if (!openssl_or_skip()) return;
  for (const auto& installation : all_postgres_or_skip()) {
    CAPTURE(installation.major);
    const TlsFiles files;
    PostgresServer server(installation, files.server_settings(TlsFiles::Client::certificate));
    const std::string dsn = server.dsn() + "?";
    CHECK(pg_value(dsn + files.parameters(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t");
    CHECK_THROWS_WITH_AS(PgClient(dsn + files.parameters_without_certificate()), doctest::Contains("certificate"),
                         PgFailure);
    CHECK_THROWS_WITH_AS(PgClient(dsn + "sslmode=disable"), doctest::Contains("rejects"), PgFailure);
    CHECK_THROWS_WITH_AS(PgClient(dsn + "sslmode=verify-full&sslrootcert=" + files.stranger().string()),
                         doctest::Contains("certificate verify failed"), PgFailure);
  }
}

TEST_CASE("another name than the certificate's is refused by who verifies in full, here and there") {
  if (!openssl_or_skip()) return;
  const auto installation = postgres_or_skip();
  if (!installation) return;
  const TlsFiles files("db.example", "somebody");
  PostgresServer server(*installation, files.server_settings(TlsFiles::Client::certificate));
  const std::string dsn = server.dsn() + "?" + files.parameters();
  CHECK_THROWS_WITH_AS(PgClient{dsn}, doctest::Contains("does not match"), PgFailure);
  CHECK_THROWS_AS(PgClient(dsn + "&sslmode=verify-ca"), PgFailure);
  CHECK(eventually([&] { return server.log().find("(somebody) do not match") != std::string::npos; }));
}

TEST_CASE("without client certificates TLS and the password will do; TLS passes the proxy uncounted") {
  if (!openssl_or_skip()) return;
  const auto installation = postgres_or_skip();
  if (!installation) return;
  const TlsFiles files;
  PostgresServer server(*installation, files.server_settings(TlsFiles::Client::password_only));
  Proxy proxy(server.port());
  CHECK(pg_value(server.dsn("postgres", proxy.port()) + "?gssencmode=disable&" + files.parameters_without_certificate(),
                 "SELECT 1") == "1");
  CHECK(proxy.counts(1).client_types == "0");
  CHECK(proxy.counts(1).server_types == "S");
}

}  // namespace talos::test
