#include "postgres_database.hpp"

#include <mutex>
#include <stdexcept>

namespace talos::test {

namespace {

// Of tables that are not the bookkeeping's; `c` is pg_class, `n` its schema.
const std::string ours =
    " n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relname NOT LIKE 'schema\\_migrations%' ";

const std::string schema_sql =
    "SELECT line FROM ("
    "SELECT 'column ' || n.nspname || '.' || c.relname || '.' || a.attname || ' ' ||"
    " format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||"
    " coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS line"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND" +
    ours +
    "UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid) || ' valid ' || i.indisvalid"
    " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE" +
    ours +
    "UNION ALL SELECT 'constraint ' || n.nspname || '.' || c.relname || ' ' || k.conname || ' ' ||"
    " pg_get_constraintdef(k.oid)"
    " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE" +
    ours +
    "UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid)"
    " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE NOT t.tgisinternal AND" +
    ours +
    "UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p"
    " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')"
    " UNION ALL SELECT 'type ' || t.typname || ' ' || e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid"
    " UNION ALL SELECT 'schema ' || n.nspname FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\\_%'"
    ") AS all_lines ORDER BY line COLLATE \"C\"";

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string copied(PostgresServer& server, const std::string& other) {
  // One at a time: nobody else may use the original meanwhile.
  static std::mutex mutex;
  static int count = 0;
  const std::lock_guard lock(mutex);
  const std::string name = "copy_" + std::to_string(++count);
  pg_run(server.dsn(), "CREATE DATABASE " + name + " TEMPLATE " + other);
  return name;
}

}  // namespace

PostgresDatabase::PostgresDatabase(PostgresServer& server)
    : server_(server), name_(server.create_database()), program_dsn_(dsn()) {}

PostgresDatabase::PostgresDatabase(PostgresServer& server, const PostgresDatabase& other)
    : server_(server), name_(copied(server, other.name_)), program_dsn_(dsn()) {}

PostgresDatabase::~PostgresDatabase() {
  try {
    server_.drop_database(name_);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "drop %s: %s\n", name_.c_str(), error.what());
  }
}

Target PostgresDatabase::target(const std::filesystem::path& migrations) const {
  return {commercial_program(), program_dsn_, migrations};
}

bool PostgresDatabase::has_table(const std::string& name) const {
  return !rows("SELECT 1 FROM pg_tables WHERE tablename = '" + name + "'").empty();
}

std::vector<std::string> PostgresDatabase::rows(const std::string& sql) const { return pg_rows(dsn(), sql); }

std::string PostgresDatabase::schema() const { return joined(rows(schema_sql)); }

std::string PostgresDatabase::picture() const {
  PgClient client(dsn());
  std::string text = schema();
  for (const std::string& table :
       client.rows("SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n"
                   " ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND" +
                   ours + "ORDER BY 1"))
    text += table + ": " +
            client
                .rows("SELECT count(*), md5(string_agg(t::text, '\n' ORDER BY t::text COLLATE \"C\")) FROM " + table +
                      " AS t")
                .front() +
            "\n";
  return text;
}

std::vector<std::string> PostgresDatabase::at_work() const {
  return rows(
      "SELECT pid || ' ' || coalesce(state, '') || ' ' || coalesce(query, '') FROM pg_stat_activity WHERE datname ="
      " current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name LIKE"
      " 'talos%' AND state <> 'idle'");
}

// A server process learns within a second that its client is gone, or finishes what it was told.
void PostgresDatabase::settle() const {
  const bool direct = program_dsn_.find(":" + std::to_string(server_.port()) + "/") != std::string::npos;
  PgClient client(dsn());
  // A pooler's connections stay.
  const std::string left =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND"
      " backend_type = 'client backend' AND application_name LIKE 'talos%'" +
      std::string(direct ? "" : " AND state <> 'idle'");
  if (!eventually([&] { return client.value(left) == "0"; }))
    throw std::runtime_error("still at work: " + joined(at_work()));
}

pid_t PostgresDatabase::holder() const {
  if (!observer_) observer_ = std::make_unique<PgClient>(server_.dsn());
  const std::string who = observer_->value(
      "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_database d ON d.oid ="
      " l.database WHERE l.locktype = 'advisory' AND l.granted AND d.datname = '" +
      name_ + "' LIMIT 1");
  return pid_of_runner(who);
}

std::string PostgresDatabase::own_faults(bool dirty) const {
  PgClient client(dsn());
  std::string faults;
  if (!dirty)
    for (const std::string& index : client.rows("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"))
      faults += "the index " + index + " is invalid\n";
  for (const std::string& lock :
       client.rows("SELECT l.pid, a.application_name, a.state, a.query FROM pg_locks l LEFT JOIN pg_stat_activity a"
                   " USING (pid) WHERE l.locktype = 'advisory' AND l.database ="
                   " (SELECT oid FROM pg_database WHERE datname = current_database())"))
    faults += "an advisory lock is left: " + lock + "\n";
  return faults + lease_faults();
}

std::string PostgresDatabase::lease_faults() const {
  PgClient client(dsn());
  if (client.value("SELECT to_regclass('schema_migrations_lock')") == "NULL") return "";
  // A killed runner's lease lives as long as it was made for.
  const std::string lease =
      "SELECT runner, expires_at FROM schema_migrations_lock WHERE expires_at > clock_timestamp()";
  if (!eventually([&] { return client.rows(lease).empty(); }, std::chrono::seconds(5)))
    return "a lease is left: " + joined(client.rows(lease));
  return "";
}

}  // namespace talos::test
