#include "commands.hpp"

#include <charconv>
#include <cstdio>
#include <functional>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "back_up.hpp"
#include "completion.hpp"
#include "create_migration.hpp"
#include "database.hpp"
#include "error_output.hpp"
#include "exit_status.hpp"
#include "help.hpp"
#include "migrate.hpp"
#include "output_json.hpp"
#include "output_text.hpp"
#include "printable.hpp"
#include "progress.hpp"
#include "recovery.hpp"
#include "resume.hpp"
#include "run_lock.hpp"
#include "stdout.hpp"
#include "trust_commands.hpp"

namespace talos::app {

namespace {

using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

void add_dirty_hint(RunResult& result, const Surroundings& s) {
  if (!result.error || result.error->code != ErrorCode::dirty || !result.error->hint.empty()) return;
  result.error->hint = fmt::format(
      "see what ran and what did not with: {0} migrate status; then finish it with: {0} migrate resume, or by "
      "hand and: {0} migrate force VERSION",
      s.edition.program);
}

// G5: what a crash of the machine could still take away.
void tell_undurable(const RunResult& result, Log& log) {
  std::size_t count = 0;
  for (const StepResult& step : result.steps) count += step.durable ? 0 : 1;
  if (count > 0) log.warn(fmt::format("{} of these migrations may be lost if the machine crashes now", count));
}

int tell_outcome(const RunResult& result, const Surroundings& s) {
  if (!result.error) return exit_done;
  show_error(*result.error, s.console, s.log, s.error_palette);
  const bool of_a_file = !result.error->file.empty() &&
                         (result.error->code == ErrorCode::statement || result.error->code == ErrorCode::cancelled);
  if (of_a_file && !result.dirty)
    s.log.info(result.to == no_version
                   ? std::string("Nothing of it was applied: the database is clean, with no migrations applied")
                   : fmt::format("Nothing of it was applied: the database is clean, at version {}", result.to));
  if (result.left_dirty)
    s.log.warn(fmt::format("the database is now dirty at version {}: see {} migrate status", version_name(result.to),
                           s.edition.program));
  tell_undurable(result, s.log);
  return exit_status(result.error->code);
}

// The run's own error comes first; that its data could not be printed is told after it.
int finish(RunResult& result, const Surroundings& s, const std::function<void()>& print_data) {
  add_dirty_hint(result, s);
  std::optional<Error> unprinted;
  try {
    print_data();
  } catch (const Error& error) {
    unprinted = error;
  }
  if (result.backup)
    s.log.info("Backed up to " + printable(shown_destination(*s.options.backup)) + ", " + result.backup->how);
  const int status = tell_outcome(result, s);
  if (!unprinted) return status;
  show_error(*unprinted, s.console, s.log, s.error_palette);
  return result.error ? status : exit_failed;
}

// D4: rolling everything back is asked for twice.
void confirm_all(const Surroundings& s, const Database& database) {
  if (!s.options.all || s.options.yes || s.options.dry_run) return;
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1)
    throw Error(ErrorCode::usage, "down --all rolls back everything: where nobody can be asked it needs --yes");
  std::fprintf(stderr, "Roll back all migrations of %s? Type yes: ",
               database.driver().describe(database.run_options().connect.dsn).c_str());
  std::string answer;
  // Polled, so that a signal is heeded.
  for (char c = 0; c != '\n';) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    s.cancel.check();
    if (::poll(&input, 1, 100) <= 0) continue;
    if (::read(STDIN_FILENO, &c, 1) != 1) break;
    if (c != '\n') answer += c;
  }
  if (answer != "yes") throw Error(ErrorCode::usage, "not confirmed: nothing was done");
}

Goal make_goal(const Options& options) {
  Goal goal;
  goal.direction = options.command == Command::migrate_up ? Direction::up : Direction::down;
  goal.steps = options.steps;
  goal.to = options.to;
  if (goal.direction == Direction::down && !options.all && !options.to && !options.steps) goal.steps = 1;
  return goal;
}

int migrate(const Surroundings& s) {
  const Database database(s);
  confirm_all(s, database);
  warn_about_set(database.set(), s.log);
  RunResult result;
  {
    Progress progress(s.console, s.log, s.error_palette);
    const auto operation = s.options.dry_run ? dry_run : run;
    result =
        operation(database.driver(), database.set(), make_goal(s.options), database.run_options(), progress, s.cancel);
  }
  return finish(result, s, [&] {
    if (s.options.format == Format::json)
      print_json(run_json(s.options, database.set(), result));
    else
      print_text(run_text(s.options, database.set(), result));
  });
}

Version version_argument(const Options& options) {
  Version version = 0;
  const std::string& text = options.arguments.at(0);
  std::from_chars(text.data(), text.data() + text.size(), version);  // checked by the command line's parser
  return version;
}

int force_version(const Surroundings& s) {
  const Database database(s);
  RunResult result;
  {
    Progress progress(s.console, s.log, s.error_palette);
    result = force(database.driver(), database.set(), version_argument(s.options), database.run_options(), progress,
                   s.cancel);
  }
  return finish(result, s, [&] {
    if (s.options.format == Format::json)
      print_json(run_json(s.options, database.set(), result));
    else
      print_text(force_text(result));
  });
}

int resume_migration(const Surroundings& s) {
  const Database database(s);
  warn_about_set(database.set(), s.log);
  RunResult result;
  {
    Progress progress(s.console, s.log, s.error_palette);
    result = resume(database.driver(), database.set(), s.options.assume, database.run_options(), progress, s.cancel);
  }
  return finish(result, s, [&] {
    if (s.options.format == Format::json)
      print_json(run_json(s.options, database.set(), result));
    else
      print_text(resume_text(result));
  });
}

