// Small things that many tests need: migration sets in memory, a directory that goes away, a reporter that remembers.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "migration_source.hpp"
#include "reporter.hpp"
#include "talos/error.hpp"

namespace talos::test {

/// The talos::Error that `call` throws; the test fails if it throws none.
template <class Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no talos::Error was thrown");
  return Error(ErrorCode::internal, "");
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// A set of embedded files, with the hashes that the build gives them. Keeps the bytes.
class MemorySet {
 public:
  using File = std::pair<std::string, std::string>;  ///< name, body
  MemorySet(std::initializer_list<File> files);
  MemorySet(const MemorySet&) = delete;
  MemorySet& operator=(const MemorySet&) = delete;

  const MigrationSet& operator*() const { return set_; }
  const MigrationSet* operator->() const { return &set_; }

 private:
  std::deque<std::string> texts_;
  std::vector<EmbeddedFile> files_;
  MigrationSet set_;
};

/// Removed with all it holds.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

class RecordingReporter : public Reporter {
 public:
  struct Finished {
    Version version;
    bool durable;
    bool operator==(const Finished&) const = default;
  };

  void connecting_again(std::string_view reason) override { reconnects.emplace_back(reason); }
  void waiting_for_lock(const LockStatus& /*lock*/, std::chrono::milliseconds /*waited*/) override {
    ++lock_waits;
    if (on_wait) on_wait();
  }
  void planned(const Plan& plan) override { planned_steps.push_back(plan.steps.size()); }
  void step_started(const Step& step, std::size_t /*index*/, std::size_t /*count*/) override {
    started.push_back(step.migration->version);
  }
  void statement_started(const Step& /*step*/, std::size_t statement, std::size_t /*statements*/) override {
    statements.push_back(statement);
  }
  void statement_progress(double /*fraction*/, std::string_view /*what*/) override {}
  void step_finished(const Step& step, std::chrono::microseconds /*took*/, bool durable) override {
    finished.push_back({step.migration->version, durable});
  }
  void note(std::string_view text) override { notes.emplace_back(text); }
  void warning(std::string_view text) override { warnings.emplace_back(text); }

  std::function<void()> on_wait;
  int lock_waits = 0;
  std::vector<std::string> reconnects;
  std::vector<std::size_t> planned_steps;
  std::vector<Version> started;
  std::vector<std::size_t> statements;
  std::vector<Finished> finished;
  std::vector<std::string> notes;
  std::vector<std::string> warnings;
};

}  // namespace talos::test
