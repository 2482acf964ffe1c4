#include "kit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <stdexcept>
#include <thread>

#include "runner_identity.hpp"

namespace talos::conformance {

namespace {

std::optional<Target>& the_target() {
  static std::optional<Target> target;
  return target;
}

std::string describe(const ExecuteResult& result) {
  std::string text = "execute() completed " + std::to_string(result.completed) + " units";
  if (result.error) text += ", then " + to_text(result.error->code) + ": " + all_text_of(*result.error);
  return text;
}

}  // namespace

Edition any_plugin() {
  Edition edition;
  edition.program = "talos-plugin-conformance";
  edition.title = "Talos plugin conformance kit";
  return edition;
}

Target load_target(const std::filesystem::path& file, std::string dsn) {
  const auto absolute = std::filesystem::absolute(file).lexically_normal();
  const PluginSearch search{{absolute.parent_path()}};
  const auto listings = list_plugins(search, any_plugin());
  const auto own = std::find_if(listings.begin(), listings.end(),
                                [&](const PluginListing& listing) { return listing.file == absolute; });
  if (own == listings.end()) throw Error(ErrorCode::plugin, "there is no plugin " + absolute.string());
  if (!own->usable) throw Error(ErrorCode::plugin, absolute.string() + " is not usable: " + own->reason);
  const std::string scheme = own->schemes.substr(0, own->schemes.find(' '));
  return {*own, load_plugin({scheme, own->name, {}}, search, any_plugin()), std::move(dsn), {}, {}};
}

void set_target(Target target) { the_target() = std::move(target); }

const Target& target() {
  if (!the_target()) throw std::logic_error("no plugin is loaded");
  return *the_target();
}

std::string random_text(std::size_t length) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  static std::random_device random;
  std::uniform_int_distribution<std::size_t> pick(0, letters.size() - 1);
  std::string text;
  while (text.size() < length) text += letters[pick(random)];
  return text;
}

std::string fresh_name() {
  static const std::string run = random_text(8);
  static int count = 0;
  return "kit_" + run + "_" + std::to_string(++count);
}

ConnectRequest request_for(const std::string& table, Access access) {
  ConnectRequest request;
  request.dsn = target().dsn;
  request.access = access;
  request.table = table;
  request.runner = current_runner("talos-plugin-conformance");
  return request;
}

std::unique_ptr<Session> connect(const std::string& table, Access access) {
  return target().plugin.driver().connect(request_for(table, access));
}

Capabilities capabilities() { return connect(fresh_name())->capabilities(); }

State look(const std::string& table, LogDepth depth) { return connect(table, Access::write)->read_state(depth); }

Source::Source(Session& session, std::string text) : text_(std::move(text)) {
  script_.version = 1;
  script_.file = "000001_conformance.up.sql";
  script_.text = text_;
  script_.traits = session.split(text_, [this](const Statement& statement) { statements_.push_back(statement); });
}

std::string_view Source::text_of(const Statement& statement) const {
  return std::string_view(text_).substr(statement.offset, statement.length);
}

Unit Source::transaction() const {
  Unit unit;
  unit.script = &script_;
  unit.end = text_.size();
  return unit;
}

Unit Source::bare(std::size_t statement) const {
  Unit unit;
  unit.transaction = false;
  unit.script = &script_;
  unit.begin = statements_.at(statement).offset;
  unit.end = unit.begin + statements_.at(statement).length;
  return unit;
}

std::vector<Unit> Source::units(const Capabilities& can) const {
  if (can.transactional_ddl) return {transaction()};
  std::vector<Unit> units;
  for (std::size_t i = 0; i < statements_.size(); ++i) {
    units.push_back(bare(i));
    units.back().transaction = statements_[i].kind == StatementClass::dml;
  }
  return units;
}

Unit claim_unit(std::optional<TrackerRow> from, std::optional<TrackerRow> to) {
  Unit unit;
  unit.create_tables = true;
  unit.claim = Claim{from, to};
  return unit;
}

LogRow small_log_row(LogAction action, Version version, bool failed) {
  LogRow row;
  row.action = action;
  row.failed = failed;
  row.version = row.current = version;
  return row;
}

ExecuteResult execute(Session& session, const std::vector<Unit>& units) {
  Recorder recorder;
  return session.execute(units, recorder);
}

ExecuteResult execute(Session& session, const Unit& unit) { return execute(session, std::vector<Unit>{unit}); }

ExecuteResult run(Session& session, const std::string& text) {
  const Source source(session, text);
  return execute(session, source.units(session.capabilities()));
}

void require_done(const ExecuteResult& result, std::size_t units) {
  require_done(result);
  REQUIRE(result.completed == units);
}

void require_done(const ExecuteResult& result) {
  const std::string text = describe(result);
  INFO(text);
  REQUIRE_FALSE(result.error.has_value());
}

void require_failed(const ExecuteResult& result, ErrorCode code, std::size_t completed) {
  const std::string text = describe(result);
  INFO(text);
  REQUIRE(result.error.has_value());
  CHECK(to_text(result.error->code) == to_text(code));
  CHECK(result.completed == completed);
}

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  FAIL("this should have thrown talos::Error");
  throw std::logic_error("unreachable");
}

std::string all_text_of(const Error& error) {
  return std::string(error.what()) + "\n" + error.native_code + "\n" + error.detail + "\n" + error.hint;
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds deadline) {
  const auto until = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::string create_table(const std::string& name) {
  return "CREATE TABLE " + name + " (id INTEGER NOT NULL PRIMARY KEY);\n";
}

std::string insert(const std::string& name, int number) {
  return "INSERT INTO " + name + " VALUES (" + std::to_string(number) + ");\n";
}

std::string drop_table(const std::string& name) { return "DROP TABLE " + name + ";\n"; }

bool inserts(Session& session, const std::string& name, int number) {
  return !run(session, insert(name, number)).error;
}

bool creates(Session& session, const std::string& name) { return !run(session, create_table(name)).error; }

void skip(const std::string& reason) { MESSAGE("skipped: " << reason); }

}  // namespace talos::conformance
