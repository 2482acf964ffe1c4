#include "certificates.hpp"

#include <stdexcept>
#include <vector>

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

void Certificates::make_authority(const std::string& name) const {
  std::vector<std::string> arguments{"req", "-x509"};
  arguments.insert(arguments.end(), new_key.begin(), new_key.end());
  arguments.insert(arguments.end(), {"-days", "2", "-subj", "/CN=Talos test " + name, "-keyout", name + ".key", "-out",
                                     name + ".crt", "-addext", "keyUsage=critical,keyCertSign,cRLSign"});
  openssl(directory_.path(), arguments);
}

void Certificates::sign(const std::string& name, const std::string& subject, const std::string& extension) const {
  std::vector<std::string> arguments{"req"};
  arguments.insert(arguments.end(), new_key.begin(), new_key.end());
  arguments.insert(arguments.end(), {"-subj", "/CN=" + subject, "-keyout", name + ".key", "-out", name + ".csr"});
  openssl(directory_.path(), arguments);
  write_file(directory_ / (name + ".ext"), extension + "\n");
  openssl(directory_.path(), {"x509", "-req", "-in", name + ".csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                              "-CAcreateserial", "-days", "2", "-extfile", name + ".ext", "-out", name + ".crt"});
  fs::permissions(directory_ / (name + ".key"), fs::perms(0600));
}

Certificates::Certificates(const ServerUser& owner, const std::string& host, const std::string& client) {
  make_authority("ca");
  make_authority("stranger");
  sign("server", host, alternative_name(host));
  sign("client", client, "extendedKeyUsage=clientAuth");
  owner.give(server_key());
  for (const auto& file : {authority(), server_certificate()}) fs::permissions(file, fs::perms(0644));
}

}  // namespace talos::test
