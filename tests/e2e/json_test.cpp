// Machine-readable output: one object per command on stdout, one per line on stderr.
#include <algorithm>
#include <csignal>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "world.hpp"

namespace talos::test {

namespace {

using nlohmann::json;

json parsed(const std::string& text) {
  CAPTURE(text);
  json object = json::parse(text, nullptr, false);
  REQUIRE(object.is_object());
  CHECK(text.ends_with('\n'));
  return object;
}

bool has_type(const json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  return std::string(value.type_name()) == type;
}

std::string fault(const json& value, const json& schema, const std::string& where);

std::string fault_of_object(const json& value, const json& schema, const std::string& where) {
  for (const auto& name : schema.value("required", json::array()))
    if (!value.contains(name.get<std::string>())) return where + " lacks " + name.dump();
  for (const auto& [name, member] : value.items()) {
    if (!schema["properties"].contains(name)) return where + "." + name + " is not in the schema";
    if (auto found = fault(member, schema["properties"][name], where + "." + name); !found.empty()) return found;
  }
  return {};
}

// The part of JSON Schema that docs/schemas uses, and stricter: a member that the schema does not name is a fault.
// Empty when there is none.
std::string fault(const json& value, const json& schema, const std::string& where) {
  if (schema.contains("anyOf")) {
    std::string first;
    for (const json& choice : schema["anyOf"]) {
      const std::string found = fault(value, choice, where);
      if (found.empty()) return {};
      if (first.empty()) first = found;
    }
    return first;
  }
  if (schema.contains("const") && value != schema["const"]) return where + " is not " + schema["const"].dump();
  if (schema.contains("enum") && std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
    return where + " is " + value.dump();
  if (schema.contains("type")) {
    const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
    if (std::none_of(types.begin(), types.end(), [&](const json& t) { return has_type(value, t.get<std::string>()); }))
      return where + " is " + value.dump() + ", not of type " + types.dump();
  }
  if (value.is_object() && schema.contains("properties")) return fault_of_object(value, schema, where);
  if (value.is_array() && schema.contains("items"))
    for (const json& item : value)
      if (auto found = fault(item, schema["items"], where + "[]"); !found.empty()) return found;
  return {};
}

json schema_of(const std::string& command) {
  std::string name = command.substr(command.rfind(' ') + 1);
  if (name == "up" || name == "down" || name == "force") name = "run";
  return json::parse(read_file(std::filesystem::path(TALOS_TEST_SCHEMAS) / (name + ".json")));
}

// The one object of a command, with the head that all have, checked against its schema.
json data(const ProcessResult& result, const std::string& command) {
  json object = parsed(result.out);
  CHECK(fault(object, schema_of(command), command) == "");
  CHECK(object["format_version"] == 1);
  CHECK(object["command"] == command);
  CHECK(object["ok"].is_boolean());
  if (object["ok"] == false) {
    CHECK(object["error"]["code"].is_string());
    CHECK(object["error"]["message"].is_string());
  }
  return object;
}

json up(const World& world, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"up", "--format", "json"});
  return data(world.migrate(more), "migrate up");
}

json status(const World& world) { return data(world.migrate({"status", "--format", "json"}), "migrate status"); }

// Every line an object with a time, a level and an event; the lines that are none are returned.
std::vector<std::string> other_lines(const std::string& log) {
  std::vector<std::string> others;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) {
      others.push_back(line);
      continue;
    }
    CHECK(object["time"].is_string());
    CHECK(object["level"].is_string());
    CHECK(object["event"].is_string());
    CHECK(object["message"].is_string());
  }
  return others;
}

void dirty_world(const World& world) {
  write_migration(world.migrations, 2, "partial",
                  "-- talos:no-transaction\nCREATE TABLE half (x);\nINSERT INTO missing VALUES (1);\nSELECT 1;\n");
}

}  // namespace

