#include "mysql_dump.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "mysql_definition.hpp"
#include "mysql_lexer.hpp"
#include "mysql_text.hpp"
#include "talos/driver.hpp"

namespace talos::mysql {

namespace {

constexpr unsigned empty_query = 1065;

std::string first_line(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return std::string(text);
}

DumpTool ask_for_version(const std::string& program) {
  const common::Ended ended = common::run({{program, "--version"}}, [] {});
  DumpTool tool{program, ended.out.find("MariaDB") != std::string::npos, first_line(ended.out)};
  // "/usr/bin/mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)"
  const auto ver = tool.version.find("Ver ");
  if (ver != std::string::npos) tool.version = tool.version.substr(ver + 4);
  tool.version = tool.version.substr(0, std::min(tool.version.find(" for "), tool.version.find(',')));
  return tool;
}

// Of an options file: what the programs would take for an escape or a comment.
std::string option_value(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '\n' || c == '\r' || c == '\0')
      throw Error(ErrorCode::usage, "a name, path or password of the DSN holds a control character");
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text + "\"";
}

void option(std::string& text, std::string_view name, const std::string& value) {
  if (!value.empty()) text.append(name).append(1, '=').append(option_value(value)).append(1, '\n');
}

// MySQL's programs verify nothing without a file.
std::string system_authorities() {
  std::error_code error;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"})
    if (std::filesystem::exists(file, error)) return file;
  return {};
}

void add_tls(std::string& text, const Endpoint& endpoint, bool mariadb_program) {
  const bool verified = endpoint.tls == Tls::verified;
  if (mariadb_program) {
    text += endpoint.tls == Tls::off ? "ssl=0\n" : "ssl=1\n";
    if (endpoint.tls != Tls::off) text += verified ? "ssl-verify-server-cert=1\n" : "ssl-verify-server-cert=0\n";
  } else {
    constexpr std::array<const char*, 4> modes{"DISABLED", "PREFERRED", "REQUIRED", "VERIFY_IDENTITY"};
    text += std::string("ssl-mode=") + modes.at(static_cast<std::size_t>(endpoint.tls)) + "\n";
    // As our own connection does for a password without TLS.
    text += "loose-get-server-public-key=1\n";
    option(text, "loose-server-public-key-path", endpoint.server_public_key);
  }
  if (endpoint.tls == Tls::off) return;
  option(text, "ssl-ca",
         endpoint.tls_ca.empty() && verified && !mariadb_program ? system_authorities() : endpoint.tls_ca);
  option(text, "ssl-cert", endpoint.tls_certificate);
  option(text, "ssl-key", endpoint.tls_key);
}

std::string read_all(const common::MemoryFile& file) {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0) throw Error(ErrorCode::internal, "a file in memory cannot be read");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t size = ::pread(file.fd(), text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (size <= 0) throw Error(ErrorCode::internal, "a file in memory cannot be read");
    done += static_cast<std::size_t>(size);
  }
  return text;
}

std::string dumped(const DumpTool& tool, const DumpSource& source, std::vector<std::string> words,
                   const std::vector<std::string>& tables, const std::function<void()>& tick) {
  const common::MemoryFile file("talos-dump", {});
  dump(tool, source, std::move(words), tables, file.fd(), tick);
  return read_all(file);
}

void send_one(Connection& to, const std::string& sql, const Connection::WhileWaiting& waiting) {
  const Reply reply = to.send(sql, waiting);
  if (!reply.lost.empty()) throw Error(ErrorCode::connection, "the connection was lost: " + reply.lost);
  // A comment for another release.
  if (!reply.error || reply.error->is(empty_query)) return;
  Error error = to_error(*reply.error, ErrorCode::connection);
  throw Error(error.retold("the copy cannot be loaded: " + std::string(error.what())));
}

void load(const std::string& text, const std::string& database, Connection& to,
          const Connection::WhileWaiting& waiting) {
  split_sql(text, {}, [&](const Statement& statement) {
    const std::string_view sql = std::string_view(text).substr(statement.offset, statement.length);
    send_one(to, without_owner(sql, database), waiting);
  });
}

