// Certificates, and a PostgreSQL server that takes nothing but TLS.
#pragma once

#include <string>
#include <vector>

#include "certificates.hpp"

namespace talos::test {

class TlsFiles : public Certificates {
 public:
  /// `host` is what a server is called by, an address or a name; `user` is the client certificate's CN.
  explicit TlsFiles(const std::string& host = "127.0.0.1", const std::string& user = "postgres");

  /// For PostgresServer: TLS for everybody who comes by TCP, with a client certificate of the user's name (and the
  /// password), or without one. The Unix socket stays as it was.
  enum class Client { certificate, password_only };
  std::vector<std::string> server_settings(Client client) const;

  /// `sslmode=verify-full&sslrootcert=…`, and the client's certificate and key: to append to a DSN after `?`.
  std::string parameters() const;
  std::string parameters_without_certificate() const;
};

}  // namespace talos::test
