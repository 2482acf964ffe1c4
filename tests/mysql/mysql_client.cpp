#include "mysql_client.hpp"

#include <string_view>

#include <mysql.h>
#include <poll.h>

namespace talos::test {

namespace {

std::string escaped(std::string_view text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain.find(c) != std::string_view::npos)
      result += c;
    else
      result += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return result;
}

std::string joined(const MysqlRow& row) {
  std::string line;
  for (const auto& value : row) line += (line.empty() && &value == &row.front() ? "" : "|") + value.value_or("NULL");
  return line;
}

void set_tls(MYSQL* connection, const MysqlLogin& login) {
  if (login.authority.empty()) return;
  const my_bool yes = 1;
  mysql_optionsv(connection, MYSQL_OPT_SSL_ENFORCE, &yes);
  mysql_optionsv(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  mysql_optionsv(connection, MYSQL_OPT_SSL_CA, login.authority.c_str());
  if (!login.certificate.empty()) mysql_optionsv(connection, MYSQL_OPT_SSL_CERT, login.certificate.c_str());
  if (!login.key.empty()) mysql_optionsv(connection, MYSQL_OPT_SSL_KEY, login.key.c_str());
}

void set_deadlines(MYSQL* connection) {
  const auto seconds =
      static_cast<unsigned>(std::chrono::duration_cast<std::chrono::seconds>(default_deadline).count());
  for (const auto option : {MYSQL_OPT_CONNECT_TIMEOUT, MYSQL_OPT_READ_TIMEOUT, MYSQL_OPT_WRITE_TIMEOUT})
    mysql_optionsv(connection, option, &seconds);
}

// INNODB_TRX shows who asks often the same for ever: it is renewed when nobody has looked for a while.
bool waits_for_row(MysqlClient& observer, unsigned long id) {
  const std::string status = observer.query("SHOW ENGINE INNODB STATUS").at(0).at(2).value_or("");
  const std::string whose = " thread id " + std::to_string(id) + ",";
  constexpr std::string_view beginning = "---TRANSACTION ";
  for (auto at = status.find(beginning); at != std::string::npos;) {
    const auto next = status.find(beginning, at + beginning.size());
    const std::string one = status.substr(at, next - at);
    if (one.find(whose) != std::string::npos && one.find("LOCK WAIT") != std::string::npos) return true;
    at = next;
  }
  return false;
}

}  // namespace

MysqlFailure::MysqlFailure(const std::string& message, unsigned number)
    : std::runtime_error(message), number_(number) {}

std::string MysqlLogin::dsn() const {
  const std::string address =
      socket.empty() ? "tcp(127.0.0.1:" + std::to_string(port) + ")" : "unix(" + socket.string() + ")";
  return "mysql://" + escaped(user) + ":" + escaped(password) + "@" + address + "/" + escaped(database);
}

std::string MysqlLogin::url() const {
  return "mysql://" + escaped(user) + ":" + escaped(password) + "@127.0.0.1:" + std::to_string(port) + "/" +
         escaped(database);
}

void MysqlClient::Close::operator()(st_mysql* connection) const { mysql_close(connection); }

MysqlClient::MysqlClient(const MysqlLogin& login) : connection_(mysql_init(nullptr)) {
  if (!connection_) throw std::bad_alloc();
  set_deadlines(connection_.get());
  set_tls(connection_.get(), login);
  mysql_optionsv(connection_.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const bool by_socket = !login.socket.empty();
  if (mysql_real_connect(connection_.get(), by_socket ? "localhost" : "127.0.0.1", login.user.c_str(),
                         login.password.c_str(), login.database.empty() ? nullptr : login.database.c_str(),
                         by_socket ? 0 : static_cast<unsigned>(login.port), by_socket ? login.socket.c_str() : nullptr,
                         CLIENT_MULTI_STATEMENTS) == nullptr)
    fail();
  id_ = mysql_thread_id(connection_.get());
}

void MysqlClient::fail() const {
  const unsigned number = mysql_errno(connection_.get());
  throw MysqlFailure(mysql_error(connection_.get()) + std::string(" (") + std::to_string(number) + ")", number);
}

void MysqlClient::send(const std::string& sql) {
  if (mysql_send_query(connection_.get(), sql.data(), sql.size()) != 0) fail();
}

bool MysqlClient::answered(std::chrono::milliseconds deadline) const {
  pollfd watched{mysql_get_socket(connection_.get()), POLLIN, 0};
  return ::poll(&watched, 1, static_cast<int>(deadline.count())) != 0;
}

bool MysqlClient::busy() const { return !answered(std::chrono::milliseconds(0)); }

void MysqlClient::add_rows(std::vector<MysqlRow>& rows) const {
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(mysql_store_result(connection_.get()),
                                                                        mysql_free_result);
  if (!result && mysql_errno(connection_.get()) != 0) fail();
  if (!result) return;
  const unsigned columns = mysql_num_fields(result.get());
  while (char** const values = mysql_fetch_row(result.get())) {
    const unsigned long* const sizes = mysql_fetch_lengths(result.get());
    MysqlRow& row = rows.emplace_back(columns);
    for (unsigned column = 0; column < columns; ++column)
      if (values[column] != nullptr) row[column] = std::string(values[column], sizes[column]);
  }
}

std::vector<MysqlRow> MysqlClient::finish(std::chrono::milliseconds deadline) {
  if (!answered(deadline)) throw MysqlFailure("no answer in time", 0);
  if (mysql_read_query_result(connection_.get()) != 0) fail();
  std::vector<MysqlRow> rows;
  for (;;) {
    add_rows(rows);
    const int next = mysql_next_result(connection_.get());
    if (next > 0) fail();
    if (next < 0) return rows;
  }
}

std::vector<MysqlRow> MysqlClient::query(const std::string& sql) {
  send(sql);
  return finish();
}

void MysqlClient::run(const std::string& sql) { query(sql); }

std::vector<std::string> MysqlClient::rows(const std::string& sql) {
  std::vector<std::string> lines;
  for (const MysqlRow& row : query(sql)) lines.push_back(joined(row));
  return lines;
}

std::string MysqlClient::value(const std::string& sql) {
  const auto all = query(sql);
  return all.empty() || all.front().empty() ? "" : all.front().front().value_or("NULL");
}

std::string MysqlClient::cipher() const {
  const char* const name = mysql_get_ssl_cipher(connection_.get());
  return name == nullptr ? "" : name;
}

bool waits_in_lock(MysqlClient& observer, unsigned long id) {
  const std::string state =
      observer.value("SELECT STATE FROM information_schema.PROCESSLIST WHERE ID = " + std::to_string(id));
  return state.starts_with("Waiting for") || state == "User lock" || waits_for_row(observer, id);
}

std::vector<std::string> mysql_rows(const MysqlLogin& login, const std::string& sql) {
  return MysqlClient(login).rows(sql);
}
std::string mysql_value(const MysqlLogin& login, const std::string& sql) { return MysqlClient(login).value(sql); }
void mysql_run(const MysqlLogin& login, const std::string& sql) { MysqlClient(login).run(sql); }

}  // namespace talos::test
