#include "mysql_server.hpp"

#include <atomic>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "mysql_data.hpp"
#include "mysql_user.hpp"

namespace talos::test {

namespace fs = std::filesystem;

namespace {

std::string quoted_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// In GRANT a database's name is a pattern.
std::string granted_database(std::string_view name) {
  std::string pattern;
  for (const char c : name) {
    if (c == '_' || c == '%' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return mysql_quoted(pattern) + ".*";
}

std::string_view plugin_of(MysqlServer::Authentication authentication) {
  switch (authentication) {
    case MysqlServer::Authentication::native_password:
      return "mysql_native_password";
    case MysqlServer::Authentication::caching_sha2_password:
      return "caching_sha2_password";
    case MysqlServer::Authentication::ed25519:
      return "ed25519";
    case MysqlServer::Authentication::standard:
      break;
  }
  return "";
}

std::string identified_by(MysqlFlavour flavour, MysqlServer::Authentication authentication,
                          const std::string& password) {
  using Authentication = MysqlServer::Authentication;
  if (authentication == Authentication::standard) return " IDENTIFIED BY '" + password + "'";
  const std::string plugin(plugin_of(authentication));
  const bool sha2 = authentication == Authentication::caching_sha2_password;
  if (sha2 != (flavour == MysqlFlavour::mysql))
    throw std::invalid_argument(std::string(name_of(flavour)) + " does not know " + plugin);
  return sha2 ? " IDENTIFIED WITH " + plugin + " BY '" + password + "'"
              : " IDENTIFIED VIA " + plugin + " USING PASSWORD('" + password + "')";
}

}  // namespace

std::string mysql_quoted(std::string_view name) {
  std::string quoted = "`";
  for (const char c : name) quoted += c == '`' ? std::string("``") : std::string(1, c);
  return quoted + "`";
}

struct MysqlServer::State {
  MysqlInstallation installation;
  std::vector<std::string> settings;
  ServerDirectory directory;
  std::vector<std::string> program;
  int port = 0;
  std::string password = random_password();
  std::optional<Process> process;
  std::atomic<int> databases = 0;

  State(MysqlInstallation from, std::vector<std::string> given)
      : installation(std::move(from)), settings(std::move(given)) {}
  ~State();

  fs::path data() const { return directory / "data"; }
  fs::path sockets() const { return directory / "socket"; }
  fs::path socket() const { return sockets() / "mysql.sock"; }
  fs::path first_statements() const { return directory / "first.sql"; }
  MysqlLogin socket_login() const;
  void prepare();
  ProcessOptions command() const;
  bool started() const;
  void start();
  void start_on_a_free_port();
  void end(int signal);
};

MysqlServer::State::~State() {
  try {
    end(SIGKILL);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

MysqlLogin MysqlServer::State::socket_login() const {
  MysqlLogin login;
  login.socket = socket();
  login.user = "root";
  login.password = password;
  return login;
}

// The server carries the first statements out before it takes anybody in.
void MysqlServer::State::prepare() {
  const MysqlTemplate& made = mysql_template(installation);
  program = made.command;
  copy_tree(made.data, data());
  fs::create_directory(sockets());
  mysql_user().give(sockets());
  mysql_user().write(first_statements(),
                     "DROP USER IF EXISTS root@'127.0.0.1', root@'::1';\n"
                     "ALTER USER root@localhost IDENTIFIED BY '" +
                         password +
                         "';\n"
                         "CREATE USER root@'%' IDENTIFIED BY '" +
                         password +
                         "';\n"
                         "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;\n");
}

ProcessOptions MysqlServer::State::command() const {
  std::vector<std::string> argv = program;
  argv.insert(argv.end(),
              {"--datadir=" + data().string(), "--bind-address=127.0.0.1", "--port=" + std::to_string(port),
               "--socket=" + socket().string(), "--pid-file=" + (data() / "server.pid").string(), "--skip-name-resolve",
               "--skip-log-bin", "--performance-schema=ON", "--innodb-buffer-pool-size=32M",
               // A MariaDB that starts removes the temporary tables of every other one in the same directory.
               "--tmpdir=" + sockets().string()});
  if (installation.flavour == MysqlFlavour::mariadb)
    argv.insert(argv.end(), {"--plugin-load-add=auth_ed25519", "--character-set-server=utf8mb4",
                             "--collation-server=utf8mb4_general_ci"});
  if (fs::exists(first_statements())) argv.push_back("--init-file=" + first_statements().string());
  for (const std::string& setting : settings) argv.push_back("--" + setting);
  return mysql_user().options(std::move(argv), directory.path());
}

bool MysqlServer::State::started() const {
  try {
    const MysqlClient client(socket_login());
    return true;
  } catch (const MysqlFailure&) {
    return false;  // not yet
  }
}

void MysqlServer::State::start() {
  process.emplace(Process::start(command()));
  if (!eventually([&] { return !process->running() || started(); }))
    throw std::runtime_error("the server did not start in time: " + process->err_so_far());
  if (process->running()) {
    fs::remove(first_statements());
    return;
  }
  const std::string log = process->wait().err;
  process.reset();
  throw std::runtime_error("the server did not start: " + log);
}

void MysqlServer::State::start_on_a_free_port() {
  for (int attempt = 1;; ++attempt) {
    port = free_port();
    try {
      return start();
    } catch (const std::runtime_error& error) {
      if (attempt == 10 || std::string_view(error.what()).find("in use") == std::string_view::npos) throw;
    }
  }
}

void MysqlServer::State::end(int signal) {
  if (!process) return;
  if (process->running()) process->signal(signal);
  try {
    process->wait();
  } catch (...) {
    process.reset();
    throw;
  }
  process.reset();
}

MysqlServer::MysqlServer(const MysqlInstallation& installation, std::vector<std::string> settings)
    : state_(std::make_unique<State>(installation, std::move(settings))) {
  state_->prepare();
  state_->start_on_a_free_port();
}

MysqlServer::~MysqlServer() = default;

MysqlLogin MysqlServer::login(std::string_view database) const { return login(database, state_->port); }

MysqlLogin MysqlServer::login(std::string_view database, int port) const {
  MysqlLogin login = socket_login(database);
  login.socket.clear();
  login.port = port;
  return login;
}

MysqlLogin MysqlServer::socket_login(std::string_view database) const {
  MysqlLogin login = state_->socket_login();
  login.database = database;
  return login;
}

const MysqlInstallation& MysqlServer::installation() const { return state_->installation; }
MysqlFlavour MysqlServer::flavour() const { return state_->installation.flavour; }
int MysqlServer::port() const { return state_->port; }
fs::path MysqlServer::socket() const { return state_->socket(); }
fs::path MysqlServer::data_directory() const { return state_->data(); }
const std::string& MysqlServer::password() const { return state_->password; }

std::string MysqlServer::create_database() { return create_database("test_" + std::to_string(++state_->databases)); }

std::string MysqlServer::create_database(const std::string& name) {
  mysql_run(socket_login(), "CREATE DATABASE " + mysql_quoted(name));
  return name;
}

void MysqlServer::drop_database(const std::string& name) {
  mysql_run(socket_login(), "DROP DATABASE " + mysql_quoted(name));
}

MysqlLogin MysqlServer::create_user(const std::string& name, const std::string& database, Rights rights,
                                    Authentication authentication) {
  MysqlLogin user = login(database);
  user.user = name;
  user.password = random_password();
  const std::string account = quoted_text(name) + "@'%'";
  MysqlClient client(socket_login());
  client.run("CREATE USER " + account + identified_by(flavour(), authentication, user.password));
  if (rights != Rights::none)
    client.run(std::string("GRANT ") + (rights == Rights::all ? "ALL" : "SELECT") + " ON " +
               granted_database(database) + " TO " + account);
  return user;
}

pid_t MysqlServer::pid() const {
  if (!state_->process) throw std::logic_error("the server does not run");
  return state_->process->pid();
}

void MysqlServer::kill_hard() { state_->end(SIGKILL); }

void MysqlServer::stop() { state_->end(SIGTERM); }

void MysqlServer::restart() {
  stop();
  state_->start();
}

std::string MysqlServer::log() const { return state_->process ? state_->process->err_so_far() : ""; }

}  // namespace talos::test
