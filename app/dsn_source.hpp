// Which DSN: the first of --database, --database-file, DB_DSN, DB_DSN_FILE, DSN, TALOS_DB_DSN, db.dsn of --config.
#pragma once

#include <optional>
#include <string>

#include "dsn.hpp"
#include "options.hpp"

namespace talos::app {

struct FoundDsn {
  Dsn dsn;
  std::string source;  ///< "--database", "DB_DSN" …, for messages
};

/// Throws Error(usage) naming the places when there is none; a source that is there but empty or unreadable is an
/// error that names it. Takes the DSN variables out of the environment, so that no child process gets them.
FoundDsn find_dsn(const Options& options);

/// Of --scratch; without it a SQLite database in memory. Takes the same variables out, and looks at none.
FoundDsn find_scratch_dsn(const Options& options);
/// Of --from.
std::optional<FoundDsn> find_copied_dsn(const Options& options);

}  // namespace talos::app
