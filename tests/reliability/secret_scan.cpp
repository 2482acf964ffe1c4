// R7, T4, G18: talos is given passwords in every way a DSN can be given, also wrong ones, and every byte that it
// printed or left behind is searched for them: raw, percent-decoded, percent-encoded, base64, and every piece of five
// characters. With TALOS_TEST_TRANSCRIPT (see e2e/process.hpp) the output of the other tests is searched as well.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <regex>
#include <set>
#include <stdexcept>
#include <unordered_set>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "secrets.hpp"
#include "sets.hpp"
#include "sqlite_database.hpp"

namespace talos::test {

namespace {

namespace fs = std::filesystem;

// The forms of a DSN, each with its password in it.
struct Form {
  const char* what;
  std::string specials;  ///< of the password
  std::function<std::string(const std::string& password, const fs::path& database)> text;
};

const std::vector<Form>& forms() {
  const std::string all = "@:/%#&+' ";
  const auto e = percent_encoded;
  using P = const std::string&;
  using D = const fs::path&;
  static const std::vector<Form> list{
      {"postgres URL", all,
       [=](P p, D) { return "postgres://talos:" + e(p) + "@db.internal:5432/talos?sslmode=disable"; }},
      {"postgresql URL, not encoded", all, [](P p, D) { return "postgresql://talos:" + p + "@db.internal/talos"; }},
      {"postgres URL, in a parameter", all,
       [=](P p, D) { return "postgres://db.internal/talos?user=t&password=" + e(p); }},
      {"postgres URL, upper case", all, [=](P p, D) { return "POSTGRES://talos:" + e(p) + "@db.internal/talos"; }},
      {"mysql URL", all, [=](P p, D) { return "mysql://talos:" + e(p) + "@tcp(db.internal:3306)/talos"; }},
      {"mariadb URL", all, [=](P p, D) { return "mariadb://talos:" + e(p) + "@db.internal/talos"; }},
      {"go-mysql DSN", all, [](P p, D) { return "talos:" + p + "@tcp(db.internal:3306)/talos?parseTime=true"; }},
      {"go-mysql DSN of a database x.db", all, [](P p, D) { return "talos:" + p + "@unix(/run/mysqld.sock)/x.db"; }},
      {"cockroachdb URL", all, [=](P p, D) { return "cockroachdb://talos:" + e(p) + "@db.internal:26257/talos"; }},
      {"crdb URL", all, [=](P p, D) { return "crdb-postgres://talos:" + e(p) + "@db.internal:26257/talos"; }},
      {"keywords", "", [](P p, D) { return "host=db.internal user=talos password=" + p + " dbname=my.db"; }},
      {"keywords, quoted", all, [](P p, D) { return "host=db.internal password='" + p + "' dbname=my.db"; }},
      {"unknown scheme", all, [=](P p, D) { return "redis://:" + e(p) + "@cache.internal/0"; }},
      {"no scheme before ://", all, [=](P p, D) { return "://talos:" + e(p) + "@db.internal/talos"; }},
      {"a blank in the scheme", all, [=](P p, D) { return "post gres://talos:" + e(p) + "@db.internal/talos"; }},
      {"one slash", all, [=](P p, D) { return "postgres:/talos:" + e(p) + "@db.internal/talos"; }},
      {"a line break", all, [=](P p, D) { return "postgres://talos:" + e(p) + "\n@db.internal/talos"; }},
      {"SQLite with unknown parameters", all,
       [=](P p, D d) { return "sqlite://" + d.string() + "?_auth&_auth_user=admin&_auth_pass=" + e(p); }},
      {"SQLite with a key", "", [](P p, D d) { return "sqlite://" + d.string() + "?_pragma_key=" + p + "&key=" + p; }},
      {"SQLite with PRAGMA key", "", [](P p, D d) { return "sqlite://" + d.string() + "?_pragma=key(" + p + ")"; }},
      {"SQLite with a PRAGMA that SQLite cannot read", "",
       [](P p, D d) { return "sqlite://" + d.string() + "?_pragma=key(0b" + p + ")"; }},
      {"SQLite with a wrong journal mode", "",
       [](P p, D d) { return "sqlite://" + d.string() + "?_journal_mode=0b" + p; }},
      {"SQLite with PRAGMA key, quoted", all,
       [=](P p, D d) { return "sqlite://" + d.string() + "?_pragma=" + percent_encoded("key('" + p + "')"); }},
      {"SQLite with a wrong number", all,
       [=](P p, D d) { return "sqlite://" + d.string() + "?_busy_timeout=" + e(p); }},
      {"SQLite with a wrong mode", all, [=](P p, D d) { return "sqlite://" + d.string() + "?mode=" + e(p); }},
      {"SQLite with a wrong table", all,
       [=](P p, D d) { return "sqlite://" + d.string() + "?x-migrations-table=" + e(p); }},
      {"SQLite with a wrong vfs", all, [=](P p, D d) { return "sqlite://" + d.string() + "?vfs=" + e(p); }},
      {"SQLite with a wrong cache", all, [=](P p, D d) { return "sqlite://" + d.string() + "?cache=" + e(p); }},
      {"SQLite with a user and password", all, [=](P p, D) { return "sqlite://talos:" + e(p) + "@db.internal/x.db"; }},
      {"SQLite with a user and password, not encoded", "%#&+' ",
       [](P p, D) { return "sqlite3://talos:" + p + "@db.internal/x.db"; }},
      {"SQLite of keywords", all, [](P p, D) { return "sqlite://host=db.internal password='" + p + "'"; }},
      {"SQLite, file URI with a host", all, [=](P p, D) { return "sqlite://file://talos:" + e(p) + "@host/x.db"; }},
      {"SQLite in memory", all, [=](P p, D) { return "sqlite://:memory:?_auth_pass=" + e(p); }},
  };
  return list;
}

class Place {
 public:
  Place() {
    write_set(migrations, busy_set(Profile::transactional, 5));
    fs::create_directory(work);
    fs::create_directory(given);
  }

