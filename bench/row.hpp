// What a row of the table is made of.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plot.hpp"
#include "process.hpp"

namespace talos::bench {

/// One of those that take turns.
struct Contender {
  std::string name;
  Command command;
  unsigned copies = 1;                                                  ///< started at once
  std::function<void()> prepare = [] {};                                ///< before each turn, not timed
  std::function<void(const Finished&)> check = [](const Finished&) {};  ///< after each turn, not timed; throws
};

struct Series {
  std::string name;
  std::string command;          ///< with the measurement's own directory written as $DIR
  std::vector<double> seconds;  ///< every sample, in order

  double median() const;
  double least() const;
  double most() const;
};

/// Something compared with something, and what was to be reached.
struct Figure {
  std::string work;
  std::string ours;
  std::string theirs;
  double value = 0;             ///< a ratio of medians, or a count
  std::optional<double> limit;  ///< none: for information
  bool exact = false;           ///< `value` must be `limit`, not only at most that

  bool reached() const { return !limit || (exact ? value == *limit : value <= *limit); }
};

struct Row {
  std::string id;
  std::string site;  ///< by its name on the command line
  std::string work;
  std::vector<Series> series;
  std::vector<Figure> figures;
  std::vector<std::string> notes;
  std::vector<Plot> plots;
  std::string failure;  ///< why it could not be measured
};

/// A B C A B C …: each in turn, `rounds` times. One whose first turn took more than 20 s gets no second.
std::vector<Series> take_turns(const std::vector<Contender>& contenders, unsigned rounds,
                               const std::filesystem::path& workspace);

/// Adds the ratio of two series' medians, if both are there.
void compare(Row& row, const std::string& ours, const std::string& theirs, std::optional<double> limit);

/// The median of that series; nothing without it.
std::optional<double> median_of(const Row& row, const std::string& series);

std::string milliseconds(double seconds);

}  // namespace talos::bench
