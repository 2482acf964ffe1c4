// Backups by pg_dump, asked of the plugin itself.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pg_world.hpp"
#include "talos/backup.hpp"
#include "talos/plugin.hpp"

namespace talos::test {

namespace {

class Silent : public ExecuteObserver {
 public:
  void unit_started(std::size_t /*unit*/) override {}
  void unit_committed(std::size_t /*unit*/, std::chrono::microseconds /*took*/, bool /*durable*/) override {}
  void progress(double /*fraction*/, std::string_view what) override { said += std::string(what) + "\n"; }
  void warning(std::string_view /*text*/) override {}
  std::string said;
};

Driver& driver() {
  static void* const library = ::dlopen(TALOS_TEST_POSTGRES_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(::dlerror());
  static auto* const descriptor = static_cast<const talos_plugin_descriptor*>(::dlsym(library, "talos_plugin_v1"));
  static const std::unique_ptr<Driver, void (*)(Driver*)> driver(descriptor->create(), descriptor->destroy);
  return *driver;
}

std::unique_ptr<Session> connect(const std::string& dsn) {
  ConnectRequest request;
  request.dsn = dsn;
  request.access = Access::write;
  request.runner.program = "test";
  request.runner.pid = ::getpid();
  return driver().connect(request);
}

/// As the program makes it: empty, for its owner alone.
std::string new_file(const PgWorld& world, const std::string& name) {
  const std::string file = (world.directory / name).string();
  const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  ::close(fd);
  return file;
}

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// Of the children of this process.
std::string child_named(const std::string& name, const std::string& what) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string status = read(entry.path() / "status");
    if (status.find("\nPPid:\t" + std::to_string(::getpid()) + "\n") == std::string::npos) continue;
    if (read(entry.path() / "cmdline").find(name) != std::string::npos) return read(entry.path() / what);
  }
  return {};
}

Error failure_of(Backup& backup, const std::string& file) {
  Silent observer;
  try {
    backup.write(file, observer);
  } catch (const Error& error) {
    return error;
  }
  FAIL("the backup succeeded");
  return Error(ErrorCode::internal, "");
}

/// PATH for this process, as long as it lives.
class Path {
 public:
  explicit Path(const std::string& value) : before_(std::getenv("PATH")) { ::setenv("PATH", value.c_str(), 1); }
  ~Path() { ::setenv("PATH", before_.c_str(), 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  const std::string& before() const { return before_; }

 private:
  std::string before_;
};

}  // namespace

TEST_CASE("A backup is a file that brings schema and rows back, by the command that it names") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.tables(2);
  REQUIRE(world.migrate({"up"}).status == 0);
  world.sql("INSERT INTO t1 SELECT generate_series(1, 1000)");
  const std::string file = new_file(world, "it's.dump");
  Silent observer;
  auto session = connect(world.dsn);
  auto* backup = session->ability<Backup>();
  REQUIRE(backup != nullptr);
  CHECK(backup->to_file());
  const Backup::Report report = backup->write(file, observer);
  CHECK(report.how == Part{"pg_dump "});
  CHECK(report.how == Part{", custom format"});
  CHECK(report.bytes == static_cast<std::int64_t>(std::filesystem::file_size(file)));
  CHECK(report.restore == Part{"pg_restore --clean --if-exists --create --exit-on-error "});
  CHECK(report.restore == Part{" host=127.0.0.1 "});
  CHECK(report.restore != Part{"keepalives"});
  CHECK(report.restore != Part{world.server.password()});
  CHECK(observer.said == Part{"reading it back"});
  struct stat status {};
  CHECK(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);

