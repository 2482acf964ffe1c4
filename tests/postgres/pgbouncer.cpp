#include "pgbouncer.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>

#include <libpq-fe.h>

#include "postgres_user.hpp"

namespace talos::test {

namespace fs = std::filesystem;

namespace {

// Debian puts it where only root's PATH looks.
std::optional<fs::path> find_pgbouncer() {
  if (auto found = find_program("pgbouncer")) return found;
  const fs::path usual = "/usr/sbin/pgbouncer";
  return fs::exists(usual) ? std::optional(usual) : std::nullopt;
}

std::string name_of(PgBouncer::Pool pool) {
  switch (pool) {
    case PgBouncer::Pool::session:
      return "session";
    case PgBouncer::Pool::transaction:
      return "transaction";
    case PgBouncer::Pool::statement:
      break;
  }
  return "statement";
}

}  // namespace

bool pgbouncer_or_skip() {
  if (find_pgbouncer()) return true;
  skip_or_fail("pgbouncer is not here (.ci/dependencies test)");
  return false;
}

struct PgBouncer::State {
  ServerDirectory directory;
  std::string configuration;
  std::string password;
  int port = 0;
  std::optional<Process> process;

  ~State();
  bool started();
  void start();
};

PgBouncer::State::~State() {
  try {
    if (process && process->running()) process->signal(SIGQUIT);
    if (process) process->wait();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

bool PgBouncer::State::started() {
  const std::string dsn = "host=127.0.0.1 port=" + std::to_string(port);
  return !process->running() || PQping(dsn.c_str()) == PQPING_OK;
}

void PgBouncer::State::start() {
  const auto program = find_pgbouncer();
  if (!program) throw std::runtime_error("no pgbouncer");
  for (int attempt = 1;; ++attempt) {
    port = free_port();
    postgres_user().write(directory / "pgbouncer.ini", configuration + "listen_port = " + std::to_string(port) + "\n");
    process.emplace(Process::start(
        postgres_user().options({program->string(), (directory / "pgbouncer.ini").string()}, directory.path())));
    if (!eventually([&] { return started(); }))
      throw std::runtime_error("pgbouncer did not start in time: " + process->err_so_far());
    if (process->running()) return;
    const ProcessResult result = process->wait();
    process.reset();
    if (attempt == 10 || result.err.find("in use") == std::string::npos)
      throw std::runtime_error("pgbouncer did not start: " + result.out + result.err);
  }
}

PgBouncer::PgBouncer(const PostgresServer& server, Pool pool, std::vector<std::string> settings)
    : PgBouncer(server, server.port(), pool, std::move(settings)) {}

PgBouncer::PgBouncer(const PostgresServer& server, int server_port, Pool pool, std::vector<std::string> settings)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.password = server.password();
  const fs::path users = state.directory / "users.txt";
  postgres_user().write(users, "\"postgres\" \"" + state.password + "\"\n");
  state.configuration = "[databases]\n* = host=127.0.0.1 port=" + std::to_string(server_port) +
                        "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nunix_socket_dir =\nauth_type = scram-sha-256\n" +
                        "auth_file = " + users.string() + "\nadmin_users = postgres\npool_mode = " + name_of(pool) +
                        "\n";
  for (const std::string& setting : settings) state.configuration += setting + "\n";
  state.start();
}

PgBouncer::~PgBouncer() = default;

std::string PgBouncer::dsn(std::string_view database) const {
  return "postgresql://postgres:" + state_->password + "@127.0.0.1:" + std::to_string(state_->port) + "/" +
         std::string(database);
}

int PgBouncer::port() const { return state_->port; }
pid_t PgBouncer::pid() const { return state_->process->pid(); }
std::string PgBouncer::log() const { return state_->process->err_so_far(); }

}  // namespace talos::test
