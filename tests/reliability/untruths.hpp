// Whether what the program says of a run is true, and is said at all.
#pragma once

#include <string>
#include <vector>

#include "process.hpp"

namespace talos::test {

/// A run that is over, and the database before and then. States are "3, clean" or "3, DIRTY"; "-1, clean" is nothing.
struct RunEnd {
  const ProcessResult& result;
  std::string before;
  std::string now;
  std::vector<std::string> history;  ///< "up 3", "down 3": what succeeded
  long goal;                         ///< the version after success
  bool only_reads = false;           ///< `status --format json`
};

/// A line for each that is not; empty if there is none.
std::string untruths(const RunEnd& end);

}  // namespace talos::test
