#include "dsn_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <system_error>

#include "argv_secrets.hpp"
#include "config.hpp"
#include "schemes.hpp"
#include "talos/error.hpp"

namespace talos::app {

namespace {

std::string read_secret_file(const std::filesystem::path& path, const std::string& source) {
  if (is_misplaced_dsn(path.native())) throw Error(ErrorCode::usage, source + " takes a path, not a DSN");
  std::ifstream file(path, std::ios::binary);
  // No DSN is longer; a wrong path may be anything.
  constexpr std::size_t longest = 64 * 1024;
  std::string text(longest + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (text.size() > longest) throw Error(ErrorCode::usage, source + ": the file is too long to hold a DSN");
  if (file.eof()) file.clear();
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored))
    throw Error(ErrorCode::usage, source + ": cannot read " + path.string() + ": " +
                                      std::generic_category().message(errno == 0 ? EISDIR : errno));
  return text;
}

// Taken, not read: no child process gets a DSN.
std::optional<std::string> take_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string text(value);
  ::unsetenv(name);
  return text;
}

struct Variables {
  std::optional<std::string> db_dsn = take_variable("DB_DSN");
  std::optional<std::string> db_dsn_file = take_variable("DB_DSN_FILE");
  std::optional<std::string> dsn = take_variable("DSN");
  std::optional<std::string> talos_db_dsn = take_variable("TALOS_DB_DSN");
};

FoundDsn found(std::string text, const std::string& source) {
  try {
    return {Dsn::parse(std::move(text), file_scheme), source};
  } catch (const Error& error) {
    Error located(error.code, source + ": " + error.what());
    located.hint = error.hint;
    throw Error(located);
  }
}

// An empty variable is as good as none: that is how a Compose or Kubernetes file leaves one out.
bool given(const std::optional<std::string>& variable) { return variable && !variable->empty(); }

}  // namespace

FoundDsn find_dsn(const Options& options) {
  const Variables variables;
  if (options.database) return found(*options.database, "--database");
  if (options.database_file)
    return found(read_secret_file(*options.database_file, "--database-file"), "--database-file");
  if (given(variables.db_dsn)) return found(*variables.db_dsn, "DB_DSN");
  if (given(variables.db_dsn_file))
    return found(read_secret_file(*variables.db_dsn_file, "DB_DSN_FILE"), "DB_DSN_FILE");
  if (given(variables.dsn)) return found(*variables.dsn, "DSN");
  if (given(variables.talos_db_dsn)) return found(*variables.talos_db_dsn, "TALOS_DB_DSN");
  if (options.config) {
    if (auto dsn = read_config(*options.config).dsn) return found(std::move(*dsn), "--config (db.dsn)");
  }
  throw Error(ErrorCode::usage, "no database given")
      .with_hint(
          "give --database DSN or --database-file FILE, set DB_DSN, DB_DSN_FILE, DSN or TALOS_DB_DSN, or put "
          "db.dsn into the file of --config");
}

FoundDsn find_scratch_dsn(const Options& options) {
  const Variables not_looked_at;
  return found(options.scratch.value_or(std::string(file_scheme) + "://:memory:"), "--scratch");
}

std::optional<FoundDsn> find_copied_dsn(const Options& options) {
  if (!options.from) return std::nullopt;
  return found(*options.from, "--from");
}

}  // namespace talos::app
