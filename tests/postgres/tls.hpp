// Certificates, and a server that takes nothing but TLS.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "server_user.hpp"

namespace talos::test {

/// A CA and what it signed, made by the openssl program. Keys have mode 0600 and belong to whoever is to read them.
class TlsFiles {
 public:
  /// `host` is what a server is called by, an address or a name; `user` is the client certificate's CN.
  explicit TlsFiles(const std::string& host = "127.0.0.1", const std::string& user = "postgres");

  std::filesystem::path authority() const { return directory_ / "ca.crt"; }
  std::filesystem::path server_certificate() const { return directory_ / "server.crt"; }
  std::filesystem::path server_key() const { return directory_ / "server.key"; }
  std::filesystem::path client_certificate() const { return directory_ / "client.crt"; }
  std::filesystem::path client_key() const { return directory_ / "client.key"; }

  /// A CA that signed none of these.
  std::filesystem::path stranger() const { return directory_ / "stranger.crt"; }

  /// For PostgresServer: TLS for everybody who comes by TCP, with a client certificate of the user's name (and the
  /// password), or without one. The Unix socket stays as it was.
  enum class Client { certificate, password_only };
  std::vector<std::string> server_settings(Client client) const;

  /// `sslmode=verify-full&sslrootcert=…`, and the client's certificate and key: to append to a DSN after `?`.
  std::string parameters() const;
  std::string parameters_without_certificate() const;

 private:
  void make_authority(const std::string& name) const;
  void sign(const std::string& name, const std::string& subject, const std::string& extension) const;

  ServerDirectory directory_;
};

/// T7: false, after saying why, where there is no openssl and the test is to be skipped.
bool openssl_or_skip();

}  // namespace talos::test
