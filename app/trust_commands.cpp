#include "trust_commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "back_up.hpp"
#include "database.hpp"
#include "diagnose.hpp"
#include "diagnosis_output.hpp"
#include "exit_status.hpp"
#include "introspect.hpp"
#include "output_json.hpp"
#include "output_text.hpp"
#include "printable.hpp"
#include "progress.hpp"
#include "recovery.hpp"
#include "replace_file.hpp"
#include "schema_output.hpp"
#include "schemes.hpp"
#include "stdout.hpp"
#include "verify.hpp"
#include "verify_output.hpp"

namespace talos::app {

int show_schema(const Surroundings& s) {
  const Target target(s, find_dsn(s.options));
  Progress progress(s.console, s.log, s.error_palette);
  const SchemaReport report = report_schema(target.driver(), target.run_options(), progress, s.cancel);
  progress.done();
  if (s.options.format == Format::json)
    print_json(schema_json(report));
  else
    print_text(schema_text(report));
  return exit_done;
}

int make_backup(const Surroundings& s) {
  const Target target(s, find_dsn(s.options));
  Progress progress(s.console, s.log, s.error_palette);
  const BackupReport made = back_up(target.driver(), *s.options.output, target.run_options(), progress, s.cancel);
  progress.done();
  if (s.options.format == Format::json) {
    nlohmann::ordered_json object = json_head(s.options.command, true);
    object["database"] = database_json(made.info);
    object["backup"] = backup_json(made.destination, made.report);
    print_json(object);
  } else {
    print_text(backup_text(made));
  }
  return exit_done;
}

int diagnose_database(const Surroundings& s) {
  const Database database(s);
  std::string scratch = s.options.scratch.value_or("");
  // An engine that needs no server has one at hand.
  if (scratch.empty() && database.plugin().name() == file_scheme) scratch = find_scratch_dsn(s.options).dsn.reveal();
  Progress progress(s.console, s.log, s.error_palette);
  const Diagnosis diagnosis =
      diagnose(database.driver(), database.set(), scratch, database.run_options(), progress, s.cancel);
  for (const std::string& note : diagnosis.inspection.state.notes) progress.note(note);
  progress.done();
  if (s.options.format == Format::json)
    print_json(diagnosis_json(database.set(), diagnosis));
  else
    print_text(diagnosis_text(database.set(), diagnosis, s.edition.program, options_to_repeat(s.options)));
  return exit_done;
}

// Atomically: a reader sees the old file or the new one.
void write_fingerprints_file(const Surroundings& s, const MigrationSet& set, const VerifyReport& report) {
  std::string old;
  if (set.fingerprints()) old = set.fingerprints()->load().bytes();
  const std::filesystem::path file = *s.options.migrations / fingerprints_file;
  replace_file(file, write_fingerprints(old, report.flavour, report.prints));
  s.log.info(fmt::format("Wrote {} for {}", printable(file.string()), report.flavour));
}

int verify_set(const Surroundings& s) {
  const Target target(s, find_scratch_dsn(s.options));
  const auto copied = find_copied_dsn(s.options);
  if (copied && plugin_for(copied->dsn).name != target.plugin().name())
    throw Error(ErrorCode::usage, fmt::format("--from names a database of {}, --scratch a server of {}",
                                              plugin_for(copied->dsn).name, target.plugin().name()))
        .with_hint("both must be of the same kind");
  const MigrationSet set = find_set(s, target.plugin());
  warn_about_set(set, s.log);
  VerifyOptions options;
  if (copied) options.from = copied->dsn.reveal();
  options.since = s.options.since;
  options.keep_prints = s.options.write_fingerprints;
  options.queries = s.options.queries.value_or("");
  Progress progress(s.console, s.log, s.error_palette);
  const VerifyReport report = verify(target.driver(), set, options, target.run_options(), progress, s.cancel);
  progress.done();
  const bool failed = report.count(Severity::error) > 0 || (s.options.strict && report.count(Severity::warning) > 0);
  if (s.options.write_fingerprints && !failed) write_fingerprints_file(s, set, report);
  if (s.options.format == Format::json)
    print_json(verify_json(report, !failed));
  else if (s.options.format == Format::github)
    print_text(verify_annotations(report, s.options.migrations.value_or("")));
  else
    print_text(verify_text(report, s.data_palette));
  return failed ? exit_failed : exit_done;
}

}  // namespace talos::app