void print_status(const Surroundings& s, const Database& database, const Inspection& inspection) {
  if (s.options.format == Format::json)
    print_json(status_json(database.set(), inspection));
  else
    print_text(
        status_text(database.set(), inspection, s.data_palette, s.edition.program, options_to_repeat(s.options)));
}

bool is_unfinished(const Inspection& inspection) {
  if (inspection.ahead) return false;
  return inspection.history.current() == no_version || !inspection.pending.empty();
}

int status_exit(const Options& options, const Inspection& inspection) {
  if (inspection.history.dirty()) return options.exit_code || options.block ? exit_dirty : exit_done;
  return options.exit_code && is_unfinished(inspection) ? exit_pending : exit_done;
}

void tell_out_of_time(const Surroundings& s, std::string_view reason) {
  const std::string text = fmt::format("out of time (--timeout): {}", reason);
  if (s.log.is_json())
    s.log.event(LogLevel::error, "error", text, {{"code", "out_of_time"}});
  else
    s.console.line("Error: " + printable(text));
}

// G14: waits while migrations are pending, the database is not there, or a runner works on a dirty one.
int block(const Surroundings& s, const Database& database, Progress& progress) {
  const auto deadline = s.options.timeout ? Clock::now() + *s.options.timeout : Clock::time_point::max();
  PollDelay delay(std::chrono::milliseconds(1000));
  for (;;) {
    std::optional<Inspection> inspection;
    std::optional<Error> unreachable;
    try {
      inspection = inspect(database.driver(), database.set(), database.run_options(), LogDepth::current,
                           s.options.verify, progress, s.cancel);
    } catch (const Error& error) {
      if (error.code != ErrorCode::connection && error.code != ErrorCode::busy) throw;
      unreachable = error;
    }
    const bool decided =
        inspection && (inspection->history.dirty() ? !inspection->lock.held : !is_unfinished(*inspection));
    if (decided || Clock::now() >= deadline) {
      progress.done();
      if (inspection) print_status(s, database, *inspection);
      if (decided) return status_exit(s.options, *inspection);
      if (s.options.format == Format::json && !inspection) print_json(error_json(s.options.command, *unreachable));
      tell_out_of_time(s, unreachable ? unreachable->what() : "the database is not up to date yet");
      return exit_pending;
    }
    progress.waiting_for_database(unreachable ? unreachable->what() : "the database is not up to date yet");
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    s.cancel.wait_for(std::clamp(left, std::chrono::milliseconds(1), delay.next()));
    s.cancel.check();
  }
}

int status(const Surroundings& s) {
  const Database database(s);
  Progress progress(s.console, s.log, s.error_palette);
  if (s.options.block) return block(s, database, progress);
  const Inspection inspection = inspect(database.driver(), database.set(), database.run_options(), LogDepth::current,
                                        s.options.verify, progress, s.cancel);
  progress.done();
  print_status(s, database, inspection);
  return status_exit(s.options, inspection);
}

int history(const Surroundings& s) {
  const Database database(s);
  Progress progress(s.console, s.log, s.error_palette);
  const Inspection inspection =
      inspect(database.driver(), database.set(), database.run_options(), LogDepth::all, false, progress, s.cancel);
  progress.done();
  if (s.options.format == Format::json)
    print_json(history_json(inspection));
  else
    print_text(history_text(inspection.state.log));
  return exit_done;
}

int create(const Surroundings& s) {
  const auto paths = create_migration(*s.options.migrations, s.options.arguments.at(0));
  ordered_json object = json_head(s.options.command, true);
  std::string text;
  for (const auto& path : paths) {
    object["files"].push_back(path.string());
    text += path.string() + '\n';
  }
  if (s.options.format == Format::json)
    print_json(object);
  else
    print_text(text);
  return exit_done;
}

int plugins(const Surroundings& s) {
  const PluginSearch search = plugin_search(s.options.plugin_dir.value_or(""));
  const auto listings = list_plugins(search, s.edition);
  if (s.options.format == Format::json)
    print_json(plugins_json(listings, search));
  else
    print_text(plugins_text(listings, search));
  return exit_done;
}

int version(const Surroundings& s) {
  if (s.options.format == Format::text) {
    print_text(version_text(s.edition));
    return exit_done;
  }
  ordered_json object = json_head(s.options.command, true);
  object["program"] = s.edition.program;
  object["version"] = program_version();
  object["edition"] = s.edition.title;
  object["plugin_abi"] = plugin_abi_version;
  object["plugin_abi_tag"] = plugin_abi_tag.data;
  print_json(object);
  return exit_done;
}

}  // namespace

int run_command(const Surroundings& s) {
  switch (s.options.command) {
    case Command::migrate_up:
    case Command::migrate_down:
      return migrate(s);
    case Command::migrate_status:
      return status(s);
    case Command::migrate_resume:
      return resume_migration(s);
    case Command::migrate_force:
      return force_version(s);
    case Command::migrate_history:
      return history(s);
    case Command::migrate_create:
      return create(s);
    case Command::migrate_schema:
      return show_schema(s);
    case Command::migrate_backup:
      return make_backup(s);
    case Command::migrate_diagnose:
      return diagnose_database(s);
    case Command::migrate_verify:
      return verify_set(s);
    case Command::plugins:
      return plugins(s);
    case Command::version:
      return version(s);
    case Command::help:
      print_text(help_text(s.options.arguments, s.edition));
      return exit_done;
    case Command::completion:
      print_text(completion_script(s.options.arguments.at(0), s.edition.program));
      return exit_done;
  }
  return exit_failed;
}

}  // namespace talos::app
