// What is drawn: wall time against the number of migrations, the latency, and the number of runners.
#include <algorithm>
#include <memory>

#include "rows.hpp"

namespace talos::bench {

namespace {

constexpr unsigned most_rounds = 3;

void add_points(Plot& plot, const std::vector<Series>& series, double x) {
  for (const Series& one : series) {
    auto line = std::ranges::find(plot.lines, one.name, &Plot::Line::name);
    if (line == plot.lines.end()) line = plot.lines.insert(line, {one.name, {}});
    line->points.push_back({x, one.median()});
  }
}

void keep(Row& row, std::vector<Series> series, const std::string& at) {
  for (Series& one : series) {
    one.name += ", " + at;
    row.series.push_back(std::move(one));
  }
}

// talos, its rivals, and the client with a transaction a file.
std::vector<Way> all_ways(const Plan& plan, const test::MessageProxy* proxy = nullptr) {
  std::vector<Way> ways = plan.site.ways(proxy);
  if (auto client = plan.site.client(false, proxy)) ways.push_back(std::move(*client));
  return ways;
}

}  // namespace

void plot_number(const Plan& plan, Row& row) {
  row.work = "wall time against the number of migrations, " + plan.site.name();
  Plot plot{"number-" + row.site, row.work, "one-table migrations", true, {}};
  for (const unsigned count : {10U, 30U, 100U, 300U}) {
    std::vector<Contender> contenders;
    for (const Way& way : all_ways(plan)) contenders.push_back(contender(plan, way, one_table_each(count)));
    const auto series = take_turns(contenders, std::min(plan.rounds, most_rounds), plan.workspace);
    add_points(plot, series, count);
    keep(row, series, std::to_string(count) + " migrations");
  }
  row.plots.push_back(std::move(plot));
}

void plot_latency(const Plan& plan, Row& row) {
  constexpr unsigned count = 30;
  row.work = "wall time of 30 one-table migrations against latency, " + plan.site.name();
  Plot plot{"latency-" + row.site, row.work, "round trip, ms", false, {}};
  for (const unsigned trip : {0U, 5U, 10U, 20U}) {
    // One after the other through the same proxy, which only delays here.
    const auto proxy = plan.site.proxy(std::chrono::milliseconds(trip));
    std::vector<Contender> contenders;
    for (const Way& way : all_ways(plan, proxy.get()))
      if (way.tool != "sqitch") contenders.push_back(contender(plan, way, one_table_each(count)));
    const auto series = take_turns(contenders, std::min(plan.rounds, most_rounds), plan.workspace);
    add_points(plot, series, trip);
    keep(row, series, std::to_string(trip) + " ms");
  }
  row.plots.push_back(std::move(plot));
}

void plot_runners(const Plan& plan, Row& row) {
  row.work = "wall time of 50 one-table migrations against the number of runners, " + plan.site.name();
  Plot plot{"runners-" + row.site, row.work, "runners at once", false, {}};
  const MigrationSet set = one_table_each(50);
  std::vector<Way> ways = plan.site.ways();
  for (const unsigned copies : {1U, 2U, 4U, 8U, 16U}) {
    std::vector<Contender> contenders;
    for (const Way& way : ways) {
      Contender one = contender(plan, way, set);
      one.copies = copies;
      // A tool that cannot have a second one beside it is left out from there on.
      try {
        take_turns({one}, 1, plan.workspace);
        contenders.push_back(std::move(one));
      } catch (const Interrupted&) {
        throw;
      } catch (const std::exception&) {
        row.notes.push_back(way.name + " failed with " + std::to_string(copies) + " runners at once on " +
                            plan.site.name());
      }
    }
    std::erase_if(ways, [&](const Way& way) { return !std::ranges::count(contenders, way.name, &Contender::name); });
    const auto series = take_turns(contenders, std::min(plan.rounds, most_rounds), plan.workspace);
    add_points(plot, series, copies);
    keep(row, series, std::to_string(copies) + " runners");
  }
  row.plots.push_back(std::move(plot));
}

}  // namespace talos::bench