TEST_CASE("up prints what it applied") {
  World world;
  world.tables(2);
  const json object = up(world);
  CHECK(object["ok"] == true);
  CHECK(object["from"].is_null());
  CHECK(object["to"] == 2);
  CHECK(object["latest"] == 2);
  CHECK(object["dirty"] == false);
  CHECK(object["ahead"] == false);
  CHECK(object["dry_run"] == false);
  REQUIRE(object["migrations"].size() == 2);
  CHECK(object["migrations"][0]["version"] == 1);
  CHECK(object["migrations"][0]["title"] == "t1");
  CHECK(object["migrations"][0]["direction"] == "up");
  CHECK(object["migrations"][1]["durable"] == true);
  CHECK(object["database"]["table"] == "schema_migrations");
  CHECK(up(world)["migrations"].empty());
}

TEST_CASE("up --dry-run prints what it would apply") {
  World world;
  world.tables(2);
  const json object = up(world, {"--dry-run"});
  CHECK(object["dry_run"] == true);
  REQUIRE(object["planned"].size() == 2);
  CHECK(object["planned"][1]["version"] == 2);
  CHECK(object["migrations"].empty());
}

TEST_CASE("up prints its object on failure too: what was applied, and the error with its place") {
  World world;
  world.tables(1);
  world.migration(2, "bad", "CREATE TABLE b (x);\nINSERT INTO missing VALUES (1);\n");
  const auto result = world.migrate({"up", "--format", "json"});
  CHECK(result.status == 1);
  const json object = data(result, "migrate up");
  CHECK(object["ok"] == false);
  CHECK(object["to"] == 1);
  CHECK(object["migrations"].size() == 1);
  CHECK(object["error"]["code"] == "statement");
  CHECK(object["error"]["file"] == "000002_bad.up.sql");
  CHECK(object["error"]["line"] == 2);
  CHECK(object["error"]["statement"] == 2);
}

TEST_CASE("up and down print their object whatever refuses them") {
  World world;
  world.tables(2);
  CHECK(up(world, {"--steps", "1"})["ok"] == true);
  const auto expect = [&](std::vector<std::string> words, int status, const char* code) {
    CAPTURE(words[0]);
    CAPTURE(code);
    words.insert(words.end(), {"--format", "json"});
    const auto result = world.migrate(words);
    CHECK(result.status == status);
    const json object = data(result, "migrate " + words[0]);
    CHECK(object["ok"] == false);
    CHECK(object["error"]["code"] == code);
  };
  expect({"up", "--to", "9"}, 2, "usage");
  expect({"down", "--to", "2"}, 2, "usage");
  expect({"down", "--all"}, 2, "usage");
  dirty_world(world);
  std::filesystem::remove(world.migrations / "000002_t2.up.sql");
  std::filesystem::remove(world.migrations / "000002_t2.down.sql");
  expect({"up"}, 1, "statement");
  expect({"up"}, 3, "dirty");
  expect({"down"}, 3, "dirty");
  write_file(world.migrations / "nonsense.up.sql", "");
  expect({"up"}, 2, "usage");
  expect({"status"}, 2, "usage");
}

TEST_CASE("an object is printed where the database or the plugin refuses") {
  const ScratchDirectory scratch;
  for (const char* command : {"up", "down", "status", "history"}) {
    const auto edition = talos({"migrate", command, "--database", "postgres://h/d", "--format", "json"});
    CHECK(edition.status == 6);
    CHECK(data(edition, std::string("migrate ") + command)["error"]["code"] == "plugin");
    const auto missing =
        talos({"migrate", command, "--database", "sqlite://" + (scratch / "no/x.db").string(), "--format", "json"});
    const json object = data(missing, std::string("migrate ") + command);
    CHECK((missing.status == 0) == (object["ok"] == true));
    if (std::string(command) == "up") CHECK(object["error"]["code"] == "connection");
  }
}

TEST_CASE("down prints what it rolled back") {
  World world;
  world.tables(2);
  up(world);
  const json object = data(world.migrate({"down", "--steps", "2", "--format", "json"}), "migrate down");
  CHECK(object["from"] == 2);
  CHECK(object["to"].is_null());
  REQUIRE(object["migrations"].size() == 2);
  CHECK(object["migrations"][0]["version"] == 2);
  CHECK(object["migrations"][0]["direction"] == "down");
}

