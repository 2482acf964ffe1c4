// BACKUP DATABASE … INTO, and what can be read back of it: storages are names in this double's memory.
#include <algorithm>
#include <array>
#include <iterator>

#include <libpq-fe.h>

#include "crdb_session.hpp"
#include "pg_token.hpp"

namespace talos::test::crdb {

namespace {

std::string unquoted(std::string_view literal) {
  std::string text;
  for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
    text += literal[i];
    if (literal[i] == '\'') ++i;
  }
  return text;
}

// Its parameters say how to get there, not where it is.
std::string collection_of(const std::string& url) { return url.substr(0, url.find('?')); }

// As a job's description has it: SHOW JOBS never shows a key.
std::string redacted(const std::string& url) {
  std::string shown = collection_of(url);
  for (std::size_t at = shown.size(); at < url.size();) {
    const auto end = std::min(url.find('&', at + 1), url.size());
    const std::string parameter = url.substr(at, end - at);
    const bool secret = parameter.find("SECRET") != std::string::npos || parameter.find("TOKEN") != std::string::npos ||
                        parameter.find("KEY") != std::string::npos;
    shown += secret ? parameter.substr(0, parameter.find('=')) + "=redacted" : parameter;
    at = end;
  }
  return shown;
}

// Of "2026-11-26 10:15:00.254321+00".
std::string path_of(const std::string& time) {
  const auto part = [&](std::size_t at, std::size_t size) { return time.substr(at, size); };
  return "/" + part(0, 4) + "/" + part(5, 2) + "/" + part(8, 2) + "-" + part(11, 2) + part(14, 2) + part(17, 2) + "." +
         part(20, 2);
}

void judge_scheme(const std::string& url) {
  static constexpr std::array<std::string_view, 8> known{"s3",       "gs",        "azure-blob", "azure",
                                                         "external", "nodelocal", "userfile",   "azure-storage"};
  const std::string scheme = url.substr(0, url.find("://"));
  if (std::find(known.begin(), known.end(), scheme) == known.end())
    throw SqlFailure("XXUUU", "unsupported storage scheme: \"" + scheme + "\" in " + url);
}

[[noreturn]] void refuse(const std::string& text) { throw NotModelled(text.substr(0, text.find('\'')) + "…"); }

}  // namespace

// BACKUP DATABASE name INTO 'url' WITH detached: gives its job's number at once.
void Session::backup(const std::string& text) {
  pg::Tokens words(text);
  if (!words.take("BACKUP") || !words.take("DATABASE")) refuse(text);
  const std::string database = pg::identifier(words.text(words.next()));
  if (!words.take("INTO")) refuse(text);
  const std::string url = unquoted(words.text(words.next()));
  if (!words.take("WITH") || !words.take("DETACHED") || words.next().kind != pg::Token::Kind::end) refuse(text);
  if (in_explicit() || database != client_->database) refuse(text);
  if (!server_.privileged(client_->user, CrdbPrivilege::backup))
    throw SqlFailure("42501", "user " + client_->user + " does not have BACKUP privilege on database " + database);
  judge_scheme(url);
  const std::string now = timestamp();
  StoredBackup backup{path_of(now), database, {}, now};
  const Result tables = backend_->run(
      "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', "
      "'information_schema') ORDER BY 1, 2");
  for (int i = 0; i < PQntuples(tables.get()); ++i)
    backup.tables.emplace_back(PQgetvalue(tables.get(), i, 0), PQgetvalue(tables.get(), i, 1));
  Work work{std::make_shared<Backend>(*login_), "SELECT 1", "SELECT 1", {}, {}};
  work.after = [this_server = &server_, url, backup] {
    // What a storage says of itself, all of it.
    if (url.find("://no-such-bucket") != std::string::npos)
      throw SqlFailure("XXUUU", "failed to put object: NoSuchBucket: " + url);
    const std::lock_guard lock(this_server->mutex);
    this_server->backups[collection_of(url)].push_back(backup);
  };
  const std::string description =
      "BACKUP DATABASE " + database + " INTO '" + backup.path + "' IN '" + redacted(url) + "'";
  const std::int64_t id = server_.jobs().start(client_->user, description, work, "BACKUP");
  one_value("job_id", std::to_string(id), "BACKUP");
}

// SHOW BACKUP FROM LATEST|'path' IN 'url' [WITH check_files], in brackets.
std::string Session::backup_rows(const std::string& text) {
  pg::Tokens words(text);
  if (!words.take("SHOW") || !words.take("BACKUP") || !words.take("FROM")) refuse(text);
  const bool latest = words.take("LATEST");
  const std::string path = latest ? "" : unquoted(words.text(words.next()));
  if (!words.take("IN")) refuse(text);
  const std::string url = unquoted(words.text(words.next()));
  const bool check_files = words.take("WITH");
  if ((check_files && !words.take("CHECK_FILES")) || words.next().kind != pg::Token::Kind::end) refuse(text);
  judge_scheme(url);
  const std::lock_guard lock(server_.mutex);
  const auto& stored = server_.backups[collection_of(url)];
  const auto found = latest ? std::prev(stored.end(), stored.empty() ? 0 : 1)
                            : std::find_if(stored.begin(), stored.end(), [&](const StoredBackup& one) {
                                return one.path == path || one.path == "/" + path;
                              });
  if (found == stored.end()) throw SqlFailure("XXUUU", "no backups found in the collection " + url);
  if (check_files && server_.backup_files_lost)
    throw SqlFailure("XXUUU", "The following files are missing from the backup:\n" + url + "/data/1.sst");
  std::string rows =
      "(NULL, " + sql_literal(found->database) + ", 'database', NULL, " + sql_literal(found->end_time) + ")";
  for (const auto& [schema, table] : found->tables)
    rows += ", (" + sql_literal(found->database) + ", " + sql_literal(table) + ", 'table', " + sql_literal(schema) +
            ", " + sql_literal(found->end_time) + ")";
  return "(SELECT column1 AS database_name, column4 AS parent_schema_name, column2 AS object_name, column3 AS "
         "object_type, 'full' AS backup_type, NULL::timestamp AS start_time, column5::timestamptz AT TIME ZONE 'UTC' "
         "AS "
         "end_time, 0 AS size_bytes, 0 AS rows, false AS is_full_cluster FROM (VALUES " +
         rows + ") AS double_rows)";
}

}  // namespace talos::test::crdb
