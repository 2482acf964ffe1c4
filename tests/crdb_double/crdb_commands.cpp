// SHOW, CANCEL, PAUSE and RESUME of jobs, sessions and queries, and the tables that show the same.
#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <libpq-fe.h>

#include "crdb_session.hpp"
#include "pg_token.hpp"

namespace talos::test::crdb {

namespace {

struct Field {
  std::string_view name;
  std::string_view type;
};

using Values = std::vector<std::optional<std::string>>;

constexpr std::array job_fields{
    Field{"job_id", "int8"},          Field{"job_type", "text"},        Field{"description", "text"},
    Field{"statement", "text"},       Field{"user_name", "text"},       Field{"status", "text"},
    Field{"running_status", "text"},  Field{"created", "timestamptz"},  Field{"started", "timestamptz"},
    Field{"finished", "timestamptz"}, Field{"modified", "timestamptz"}, Field{"fraction_completed", "float4"},
    Field{"error", "text"},           Field{"coordinator_id", "int8"}};

// jobs@062f64c.
constexpr std::array stable_job_fields{Field{"job_id", "int8"},         Field{"job_type", "text"},
                                       Field{"owner", "text"},          Field{"description", "text"},
                                       Field{"created", "timestamptz"}, Field{"finished", "timestamptz"},
                                       Field{"state", "text"},          Field{"error", "text"}};

constexpr std::array session_fields{Field{"node_id", "int8"},
                                    Field{"session_id", "text"},
                                    Field{"status", "text"},
                                    Field{"user_name", "text"},
                                    Field{"client_address", "text"},
                                    Field{"application_name", "text"},
                                    Field{"active_queries", "text"},
                                    Field{"last_active_query", "text"},
                                    Field{"session_start", "timestamptz"},
                                    Field{"active_query_start", "timestamptz"},
                                    Field{"kv_txn", "text"},
                                    Field{"pg_backend_pid", "int8"}};

constexpr std::array query_fields{Field{"query_id", "text"},       Field{"node_id", "int8"},
                                  Field{"session_id", "text"},     Field{"user_name", "text"},
                                  Field{"start", "timestamptz"},   Field{"query", "text"},
                                  Field{"client_address", "text"}, Field{"application_name", "text"},
                                  Field{"distributed", "bool"},    Field{"phase", "text"}};

template <std::size_t Size>
std::string table_of(const std::array<Field, Size>& fields, const std::vector<Values>& rows) {
  std::string sql = "(SELECT ";
  for (std::size_t i = 0; i < Size; ++i) {
    if (i > 0) sql += ", ";
    sql += "CAST(column" + std::to_string(i + 1) + " AS " + std::string(fields[i].type) + ") AS " +
           std::string(fields[i].name);
  }
  sql += " FROM (VALUES ";
  // A row of NULLs keeps the columns where there are no others.
  std::string none = "(";
  for (std::size_t i = 0; i < Size; ++i) none += i == 0 ? "NULL" : ", NULL";
  sql += none + ")";
  for (const Values& row : rows) {
    sql += ", (";
    for (std::size_t i = 0; i < Size; ++i) {
      if (i > 0) sql += ", ";
      sql += row[i] ? sql_literal(*row[i]) : "NULL";
    }
    sql += ")";
  }
  return sql + ") AS double_rows WHERE column1 IS NOT NULL)";
}

std::optional<std::string> some(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

// SHOW JOBS shortens what is long (schema_change_in_txn@013891f shows how).
std::string shortened(const std::string& description) {
  constexpr std::size_t head = 60;
  constexpr std::size_t tail = 8;
  if (description.size() <= head + tail + 2) return description;
  return description.substr(0, head) + "… " + description.substr(description.size() - tail);
}

// A held job stands half-way.
std::string done(const CrdbJob& job) { return job.state == "succeeded" ? "1" : job.held ? "0.5" : "0"; }

std::string rest_of(const std::string& text, std::size_t words) {
  pg::Tokens tokens(text);
  for (std::size_t i = 0; i < words; ++i) tokens.next();
  tokens.skip_blank();
  return text.substr(std::min(tokens.at(), text.size()));
}

// SHOW CLUSTER JOBS, SHOW LOCAL SESSIONS: where is not what matters here.
std::vector<std::string> plain(std::vector<std::string> words) {
  std::erase_if(words, [](const std::string& word) { return word == "LOCAL"; });
  if (words.size() > 2 && words[1] == "CLUSTER" && words[2] != "SETTING" && words[2] != "SETTINGS")
    words.erase(words.begin() + 1);
  return words;
}

}  // namespace

void Session::command(const Statement& statement) {
  const std::vector<std::string> words = plain(first_words(statement.text));
  const std::string& first = words[0];
  const std::string second = words.size() > 1 ? words[1] : "";
  if (first == "GRANT" || first == "REVOKE") return grant_system(words);
  if (first == "SET") throw NotModelled("SET CLUSTER SETTING");
  if (first == "BACKUP") return backup(statement.text);
  if (first == "PAUSE" || first == "RESUME" || (first == "CANCEL" && second.starts_with("JOB")))
    return control_jobs(words, statement.text);
  if (first == "CANCEL") return cancel_others(words, statement.text);
  if (second == "JOB" || second == "JOBS") return show_job(words, statement.text);
  if (second == "SESSIONS") return show_virtual(Virtual::show_sessions);
  if (second == "QUERIES") return show_virtual(Virtual::show_queries);
  if (second == "CLUSTER") return show_cluster_setting(statement.text);
  if (second == "SESSION_ID") return one_value("session_id", client_->id, "SHOW 1");
  if (second == "CRDB_VERSION") return one_value("crdb_version", variables_["crdb_version"], "SHOW 1");
  if (second == "TRANSACTION" && words.size() > 2 && words[2] == "STATUS")
    return one_value("TRANSACTION STATUS", in_explicit() ? "Open" : "NoTxn", "SHOW 1");
  throw NotModelled(statement.text);
}

void Session::one_value(const std::string& column, const std::string& value, const std::string& tag) {
  wire_.description({{column}});
  wire_.row({value});
  wire_.complete(tag);
}

void Session::show_cluster_setting(const std::string& text) {
  if (rest_of(text, 3) != "version") throw NotModelled(text);
  one_value("version", std::string(profile_name(server_.profile())), "SHOW 1");
}

void Session::show_virtual(Virtual table) {
  wire_.result(backend_->run("SELECT * FROM " + rows(table) + " AS shown").get());
}

// SHOW JOBS; SHOW JOB n; SHOW JOB[S] WHEN COMPLETE n or (SELECT …).
void Session::show_job(const std::vector<std::string>& words, const std::string& text) {
  const bool when_complete = words.size() > 3 && words[2] == "WHEN" && words[3] == "COMPLETE";
  if (words.size() > 2 && !when_complete) throw NotModelled(text);
  const std::size_t skipped = when_complete ? 4 : 2;
  if (rest_of(text, skipped).empty()) return show_virtual(Virtual::show_jobs);
  const std::vector<std::string> wanted = ids(text, skipped);
  std::string list = "NULL";
  for (const std::string& id : wanted) list += ", " + id;
  const auto over = [&] {
    return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& id) {
      const auto row = server_.jobs().find(std::stoll(id));
      return !row || terminal(row->job.state);
    });
  };
  const Deadline until = deadline("statement_timeout");
  while (when_complete && !over()) {
    if (until && Clock::now() >= *until) throw SqlFailure("57014", "query execution canceled due to statement timeout");
    wait(-1, until);
  }
  wire_.result(
      backend_->run("SELECT * FROM " + rows(Virtual::show_jobs) + " AS shown WHERE job_id IN (" + list + ")").get());
}