TEST_CASE("status prints the state, what is pending, and what is wrong") {
  World world;
  world.tables(1);
  dirty_world(world);
  json object = status(world);
  CHECK(object["status"] == "not_initialized");
  CHECK(object["current"].is_null());
  CHECK(object["latest"] == 2);
  CHECK(object["pending"].size() == 2);
  CHECK(object["pending"][0]["version"] == 1);
  CHECK(object["lock"]["held"] == false);
  CHECK(object["dirty"].is_null());

  up(world, {"--steps", "1"});
  object = status(world);
  CHECK(object["status"] == "clean");
  CHECK(object["current"] == 1);

  up(world);
  object = status(world);
  CHECK(object["status"] == "dirty");
  CHECK(object["dirty"]["version"] == 2);
  REQUIRE(object["dirty"]["statements"].size() == 2);
  CHECK(object["dirty"]["statements"][0]["state"] == "done");
  CHECK(object["dirty"]["statements"][1]["state"] == "failed");
  CHECK(object["dirty"]["statements"][1]["statements"] == 3);
  CHECK(object["dirty"]["force_if_finished"] == 2);
  CHECK(object["dirty"]["force_if_undone"] == 1);
  CHECK(object["last_failure"]["error"]["message"].is_string());
}

TEST_CASE("status --block prints one object, also when it is out of time") {
  World world;
  world.tables(1);
  const auto result = world.migrate({"status", "--block", "--timeout", "20ms", "--format", "json"});
  CHECK(result.status == 7);
  CHECK(data(result, "migrate status")["pending"].size() == 1);
}

TEST_CASE("force, history, create, plugins and version print their objects") {
  World world;
  world.tables(2);
  up(world);
  const json forced = data(world.migrate({"force", "1", "--format", "json"}), "migrate force");
  CHECK(forced["from"] == 2);
  CHECK(forced["to"] == 1);

  const json history = data(world.migrate({"history", "--format", "json"}), "migrate history");
  REQUIRE(history["history"].size() == 3);
  CHECK(history["history"][0]["action"] == "up");
  CHECK(history["history"][0]["sha256"].get<std::string>().size() == 64);
  CHECK(history["history"][2]["action"] == "force");

  const json created = data(world.migrate({"create", "x", "--format", "json"}), "migrate create");
  CHECK(created["files"].size() == 2);

  const json plugins = data(talos({"plugins", "--format", "json"}), "plugins");
  for (const json& plugin : plugins["plugins"]) {
    CAPTURE(plugin.dump());
    CHECK((plugin["usable"] == true) == (plugin["name"] == "sqlite"));
  }
  CHECK_FALSE(plugins["plugins"].empty());

  CHECK(data(talos({"version", "--format", "json"}), "version")["version"].is_string());
}

TEST_CASE("schema, verify, diagnose and backup print their objects") {
  World world;
  world.tables(1);
  world.migration(2, "gone", "DROP TABLE t1;\n", "CREATE TABLE t1 (x);\n");
  const std::string dsn = "sqlite://" + world.database.string();
  const std::string copy = (world.directory / "copy.db").string();
  REQUIRE(world.migrate({"up", "--to", "1"}).status == 0);
  const auto ask = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "migrate");
    words.insert(words.end(), {"--format", "json"});
    return talos(std::move(words), world.here());
  };
  const json schema = data(ask({"schema", "--database", dsn}), "migrate schema");
  CHECK(schema["objects"][0]["name"] == "t1");
  CHECK(schema["fingerprint"].get<std::string>().size() == 64);
  const json verified = data(ask({"verify", "--migrations", world.migrations.string()}), "migrate verify");
  CHECK(verified["ok"] == false);
  CHECK(verified["findings"][0]["rule"] == "dropped-table");
  CHECK(verified["findings"][0]["line"] == 1);
  CHECK(verified["migrations"][1]["changes"][0] == "- table t1");
  const json diagnosis =
      data(ask({"diagnose", "--database", dsn, "--migrations", world.migrations.string()}), "migrate diagnose");
  CHECK(diagnosis["schema_versions"] == json::array({1}));
  CHECK(diagnosis["fingerprint"] == schema["fingerprint"]);
  CHECK(diagnosis["remedies"].empty());
  const json backup = data(ask({"backup", "--database", dsn, "--output", copy}), "migrate backup");
  CHECK(backup["backup"]["destination"] == copy);
  CHECK(backup["backup"]["bytes"].get<long>() > 0);
  const std::string another = (world.directory / "another.db").string();
  const json run = data(world.migrate({"up", "--backup", another, "--format", "json"}), "migrate up");
  CHECK(run["backup"]["destination"] == another);
}

