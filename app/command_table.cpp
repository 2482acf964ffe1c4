#include "command_table.hpp"

#include <algorithm>
#include <array>

namespace talos::app {

namespace {

using enum OptionGroup;

constexpr std::array options{
    OptionSpec{"steps", "N", "", command, "at most N migrations (down: 1 unless given)"},
    OptionSpec{"to", "V", "", command, "up: V is the last applied; down: V stays applied"},
    OptionSpec{"all", "", "", command, "roll back everything"},
    OptionSpec{"yes", "", "", command, "do not ask (needed by --all where there is no terminal)"},
    OptionSpec{"dry-run", "", "", command, "show what would be done; writes nothing, takes no lock"},
    OptionSpec{"assume", "applied|not-applied", "", command,
               "your word on the one statement whose outcome nothing else tells"},
    OptionSpec{"block", "", "", command, "wait until nothing is pending; 3 if it ends dirty, 7 if --timeout passes"},
    OptionSpec{"timeout", "D", "", command, "how long --block waits (without it: for ever)"},
    OptionSpec{"exit-code", "", "", command, "exit 3 if dirty, 7 if migrations are pending or none was applied"},
    OptionSpec{"verify", "", "", command, "compare the checksum of every applied file"},

    OptionSpec{"output", "FILE", "", command, "where the copy goes (CockroachDB: a storage URL); overwrites nothing"},
    OptionSpec{"backup", "FILE", "", command,
               "make a copy there first, as --output does, if there is anything to apply"},
    OptionSpec{"scratch", "DSN", "sqlite://:memory:", command,
               "the server on which a scratch database is made and dropped; its own database is not touched"},
    OptionSpec{"from", "DSN", "", command, "begin from a copy of this database (SQLite: with its rows)"},
    OptionSpec{"since", "V", "", command, "the last version that the release before has"},
    OptionSpec{"queries", "DIR", "", command, "statements of the application: old/*.sql, new/*.sql"},
    OptionSpec{"write-fingerprints", "", "", command, "write DIR/fingerprints for diagnose and force --checked"},
    OptionSpec{"checked", "", "", command, "only if the schema is the one of version V"},

    OptionSpec{"database", "DSN", "", database, "the database; prefer DB_DSN or --database-file for passwords"},
    OptionSpec{"database-file", "FILE", "", database, "a file that holds the DSN"},
    OptionSpec{"config", "FILE", "", database, "YAML; its key db.dsn is used last"},
    OptionSpec{"migrations", "DIR", "", database, "the files in DIR instead of the embedded Talos set"},
    OptionSpec{"table", "NAME", "schema_migrations", database, "the tracker table"},
    OptionSpec{"plugin-dir", "DIR", "", database, "looked at first for plugins"},

    OptionSpec{"lock-timeout", "D", "60s", limits, "how long to wait for another runner"},
    OptionSpec{"ddl-lock-timeout", "D", "2s", limits, "how long a statement may queue for a table lock (servers)"},
    OptionSpec{"ddl-lock-retries", "N", "30", limits, "how often it is tried again then (servers)"},
    OptionSpec{"statement-timeout", "D", "none", limits, "how long one statement may run"},
    OptionSpec{"connect-timeout", "D", "10s", limits, "how long one attempt to connect may take"},
    OptionSpec{"stall-timeout", "D", "60s", limits, "silence after which a connection counts as lost (servers)"},
    OptionSpec{"wait", "D", "0", limits, "keep trying the first connection for so long"},

    OptionSpec{"durable", "each|run", "run", policies, "make every commit durable, or the run's last"},
    OptionSpec{"allow-out-of-order", "", "", policies, "up: apply migrations below the current version"},
    OptionSpec{"allow-missing-down", "", "", policies, "down: move the version where there is no down file"},
    OptionSpec{"allow-unknown-version", "", "", policies, "force: accept a version that no migration has"},
    OptionSpec{"strict", "", "", policies, "refuse where files differ from what was applied"},

    OptionSpec{"format", "text|json", "text", output, "what goes to stdout"},
    OptionSpec{"log-level", "LEVEL", "info", output, "trace, debug, info, warn, error or off; on stderr"},
    OptionSpec{"log-format", "text|json", "text", output, "of what goes to stderr"},
    OptionSpec{"quiet", "", "", output, "no progress, only warnings and errors"},
    OptionSpec{"color", "auto|always|never", "auto", output, "NO_COLOR is honoured"},
    OptionSpec{"help", "", "", output, "show this help"},
    OptionSpec{"version", "", "", output, "show the version"},
};

constexpr std::array<std::string_view, 4> up_options{"steps", "to", "dry-run", "backup"};
constexpr std::array<std::string_view, 5> down_options{"steps", "to", "all", "yes", "dry-run"};
constexpr std::array<std::string_view, 4> status_options{"block", "timeout", "exit-code", "verify"};
constexpr std::array<std::string_view, 1> resume_options{"assume"};
constexpr std::array<std::string_view, 1> backup_options{"output"};
constexpr std::array<std::string_view, 5> verify_options{"scratch", "from", "since", "queries", "write-fingerprints"};
constexpr std::array<std::string_view, 1> diagnose_options{"scratch"};
constexpr std::array<std::string_view, 1> force_options{"checked"};
constexpr std::array<std::string_view, 1> plugins_options{"plugin-dir"};

constexpr std::array<std::string_view, 3> up_examples{
    "migrate up --database sqlite:///var/lib/talos/data.db",
    "migrate up --dry-run --migrations ./migrations --database sqlite://./shop.db",
    "DB_DSN=sqlite:///var/lib/talos/data.db migrate up --lock-timeout 5m",
};
constexpr std::array<std::string_view, 3> down_examples{
    "migrate down --database sqlite:///var/lib/talos/data.db",
    "migrate down --steps 3 --dry-run --database sqlite:///var/lib/talos/data.db",
    "migrate down --to 17 --database sqlite:///var/lib/talos/data.db",
};
constexpr std::array<std::string_view, 3> status_examples{
    "migrate status --database sqlite:///var/lib/talos/data.db",
    "migrate status --block --timeout 5m --database-file /run/secrets/dsn",
    "migrate status --format json --exit-code",
};
constexpr std::array<std::string_view, 2> force_examples{
    "migrate force 17 --database sqlite:///var/lib/talos/data.db",
    "migrate force -1 --database sqlite:///var/lib/talos/data.db",
};
constexpr std::array<std::string_view, 2> resume_examples{
    "migrate resume --database sqlite:///var/lib/talos/data.db",
    "migrate resume --assume applied --migrations ./migrations --database-file /run/secrets/dsn",
};
constexpr std::array<std::string_view, 1> history_examples{
    "migrate history --database sqlite:///var/lib/talos/data.db",
};
constexpr std::array<std::string_view, 1> create_examples{
    "migrate create add_shirts --migrations ./migrations",
};
constexpr std::array<std::string_view, 2> schema_examples{
    "migrate schema --database sqlite:///var/lib/talos/data.db",
    "migrate schema --format json --database-file /run/secrets/dsn",
};
constexpr std::array<std::string_view, 2> diagnose_examples{
    "migrate diagnose --database sqlite:///var/lib/talos/data.db",
    "migrate diagnose --migrations ./migrations --scratch sqlite://:memory: --database-file /run/secrets/dsn",
};
constexpr std::array<std::string_view, 2> backup_examples{
    "migrate backup --output before-18.db --database sqlite:///var/lib/talos/data.db",
    "migrate backup --output talos.dump --database-file /run/secrets/dsn",
};
constexpr std::array<std::string_view, 3> verify_examples{
    "migrate verify --migrations ./migrations",
    "migrate verify --migrations ./migrations --since 17 --queries ./queries --format github",
    "migrate verify --scratch sqlite://:memory: --from sqlite:///var/lib/talos/data.db",
};
constexpr std::array<std::string_view, 2> completion_examples{
    "completion bash > ~/.local/share/bash-completion/completions/talos",
    "completion fish > ~/.config/fish/completions/talos.fish",
};

constexpr std::array commands{
    CommandSpec{Command::migrate_up, "migrate up", "", "[--steps N | --to V] [--dry-run] [--strict] [--backup FILE]",
                "apply pending migrations",
                "Any number of runners may start at once: one works, the others wait and find nothing to do.\n"
                "A migration that fails as one transaction leaves the database at the version before.",
                up_options, up_examples},
    CommandSpec{Command::migrate_down, "migrate down", "", "[--steps N | --to V | --all [--yes]] [--dry-run]",
                "roll back, one migration unless told otherwise",
                "Undoes the highest applied versions, by their down files.", down_options, down_examples},
    CommandSpec{
        Command::migrate_status, "migrate status", "", "[--block [--timeout D]] [--exit-code] [--verify]",
        "show the version and what is pending",
        "Read-only: takes no lock, writes nothing, creates nothing. On a dirty database it tells what ran, what\n"
        "failed and what resolves it.",
        status_options, status_examples},
    CommandSpec{
        Command::migrate_resume, "migrate resume", "", "[--assume applied|not-applied]",
        "finish a migration that was left half-way",
        "On a dirty database: goes on with the first statement that has not run, finishes that one migration\n"
        "and stops. Refuses (exit 3) where statements that ran were changed in the file, or where it cannot be\n"
        "known whether one happened: then look, and say it by --assume. Never guesses.",
        resume_options, resume_examples},
    CommandSpec{Command::migrate_force, "migrate force", "V", "[--checked]",
                "set the version and mark the database clean",
                "Runs no migration. For after a dirty database was repaired by hand: V is the version it is at now;\n"
                "-1 means nothing is applied. Warns where the schema is not the one of V.",
                force_options, force_examples},
    CommandSpec{Command::migrate_history,
                "migrate history",
                "",
                "",
                "show who applied what, when, how long",
                "Read-only, like status.",
                {},
                history_examples},
    CommandSpec{Command::migrate_create,
                "migrate create",
                "NAME",
                "--migrations DIR",
                "make the next migration's files",
                "Makes NNNNNN_name.up.sql and NNNNNN_name.down.sql in DIR, with the next number.",
                {},
                create_examples},
    CommandSpec{Command::migrate_schema,
                "migrate schema",
                "",
                "",
                "show the live schema and its fingerprint",
                "Read-only. The same schema gives the same text and the same fingerprint; the migrator's own tables\n"
                "are left out.",
                {},
                schema_examples},
    CommandSpec{
        Command::migrate_diagnose, "migrate diagnose", "", "[--scratch DSN]",
        "tell which version the live schema is, and what resolves it",
        "Read-only. Compares the schema with what it should be at each version, by the set's fingerprints or on a\n"
        "scratch database. Of a migration left half-way it tells which of its statements are in the schema.",
        diagnose_options, diagnose_examples},
    CommandSpec{
        Command::migrate_backup, "migrate backup", "", "--output FILE", "copy the database, and read the copy back",
        "Beside writers, as of one moment. Overwrites nothing, and leaves nothing behind if it fails. Servers need\n"
        "their dump program: pg_dump, mysqldump or mariadb-dump.",
        backup_options, backup_examples},
    CommandSpec{Command::migrate_verify, "migrate verify", "",
                "[--scratch DSN] [--from DSN] [--since V] [--queries DIR]", "prove migrations on a scratch database",
                "Every migration goes up, down and up again on a database made for it. Reports downs that do not lead\n"
                "back or lose rows, changes that break the release before (exit 1, unless the file says\n"
                "-- talos:breaking REASON), and what each migration changes and blocks.",
                verify_options, verify_examples},
    CommandSpec{Command::plugins,
                "plugins",
                "",
                "[--plugin-dir DIR]",
                "list the installed plugins",
                "Reads each file's note and loads nothing.",
                plugins_options,
                {}},
    CommandSpec{Command::version, "version", "", "", "show the version", "", {}, {}},
    CommandSpec{Command::help, "help", "[COMMAND]", "", "show help for a command", "", {}, {}},
    CommandSpec{Command::completion,
                "completion",
                "bash|zsh|fish",
                "",
                "print a shell completion script",
                "",
                {},
                completion_examples},
};

constexpr std::array exit_statuses{
    ExitStatusSpec{"0", "done, or nothing to do; status that could read; up on a database that is ahead"},
    ExitStatusSpec{"1", "a statement failed, or a policy refuses"},
    ExitStatusSpec{"2", "usage: flags, versions, DSN, migration files"},
    ExitStatusSpec{"3", "the database is dirty, and the command refuses for that"},
    ExitStatusSpec{"4", "another runner held the lock until --lock-timeout"},
    ExitStatusSpec{"5", "cannot connect, open, read or write the database or its lock file"},
    ExitStatusSpec{"6", "scheme refused by this edition, no such plugin, plugin refused"},
    ExitStatusSpec{"7", "status --exit-code: migrations pending; status --block: out of time"},
    ExitStatusSpec{"128+n", "ended by signal n"},
};

constexpr std::array variables{
    VariableSpec{"DB_DSN, DSN, TALOS_DB_DSN", "the DSN, where no option gives it"},
    VariableSpec{"DB_DSN_FILE", "a file that holds the DSN"},
    VariableSpec{"TALOS_PLUGIN_PATH", "absolute directories with plugins, separated by colons"},
    VariableSpec{"NO_COLOR", "any value that is not empty: no colour"},
    VariableSpec{"SUDO_USER, USER, LOGNAME", "the first of them is the user that history rows name"},
};

}  // namespace

std::span<const OptionSpec> all_options() { return options; }
std::span<const CommandSpec> all_commands() { return commands; }
std::span<const ExitStatusSpec> all_exit_statuses() { return exit_statuses; }
std::span<const VariableSpec> all_variables() { return variables; }

std::string_view database_sources() {
  return "The database is the first of: --database, --database-file, DB_DSN, DB_DSN_FILE, DSN, TALOS_DB_DSN, db.dsn of "
         "--config.";
}

std::string example_line(std::string_view example, std::string_view program) {
  // A variable may stand before the command.
  const auto at = example.starts_with("DB_DSN=") ? example.find(' ') + 1 : 0;
  return std::string(example.substr(0, at)) + std::string(program) + " " + std::string(example.substr(at));
}

const OptionSpec* find_option(std::string_view name) {
  const auto found = std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.name == name; });
  return found == options.end() ? nullptr : &*found;
}

const CommandSpec* find_command(std::string_view words) {
  const auto found = std::find_if(commands.begin(), commands.end(), [&](const auto& c) { return c.words == words; });
  return found == commands.end() ? nullptr : &*found;
}

bool takes(const CommandSpec& command, const OptionSpec& option) {
  if (option.group == output) return true;
  if (std::find(command.options.begin(), command.options.end(), option.name) != command.options.end()) return true;
  return option.group != OptionGroup::command && command.migrates();
}

std::string_view title(OptionGroup group) {
  switch (group) {
    case command:
      return "Options";
    case database:
      return "Database";
    case limits:
      return "Limits (durations: 500ms, 30s, 1h30m)";
    case policies:
      return "Policies";
    case output:
      return "Output";
  }
  return "";
}

}  // namespace talos::app
