// A MariaDB or MySQL server that takes nothing but TLS.
#pragma once

#include "certificates.hpp"
#include "mysql_client.hpp"
#include "mysql_user.hpp"

namespace talos::test {

class MysqlTls : public Certificates {
 public:
  /// `host` is what a server is called by, an address or a name; `user` is the client certificate's CN.
  explicit MysqlTls(const std::string& host = "127.0.0.1", const std::string& user = "root")
      : Certificates(mysql_user(), host, user) {}

  /// For MysqlServer: TLS for everybody who comes by TCP. The Unix socket stays as it was. A client's certificate is a
  /// matter of the user, as in `ALTER USER … REQUIRE X509`.
  std::vector<std::string> server_settings() const {
    return {"ssl_ca=" + authority().string(), "ssl_cert=" + server_certificate().string(),
            "ssl_key=" + server_key().string(), "require_secure_transport=ON"};
  }

  /// The same login, by TLS and with the server's certificate verified.
  MysqlLogin with_tls(MysqlLogin login) const {
    login.authority = authority();
    return login;
  }
  MysqlLogin with_certificate(MysqlLogin login) const {
    login = with_tls(std::move(login));
    login.certificate = client_certificate();
    login.key = client_key();
    return login;
  }
};

}  // namespace talos::test
