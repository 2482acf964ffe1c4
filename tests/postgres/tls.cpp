#include "tls.hpp"

#include <stdexcept>

namespace talos::test {

namespace fs = std::filesystem;

namespace {

void openssl(const fs::path& directory, std::vector<std::string> arguments) {
  ProcessOptions options;
  options.argv = {"openssl"};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.directory = directory;
  const ProcessResult result = run(options);
  if (result.status != 0) throw std::runtime_error("openssl " + arguments.front() + ": " + result.err);
}

// An IP address is no DNS name to those who verify.
std::string alternative_name(const std::string& host) {
  const bool address = host.find_first_not_of("0123456789.:") == std::string::npos;
  return (address ? "subjectAltName=IP:" : "subjectAltName=DNS:") + host;
}

const std::vector<std::string> new_key{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"};

}  // namespace

bool openssl_or_skip() {
  if (find_program("openssl")) return true;
  skip_or_fail("openssl is not here (.ci/dependencies test)");
  return false;
}

void TlsFiles::make_authority(const std::string& name) const {
  std::vector<std::string> arguments{"req", "-x509"};
  arguments.insert(arguments.end(), new_key.begin(), new_key.end());
  arguments.insert(arguments.end(), {"-days", "2", "-subj", "/CN=Talos test " + name, "-keyout", name + ".key", "-out",
                                     name + ".crt", "-addext", "keyUsage=critical,keyCertSign,cRLSign"});
  openssl(directory_.path(), arguments);
}

void TlsFiles::sign(const std::string& name, const std::string& subject, const std::string& extension) const {
  std::vector<std::string> arguments{"req"};
  arguments.insert(arguments.end(), new_key.begin(), new_key.end());
  arguments.insert(arguments.end(), {"-subj", "/CN=" + subject, "-keyout", name + ".key", "-out", name + ".csr"});
  openssl(directory_.path(), arguments);
  write_file(directory_ / (name + ".ext"), extension + "\n");
  openssl(directory_.path(), {"x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                              "-CAcreateserial", "-days", "2", "-extfile", name + ".ext", "-out", name + ".crt"});
  fs::permissions(directory_ / (name + ".key"), fs::perms(0600));
}

TlsFiles::TlsFiles(const std::string& host, const std::string& user) {
  make_authority("ca");
  make_authority("stranger");
  sign("server", host, alternative_name(host));
  sign("client", user, "extendedKeyUsage=clientAuth");
  ServerUser::give(server_key());
  for (const auto& file : {authority(), server_certificate()}) fs::permissions(file, fs::perms(0644));
  // "reject" is for those who come without TLS.
  for (const bool certificate : {true, false})
    ServerUser::write(directory_ / (certificate ? "hba-certificate" : "hba-password"),
                      std::string("local all all scram-sha-256\nhostnossl all all all reject\n") +
                          "hostssl all all all scram-sha-256" + (certificate ? " clientcert=verify-full" : "") + "\n");
}

std::vector<std::string> TlsFiles::server_settings(Client client) const {
  const char* hba = client == Client::certificate ? "hba-certificate" : "hba-password";
  return {"ssl=on", "ssl_ca_file=" + authority().string(), "ssl_cert_file=" + server_certificate().string(),
          "ssl_key_file=" + server_key().string(), "hba_file=" + (directory_ / hba).string()};
}

std::string TlsFiles::parameters_without_certificate() const {
  return "sslmode=verify-full&sslrootcert=" + authority().string();
}

std::string TlsFiles::parameters() const {
  return parameters_without_certificate() + "&sslcert=" + client_certificate().string() +
         "&sslkey=" + client_key().string();
}

}  // namespace talos::test