  ScratchDirectory scratch;
  fs::path migrations = scratch / "migrations";
  fs::path work = scratch / "work";    ///< the program's working directory: all in it is searched
  fs::path given = scratch / "given";  ///< what it reads, with the password in it
};

// A way to hand over a DSN: complete arguments and environment.
struct Way {
  const char* what;
  std::function<void(ProcessOptions&, const Place&, const std::string& dsn)> give;
};

void add(ProcessOptions& options, const std::vector<std::string>& words) {
  options.argv.insert(options.argv.end(), words.begin(), words.end());
}

Way variable(const char* name) {
  return {name, [name](ProcessOptions& o, const Place&, const std::string& dsn) { o.environment[name] = dsn; }};
}

Way as_option_value(const char* option) {
  return {option, [option](ProcessOptions& o, const Place&, const std::string& dsn) { add(o, {option, dsn}); }};
}

Way in_configuration(const char* what, std::function<std::string(const std::string&)> yaml) {
  return {what, [yaml = std::move(yaml)](ProcessOptions& o, const Place& place, const std::string& dsn) {
            write_file(place.given / "config.yaml", yaml(dsn));
            add(o, {"--config", (place.given / "config.yaml").string()});
          }};
}

const std::vector<Way>& ways() {
  using O = ProcessOptions&;
  using D = const std::string&;
  static const std::vector<Way> list{
      as_option_value("--database"),
      {"--database=", [](O o, const Place&, D dsn) { add(o, {"--database=" + dsn}); }},
      {"--database-file",
       [](O o, const Place& place, D dsn) {
         write_file(place.given / "dsn", dsn + "\n");
         add(o, {"--database-file", (place.given / "dsn").string()});
       }},
      {"DB_DSN_FILE",
       [](O o, const Place& place, D dsn) {
         write_file(place.given / "dsn", dsn);
         o.environment["DB_DSN_FILE"] = (place.given / "dsn").string();
       }},
      variable("DB_DSN"),
      variable("DSN"),
      variable("TALOS_DB_DSN"),
      in_configuration("--config", [](D dsn) { return "db:\n  dsn: >-\n    " + dsn + "\n"; }),
      // From here on: mistakes.
      in_configuration("--config, unclosed quote", [](D dsn) { return "db:\n  dsn: \"" + dsn + "\n  x: y\n"; }),
      in_configuration("--config, unclosed braces", [](D dsn) { return "db: {dsn: [" + dsn + "\n"; }),
      in_configuration("--config, tabs", [](D dsn) { return "db:\n\tdsn: " + dsn + "\n\t  - : ]\n"; }),
      in_configuration("--config, an alias", [](D dsn) { return "db:\n  dsn: *" + dsn + "\n"; }),
      in_configuration("--config, a tag", [](D dsn) { return "db:\n  dsn: !" + dsn + " {\n"; }),
      in_configuration("--config, a list", [](D dsn) { return "db:\n  dsn:\n    - '" + dsn + "'\n"; }),
      in_configuration("--config, no mapping", [](D dsn) { return dsn; }),
      in_configuration("--config, as a key", [](D dsn) { return "? " + dsn + "\n: : : }\n" + dsn + ": 1\n"; }),
      {"--databse=", [](O o, const Place&, D dsn) { add(o, {"--databse=" + dsn}); }},
      as_option_value("--databse"),
      as_option_value("-database"),
      as_option_value("-d"),
      {"-D", [](O o, const Place&, D dsn) { add(o, {"-D" + dsn}); }},
      {"--dsn=", [](O o, const Place&, D dsn) { add(o, {"--dsn=" + dsn}); }},
      {"as an option's name", [](O o, const Place&, D dsn) { add(o, {"--" + dsn}); }},
      {"stray", [](O o, const Place&, D dsn) { add(o, {dsn}); }},
      {"stray, after --",
       [](O o, const Place&, D dsn) {
         add(o, {"--", dsn});
       }},
      {"first word", [](O o, const Place&, D dsn) { o.argv.insert(o.argv.begin() + 1, dsn); }},
      {"second word", [](O o, const Place&, D dsn) { o.argv.insert(o.argv.begin() + 2, dsn); }},
      {"given twice",
       [](O o, const Place&, D dsn) {
         add(o, {"--database", dsn, "--database", dsn});
       }},
      {"both",
       [](O o, const Place&, D dsn) {
         add(o, {"--database", dsn, "--database-file", dsn});
       }},
      {"--database-file, itself",
       [](O o, const Place&, D dsn) {
         add(o, {"--database-file", dsn});
       }},
      {"DB_DSN_FILE, itself", [](O o, const Place&, D dsn) { o.environment["DB_DSN_FILE"] = dsn; }},
      {"--config, itself",
       [](O o, const Place&, D dsn) {
         add(o, {"--config", dsn});
       }},
      {"--migrations, itself",
       [](O o, const Place&, D dsn) {
         add(o, {"--database", dsn, "--migrations", dsn});
       }},
      as_option_value("--plugin-dir"),
      as_option_value("--table"),
      as_option_value("--to"),
      as_option_value("--steps"),
      as_option_value("--lock-timeout"),
      as_option_value("--durable"),
      as_option_value("--format"),
      as_option_value("--log-level"),
      as_option_value("--color"),
      {"--quiet=", [](O o, const Place&, D dsn) { add(o, {"--quiet=" + dsn}); }},
  };
  return list;
}

const std::vector<std::vector<std::string>>& outputs() {
  static const std::vector<std::vector<std::string>> list{
      {"--log-level", "trace"},
      {"--format", "json", "--log-level", "trace", "--log-format", "json"},
      {"--quiet", "--color", "always"},
  };
  return list;
}

const std::vector<std::vector<std::string>>& commands() {
  static const std::vector<std::vector<std::string>> list{
      {"migrate", "up"},
      {"migrate", "status"},
      {"migrate", "up", "--dry-run"},
      {"migrate", "history"},
      {"migrate", "force", "2"},
      {"migrate", "down"},
      {"migrate", "status", "--verify", "--exit-code"},
  };
  return list;
}

}  // namespace

TEST_CASE("T4: the scan finds a planted password in every form, in output, in files, and in a command line") {
  const std::string password = new_password();
  const Needles needles(password);
  const std::string encoded = percent_encoded(password);
  auto said = [](const std::string& text) {
    ProcessOptions options;
    options.argv = {"printf", "%s", "some text " + text + " and more"};
    return run(options);
  };
  ScratchDirectory empty;
  CHECK(search(needles, said("nothing"), empty.path()).empty());
  for (std::size_t at = 0; at + piece_length <= password.size(); ++at)
    CHECK(search(needles, said(password.substr(at, piece_length)), empty.path()) != "");
  CHECK(search(needles, said(encoded), empty.path()) != "");
  for (const char* before : {"", "x", "xy", "xyz"}) {
    CHECK(search(needles, said(base64(before + password + "xyz")), empty.path()) != "");
    CHECK(search(needles, said(base64(before + encoded + "xyz")), empty.path()) != "");
  }
  CHECK(Needles(encoded).found_in(password) != "");  // given encoded, shown decoded
  CHECK(Needles(percent_encoded("a b")).found_in("a b").empty());

  ScratchDirectory directory;
  run_sql(directory / "canary.db", "CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('" + std::string("plain") +
                                       password.substr(0, piece_length) + "')");
  CHECK(search(needles, said(""), directory.path()) != "");

  ProcessOptions waiting;
  waiting.argv = {"sh", "-c", "tail -f /dev/null; :", "sh", password};
  auto process = Process::start(waiting);
  CHECK(eventually([&] { return !needles.found_in(command_line_of(process)).empty(); }));
}

TEST_CASE("T4: the scan finds a canary that talos itself prints and stores") {
  const Place place;
  const std::string canary = new_password("");
  const SqliteTarget target{place.work / "data.db", place.scratch / "canary"};
  write_migration(target.migrations, 1, "canary", "INSERT INTO nowhere VALUES ('" + canary + "');\n", "SELECT 1;\n");
  const auto result = migrate(target, {"up"});
  CHECK(result.status == 1);
  CHECK(Needles(canary).found_in(result.err) != "");
  write_migration(target.migrations, 1, "canary", "CREATE TABLE \"" + canary + "\" (id INTEGER);\n", "SELECT 1;\n");
  const auto stored = migrate(target, {"up"});
  CHECK(stored.status == 0);
  CHECK(Needles(canary).found_in(stored.out + stored.err).empty());
  CHECK(search_files(Needles(canary), place.work) != "");
}

TEST_CASE("R7, G18: no password of any DSN, given in any way, is printed or stored") {
  std::size_t turn = 0;
  for (const Form& form : forms()) {
    const Place place;
    for (const Way& way : ways()) {
      const std::string password = use_password(form.specials);
      const Needles needles(password);
      const std::string dsn = form.text(password, place.work / "data.db");
      ProcessOptions options;
      options.directory = place.work;
      const auto& command = commands()[turn % commands().size()];
      options.argv = {talos_program().string()};
      add(options, command);
      add(options, outputs()[turn % outputs().size()]);
      ++turn;
      way.give(options, place, dsn);
      const bool has_migrations =
          std::find(options.argv.begin(), options.argv.end(), "--migrations") != options.argv.end();
      if (!has_migrations) add(options, {"--migrations", place.migrations.string()});
      // Where a wrong value took the DSN's place there is another to go on with.
      if (turn % 2 == 0) options.environment.try_emplace("TALOS_DB_DSN", "sqlite://other.db");
      const auto result = run(options);
      INFO(std::string(form.what) << ", " << std::string(way.what) << ", " << command.back() << "\n"
                                  << result.out << result.err);
      CHECK(search(needles, result, place.work) == "");
      CHECK(result.signal == 0);
    }
  }
  std::printf("R7: %zu command lines\n", turn);
}

TEST_CASE("R7, G18: words of other commands that are DSNs are not said again") {
  const Place place;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"help"},
                                             {"help", "migrate"},
                                             {"plugins"},
                                             {"version"},
                                             {"completion"},
                                             {"migrate", "create"},
                                             {"migrate", "force"},
                                             {"migrate"},
                                             {"plugins", "--plugin-dir"},
                                             {"migrate", "create", "x", "--migrations"}}) {
    for (const Form& form : forms()) {
      const std::string password = use_password(form.specials);
      ProcessOptions options;
      options.directory = place.work;
      options.argv = {talos_program().string()};
      add(options, words);
      add(options, {form.text(password, place.work / "data.db")});
      const auto result = run(options);
      INFO((words.empty() ? std::string() : words.back()) << ", " << std::string(form.what) << "\n"
                                                          << result.out << result.err);
      CHECK(search(Needles(password), result, place.work) == "");
    }
  }
}

