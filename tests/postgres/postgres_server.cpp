#include "postgres_server.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <libpq-fe.h>
#include <sys/shm.h>

#include "postgres_user.hpp"

namespace talos::test {

namespace fs = std::filesystem;

namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<PostgresInstallation> find_installation(int major) {
  const std::string number = std::to_string(major);
  const std::string given = from_environment("TALOS_TEST_POSTGRES_DIR");
  const fs::path servers = given.empty() ? fs::path(TALOS_TEST_SERVERS) : fs::path(given);
  for (const fs::path& bin :
       {fs::path("/usr/lib/postgresql") / number / "bin", servers / ("postgres-" + number) / "bin"})
    if (fs::exists(bin / "postgres") && fs::exists(bin / "initdb")) return PostgresInstallation{major, bin};
  return std::nullopt;
}

std::string missing_text(int major) {
  return "PostgreSQL " + std::to_string(major) + " is not here (.ci/dependencies test, .ci/postgres-versions)";
}

ProcessResult succeed(ProcessOptions options) {
  const std::string what = options.argv.back();
  ProcessResult result = run(std::move(options));
  if (result.status != 0) throw std::runtime_error(what + ": " + result.out + result.err);
  return result;
}

// What initdb made, kept to be copied; and the installation, copied where the server's user cannot reach it.
class Template {
 public:
  explicit Template(const PostgresInstallation& installation) : bin_(installation.bin) {
    if (!postgres_user().reaches(bin_ / "postgres")) {
      fs::copy(bin_.parent_path(), directory_ / "installation",
               fs::copy_options::recursive | fs::copy_options::copy_symlinks);
      fs::permissions(directory_ / "installation", fs::perms(0755));
      bin_ = directory_ / "installation" / "bin";
    }
    postgres_user().write(directory_ / "password", password_);
    fs::create_directory(data());
    postgres_user().give(data());
    succeed(postgres_user().options(
        {(bin_ / "initdb").string(), "--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres",
         "--auth=scram-sha-256", "--pwfile=" + (directory_ / "password").string(), "--pgdata=" + data().string()},
        directory_.path()));
  }

  const fs::path& bin() const { return bin_; }
  fs::path data() const { return directory_ / "data"; }
  const std::string& password() const { return password_; }

 private:
  ServerDirectory directory_;
  fs::path bin_;
  std::string password_ = random_password();
};

const Template& template_of(const PostgresInstallation& installation) {
  static std::mutex mutex;
  static std::map<fs::path, std::unique_ptr<Template>> templates;
  const std::lock_guard lock(mutex);
  auto& found = templates[installation.bin];
  if (!found) found = std::make_unique<Template>(installation);
  return *found;
}

// By /proc, so that it works where the kernel keeps no lists of children.
std::set<pid_t> children_of(pid_t parent) {
  std::set<pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (!std::getline(file, line) || line.rfind(')') == std::string::npos) continue;
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string state;
    pid_t its_parent = 0;
    fields >> state >> its_parent;
    if (its_parent == parent && state != "Z") children.insert(static_cast<pid_t>(std::stol(name)));
  }
  return children;
}

std::string quoted_name(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

}  // namespace

std::vector<int> postgres_majors() {
  const std::string given = from_environment("TALOS_TEST_POSTGRES_MAJORS");
  if (given.empty()) return {14, 15, 16, 17, 18};
  std::vector<int> majors;
  std::istringstream words(given);
  for (int major = 0; words >> major;) majors.push_back(major);
  return majors;
}

std::vector<PostgresInstallation> postgres_installations() {
  std::vector<PostgresInstallation> found;
  for (const int major : postgres_majors())
    if (auto installation = find_installation(major)) found.push_back(*installation);
  return found;
}