TEST_CASE("force prints its object where it refuses") {
  World world;
  world.tables(1);
  up(world);
  const auto result = world.migrate({"force", "9", "--format", "json"});
  CHECK(result.status == 1);
  CHECK(data(result, "migrate force")["error"]["code"] == "policy");
}

TEST_CASE("bytes that are no UTF-8 make no invalid JSON") {
  World world;
  world.migration(1, "bad\xFFname", "SELECT '\xFE\xFF' FROM missing;\n");
  const auto result = world.migrate({"up", "--format", "json", "--log-format", "json"});
  CHECK(result.status != 0);
  data(result, "migrate up");
  CHECK(other_lines(result.err).empty());
  status(world);
  data(world.migrate({"history", "--format", "json"}), "migrate history");
}

TEST_CASE("with --log-format json every line of stderr is an object, on success and on failure") {
  World world;
  world.tables(1);
  world.migration(2, "bad", "INSERT INTO missing VALUES (1);\n", "");
  const auto lines_of = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--log-format", "json", "--log-level", "trace", "--color", "always"});
    const auto result = world.migrate(words);
    CAPTURE(result.err);
    CHECK(!result.err.empty());
    CHECK(other_lines(result.err).empty());
    CHECK(result.err != Part{"\x1b"});
    return result.status;
  };
  CHECK(lines_of({"status"}) == 0);
  CHECK(lines_of({"up"}) == 1);
  CHECK(lines_of({"up", "--to", "9"}) == 2);
  CHECK(lines_of({"down", "--all"}) == 2);
  CHECK(lines_of({"history"}) == 0);
  CHECK(lines_of({"status", "--block", "--timeout", "20ms"}) == 7);
  CHECK(lines_of({"force", "9"}) == 1);
  CHECK(lines_of({"down"}) == 0);
}

TEST_CASE("a usage error is an object too where the command line could say so") {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"migrate", "up", "--database", "x.db", "--log-format", "json", "--steps", "0"},
           {"migrate", "up", "--log-format=json", "--database", "x.db", "--stepz", "1"}}) {
    const auto result = talos(words);
    CHECK(result.status == 2);
    CHECK(result.out.empty());
  }
}

TEST_CASE("G20: with --log-format json the one line that is no object says that the database is dirty") {
  World world;
  world.tables(1);
  dirty_world(world);
  CHECK(world.migrate({"up"}).status == 1);
  for (const char* command : {"up", "down"}) {
    const auto result = world.migrate({command, "--log-format", "json"});
    CHECK(result.status == 3);
    CHECK(other_lines(result.err) == std::vector<std::string>{"Error: Database is in dirty state at version 2"});
  }
}

TEST_CASE("an interrupted up prints its object") {
  World world;
  world.tables(1);
  world.migration(2, "slow", endless_statement);
  CHECK(world.migrate({"up", "--steps", "1"}).status == 0);
  Process runner = world.start({"up", "--format", "json", "--log-level", "debug"});
  runner.wait_for_output("migrations planned");
  runner.signal(SIGINT);
  const auto result = runner.wait();
  CHECK(result.status == 130);
  const json object = data(result, "migrate up");
  CHECK(object["ok"] == false);
  CHECK(object["error"]["code"] == "cancelled");
  CHECK(object["to"] == 1);
}

}  // namespace talos::test
