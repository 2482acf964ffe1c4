#include "postgres_scratch.hpp"

#include <algorithm>
#include <utility>

#include "pg_connect.hpp"
#include "pg_scratch.hpp"
#include "pg_side.hpp"
#include "pg_text.hpp"
#include "postgres_client.hpp"

namespace talos::postgres {

namespace {

// Where it names a schema for the tracker and the server has another for the rest, both.
std::vector<std::string> schemas_of(const ServerInfo& server) {
  std::vector<std::string> names{server.current_schema};
  if (server.schema != server.current_schema) names.push_back(server.schema);
  return names;
}

void set(pg::PgDsn& dsn, const std::string& name, const std::string& value) {
  std::erase_if(dsn.settings, [&](const auto& one) { return one.first == name; });
  dsn.settings.emplace_back(name, value);
}

std::string setting_of(const pg::PgDsn& dsn, std::string_view wanted) {
  for (const auto& [name, value] : dsn.settings)
    if (name == wanted) return value;
  return {};
}

}  // namespace

// The database that is copied, held still as of one moment.
class PostgresScratch::Source {
 public:
  Source(std::string_view from, std::string_view table, const std::function<bool()>& stop)
      : dsn(pg::parse_pg_dsn(from, "postgres", "5432")), connection_(parameters(), dsn, stop) {
    if (!table.empty()) dsn.table = table;
    const auto ask = [this](const std::string& sql) { return connection_.ask(sql); };
    const std::string tracker = dsn.table.empty() ? "schema_migrations" : dsn.table;
    server = describe_server(ask, dsn, tracker, connection_.connection().announced_pid()).server;
    connection_.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    snapshot_ = connection_.ask("SELECT pg_catalog.pg_export_snapshot()").at(0).value();
    const pg::Bookkeeping own(server.schema, tracker);
    for (const std::string& name : {own.table(), own.table() + "_log", own.table() + "_journal"}) {
      const std::string full = pg::quoted_name(own.schema()) + "." + pg::quoted_name(name);
      const auto found = connection_.ask("SELECT pg_catalog.to_regclass(" + pg::literal(full) + ")");
      if (!found.at(0).value().empty()) own_tables_.push_back("--table=" + full);
    }
  }

  // Owners and grants name roles, publications and tablespaces places, that the scratch server need not have.
  std::vector<std::string> schema_arguments() const {
    return {"--snapshot=" + snapshot_, "--schema-only",      "--no-owner",       "--no-privileges",
            "--no-publications",       "--no-subscriptions", "--no-tablespaces", "--no-security-labels"};
  }
  /// Of our own tables; empty: there are none.
  std::vector<std::string> row_arguments() const {
    if (own_tables_.empty()) return {};
    std::vector<std::string> arguments{"--snapshot=" + snapshot_, "--data-only"};
    arguments.insert(arguments.end(), own_tables_.begin(), own_tables_.end());
    return arguments;
  }
  pg::Parameters in_force() const {
    return pg::parameters_to(connection_.connection(), connection_.connection().in_force());
  }

  pg::PgDsn dsn;
  ServerInfo server;

 private:
  pg::Parameters parameters() const {
    ConnectRequest request;
    request.runner.program = "talos";
    return pg::connection_parameters(dsn, request);
  }

  pg::SideConnection connection_;
  std::string snapshot_;
  std::vector<std::string> own_tables_;  ///< as arguments
};

PostgresScratch::~PostgresScratch() {
  try {
    do_drop();
  } catch (const Error&) {
    // drop() tells.
  }
}

pg::Parameters PostgresScratch::inside() const { return pg::in_database(place_.parameters, name_); }

// Empty, as new databases are before anybody adds to template1; in the encoding and order of the one that the DSN
// names.
void PostgresScratch::make_database() {
  do_drop();
  pg::SideConnection connection(place_.parameters, place_.dsn, {});
  std::string settings;
  for (const std::string& setting : place_.settings) settings += setting + ";";
  if (!place_.server.pooled) connection.ask(settings);
  const auto answers = connection.ask(
      "SELECT pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype FROM pg_catalog.pg_database"
      " WHERE datname = pg_catalog.current_database()");
  const pg::Row& row = answers.at(0).rows.at(0);
  name_ = pg::new_scratch_name();
  try {
    connection.ask("CREATE DATABASE " + name_ + " TEMPLATE template0 ENCODING " + pg::literal(row[0].value()) +
                   " LC_COLLATE " + pg::literal(row[1].value()) + " LC_CTYPE " + pg::literal(row[2].value()));
  } catch (Error& error) {
    error.code = ErrorCode::connection;
    if (error.native_code == pg::sqlstate::insufficient_privilege)
      error.hint = "a scratch database needs a role that may create databases: ALTER ROLE … CREATEDB";
    throw;
  }
}

void PostgresScratch::make_schemas(const std::vector<std::string>& names) const {
  pg::SideConnection connection(inside(), place_.dsn, {});
  std::string sql;
  for (const std::string& setting : place_.settings) sql += setting + ";";
  for (const std::string& name : names) sql += "CREATE SCHEMA IF NOT EXISTS " + pg::quoted_name(name) + ";";
  connection.ask(sql);
}

std::string PostgresScratch::do_create() {
  make_database();
  make_schemas(schemas_of(place_.server));
  return place_.dsn.with_database(name_);
}

std::string PostgresScratch::do_copy(std::string_view from, std::string_view table) {
  const Source source(from, table, place_.stop);
  const ClientPrograms programs(std::max(source.server.major(), place_.server.major()));
  const auto tick = [this] {
    if (place_.stop()) throw Error(ErrorCode::cancelled, "stopped");
  };
  try {
    make_database();
    const pg::SideConnection connection(inside(), place_.dsn, {});
    std::vector<std::string> into{"--exit-on-error", "--no-owner"};
    if (const std::string role = setting_of(place_.dsn, "role"); !role.empty()) into.push_back("--role=" + role);
    for (const auto& arguments : {source.schema_arguments(), source.row_arguments()})
      if (!arguments.empty())
        programs.copy(source.in_force(), arguments, pg::in_database(connection.connection().in_force(), name_), into,
                      tick);
  } catch (const Error& error) {
    throw error.retold("cannot copy " + source.dsn.describe() + ": " + error.what());
  }
  // The source's database or role may have a search_path of its own, which the copy has not.
  pg::PgDsn dsn = place_.dsn;
  dsn.table = source.dsn.table;
  dsn.schema = source.dsn.schema;
  const std::string path = setting_of(source.dsn, "search_path");
  set(dsn, "search_path", path.empty() ? pg::quoted_name(source.server.current_schema) : path);
  return dsn.with_database(name_);
}

void PostgresScratch::do_drop() {
  if (name_.empty()) return;
  pg::SideConnection connection(place_.parameters, place_.dsn, {});
  try {
    connection.ask("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (const Error& error) {
    throw error.retold("cannot drop the database " + name_ + ": " + error.what());
  }
  name_.clear();
}

}  // namespace talos::postgres
