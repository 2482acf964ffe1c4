// R4: environments in which nothing can be done: the exit status and words of product.md, and nothing changed.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sets.hpp"
#include "sqlite_database.hpp"
#include "talos/plugin.hpp"

namespace talos::test {

namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// Two directories: what the program may touch, and the rest.
class Place {
 public:
  Place() : user(scratch.path()) {
    fs::create_directory(data);
    fs::permissions(data, fs::perms(0755));
    write_set(migrations, busy_set(Profile::transactional, 20));
    fs::permissions(migrations, fs::perms(0755));
  }

  void migrate_first(const std::string& version = "12") const {
    REQUIRE(migrate(target, {"up", "--to", version}).status == 0);
    fs::remove(lock_file());
  }

  fs::path lock_file() const { return target.database.string() + ".talos.lock"; }

  ProcessResult as_user(std::vector<std::string> words) const {
    return run(user.as_user(migrate_options(target, std::move(words))));
  }

  ScratchDirectory scratch;
  OrdinaryUser user;
  fs::path data = scratch / "data";
  fs::path migrations = scratch / "migrations";
  SqliteTarget target{data / "test.db", migrations};
};

// The command refuses with that status and all of those words, and the tree is as before. An empty lock file that a
// writer leaves is no change: it is never removed (Q1).
void check_refusal(const Place& place, const ProcessOptions& command, int status,
                   const std::vector<std::string>& words) {
  auto before = fingerprint(place.data);
  const auto result = run(command);
  auto after = fingerprint(place.data);
  INFO(result.out << result.err);
  CHECK(result.status == status);
  for (const std::string& word : words) {
    INFO("says: " << word);
    CHECK(has(result.err, word));
  }
  std::erase_if(after,
                [&](const auto& file) { return file.first.ends_with(".talos.lock") && !before.contains(file.first); });
  CHECK(before == after);
}

void check_user_refusal(const Place& place, std::vector<std::string> command, int status,
                        const std::vector<std::string>& words) {
  check_refusal(place, place.user.as_user(migrate_options(place.target, std::move(command))), status, words);
}

}  // namespace

TEST_CASE("R4: a missing directory is exit 5 with the command that makes it, and is not made") {
  Place place;
  place.target.database = place.data / "missing" / "test.db";
  check_refusal(place, migrate_options(place.target, {"up"}), 5,
                {"does not exist", "mkdir -p " + (place.data / "missing").string()});
  CHECK_FALSE(fs::exists(place.data / "missing"));
}

TEST_CASE("R4: a read-only directory is exit 5 naming it, its owner and its mode") {
  Place place;
  fs::permissions(place.data, fs::perms(0555));
  check_user_refusal(place, {"up"}, 5, {place.data.string() + ": owner ", "mode 0555"});
}

TEST_CASE("R4: a read-only file in a directory that one may write is exit 5") {
  Place place;
  place.migrate_first("3");
  place.user.give(place.data);
  place.user.give(place.target.database);
  fs::permissions(place.target.database, fs::perms(0444));
  check_user_refusal(place, {"up"}, 5, {place.target.database.string()});
  check_user_refusal(place, {"down"}, 5, {place.target.database.string()});
  check_user_refusal(place, {"force", "2"}, 5, {place.target.database.string()});
}

TEST_CASE("R4: a read-only file in a read-only directory is exit 5") {
  Place place;
  place.migrate_first("3");
  fs::permissions(place.target.database, fs::perms(0444));
  fs::permissions(place.data, fs::perms(0555));
  check_user_refusal(place, {"up"}, 5, {"mode 0555"});
}

TEST_CASE("R4: an unreadable file is exit 5 naming it, its owner and its mode") {
  Place place;
  place.migrate_first("3");
  fs::permissions(place.target.database, fs::perms(0600));
  if (::geteuid() != 0) fs::permissions(place.target.database, fs::perms(0000));
  for (const char* command : {"up", "status", "history"}) {
    INFO(std::string(command));
    check_user_refusal(place, {command}, 5, {place.target.database.string() + ": owner ", "mode 0"});
  }
}

