#include "mysql_backup.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mysql_text.hpp"

namespace talos::mysql {

namespace {

// The tool writes it last, and only when all went well.
constexpr std::string_view closing_line = "\n-- Dump completed";

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::connection, what + ": " + std::generic_category().message(errno));
}

std::int64_t size_of(const common::Descriptor& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("the backup cannot be looked at");
  return status.st_size;
}

void read_back(const std::string& path) {
  const common::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("the backup cannot be read back");
  std::array<char, 65'536> block{};
  std::string tail;
  for (;;) {
    const ssize_t size = ::read(file.get(), block.data(), block.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail("the backup cannot be read back");
    if (size == 0) break;
    tail.append(block.data(), static_cast<std::size_t>(size));
    if (tail.size() > 256) tail.erase(0, tail.size() - 256);
  }
  if (tail.find(closing_line) == std::string::npos)
    throw Error(ErrorCode::connection, "the backup is not whole: its closing line is missing");
}

// For a shell. Names and paths only.
std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           c == '.' || c == '/' || c == ':';
  });
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string restore_command(const DumpTool& tool, const Endpoint& endpoint, const std::string& file) {
  std::string command = tool.mariadb ? "mariadb" : "mysql";
  if (endpoint.socket.empty())
    command += " --host=" + shell_word(endpoint.host) + " --port=" + std::to_string(endpoint.port);
  else
    command += " --socket=" + shell_word(endpoint.socket);
  return command + " --user=" + shell_word(endpoint.user) + " -p " + shell_word(endpoint.database) + " < " +
         shell_word(file);
}

std::string megabytes(std::int64_t bytes) { return std::to_string(bytes / 1'000'000) + " MB"; }

}  // namespace

// --single-transaction shows one moment only of engines that have transactions.
void MySqlBackup::warn_of_engines(ExecuteObserver& observer) const {
  const Table answer = ask_(
      "SELECT t.TABLE_NAME, t.ENGINE FROM information_schema.TABLES t JOIN information_schema.ENGINES e"
      " ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE = 'BASE TABLE'"
      " AND IFNULL(e.TRANSACTIONS, 'NO') <> 'YES' ORDER BY t.TABLE_NAME")[0];
  std::string names;
  for (const Row& row : answer.rows)
    names += (names.empty() ? "" : ", ") + row.at(0).value_or("") + " (" + row.at(1).value_or("") + ")";
  if (!names.empty())
    observer.warning("the backup holds these tables as they are when it reaches them, for want of transactions: " +
                     names);
}

// MySQL keeps the semicolon behind a trigger or an event that was made in a message of several statements, as a client
// with multiStatements=true sends it; mysqldump puts it inside a version comment, where every server refuses it.
void MySqlBackup::warn_of_semicolons(ExecuteObserver& observer) const {
  const Table answer = ask_(
      "SELECT CONCAT('trigger ', TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
      " AND ACTION_STATEMENT LIKE '%;' UNION ALL SELECT CONCAT('event ', EVENT_NAME) FROM information_schema.EVENTS"
      " WHERE EVENT_SCHEMA = DATABASE() AND EVENT_DEFINITION LIKE '%;' ORDER BY 1")[0];
  std::string names;
  for (const Row& row : answer.rows) names += (names.empty() ? "" : ", ") + row.at(0).value_or("");
  if (!names.empty())
    observer.warning(
        "the backup can be restored only after the semicolons before \"*/\" are taken out of it, for these "
        "were made with one at their end; make them anew, each in a message of its own: " +
        names);
}

// MariaDB's tool writes values for MySQL's generated columns, which no server takes back, and leaves invisible ones
// out.
void MySqlBackup::refuse_what_it_cannot(const DumpTool& tool, const DumpSource& source) const {
  if (!tool.mariadb || source.mariadb) return;
  const Table answer = ask_(
      "SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
      " AND (EXTRA LIKE '%GENERATED' OR EXTRA LIKE '%INVISIBLE%') AND EXTRA NOT LIKE '%DEFAULT_GENERATED'"
      " AND TABLE_NAME NOT IN (SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE())"
      " LIMIT 1")[0];
  if (answer.rows.empty()) return;
  throw Error(ErrorCode::unsupported,
              "MariaDB's " + tool.name() + " cannot back up MySQL's generated and invisible columns: " + answer.value())
      .with_hint("put MySQL's own mysqldump first in PATH: the package mysql-client of MySQL");
}

Backup::Report MySqlBackup::do_write(const std::string& destination, ExecuteObserver& observer) {
  const DumpSource source = source_();
  const DumpTool tool = find_dump_tool(source.mariadb);
  refuse_what_it_cannot(tool, source);
  warn_of_engines(observer);
  if (!source.mariadb) warn_of_semicolons(observer);
  const common::Descriptor file(::open(destination.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.get() < 0) fail("the backup cannot be written");
  std::int64_t told = -1;
  dump(tool, source, {"--routines", "--triggers", "--events", "--hex-blob"}, {}, file.get(), [&] {
    check_stop_();
    if (const std::int64_t size = size_of(file); size != told)
      observer.progress(-1, "copying, " + megabytes(told = size));
  });
  observer.progress(-1, "reading it back");
  read_back(destination);
  Report report;
  report.how = tool.name() + ", SQL";
  report.bytes = size_of(file);
  report.restore = restore_command(tool, source.endpoint, destination);
  return report;
}

}  // namespace talos::mysql