  world.sql("DROP TABLE t2; DELETE FROM t1; CREATE TABLE late (x int)");
  ProcessOptions restore;
  restore.argv = {"/bin/sh", "-c", report.restore};
  restore.environment["PGPASSWORD"] = world.server.password();
  // With somebody in the database it is left as it is.
  const auto refused = run(restore);
  CHECK(refused.status != 0);
  CHECK(refused.err == Part{"is being accessed by other users"});
  CHECK(world.has_table("late"));
  CHECK(world.value("SELECT count(*) FROM t1") == "0");
  session.reset();
  const auto restored = run(restore);
  CHECK_MESSAGE(restored.status == 0, restored.err);
  CHECK(world.value("SELECT count(*) FROM t1") == "1000");
  CHECK(world.has_table("t2"));
  CHECK_FALSE(world.has_table("late"));
  CHECK(world.tracker() == "2,false");
}

TEST_CASE("While it copies, the password is in nobody's sight, and a request to stop ends pg_dump") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.sql("CREATE TABLE held (x int)");
  PgClient holder = world.client();
  holder.run("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
  const std::string file = new_file(world, "b.dump");
  const auto session = connect(world.dsn);
  std::thread stopper([&] {
    PgClient observer = world.client();
    CHECK(eventually([&] { return waits(observer, "LOCK TABLE"); }));
    const std::string arguments = child_named("pg_dump", "cmdline");
    CHECK(arguments == Part{"--dbname="});
    CHECK(arguments != Part{world.server.password()});
    const std::string environment = child_named("pg_dump", "environ");
    CHECK(environment == Part{"PGPASSFILE=/proc/self/fd/"});
    CHECK(environment != Part{world.server.password()});
    session->cancel();
  });
  const Error error = failure_of(*session->ability<Backup>(), file);
  stopper.join();
  CHECK(error.code == ErrorCode::cancelled);
  CHECK(child_named("pg_dump", "cmdline").empty());
  holder.run("ROLLBACK");
}

TEST_CASE("What pg_dump complains about is told, without the password") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.sql("CREATE TABLE secret (x int)");
  const std::string role = "reader_" + world.database;
  const std::string dsn = world.server.create_role(role, world.database);
  const auto session = connect(dsn);
  const Error error = failure_of(*session->ability<Backup>(), new_file(world, "b.dump"));
  CHECK(error.code == ErrorCode::connection);
  CHECK(std::string(error.what()) == Part{"pg_dump failed: "});
  CHECK(error.what() + error.detail == Part{"permission denied for table secret"});
  world.sql("DROP ROLE " + role);

  // One that shows what it was given in confidence.
  const auto bin = world.directory / "bin";
  std::filesystem::create_directory(bin);
  write_bytes(bin / "pg_dump",
              "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.1' && exit\n"
              "echo \"pg_dump: error: it is $(cut -d: -f5 < $PGPASSFILE)\" >&2\nexit 1\n");
  std::filesystem::permissions(bin / "pg_dump", std::filesystem::perms::owner_all);
  const Path path(bin.string() + ":/usr/bin:/bin");
  const auto another = connect(world.dsn);
  const Error told = failure_of(*another->ability<Backup>(), new_file(world, "c.dump"));
  CHECK(std::string(told.what()) == "pg_dump failed: it is ***");
  CHECK(told.detail != Part{world.server.password()});
}

TEST_CASE("A file that was cut off is no backup") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  world.sql("CREATE TABLE t AS SELECT md5(i::text) AS x FROM generate_series(1, 20000) i");
  const auto bin = world.directory / "bin";
  std::filesystem::create_directory(bin);
  const auto dump = find_program("pg_dump");
  const auto restore = find_program("pg_restore");
  REQUIRE(dump);
  REQUIRE(restore);
  write_bytes(bin / "pg_dump", "#!/bin/sh\n" + dump->string() +
                                   " \"$@\" || exit\nfor word; do case $word in --file=*) file=${word#--file=} ;; "
                                   "esac; done\n[ -z \"$file\" ] || truncate -s 100000 \"$file\"\n");
  std::filesystem::permissions(bin / "pg_dump", std::filesystem::perms::owner_all);
  std::filesystem::create_symlink(*restore, bin / "pg_restore");
  const Path path(bin.string() + ":/usr/bin:/bin");
  const auto session = connect(world.dsn);
  const Error error = failure_of(*session->ability<Backup>(), new_file(world, "b.dump"));
  CHECK(error.code == ErrorCode::connection);
  CHECK(std::string(error.what()) == Part{"pg_restore failed: "});
}

TEST_CASE("Without pg_dump, or with one that is older than the server, a backup is refused with the package's name") {
  if (shared_server() == nullptr) return;
  PgWorld world(*shared_server());
  const auto bin = world.directory / "bin";
  std::filesystem::create_directory(bin);
  const Path path(bin.string());
  const auto session = connect(world.dsn);
  Error error = failure_of(*session->ability<Backup>(), new_file(world, "a.dump"));
  CHECK(error.code == ErrorCode::unsupported);
  CHECK(std::string(error.what()) == "pg_dump is not installed");
  CHECK(error.hint == Part{"postgresql-client"});
  write_bytes(bin / "pg_dump", "#!/bin/sh\necho 'pg_dump (PostgreSQL) 13.4'\n");
  std::filesystem::permissions(bin / "pg_dump", std::filesystem::perms::owner_all);
  error = failure_of(*session->ability<Backup>(), new_file(world, "b.dump"));
  CHECK(error.code == ErrorCode::unsupported);
  CHECK(std::string(error.what()) == Part{"pg_dump 13.4 is too old for a server of PostgreSQL "});
  CHECK(error.hint == Part{"postgresql-client-"});
}

}  // namespace talos::test
