#include "tls.hpp"

#include "postgres_user.hpp"

namespace talos::test {

TlsFiles::TlsFiles(const std::string& host, const std::string& user) : Certificates(postgres_user(), host, user) {
  // "reject" is for those who come without TLS.
  for (const bool certificate : {true, false})
    postgres_user().write(directory() / (certificate ? "hba-certificate" : "hba-password"),
                          std::string("local all all scram-sha-256\nhostnossl all all all reject\n") +
                              "hostssl all all all scram-sha-256" + (certificate ? " clientcert=verify-full" : "") +
                              "\n");
}

std::vector<std::string> TlsFiles::server_settings(Client client) const {
  const char* hba = client == Client::certificate ? "hba-certificate" : "hba-password";
  return {"ssl=on", "ssl_ca_file=" + authority().string(), "ssl_cert_file=" + server_certificate().string(),
          "ssl_key_file=" + server_key().string(), "hba_file=" + (directory() / hba).string()};
}

std::string TlsFiles::parameters_without_certificate() const {
  return "sslmode=verify-full&sslrootcert=" + authority().string();
}

std::string TlsFiles::parameters() const {
  return parameters_without_certificate() + "&sslcert=" + client_certificate().string() +
         "&sslkey=" + client_key().string();
}

}  // namespace talos::test
