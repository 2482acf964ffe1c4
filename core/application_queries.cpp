#include "application_queries.hpp"

#include <algorithm>
#include <memory>

#include "migration_source.hpp"
#include "script.hpp"

namespace talos {

namespace {

std::vector<std::string> sql_files(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".sql" && !entry.is_directory()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

void read_directory_into(const std::filesystem::path& directory, Session& session,
                         std::vector<ApplicationQuery>& queries) {
  const auto open = std::make_shared<const MigrationDirectory>(directory);
  for (const std::string& name : sql_files(directory)) {
    const Body body = MigrationFile{name, open}.load();
    const std::string_view text = body.bytes();
    const std::string file = (directory.filename() / name).string();
    try {
      session.split(text, [&](const Statement& statement) {
        queries.push_back(
            {file, line_of(text, statement.offset), std::string(text.substr(statement.offset, statement.length))});
      });
    } catch (Error& error) {
      error.file = file;
      throw;
    }
  }
}

}  // namespace

ApplicationQueries read_queries(const std::filesystem::path& directory, Session& session) {
  ApplicationQueries queries;
  try {
    read_directory_into(directory, session, queries.old_release);
    if (exists(directory / "old")) read_directory_into(directory / "old", session, queries.old_release);
    if (exists(directory / "new")) read_directory_into(directory / "new", session, queries.new_release);
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(ErrorCode::usage,
                "the queries in " + directory.string() + " cannot be read: " + error.code().message());
  }
  if (queries.old_release.empty() && queries.new_release.empty())
    throw Error(ErrorCode::usage, "there are no queries in " + directory.string())
        .with_hint("put statements into files: old/*.sql for the release before, new/*.sql for the new one");
  return queries;
}

}  // namespace talos
