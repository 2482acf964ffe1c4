// Certificates for servers that take nothing but TLS.
#pragma once

#include <filesystem>
#include <string>

#include "server_user.hpp"

namespace talos::test {

/// A CA and what it signed, made by the openssl program. Keys have mode 0600 and belong to whoever is to read them.
class Certificates {
 public:
  /// `host` is what the server is called by, an address or a name; `client` is the client certificate's CN; `owner`
  /// runs the server.
  Certificates(const ServerUser& owner, const std::string& host, const std::string& client);

  std::filesystem::path authority() const { return directory_ / "ca.crt"; }
  std::filesystem::path server_certificate() const { return directory_ / "server.crt"; }
  std::filesystem::path server_key() const { return directory_ / "server.key"; }
  std::filesystem::path client_certificate() const { return directory_ / "client.crt"; }
  std::filesystem::path client_key() const { return directory_ / "client.key"; }

  /// A CA that signed none of these.
  std::filesystem::path stranger() const { return directory_ / "stranger.crt"; }

 protected:
  const ServerDirectory& directory() const { return directory_; }

 private:
  void make_authority(const std::string& name) const;
  void sign(const std::string& name, const std::string& subject, const std::string& extension) const;

  ServerDirectory directory_;
};

/// T7: false, after saying why, where there is no openssl and the test is to be skipped.
bool openssl_or_skip();

}  // namespace talos::test
