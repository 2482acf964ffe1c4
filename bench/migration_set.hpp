// One set of migrations, written in the format of each tool.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace talos::bench {

struct Migration {
  std::string name;  ///< "000001_t1"
  std::string up;
  std::string down;
};
using MigrationSet = std::vector<Migration>;

/// Tables t1 … t<count>.
MigrationSet one_table_each(unsigned count);
/// One table, then a row in each: a large set whose database keeps a small schema, so that opening it costs the same.
MigrationSet one_row_each(unsigned count);

/// NNNNNN_name.up.sql and .down.sql; golang-migrate's too.
void write_pairs(const std::filesystem::path& directory, const MigrationSet& set);
/// One file a migration: `up_line`, the SQL, `down_line`, the SQL. dbmate, sql-migrate and goose differ by these lines.
void write_marked(const std::filesystem::path& directory, const MigrationSet& set, const std::string& up_line,
                  const std::string& down_line);
/// A sqitch project: its configuration, a plan, and deploy and revert scripts with a transaction each.
void write_sqitch(const std::filesystem::path& directory, const MigrationSet& set, const std::string& configuration);
/// One file for a database's own client, with what is `first`; a transaction a migration or one around all.
void write_batch(const std::filesystem::path& file, const MigrationSet& set, const std::string& first,
                 bool one_transaction);

/// The up parts for the client of MySQL and MariaDB, 100 a message.
void write_delimited(const std::filesystem::path& file, const MigrationSet& set);

/// A file for psql: a transaction each, a hundred of them in one message.
void write_messages(const std::filesystem::path& file, const MigrationSet& set, const std::string& first);

void write_file(const std::filesystem::path& file, const std::string& text);

}  // namespace talos::bench
