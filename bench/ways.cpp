#include "ways.hpp"

#include <utility>

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

fs::path migrations_of(const fs::path& directory) { return directory / "migrations"; }

std::string sqlite_url(const fs::path& directory) { return "sqlite://" + database_of(directory).string(); }

Way client_way(const fs::path& program, const std::string& name, bool one_transaction) {
  return {name, "sqlite3",
          [one_transaction](const fs::path& directory, const MigrationSet& set) {
            write_batch(directory / "batch.sql", set, "PRAGMA synchronous = FULL;\n", one_transaction);
          },
          [program](const fs::path& directory) {
            return Command{{program, "-init", "/dev/null", "-batch", "-bail", database_of(directory)},
                           directory,
                           directory / "batch.sql"};
          }};
}

}  // namespace

Way talos_way(const fs::path& program, const std::string& name, DatabaseText database) {
  return {name, name,
          [](const fs::path& directory, const MigrationSet& set) { write_pairs(migrations_of(directory), set); },
          [program, database = std::move(database)](const fs::path& directory) {
            return Command{
                {program, "migrate", "up", "--database", database(directory), "--migrations", migrations_of(directory)},
                directory};
          }};
}

Way dbmate_way(const fs::path& program, const std::string& name, DatabaseText database) {
  return {name, "dbmate",
          [](const fs::path& directory, const MigrationSet& set) {
            write_marked(migrations_of(directory), set, "-- migrate:up", "-- migrate:down");
          },
          [program, database = std::move(database)](const fs::path& directory) {
            return Command{{program, "--url", database(directory), "--migrations-dir", migrations_of(directory),
                            "--no-dump-schema", "up"},
                           directory};
          }};
}

Way sql_migrate_way(const fs::path& program, const std::string& dialect, DatabaseText database) {
  return {
      "sql-migrate", "sql-migrate",
      [dialect, database = std::move(database)](const fs::path& directory, const MigrationSet& set) {
        write_marked(migrations_of(directory), set, "-- +migrate Up", "-- +migrate Down");
        write_file(directory / "dbconfig.yml", "bench:\n  dialect: " + dialect +
                                                   "\n  datasource: " + database(directory) +
                                                   "\n  dir: " + migrations_of(directory).string() + "\n");
      },
      [program](const fs::path& directory) {
        return Command{{program, "up", "-config=" + (directory / "dbconfig.yml").string(), "-env=bench"}, directory};
      }};
}

Way sqitch_way(const fs::path& program, const std::string& engine, const std::string& engine_lines,
               DatabaseText database) {
  return {"sqitch", "sqitch",
          [engine, engine_lines](const fs::path& directory, const MigrationSet& set) {
            write_sqitch(directory, set, "[core]\n\tengine = " + engine + "\n" + engine_lines);
          },
          [program, database = std::move(database)](const fs::path& directory) {
            return Command{{program, "deploy", database(directory)}, directory};
          }};
}

Way golang_migrate_way(const fs::path& program, DatabaseText database) {
  return {
      "golang-migrate", "golang-migrate",
      [](const fs::path& directory, const MigrationSet& set) { write_pairs(migrations_of(directory), set); },
      [program, database = std::move(database)](const fs::path& directory) {
        return Command{{program, "-path", migrations_of(directory), "-database", database(directory), "up"}, directory};
      }};
}

Way goose_way(const fs::path& program, const std::string& dialect, DatabaseText database) {
  return {"goose", "goose",
          [](const fs::path& directory, const MigrationSet& set) {
            write_marked(migrations_of(directory), set, "-- +goose Up", "-- +goose Down");
          },
          [program, dialect, database = std::move(database)](const fs::path& directory) {
            return Command{{program, "-dir", migrations_of(directory), dialect, database(directory), "up"}, directory};
          }};
}

std::vector<Way> masked(std::vector<Way> ways, const std::string& secret) {
  for (Way& way : ways)
    way.up = [up = std::move(way.up), secret](const fs::path& directory) {
      Command command = up(directory);
      command.secret = secret;
      return command;
    };
  return ways;
}

fs::path database_of(const fs::path& directory) { return directory / "database" / "bench.db"; }

Command talos_command(const Tools& tools, const fs::path& directory, const std::string& subcommand) {
  return {{tools.program("talos"), "migrate", subcommand, "--database", sqlite_url(directory), "--migrations",
           migrations_of(directory)},
          directory};
}

Way sqlite_talos(const Tools& tools) { return talos_way(tools.program("talos"), "talos", sqlite_url); }

Way sqlite_dbmate(const Tools& tools) {
  return dbmate_way(tools.program("dbmate"), "dbmate",
                    [](const fs::path& directory) { return sqlite_url(directory) + "?_synchronous=FULL"; });
}

std::vector<Way> sqlite_ways(const Tools& tools) {
  std::vector<Way> ways{sqlite_talos(tools)};
  if (tools.has("dbmate")) {
    ways.push_back(sqlite_dbmate(tools));
    ways.push_back(dbmate_way(tools.program("dbmate"), "dbmate as it comes (NORMAL)", sqlite_url));
  }
  if (tools.has("sql-migrate"))
    ways.push_back(sql_migrate_way(tools.program("sql-migrate"), "sqlite3", [](const fs::path& directory) {
      return "file:" + database_of(directory).string() + "?_synchronous=FULL";
    }));
  if (tools.has("sqitch"))
    ways.push_back(sqitch_way(tools.program("sqitch"), "sqlite", "", [](const fs::path& directory) {
      return "db:sqlite:" + database_of(directory).string();
    }));
  if (tools.has("golang-migrate")) {
    const fs::path& migrate = tools.program("golang-migrate");
    // Its two drivers differ in scheme and spelling.
    const bool cgo = run({{migrate, "-help"}, fs::temp_directory_path()}).output.find("sqlite3") != std::string::npos;
    const std::string scheme = cgo ? "sqlite3://" : "sqlite://";
    const std::string parameters = cgo ? "?_synchronous=FULL" : "?_pragma=synchronous(FULL)";
    ways.push_back(golang_migrate_way(migrate, [scheme, parameters](const fs::path& directory) {
      return scheme + database_of(directory).string() + parameters;
    }));
  }
  if (tools.has("goose"))
    ways.push_back(goose_way(tools.program("goose"), "sqlite3", [](const fs::path& directory) {
      return "file:" + database_of(directory).string() + "?_pragma=synchronous(FULL)&_synchronous=FULL";
    }));
  if (tools.has("sqlite3")) {
    ways.push_back(client_way(tools.program("sqlite3"), "sqlite3, a transaction a file", false));
    ways.push_back(client_way(tools.program("sqlite3"), "sqlite3, one transaction", true));
  }
  return ways;
}

}  // namespace talos::bench