std::optional<PostgresInstallation> postgres_or_skip(int major) {
  const auto wanted = postgres_majors();
  if (major != 0) {
    if (std::find(wanted.begin(), wanted.end(), major) == wanted.end()) {
      std::printf("skipped: TALOS_TEST_POSTGRES_MAJORS leaves PostgreSQL %d out\n", major);
      return std::nullopt;
    }
    auto found = find_installation(major);
    if (!found) skip_or_fail(missing_text(major));
    return found;
  }
  const auto all = postgres_installations();
  if (all.empty()) {
    skip_or_fail("no PostgreSQL is here (.ci/dependencies test)");
    return std::nullopt;
  }
  const auto debian = std::find_if(all.begin(), all.end(), [](const auto& one) { return one.major == 15; });
  return debian == all.end() ? all.front() : *debian;
}

std::vector<PostgresInstallation> all_postgres_or_skip() {
  for (const int major : postgres_majors())
    if (!find_installation(major)) skip_or_fail(missing_text(major));
  return postgres_installations();
}

struct PostgresServer::State {
  PostgresInstallation installation;
  std::vector<std::string> settings;
  ServerDirectory directory;
  fs::path bin;
  int port = 0;
  std::string password = random_password();
  std::optional<Process> process;
  std::atomic<int> databases = 0;

  State(PostgresInstallation from, std::vector<std::string> given)
      : installation(std::move(from)), settings(std::move(given)) {}
  ~State();

  fs::path data() const { return directory / "data"; }
  fs::path sockets() const { return directory / "socket"; }
  std::string socket_dsn(const std::string& its_password) const;
  void prepare(const Template& made);
  ProcessOptions command() const;
  bool started();
  void start();
  void start_on_a_free_port();
  void take_own_password(const std::string& first);
  void end(int signal);
  void forget_shared_memory() const;
};