TEST_CASE("R4: a file that is no database is exit 5") {
  Place place;
  std::mt19937_64 random(test_seed("R4 corrupt file"));
  std::string garbage(20'000, '\0');
  for (char& c : garbage) c = static_cast<char>(random());
  write_file(place.target.database, garbage);
  for (const char* command : {"up", "down", "status", "history"}) {
    INFO(std::string(command));
    check_refusal(place, migrate_options(place.target, {command}), 5, {"not a", "database"});
  }
}

TEST_CASE("R4: a database with a broken page is exit 5") {
  Place place;
  place.migrate_first("11");
  std::string bytes = read_file(place.target.database);
  // The schema's own page, behind the file's header: every later look goes through it.
  std::fill(bytes.begin() + 100, bytes.begin() + 4096, '\x5a');
  write_file(place.target.database, bytes);
  for (const char* command : {"up", "down", "status"}) {
    INFO(std::string(command));
    check_refusal(place, migrate_options(place.target, {command}), 5, {"malformed"});
  }
}

TEST_CASE("R4: a truncated file is exit 5") {
  Place place;
  place.migrate_first("11");
  const std::string whole = read_file(place.target.database);
  for (const std::size_t left : {std::size_t{1000}, std::size_t{4096}, whole.size() / 2}) {
    INFO(left << " of " << whole.size() << " bytes left");
    write_file(place.target.database, whole.substr(0, left));
    check_refusal(place, migrate_options(place.target, {"up"}), 5, {"malformed"});
  }
}

TEST_CASE("R4: a directory in the database's place is exit 5") {
  Place place;
  fs::create_directory(place.target.database);
  for (const char* command : {"up", "down", "status"}) {
    INFO(std::string(command));
    check_refusal(place, migrate_options(place.target, {command}), 5, {"it is a directory"});
  }
}

TEST_CASE("R4: a database that another process writes to beyond --lock-timeout is exit 5") {
  Place place;
  place.migrate_first("3");
  SqliteFile writer(place.target.database);
  for (const char* begin : {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"}) {
    INFO(std::string(begin));
    writer.run(begin);
    // Our own connection's file must not be opened and closed here (Q2), so its rows are compared, not its hash.
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "2"}}) {
      auto command = words;
      command.insert(command.end(), {"--lock-timeout", "300ms"});
      const auto result = migrate(place.target, command);
      INFO(words[0] << ": " << result.err);
      CHECK(result.status == 5);
      CHECK(has(result.err, "another process is writing"));
      CHECK(has(result.err, "--lock-timeout"));
    }
    const auto status = migrate(place.target, {"status", "--lock-timeout", "300ms"});
    INFO(status.err);
    if (std::string(begin) == "BEGIN IMMEDIATE") {
      CHECK(status.status == 0);
    } else {
      CHECK(status.status == 5);
      CHECK(has(status.err, "another process is writing"));
    }
    writer.run("ROLLBACK");
  }
  CHECK(SqliteDatabase(place.target.database).faults(busy_set(Profile::transactional, 20)) == "");
  CHECK(status_of(place.target).at("current") == 3);
}

TEST_CASE("R4, Q1: a lock file that one may not open is exit 5 naming file, owner and mode") {
  Place place;
  place.migrate_first("3");
  place.user.give(place.data);
  place.user.give(place.target.database);
  write_file(place.lock_file(), "");
  fs::permissions(place.lock_file(), fs::perms(::geteuid() == 0 ? 0600 : 0000));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"up"}, {"down"}, {"force", "2"}}) {
    INFO(command[0]);
    check_user_refusal(place, command, 5, {place.lock_file().string() + ": owner ", "mode 0"});
  }
}

TEST_CASE("R4, Q1: a lock file that is a symbolic link is exit 5, and its target is not touched") {
  Place place;
  place.migrate_first("3");
  write_file(place.data / "precious", "text");
  fs::create_symlink("precious", place.lock_file());
  check_refusal(place, migrate_options(place.target, {"up"}), 5, {place.lock_file().string(), "symbolic link"});
}

// ---- Disk full

namespace {

// In a mount namespace of its own, with a small file system at `data`; copies what is left there to `copy` at the end.
std::optional<ProcessResult> on_small_disk(const Place& place, const std::string& size, const std::string& script) {
  ProcessOptions attempt;
  attempt.argv = {"unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64k none \"$1\"", "sh", place.data.string()};
  if (const auto probe = run(attempt); probe.status != 0) {
    MESSAGE("skipped: a private file system cannot be mounted here: ", probe.err);
    return std::nullopt;
  }
  ProcessOptions options;
  const auto talos = [&](const char* words) {
    return "'" + talos_program().string() + "' migrate " + words + " --database 'sqlite://" +
           place.target.database.string() + "' --migrations '" + place.migrations.string() + "'";
  };
  const std::string preamble =
      "set -u; mount -t tmpfs -o size=" + size + " none '" + place.data.string() + "' || exit 99\nDATA='" +
      place.data.string() + "'\nCOPY='" + (place.scratch / "copy").string() + "'\nup() { " + talos("up") +
      " \"$@\"; echo \"up: $?\"; }\nstatus() { " + talos("status") + "; echo \"status: $?\"; }\nforce() { " +
      talos("force \"$1\"") + "; echo \"force: $?\"; }\n";
  options.argv = {"unshare", "-m", "sh", "-c", preamble + script};
  return run(options);
}

TestSet filling_set(bool no_transaction) {
  return {{1, "small", {"CREATE TABLE filler (id INTEGER PRIMARY KEY, data BLOB)"}, {"DROP TABLE filler"}, false},
          {2,
           "big",
           {"CREATE TABLE second (id INTEGER)",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO filler (data) "
            "SELECT randomblob(4000) FROM n",
            "INSERT INTO second VALUES (1)"},
           {"DELETE FROM filler", "DROP TABLE second"},
           no_transaction}};
}

}  // namespace

