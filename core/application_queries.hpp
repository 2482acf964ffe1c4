// Statements of the application that `verify --queries DIR` tries against the schema before and after.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "talos/driver.hpp"

namespace talos {

struct ApplicationQuery {
  std::string file;
  std::size_t line = 1;
  std::string text;
};

struct ApplicationQueries {
  std::vector<ApplicationQuery> old_release;
  std::vector<ApplicationQuery> new_release;
};

/// DIR/old/*.sql and DIR/new/*.sql, cut into statements by `session`. Files of DIR itself count as the old release's.
/// Throws ErrorCode::usage where it cannot be read, or holds none.
ApplicationQueries read_queries(const std::filesystem::path& directory, Session& session);

}  // namespace talos
