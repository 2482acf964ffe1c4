// The table and the JSON.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "migration_set.hpp"
#include "row.hpp"
#include "tools.hpp"

namespace talos::bench {

struct Machine {
  long cores = 0;
  std::string cpu;
  std::string kernel;
  std::string file_system;  ///< of the directory that the databases lay in
};

Machine this_machine(const std::filesystem::path& directory);

struct Report {
  std::string date;
  std::string commit;  ///< as the caller names it; may be empty
  Machine machine;
  unsigned rounds = 0;
  std::vector<Tool> tools;
  std::vector<Row> rows;
};

std::string today();
std::string as_markdown(const Report& report);
/// `source`: programs below it are written relative to it.
std::string as_json(const Report& report, const std::filesystem::path& source);

/// Puts `table` between the lines `<!-- bench SITES -->` and `<!-- /bench -->` of `file`. Throws if they are not there.
void replace_table(const std::filesystem::path& file, const std::string& sites, const std::string& table);

}  // namespace talos::bench