TEST_CASE("R4: a full disk is exit 5, the database stays at the version before, and goes on once there is room") {
  Place place;
  fs::remove_all(place.migrations);
  write_set(place.migrations, filling_set(false));
  const auto result = on_small_disk(place, "400k",
                                    "up --to 1\nup\nstatus\nmount -o remount,size=8m none \"$DATA\"\nup\nstatus\n"
                                    "cp \"$DATA/test.db\" \"$COPY\"\n");
  if (!result) return;
  INFO(result->out << result->err);
  CHECK(has(result->out, "up: 0\n"));
  CHECK(has(result->out, "up: 5\nDatabase Status: clean\nCurrent Version: 1\n"));
  CHECK(has(result->err, "full"));
  CHECK(has(result->out, "Current Version: 2\n"));
  REQUIRE(fs::exists(place.scratch / "copy"));
  CHECK(SqliteDatabase(place.scratch / "copy").faults(filling_set(false)) == "");
  CHECK(rows_of(place.scratch / "copy", "SELECT count(*) FROM filler") == std::vector<std::string>{"200"});
}

TEST_CASE("R4: a disk that fills up in a no-transaction file leaves a journal that says so") {
  Place place;
  fs::remove_all(place.migrations);
  write_set(place.migrations, filling_set(true));
  const auto result = on_small_disk(place, "400k",
                                    "up --to 1\nup\nmount -o remount,size=8m none \"$DATA\"\nstatus\nup\n"
                                    "cp \"$DATA/test.db\" \"$COPY\"\n");
  if (!result) return;
  INFO(result->out << result->err);
  CHECK(has(result->out, "up: 5\n"));
  CHECK(has(result->out, "Database Status: DIRTY\n"));
  CHECK(has(result->out, "statement 2 of 3"));
  CHECK(has(result->out, "up: 3\n"));
  REQUIRE(fs::exists(place.scratch / "copy"));
  CHECK(SqliteDatabase(place.scratch / "copy").faults(filling_set(true)) == "");
}

TEST_CASE("R4: a disk without room for anything is exit 5") {
  Place place;
  const auto result =
      on_small_disk(place, "8k", "dd if=/dev/zero of=\"$DATA/stuffing\" bs=4k 2>/dev/null\nup\nstatus\n");
  if (!result) return;
  INFO(result->out << result->err);
  CHECK(has(result->out, "up: 5\n"));
  CHECK(has(result->out, "Database Status: Not initialized (no migrations applied)\n"));
}

// ---- Plugins

namespace {

class PluginPlace : public Place {
 public:
  PluginPlace() {
    migrate_first("3");
    fs::create_directory(plugins);
    fs::copy_file(plugin_file(), file);
    fs::permissions(plugins, fs::perms(0755));
    fs::permissions(file, fs::perms(0644));
  }

  void check(const std::vector<std::string>& words) const {
    for (const char* command : {"up", "status"})
      check_refusal(*this, migrate_options(target, {command, "--plugin-dir", plugins.string()}), 6, words);
  }

  // Where the note's own bytes stand, after its owner's name.
  void patch(std::size_t offset_in_note, std::string_view bytes) const {
    std::string text = read_file(file);
    const PluginNote note("sqlite", "0", "sqlite");
    const std::string owner(note.owner, sizeof note.owner);
    std::size_t at = 0;
    for (at = text.find(owner); at != std::string::npos; at = text.find(owner, at + 1))
      if (std::memcmp(text.data() + at + sizeof note.owner + sizeof note.abi_version, note.abi_tag.data, 10) == 0)
        break;
    if (at == std::string::npos) throw std::runtime_error("no note in " + file.string());
    text.replace(at - offsetof(PluginNote, owner) + offset_in_note, bytes.size(), bytes);
    write_file(file, text);
  }

  fs::path plugins = scratch / "other-plugins";
  fs::path file = plugins / "sqlite.so";
};

}  // namespace