// A literal, or a query in brackets for the ids.
std::vector<std::string> Session::ids(const std::string& text, std::size_t skipped_words) {
  std::string rest = rest_of(text, skipped_words);
  if (rest.starts_with("IF EXISTS")) rest = rest.substr(9);
  if (rest.empty()) throw SqlFailure("42601", "at or near EOF: syntax error");
  const Statement query = read_statement("SELECT * FROM (VALUES (" + rest + ")) AS ids", server_.profile());
  const Statement select =
      rest.front() == '(' ? read_statement(rest.substr(1, rest.rfind(')') - 1), server_.profile()) : query;
  const Result result = backend_->run(select.render([this](const Statement::Place& place) { return rows(place); }));
  std::vector<std::string> found;
  for (int i = 0; i < PQntuples(result.get()); ++i) found.emplace_back(PQgetvalue(result.get(), i, 0));
  return found;
}

void Session::control_jobs(const std::vector<std::string>& words, const std::string& text) {
  const auto wanted = ids(text, 2);
  for (const std::string& id : wanted) {
    const std::int64_t number = std::stoll(id);
    const auto row = server_.jobs().find(number);
    if (!row) throw SqlFailure("XXUUU", "job with ID " + id + " does not exist");
    // jobs@062f64c.
    if (row->job.user != client_->user && !server_.privileged(client_->user, CrdbPrivilege::control_job))
      throw SqlFailure("42501", "user " + client_->user + " does not have privileges for job " + id);
    if (server_.admin(row->job.user) && !server_.admin(client_->user))
      throw SqlFailure("42501", "only admins can control jobs owned by other admins");
    if (words[0] == "PAUSE") server_.jobs().pause(number);
    if (words[0] == "RESUME") server_.jobs().resume(number);
    if (words[0] == "CANCEL") server_.jobs().cancel(number);
  }
  wire_.complete(words[0] + " JOBS " + std::to_string(wanted.size()));
}