void switch_events_off(Connection& to, const Connection::WhileWaiting& waiting) {
  const Reply events =
      to.ask("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() AND STATUS = 'ENABLED'",
             waiting);
  if (events.failed()) return;
  for (const Row& row : events.tables.at(0).rows)
    send_one(to, "ALTER EVENT " + quoted_name(row.at(0).value_or("")) + " DISABLE", waiting);
}

}  // namespace

std::string DumpTool::name() const { return std::filesystem::path(program).filename().string() + " " + version; }

DumpTool find_dump_tool(bool for_mariadb) {
  using Names = std::array<const char*, 2>;
  for (const char* name : for_mariadb ? Names{"mariadb-dump", "mysqldump"} : Names{"mysqldump", "mariadb-dump"}) {
    const auto program = common::find_program(name);
    if (!program) continue;
    DumpTool tool = ask_for_version(*program);
    if (tool.mariadb || !for_mariadb) return tool;
  }
  if (for_mariadb)
    throw Error(ErrorCode::unsupported, "this needs MariaDB's mariadb-dump, which is not in PATH")
        .with_hint("install it: the package mariadb-client, or mariadb on RPM systems");
  throw Error(ErrorCode::unsupported, "this needs mysqldump, which is not in PATH")
      .with_hint("install it: the package default-mysql-client or mysql-client, or mysql on RPM systems");
}

std::string client_options(const Endpoint& endpoint, bool mariadb_program) {
  std::string text = "[client]\n";
  if (endpoint.socket.empty()) {
    option(text, "host", endpoint.host);
    text += "port=" + std::to_string(endpoint.port) + "\nprotocol=tcp\n";
  } else {
    option(text, "socket", endpoint.socket);
    text += "protocol=socket\n";
  }
  option(text, "user", endpoint.user);
  // Also an empty one: without it the program would ask its user.
  text += "password=" + option_value(endpoint.password) + "\n";
  add_tls(text, endpoint, mariadb_program);
  return text;
}

void dump(const DumpTool& tool, const DumpSource& source, std::vector<std::string> words,
          const std::vector<std::string>& tables, int output, const std::function<void()>& tick) {
  const common::MemoryFile options("talos-client-options", client_options(source.endpoint, tool.mariadb));
  common::Command command;
  // Instead of all other files, which might name another place or user.
  command.argv = {tool.program,       "--defaults-file=" + options.path(), "--single-transaction",
                  "--no-tablespaces", "--default-character-set=utf8mb4",   "--max-allowed-packet=1G"};
  // Of the whole server, not of this database.
  if (!tool.mariadb) command.argv.insert(command.argv.end(), {"--set-gtid-purged=OFF", "--column-statistics=0"});
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.argv.insert(command.argv.end(), {"--", source.endpoint.database});
  command.argv.insert(command.argv.end(), tables.begin(), tables.end());
  // Logins that somebody stored for MySQL's programs would win over the file.
  command.environment = {"MYSQL_TEST_LOGIN_FILE=/nonexistent"};
  command.keep = {options.fd()};
  command.output = output;
  const common::Ended ended = common::run(command, tick);
  if (ended.well()) return;
  const std::string why = ended.signal != 0 ? "was ended by signal " + std::to_string(ended.signal)
                                            : "failed with exit status " + std::to_string(ended.status);
  Error error(ErrorCode::connection, tool.name() + " " + why + ": " + first_line(ended.error));
  error.detail = ended.error;
  throw Error(error);
}

void copy_schema(const DumpSource& source, Connection& to, const Connection::WhileWaiting& waiting,
                 const std::function<void()>& tick) {
  const DumpTool tool = find_dump_tool(source.mariadb);
  const std::string& database = source.endpoint.database;
  load(dumped(tool, source, {"--no-data", "--routines", "--triggers", "--events"}, {}, tick), database, to, waiting);
  if (!source.own_tables.empty())
    load(dumped(tool, source, {"--no-create-info", "--skip-triggers", "--hex-blob"}, source.own_tables, tick), database,
         to, waiting);
  switch_events_off(to, waiting);
}

}  // namespace talos::mysql
