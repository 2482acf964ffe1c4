#include "trust_commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "database.hpp"
#include "exit_status.hpp"
#include "introspect.hpp"
#include "output_json.hpp"
#include "progress.hpp"
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
  options.queries = s.options.queries.value_or("");
  Progress progress(s.console, s.log, s.error_palette);
  const VerifyReport report = verify(target.driver(), set, options, target.run_options(), progress, s.cancel);
  progress.done();
  const bool failed = report.count(Severity::error) > 0 || (s.options.strict && report.count(Severity::warning) > 0);
  if (s.options.format == Format::json)
    print_json(verify_json(report, !failed));
  else if (s.options.format == Format::github)
    print_text(verify_annotations(report, s.options.migrations.value_or("")));
  else
    print_text(verify_text(report, s.data_palette));
  return failed ? exit_failed : exit_done;
}

}  // namespace talos::app
