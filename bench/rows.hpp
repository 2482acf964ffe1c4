// The rows S1, S2, S5, S7 and S8: what is done, by whom, and what is to be reached.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "row.hpp"
#include "tools.hpp"

namespace talos::bench {

struct Plan {
  const Tools& tools;
  std::filesystem::path workspace;
  unsigned rounds;
};

struct RowKind {
  std::string id;
  void (*measure)(const Plan& plan, Row& row);
};

const std::vector<RowKind>& row_kinds();

}  // namespace talos::bench
