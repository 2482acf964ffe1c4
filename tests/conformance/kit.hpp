// What all conformance tests share: the plugin under test, sessions on tables of their own, and units made as the
// program makes them. Uses nothing of a dialect but CREATE TABLE, INSERT INTO and DROP TABLE.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugin_loader.hpp"
#include "talos/driver.hpp"

namespace talos::conformance {

/// The plugin under test and what the command line says of it.
struct Target {
  PluginListing listing;
  Plugin plugin;
  std::string dsn;
  std::string long_statement;                ///< one that runs for minutes
  std::vector<std::string> session_scripts;  ///< scripts that spoil a session
};

/// An edition that accepts every plugin.
Edition any_plugin();
/// Loads with the program's own loader, from the file's directory alone and under an edition that accepts any plugin.
Target load_target(const std::filesystem::path& file, std::string dsn);
void set_target(Target target);
const Target& target();

std::string random_text(std::size_t length);
/// Another name with every call, also between runs on one database.
std::string fresh_name();
inline std::string to_text(ErrorCode code) { return std::string(to_string(code)); }

ConnectRequest request_for(const std::string& table, Access access);
std::unique_ptr<Session> connect(const std::string& table, Access access = Access::create);
Capabilities capabilities();
/// The state as a session of its own sees it: what is committed.
State look(const std::string& table, LogDepth depth = LogDepth::all);

/// Remembers what execute() told.
class Recorder : public ExecuteObserver {
 public:
  struct Commit {
    std::size_t unit;
    bool durable;
  };
  std::vector<std::size_t> started;
  std::vector<Commit> committed;
  std::function<void()> on_start;

  void unit_started(std::size_t unit) override {
    started.push_back(unit);
    if (on_start) on_start();
  }
  void unit_committed(std::size_t unit, std::chrono::microseconds, bool durable) override {
    committed.push_back({unit, durable});
  }
  void progress(double, std::string_view) override {}
  void warning(std::string_view) override {}
};

/// A migration's text, split by the plugin. Must outlive the units made from it.
class Source {
 public:
  Source(Session& session, std::string text);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const std::vector<Statement>& statements() const { return statements_; }
  std::string_view text_of(const Statement& statement) const;
  /// All of it as the body of one transaction.
  Unit transaction() const;
  /// One statement, bare.
  Unit bare(std::size_t statement) const;
  /// As the program runs such a file: one transaction where schema changes roll back, else statement by statement.
  std::vector<Unit> units(const Capabilities& can) const;

 private:
  std::string text_;
  Script script_;
  std::vector<Statement> statements_;
};

Unit claim_unit(std::optional<TrackerRow> from, std::optional<TrackerRow> to);
LogRow small_log_row(LogAction action, Version version, bool failed = false);

ExecuteResult execute(Session& session, const std::vector<Unit>& units);
ExecuteResult execute(Session& session, const Unit& unit);
/// Runs `text` as the program would.
ExecuteResult run(Session& session, const std::string& text);

/// Ends the test case unless all units are done.
void require_done(const ExecuteResult& result, std::size_t units);
void require_done(const ExecuteResult& result);
/// Ends the test case unless unit `completed` failed with `code`.
void require_failed(const ExecuteResult& result, ErrorCode code, std::size_t completed = 0);
/// Calls `action`, which must throw talos::Error.
Error error_of(const std::function<void()>& action);
/// All that an error shows, one after the other.
std::string all_text_of(const Error& error);

/// Calls `condition` until it is true; false when time runs out.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds deadline = std::chrono::seconds(30));

// A table with one number per row, none twice.
std::string create_table(const std::string& name);
std::string insert(const std::string& name, int number);
std::string drop_table(const std::string& name);
/// By trying to insert it: true if it was not there before (it is, afterwards). The table must exist.
bool inserts(Session& session, const std::string& name, int number);
/// By trying to create it: true if there was none (there is, afterwards).
bool creates(Session& session, const std::string& name);

/// Says why a test case is left out.
void skip(const std::string& reason);

}  // namespace talos::conformance