TEST_CASE("R7, G18: a waiting process shows no password in /proc/<pid>/cmdline, on its terminal, or in the lock file") {
  const Place place;
  const fs::path database = place.work / "data.db";
  REQUIRE(migrate(SqliteTarget{database, place.migrations}, {"up", "--to", "3"}).status == 0);
  const HeldLock lock(database);
  for (const bool joined : {false, true}) {
    for (const bool block : {false, true}) {
      for (const bool terminal : {false, true}) {
        const std::string password = use_password("@:/%#&+' ");
        const Needles needles(password);
        const std::string dsn =
            "sqlite://" + database.string() + "?_auth_user=talos&_auth_pass=" + percent_encoded(password);
        ProcessOptions options = talos_options({"migrate", block ? "status" : "up", "--log-level", "trace"});
        if (block) add(options, {"--block"});
        add(options, {"--migrations", place.migrations.string()});
        if (joined)
          add(options, {"--database=" + dsn});
        else
          add(options, {"--database", dsn});
        options.directory = place.work;
        options.terminal_err = terminal;
        auto process = Process::start(options);
        process.wait_for_output("Waiting");
        const std::string shown = command_line_of(process);
        INFO(shown);
        CHECK(needles.found_in(shown).empty());
        CHECK(shown.find("--database") != std::string::npos);
        process.signal(SIGTERM);
        const auto result = process.wait();
        INFO(result.err);
        CHECK(result.status == 128 + SIGTERM);
        CHECK(search(needles, result, place.work) == "");
      }
    }
  }
}

