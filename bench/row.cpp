#include "row.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace talos::bench {

namespace {

constexpr double slow_seconds = 20;

std::string bare_milliseconds(double seconds) {
  const double value = seconds * 1000;
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", value < 10 ? 2 : value < 100 ? 1 : 0, value);
  return text;
}

std::string without(const std::string& workspace, std::string text) {
  for (std::size_t at = 0; (at = text.find(workspace, at)) != std::string::npos;)
    text.replace(at, workspace.size(), "$DIR");
  return text.substr(text.rfind('/', text.find(' ')) + 1);  // the program without its directory
}

std::string spread(const Series& series) {
  return milliseconds(series.median()) + " (" + bare_milliseconds(series.least()) + "–" +
         bare_milliseconds(series.most()) + ")";
}

}  // namespace

double Series::median() const {
  std::vector<double> sorted = seconds;
  std::ranges::sort(sorted);
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double Series::least() const { return *std::ranges::min_element(seconds); }

double Series::most() const { return *std::ranges::max_element(seconds); }

std::vector<Series> take_turns(const std::vector<Contender>& contenders, unsigned rounds,
                               const std::filesystem::path& workspace) {
  std::vector<Series> all;
  for (const Contender& contender : contenders)
    all.push_back({contender.name, without(workspace, shown(contender.command)), {}});
  for (unsigned round = 0; round < rounds; ++round) {
    for (std::size_t index = 0; index < contenders.size(); ++index) {
      const Contender& contender = contenders[index];
      std::vector<double>& seconds = all[index].seconds;
      if (round > 0 && seconds.front() > slow_seconds) continue;
      contender.prepare();
      const Finished finished = run_at_once(contender.command, contender.copies);
      contender.check(finished);
      seconds.push_back(finished.seconds);
    }
    std::cerr << '.' << std::flush;
  }
  return all;
}

void compare(Row& row, const std::string& ours, const std::string& theirs, std::optional<double> limit) {
  const auto our_series = std::ranges::find(row.series, ours, &Series::name);
  const auto their_series = std::ranges::find(row.series, theirs, &Series::name);
  if (our_series == row.series.end() || their_series == row.series.end()) return;
  row.figures.push_back({row.work, ours + ": " + spread(*our_series), theirs + ": " + spread(*their_series),
                         our_series->median() / their_series->median(), limit});
}

std::optional<double> median_of(const Row& row, const std::string& series) {
  const auto found = std::ranges::find(row.series, series, &Series::name);
  return found == row.series.end() ? std::nullopt : std::optional(found->median());
}

std::string milliseconds(double seconds) { return bare_milliseconds(seconds) + " ms"; }

}  // namespace talos::bench
