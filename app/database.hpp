// What a command on a database works with: the plugin that the DSN asks for, the migrations, the settings.
#pragma once

#include "commands.hpp"
#include "dsn_source.hpp"
#include "migrate.hpp"
#include "migration_source.hpp"
#include "plugin_loader.hpp"

namespace talos::app {

/// A DSN and the plugin that serves it.
class Target {
 public:
  /// Throws for a DSN or a plugin that is refused.
  Target(const Surroundings& surroundings, FoundDsn found);

  Driver& driver() const { return plugin_.driver(); }
  const Plugin& plugin() const { return plugin_; }
  const RunOptions& run_options() const { return run_options_; }

 private:
  FoundDsn found_;
  Plugin plugin_;
  RunOptions run_options_;
};

/// The files of --migrations, or those that the plugin carries.
MigrationSet find_set(const Surroundings& surroundings, const Plugin& plugin);
void warn_about_set(const MigrationSet& set, Log& log);

/// The database that the options and the environment name, and its migrations.
class Database {
 public:
  explicit Database(const Surroundings& surroundings);

  Driver& driver() const { return target_.driver(); }
  const Plugin& plugin() const { return target_.plugin(); }
  const MigrationSet& set() const { return set_; }
  const RunOptions& run_options() const { return target_.run_options(); }

 private:
  Target target_;
  MigrationSet set_;
};

}  // namespace talos::app
