// The rows S1 to S8 and the plots: what is done, by whom, and what is to be reached.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "row.hpp"
#include "site.hpp"
#include "tools.hpp"

namespace talos::bench {

struct Plan {
  const Tools& tools;
  Site& site;
  std::filesystem::path workspace;
  unsigned rounds;
  std::uint64_t data_size;  ///< bytes, of S6
};

struct RowKind {
  std::string id;
  std::vector<std::string> sites;  ///< where it is measured
  void (*measure)(const Plan& plan, Row& row);
};

const std::vector<RowKind>& row_kinds();

// S1, S2, S5, S7.
void start_and_no_op(const Plan& plan, Row& row);
void thousand_tables(const Plan& plan, Row& row);
void many_files(const Plan& plan, Row& row);
void many_plugins(const Plan& plan, Row& row);
// S3, S4, S6, S8.
void thousand_tables_on_server(const Plan& plan, Row& row);
void far_server(const Plan& plan, Row& row);
void large_data(const Plan& plan, Row& row);
void eight_runners(const Plan& plan, Row& row);
// Wall time against the number of migrations, the latency, the number of runners.
void plot_number(const Plan& plan, Row& row);
void plot_latency(const Plan& plan, Row& row);
void plot_runners(const Plan& plan, Row& row);

/// A new directory below the plan's, with what talos and its rivals expect there.
std::filesystem::path made(const Plan& plan, const std::string& name);

/// The way on the set, in the site's emptied database, whose tables are counted afterwards.
Contender contender(const Plan& plan, const Way& way, const MigrationSet& set);

}  // namespace talos::bench