// CANCEL SESSION[S], CANCEL QUER[Y|IES], with IF EXISTS.
void Session::cancel_others(const std::vector<std::string>& words, const std::string& text) {
  const std::string what = words.size() > 1 ? words[1] : "";
  const bool session = what == "SESSION" || what == "SESSIONS";
  if (!session && what != "QUERY" && what != "QUERIES") throw NotModelled(text);
  const bool if_exists = words.size() > 3 && words[2] == "IF" && words[3] == "EXISTS";
  const auto wanted = ids(text, if_exists ? 4 : 2);
  for (const std::string& id : wanted) {
    const auto clients = server_.clients();
    const std::lock_guard lock(server_.mutex);
    const auto found = std::find_if(clients.begin(), clients.end(), [&](const auto& client) {
      return (session ? client->id : client->query_id) == id;
    });
    const bool other = found != clients.end() && (*found)->user != client_->user;
    const auto held = server_.privileges.find(client_->user);
    const bool may = server_.admin(client_->user) ||
                     (held != server_.privileges.end() && held->second.contains(CrdbPrivilege::cancel_query));
    if (server_.cancel_forbidden || (other && !may) ||
        (other && server_.admin((*found)->user) && !server_.admin(client_->user)))
      throw SqlFailure("42501", "this operation requires CANCELQUERY privilege");
    if (found == clients.end()) {
      if (if_exists) continue;
      throw SqlFailure("XXUUU",
                       std::string("could not cancel ") + (session ? "session " : "query ") + id + ": not found");
    }
    if (session)
      (*found)->over = true;
    else
      (*found)->cancel_query = true;
  }
  server_.wake_all();
  wire_.complete((session ? "CANCEL SESSIONS " : "CANCEL QUERIES ") + std::to_string(wanted.size()));
}

void Session::grant_system(const std::vector<std::string>& words) {
  static constexpr std::array names{
      std::pair{"CANCELQUERY", CrdbPrivilege::cancel_query}, std::pair{"VIEWACTIVITY", CrdbPrivilege::view_activity},
      std::pair{"VIEWJOB", CrdbPrivilege::view_job}, std::pair{"CONTROLJOB", CrdbPrivilege::control_job},
      std::pair{"BACKUP", CrdbPrivilege::backup}};
  if (!server_.admin(client_->user)) throw SqlFailure("42501", "only admins may grant system privileges");
  const auto* const found = std::find_if(names.begin(), names.end(),
                                         [&](const auto& one) { return words.size() > 2 && words[2] == one.first; });
  if (found == names.end() || words.size() != 5) throw NotModelled("a system privilege or a list of them");
  std::string user = words[4];
  std::transform(user.begin(), user.end(), user.begin(), [](unsigned char c) { return std::tolower(c); });
  {
    const std::lock_guard lock(server_.mutex);
    if (words[0] == "GRANT")
      server_.privileges[user].insert(found->second);
    else
      server_.privileges[user].erase(found->second);
  }
  wire_.complete(words[0]);
}

