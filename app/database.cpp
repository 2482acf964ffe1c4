#include "database.hpp"

#include <fmt/format.h>

#include "help.hpp"
#include "runner_identity.hpp"
#include "schemes.hpp"

namespace talos::app {

namespace {

RunOptions make_run_options(const Surroundings& s, const FoundDsn& found) {
  const Options& o = s.options;
  RunOptions run;
  run.connect.dsn = found.dsn.reveal();
  run.connect.table = o.table;
  run.connect.runner = current_runner(fmt::format("{} {}", s.edition.program, program_version()));
  run.connect.connect_timeout = o.connect_timeout;
  run.connect.lock_timeout = o.lock_timeout;
  run.connect.statement_timeout = o.statement_timeout;
  run.connect.ddl_lock_timeout = o.ddl_lock_timeout;
  run.connect.ddl_lock_retries = o.ddl_lock_retries;
  run.connect.stall_timeout = o.stall_timeout;
  run.wait = o.wait;
  run.policies = {o.allow_out_of_order, o.allow_missing_down, o.allow_unknown_version, o.strict};
  run.durable_each = o.durable_each;
  run.checked = o.checked;
  run.backup = o.backup.value_or("");
  return run;
}

}  // namespace

Target::Target(const Surroundings& s, FoundDsn found)
    : found_(std::move(found)),
      plugin_(load_plugin(plugin_for(found_.dsn), plugin_search(s.options.plugin_dir.value_or("")), s.edition)) {
  s.log.debug(fmt::format("DSN from {}, plugin {} {}", found_.source, plugin_.name(), plugin_.version()));
  // Once more for its refusals: they name the DSN's fault before anything else is looked at.
  s.log.debug(fmt::format("database {}", plugin_.driver().describe(found_.dsn.reveal())));
  run_options_ = make_run_options(s, found_);
}

MigrationSet find_set(const Surroundings& s, const Plugin& plugin) {
  if (!s.options.migrations && plugin.migrations().empty())
    throw Error(ErrorCode::usage, fmt::format("the plugin {} has no embedded migrations", plugin.name()))
        .with_hint("give your own with --migrations DIR");
  MigrationSet set =
      s.options.migrations ? read_directory(*s.options.migrations) : read_embedded(plugin.name(), plugin.migrations());
  if (set.migrations().empty()) s.log.warn(fmt::format("there are no migrations in {}", set.origin()));
  return set;
}

void warn_about_set(const MigrationSet& set, Log& log) {
  constexpr std::size_t most = 5;
  const auto& warnings = set.warnings();
  for (std::size_t i = 0; i < warnings.size() && i < most; ++i) log.warn(warnings[i]);
  if (warnings.size() > most) log.warn(fmt::format("… and {} more such files", warnings.size() - most));
}

Database::Database(const Surroundings& s) : target_(s, find_dsn(s.options)), set_(find_set(s, target_.plugin())) {}

}  // namespace talos::app