TEST_CASE("R7: no password of this run, or in another test's arguments, is in what the transcript says was printed") {
  const char* name = std::getenv("TALOS_TEST_TRANSCRIPT");
  if (name == nullptr || *name == '\0' || !fs::exists(name)) {
    MESSAGE("skipped: TALOS_TEST_TRANSCRIPT names no file");
    return;
  }
  // Records: "argv: …", then "stdout:", "stderr:", "status: N".
  const std::string transcript = read_file(name);
  std::set<std::string> passwords(passwords_used().begin(), passwords_used().end());
  std::string printed;
  const std::regex userinfo("://[^/@: ]*:([^@ ]{8,})@");
  const std::regex keyword("passw(?:or)?d=([^ &'\n]{8,})");
  for (std::size_t at = transcript.find("argv: "); at != std::string::npos;) {
    const auto out = transcript.find("\nstdout:\n", at);
    const auto end = std::min(transcript.find("\nargv: ", at), transcript.size());
    if (out == std::string::npos || out > end) break;
    const std::string arguments = transcript.substr(at, out - at);
    for (const std::regex& pattern : {userinfo, keyword})
      for (std::sregex_iterator match(arguments.begin(), arguments.end(), pattern), none; match != none; ++match)
        passwords.insert((*match)[1]);
    // A test's own tools (printf, sh) say what they were told to.
    if (arguments.find("/talos ") != std::string::npos) printed += transcript.substr(out, end - out);
    at = end == transcript.size() ? std::string::npos : end + 1;
  }
  std::printf("R7: %zu passwords, %zu bytes of transcript\n", passwords.size(), printed.size());
  Needles needles(std::size_t{8});
  for (const std::string& password : passwords) needles.add(password);
  CHECK(needles.found_in(printed) == "");
}

}  // namespace talos::test