PostgresServer::State::~State() {
  try {
    end(SIGQUIT);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  forget_shared_memory();
}

// A killed server's segment stays until somebody starts on the same data: nobody will.
void PostgresServer::State::forget_shared_memory() const {
  std::ifstream file(data() / "postmaster.pid");
  std::string line;
  for (int number = 0; number < 7; ++number)
    if (!std::getline(file, line)) return;
  std::istringstream fields(line);
  long key = 0;
  int id = -1;
  if (fields >> key >> id) ::shmctl(id, IPC_RMID, nullptr);
}

std::string PostgresServer::State::socket_dsn(const std::string& its_password) const {
  return "host='" + sockets().string() + "' port=" + std::to_string(port) +
         " user=postgres dbname=postgres password=" + its_password;
}

void PostgresServer::State::prepare(const Template& made) {
  bin = made.bin();
  ProcessOptions copy;
  copy.argv = {"cp", "-a", made.data().string(), data().string()};
  succeed(std::move(copy));
  fs::create_directory(sockets());
  postgres_user().give(sockets());
}

ProcessOptions PostgresServer::State::command() const {
  std::vector<std::string> argv{(bin / "postgres").string(), "-D", data().string()};
  // Nothing outside of the data directory may outlive a killed server, hence mmap.
  std::vector<std::string> all{"listen_addresses=127.0.0.1",
                               "port=" + std::to_string(port),
                               "unix_socket_directories=" + sockets().string(),
                               "dynamic_shared_memory_type=mmap",
                               "min_wal_size=32MB",
                               "log_destination=stderr"};
  all.insert(all.end(), settings.begin(), settings.end());
  for (const std::string& setting : all) argv.insert(argv.end(), {"-c", setting});
  return postgres_user().options(std::move(argv), directory.path());
}

bool PostgresServer::State::started() {
  return !process->running() || PQping(socket_dsn("unused").c_str()) == PQPING_OK;
}

void PostgresServer::State::start() {
  process.emplace(Process::start(command()));
  if (!eventually([&] { return started(); }))
    throw std::runtime_error("PostgreSQL did not start in time: " + process->err_so_far());
  if (process->running()) return;
  const std::string log = process->wait().err;
  process.reset();
  throw std::runtime_error("PostgreSQL did not start: " + log);
}

void PostgresServer::State::start_on_a_free_port() {
  for (int attempt = 1;; ++attempt) {
    port = free_port();
    try {
      return start();
    } catch (const std::runtime_error& error) {
      if (attempt == 10 || std::string_view(error.what()).find("in use") == std::string_view::npos) throw;
    }
  }
}

// The template's password is known to every server of this process.
void PostgresServer::State::take_own_password(const std::string& first) {
  PgClient client(socket_dsn(first));
  const std::unique_ptr<char, decltype(&PQfreemem)> verifier(
      PQencryptPasswordConn(client.raw(), password.c_str(), "postgres", "scram-sha-256"), PQfreemem);
  if (!verifier) throw std::runtime_error("PQencryptPasswordConn");
  client.run("SET log_statement = 'none'; SET log_min_duration_statement = -1; ALTER ROLE postgres PASSWORD '" +
             std::string(verifier.get()) + "'");
}

void PostgresServer::State::end(int signal) {
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

PostgresServer::PostgresServer(const PostgresInstallation& installation, std::vector<std::string> settings)
    : state_(std::make_unique<State>(installation, std::move(settings))) {
  const Template& made = template_of(installation);
  state_->prepare(made);
  state_->start_on_a_free_port();
  state_->take_own_password(made.password());
}

PostgresServer::~PostgresServer() = default;

std::string PostgresServer::dsn(std::string_view database) const { return dsn(database, state_->port); }

std::string PostgresServer::dsn(std::string_view database, int port) const {
  return "postgresql://postgres:" + state_->password + "@127.0.0.1:" + std::to_string(port) + "/" +
         std::string(database);
}

const PostgresInstallation& PostgresServer::installation() const { return state_->installation; }
int PostgresServer::port() const { return state_->port; }
fs::path PostgresServer::socket_directory() const { return state_->sockets(); }
fs::path PostgresServer::data_directory() const { return state_->data(); }
const std::string& PostgresServer::password() const { return state_->password; }

std::string PostgresServer::create_database() {
  const std::string name = "test_" + std::to_string(++state_->databases);
  // template0: nobody is ever connected to it.
  PgClient(state_->socket_dsn(state_->password)).run("CREATE DATABASE " + name + " TEMPLATE template0");
  return name;
}

void PostgresServer::drop_database(const std::string& name) {
  PgClient(state_->socket_dsn(state_->password)).run("DROP DATABASE " + quoted_name(name) + " WITH (FORCE)");
}

std::string PostgresServer::create_role(const std::string& name, std::string_view database) {
  const std::string its_password = random_password();
  PgClient(state_->socket_dsn(state_->password))
      .run("CREATE ROLE " + quoted_name(name) + " LOGIN PASSWORD '" + its_password + "'");
  return "postgresql://" + name + ":" + its_password + "@127.0.0.1:" + std::to_string(state_->port) + "/" +
         std::string(database);
}

pid_t PostgresServer::pid() const {
  if (!state_->process) throw std::logic_error("the server does not run");
  return state_->process->pid();
}

void PostgresServer::kill_hard() {
  const pid_t server = pid();
  state_->process->signal(SIGSTOP);  // it starts nothing more
  const auto children = children_of(server);
  for (const pid_t child : children) ::kill(child, SIGKILL);
  state_->end(SIGKILL);
  const auto gone = [&] {
    return std::all_of(children.begin(), children.end(), [](pid_t child) { return ::kill(child, 0) != 0; });
  };
  if (!eventually(gone)) throw std::runtime_error("a killed backend is still there");
}

void PostgresServer::stop() { state_->end(SIGINT); }

void PostgresServer::restart() {
  stop();
  state_->start();
}

std::string PostgresServer::log() const { return state_->process ? state_->process->err_so_far() : ""; }

}  // namespace talos::test
