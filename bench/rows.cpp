#include "rows.hpp"

namespace talos::bench {

namespace fs = std::filesystem;

const std::vector<RowKind>& row_kinds() {
  static const std::vector<std::string> file{"sqlite"};
  static const std::vector<std::string> servers{"postgres", "mariadb", "mysql"};
  static const std::vector<RowKind> kinds{{"S1", file, start_and_no_op},
                                          {"S2", file, thousand_tables},
                                          {"S3", servers, thousand_tables_on_server},
                                          {"S4", servers, far_server},
                                          {"S5", file, many_files},
                                          {"S6", site_names(), large_data},
                                          {"S7", file, many_plugins},
                                          {"S8", site_names(), eight_runners},
                                          {"number", site_names(), plot_number},
                                          {"latency", servers, plot_latency},
                                          {"runners", site_names(), plot_runners}};
  return kinds;
}

fs::path made(const Plan& plan, const std::string& name) {
  fs::path directory = plan.workspace / name;
  fs::create_directories(directory / "database");
  return directory;
}

Contender contender(const Plan& plan, const Way& way, const MigrationSet& set) {
  std::string name = way.name + "-" + std::to_string(set.size());
  for (char& c : name)
    if (c == ' ' || c == ',') c = '-';
  const fs::path directory = made(plan, name);
  way.write(directory, set);
  Site& site = plan.site;
  const auto wanted = static_cast<unsigned>(set.size());
  return {.name = way.name,
          .command = way.up(directory),
          .prepare = [&site, directory] { site.clear(directory); },
          .check = [&site, directory, wanted](const Finished&) { site.expect_tables(directory, wanted); }};
}

}  // namespace talos::bench
