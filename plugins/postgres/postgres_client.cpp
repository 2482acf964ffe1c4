#include "postgres_client.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "common/child_process.hpp"
#include "pg_connect.hpp"
#include "talos/error.hpp"

namespace talos::postgres {

namespace {

constexpr std::array<std::string_view, 2> secret = {"password", "sslpassword"};
// Ours alone, or found out already.
constexpr std::array<std::string_view, 10> dropped = {
    "application_name",     "fallback_application_name", "client_encoding",     "passfile",    "service",
    "target_session_attrs", "load_balance_hosts",        "keepalives_interval", "replication", "connect_timeout"};

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string value_of(const pg::Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  return {};
}

// Where they are told nothing, Debian's programs choose a release by the clusters of this machine; for a remote server
// they take the newest.
std::vector<std::string> environment() { return {"PGHOST=localhost"}; }

void blot_out(std::string& text, const std::string& word) {
  if (word.empty()) return;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 3))
    text.replace(at, word.size(), "***");
}

// The first line that names an error, without the program's name; else the last line.
std::string complaint(const std::string& said) {
  std::string last;
  for (std::size_t at = 0; at < said.size();) {
    const auto end = std::min(said.find('\n', at), said.size());
    const std::string line = said.substr(at, end - at);
    if (const auto mark = line.find("error: "); mark != std::string::npos) return line.substr(mark + 7);
    if (!line.empty()) last = line;
    at = end + 1;
  }
  return last;
}

// The command of a child that connects, and the files that it reads its secrets from.
class Connecting {
 public:
  Connecting(const std::string& program, const pg::Parameters& parameters, std::vector<std::string> arguments)
      : password_(value_of(parameters, "password")),
        ssl_password_(value_of(parameters, "sslpassword")),
        password_file_("pgpass", password_.empty() ? "" : "*:*:*:*:" + escaped(password_) + "\n") {
    command_.argv = {program, "--no-password"};
    std::string place = ClientPrograms::without_secrets(parameters);
    command_.environment = environment();
    command_.environment.push_back("PGPASSFILE=" + password_file_.path());
    command_.keep.push_back(password_file_.fd());
    if (!ssl_password_.empty()) {
      service_file_.emplace("pgservice", "[talos]\nsslpassword=" + ssl_password_ + "\n");
      command_.environment.push_back("PGSERVICEFILE=" + service_file_->path());
      command_.keep.push_back(service_file_->fd());
      place += " service=talos";
    }
    command_.argv.push_back("--dbname=" + place);
    command_.argv.insert(command_.argv.end(), arguments.begin(), arguments.end());
  }

  common::Command& command() { return command_; }
  std::string shown(std::string said) const {
    blot_out(said, password_);
    blot_out(said, ssl_password_);
    return said;
  }

 private:
  static std::string escaped(const std::string& text) {
    std::string result;
    for (const char c : text) {
      if (c == ':' || c == '\\') result += '\\';
      result += c;
    }
    return result;
  }

  std::string password_;
  std::string ssl_password_;
  common::MemoryFile password_file_;
  std::optional<common::MemoryFile> service_file_;
  common::Command command_;
};

void succeed(const std::string& name, const common::Ended& ended, const std::string& said) {
  if (ended.well()) return;
  const std::string how = ended.signal != 0 ? "was ended by signal " + std::to_string(ended.signal)
                                            : "failed with status " + std::to_string(ended.status);
  const std::string why = complaint(said);
  throw Error(ErrorCode::connection, name + " " + (why.empty() ? how : "failed: " + why)).with_detail(said);
}

void run_connected(const std::string& name, Connecting& connecting, const std::function<void()>& tick) {
  const common::Ended ended = common::run(connecting.command(), tick);
  succeed(name, ended, connecting.shown(ended.error));
}

}  // namespace

ClientPrograms::ClientPrograms(int server_major) {
  const std::string package = "postgresql-client-" + std::to_string(server_major);
  const auto dump = common::find_program("pg_dump");
  if (!dump)
    throw Error(ErrorCode::unsupported, "pg_dump is not installed")
        .with_hint("install the package postgresql-client (" + package + " or newer)");
  dump_ = *dump;
  restore_ = (std::filesystem::path(dump_).parent_path() / "pg_restore").string();
  common::Command command{{dump_, "--version"}, environment()};
  const common::Ended ended = common::run(command, [] {});
  // "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
  constexpr std::string_view mark = "(PostgreSQL) ";
  const auto at = ended.out.find(mark);
  if (!ended.well() || at == std::string::npos)
    throw Error(ErrorCode::unsupported, dump_ + " does not tell its version: " + complaint(ended.error))
        .with_hint("install the package " + package);
  version_ = ended.out.substr(at + mark.size());
  version_.erase(std::min(version_.find_first_of(" \n"), version_.size()));
  if (std::atoi(version_.c_str()) < server_major)
    throw Error(ErrorCode::unsupported,
                "pg_dump " + version_ + " is too old for a server of PostgreSQL " + std::to_string(server_major))
        .with_hint("install the package " + package + " or a newer one, and put its pg_dump first in PATH");
}

std::string ClientPrograms::without_secrets(const pg::Parameters& parameters) {
  pg::Parameters shown = parameters;
  std::erase_if(shown, [](const auto& one) { return contains(secret, one.first) || contains(dropped, one.first); });
  return pg::conninfo(shown);
}

void ClientPrograms::dump(const pg::Parameters& from, std::vector<std::string> arguments,
                          const std::function<void()>& tick) const {
  Connecting connecting(dump_, from, std::move(arguments));
  run_connected("pg_dump", connecting, tick);
}

void ClientPrograms::copy(const pg::Parameters& from, std::vector<std::string> dump_arguments, const pg::Parameters& to,
                          std::vector<std::string> restore_arguments, const std::function<void()>& tick) const {
  const common::MemoryFile archive("talos-copy", "");
  dump_arguments.emplace_back("--format=custom");
  Connecting dump(dump_, from, std::move(dump_arguments));
  dump.command().output = archive.fd();
  run_connected("pg_dump", dump, tick);
  restore_arguments.push_back(archive.path());
  Connecting restore(restore_, to, std::move(restore_arguments));
  restore.command().keep.push_back(archive.fd());
  run_connected("pg_restore", restore, tick);
}

// Its table of contents alone would stand at the beginning of a file that was cut off.
void ClientPrograms::check(const std::string& archive, const std::function<void()>& tick) const {
  const common::Command command{{restore_, "--file=/dev/null", archive}, environment()};
  const common::Ended ended = common::run(command, tick);
  succeed("pg_restore", ended, ended.error);
}

}  // namespace talos::postgres