// --- tables of the double's own ---

std::string Session::rows(const Statement::Place& place) {
  return place.table == Virtual::show_backup ? backup_rows(place.text) : rows(place.table);
}

// Of a table without a primary key CockroachDB's has a hidden one more; here, one that a test makes stands for it.
std::string Session::column_rows() {
  return "(SELECT c.*, CASE WHEN c.column_name LIKE 'rowid%' AND c.column_default = 'unique_rowid()' THEN 'YES' ELSE "
         "'NO' END AS is_hidden FROM information_schema.columns c)";
}

std::string Session::rows(Virtual table) {
  switch (table) {
    case Virtual::show_sessions:
      return session_rows();
    case Virtual::show_queries:
      return query_rows();
    case Virtual::columns:
      return column_rows();
    default:
      return job_rows(table);
  }
}

void Session::refuse_internals() {
  if (server_.profile() >= CrdbProfile::v26_1 && !on("allow_unsafe_internals"))
    throw SqlFailure({"42501", "Access to crdb_internal and system is restricted.", "",
                      "These interfaces are unsupported in production; allow_unsafe_internals lifts this.", ""});
}

// jobs@062f64c: users see their own, admins and those with VIEWJOB or CONTROLJOB see all. information_schema.crdb_jobs
// is of the time of 26.3; no release note says since when it is there.
std::string Session::job_rows(Virtual table) {
  const bool stable = table == Virtual::crdb_jobs;
  if (table == Virtual::internal_jobs) refuse_internals();
  if (stable && server_.profile() < CrdbProfile::v26_3)
    throw SqlFailure("42P01", "relation \"information_schema.crdb_jobs\" does not exist");
  const bool all = server_.privileged(client_->user, CrdbPrivilege::view_job) ||
                   server_.privileged(client_->user, CrdbPrivilege::control_job);
  std::vector<Values> values;
  for (const JobRow& row : server_.jobs().all()) {
    const CrdbJob& job = row.job;
    if (!all && job.user != client_->user) continue;
    const std::string id = std::to_string(job.id);
    if (stable) {
      values.push_back(
          {id, job.type, job.user, job.description, row.created, some(row.finished), job.state, some(job.error)});
      continue;
    }
    const bool brief = table == Virtual::show_jobs;
    values.push_back({id, job.type, brief ? shortened(job.description) : job.description,
                      brief ? shortened(row.statement) : row.statement, job.user, job.state, std::nullopt, row.created,
                      row.created, some(row.finished), row.created, done(job), job.error, "1"});
  }
  return stable ? table_of(stable_job_fields, values) : table_of(job_fields, values);
}

std::string Session::session_rows() {
  const bool all = server_.privileged(client_->user, CrdbPrivilege::view_activity);
  std::vector<Values> values;
  const auto clients = server_.clients();
  const std::lock_guard lock(server_.mutex);
  for (const auto& client : clients) {
    if (client->user.empty() || (!all && client->user != client_->user)) continue;
    values.push_back({"1", client->id, client->active_query.empty() ? "IDLE" : "ACTIVE", client->user, "127.0.0.1",
                      client->application, client->active_query, client->last_query, client->started,
                      some(client->active_query.empty() ? "" : client->query_started),
                      client->in_transaction ? std::optional<std::string>(client->id) : std::nullopt,
                      std::to_string(client->pid)});
  }
  return table_of(session_fields, values);
}

std::string Session::query_rows() {
  const bool all = server_.privileged(client_->user, CrdbPrivilege::view_activity);
  std::vector<Values> values;
  const auto clients = server_.clients();
  const std::lock_guard lock(server_.mutex);
  for (const auto& client : clients) {
    if (client->query_id.empty() || (!all && client->user != client_->user)) continue;
    values.push_back({client->query_id, "1", client->id, client->user, client->query_started, client->active_query,
                      "127.0.0.1", client->application, "f", "executing"});
  }
  return table_of(query_fields, values);
}

}  // namespace talos::test::crdb