TEST_CASE("R4: without the plugin it is exit 6, with the package and every place tried") {
  PluginPlace place;
  const fs::path lonely = place.scratch / "lonely";
  fs::create_directory(lonely);
  fs::copy_file(talos_program(), lonely / "talos");
  auto options = migrate_options(place.target, {"up"});
  options.argv[0] = (lonely / "talos").string();
  check_refusal(place, options, 6, {"no plugin", "talos-plugin-sqlite", "sqlite.so: No such file or directory"});
}

TEST_CASE("R4, L1: an untouched copy of the plugin works (or the tests below show nothing)") {
  PluginPlace place;
  CHECK(migrate(place.target, {"up", "--plugin-dir", place.plugins.string()}).status == 0);
}

TEST_CASE("R4, L1: a corrupt plugin is exit 6 naming the file") {
  PluginPlace place;
  const std::string whole = read_file(place.file);
  write_file(place.file, "this is no shared object");
  place.check({place.file.string(), "refused"});
  write_file(place.file, "");
  place.check({place.file.string(), "refused"});
  write_file(place.file, whole.substr(0, 200));
  place.check({place.file.string(), "refused"});
  // Behind the note: all that is read before loading is there.
  for (const std::size_t left : {std::size_t{8'192}, std::size_t{100'000}, std::size_t{200'000}}) {
    INFO(left << " bytes left");
    REQUIRE(left < whole.size());
    write_file(place.file, whole.substr(0, left));
    place.check({place.file.string(), "refused", "cut short"});
  }
}

TEST_CASE("R4, L1: a plugin of another ABI is exit 6 naming both") {
  PluginPlace place;
  const std::uint32_t other = plugin_abi_version + 1;
  std::string bytes(sizeof other, '\0');
  std::memcpy(bytes.data(), &other, sizeof other);
  place.patch(offsetof(PluginNote, abi_version), bytes);
  place.check({place.file.string(), "ABI " + std::to_string(other), "ABI " + std::to_string(plugin_abi_version)});
}

TEST_CASE("R4, L1: a plugin built with another library is exit 6 naming both") {
  PluginPlace place;
  place.patch(offsetof(PluginNote, abi_tag), std::string("libc++1\0", 8));
  place.check({place.file.string(), "libc++1", "libstdc++6"});
}

TEST_CASE("R4, L1: another dialect's plugin under the name sqlite.so is exit 6: this edition supports SQLite only") {
  PluginPlace place;
  place.patch(offsetof(PluginNote, name), std::string("postgres\0", 9));
  place.check({place.file.string(), "SQLite only", "talos-commercial"});
}

TEST_CASE("R4, L1: a plugin that does not serve the scheme is exit 6") {
  PluginPlace place;
  place.patch(offsetof(PluginNote, schemes), std::string("other\0 sqlite", 6));
  place.check({place.file.string(), "other", "sqlite"});
}

TEST_CASE("R4, L1: a plugin whose descriptor contradicts its note is exit 6") {
  PluginPlace place;
  place.patch(offsetof(PluginNote, version), std::string("9.9.9\0", 6));
  place.check({place.file.string(), "descriptor"});
}

TEST_CASE("R4, L2: an untrusted plugin is exit 6 naming what is wrong, and no later one is taken") {
  PluginPlace place;
  fs::permissions(place.file, fs::perms(0664));
  place.check({place.file.string(), "writable by its group"});
  fs::permissions(place.file, fs::perms(0646));
  place.check({place.file.string(), "writable by everybody"});
  fs::permissions(place.file, fs::perms(0644));
  fs::permissions(place.plugins, fs::perms(0777));
  place.check({place.plugins.string(), "writable by everybody"});
  fs::permissions(place.plugins, fs::perms(0755));
  if (::geteuid() != 0) return;
  REQUIRE(::lchown(place.file.c_str(), 65534, 65534) == 0);
  place.check({place.file.string(), "uid 65534"});
  REQUIRE(::lchown(place.file.c_str(), OrdinaryUser::uid, 0) == 0);
  place.check({place.file.string(), "uid 1000"});
}

TEST_CASE("R4: another database's DSN is exit 6 before anything is touched, and names the edition") {
  Place place;
  for (const char* dsn : {"postgres://u:p@127.0.0.1:1/db", "postgresql://h/db", "mysql://u:p@tcp(127.0.0.1:1)/db",
                          "mariadb://h/db", "cockroachdb://h/db", "cockroach://h/db", "crdb://h/db", "other://h/db"}) {
    INFO(std::string(dsn));
    ProcessOptions options = talos_options({"migrate", "up", "--database", dsn});
    options.directory = place.data;
    check_refusal(place, options, 6, {"SQLite only", "talos-commercial"});
  }
}

}  // namespace talos::test
