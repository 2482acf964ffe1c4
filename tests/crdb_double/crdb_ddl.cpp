// What CockroachDB does with schema changes.
#include <algorithm>
#include <utility>

#include <libpq-fe.h>

#include "crdb_session.hpp"

namespace talos::test::crdb {

namespace {

using Kind = Statement::Kind;
using What = CrdbFault::What;

// What a job finds out only while it fills what it makes: rows that break a rule, expressions that fail on them.
bool by_data(const SqlError& error) { return error.sqlstate.starts_with("23") || error.sqlstate.starts_with("22"); }

SqlError notice(std::string message, std::string hint = "") {
  return {"00000", std::move(message), "", std::move(hint), "", "NOTICE"};
}

SqlFailure only_alone() {
  return {"22023",
          "\"schema_locked\" can only be set/reset on its own without other parameters in a single-statement implicit "
          "transaction."};
}

std::string tag_of(const Statement& statement) {
  const auto words = first_words(statement.text, 3);
  const std::size_t kind = words.size() > 2 && words[1] == "UNIQUE" ? 2 : 1;
  return words.at(0) + " " + words.at(kind);
}

}  // namespace

// schema_changes_implicit_txn@1fc7f69: with autocommit_before_ddl what is open is committed first, and a NOTICE says
// so. In 24.x the first statement of a transaction escaped that.
void Session::ddl(const Statement& statement, bool alone, bool last) {
  if (statement.kind == Kind::lock_setting) return set_schema_lock(statement, alone);
  const bool commits = on("autocommit_before_ddl");
  const bool escapes = server_.profile() == CrdbProfile::v24_3 && statements_in_transaction_ == 1;
  if (commits && (phase_ != Phase::none || after_schema_change_) && !(phase_ == Phase::open && escapes)) {
    wire_.notice(notice("auto-committing transaction before processing DDL due to autocommit_before_ddl setting"));
    if (phase_ != Phase::none) commit_open("");
  }
  const bool job = statement.kind == Kind::schema_change;
  if (phase_ == Phase::none && (alone || (commits && (job || last)))) {
    after_schema_change_ = job;
    return ddl_alone(statement);
  }
  after_schema_change_ = false;
  if (phase_ == Phase::none) begin_implicit();
  ddl_in_transaction(statement);
}

void Session::ddl_alone(const Statement& statement) {
  if (statement.kind == Kind::create) return create(statement);
  refuse_locked(statement, true);
  refuse_alter(statement);
  wait_for_other_jobs(statement);
  const std::string sql = for_postgres(statement);
  skipped_ = false;
  const std::string tag = try_out(sql);
  notices(statement);
  if (skipped_) {
    wire_.complete(tag.empty() ? tag_of(statement) : tag);
    return;
  }
  run_job(statement, sql, tag.empty() ? tag_of(statement) : tag);
}

void Session::create(const Statement& statement) {
  const std::string sql = statement.render([this](const Statement::Place& place) { return rows(place); });
  skipped_ = false;
  const Result result = backend_->run(sql);
  // IF NOT EXISTS leaves what is there as old, and as locked, as it is.
  if (!skipped_) new_tables(statement);
  remember(statement, sql);
  wire_.result(result.get());
}

// What the statement itself gets wrong is refused before there is a job; its tag, or none where only the data are in
// the way.
std::string Session::try_out(const std::string& sql) {
  backend_->run("BEGIN");
  try {
    const Result result = backend_->run(sql);
    std::string tag = PQcmdStatus(result.get());
    backend_->run("ROLLBACK");
    return tag;
  } catch (const SqlFailure& failure) {
    backend_->run("ROLLBACK");
    if (!by_data(failure.error())) throw;
    return "";
  }
}

// create_index@f392f86, notice@0456465.
void Session::notices(const Statement& statement) {
  if (statement.concurrently && (statement.drops || !skipped_))
    wire_.notice(notice(std::string("CONCURRENTLY is not required as all indexes are ") +
                        (statement.drops ? "dropped" : "created") + " concurrently"));
  if (statement.node == "OBJECT_INDEX" && !skipped_)
    wire_.notice(notice("the data for dropped indexes is reclaimed asynchronously",
                        "The reclamation delay can be customized in the zone configuration for the table."));
}

// Jobs have a PostgreSQL session of their own, which the next job of this client takes over once it is free.
Work Session::work(const Statement& statement, const std::string& sql) {
  if (!job_backend_ || job_backend_.use_count() > 1) job_backend_ = std::make_shared<Backend>(*login_);
  Work work{job_backend_, "SET search_path = " + backend_->value("SELECT current_setting('search_path')"), sql, {}};
  for (const std::string& table : changed_tables(statement)) work.tables.push_back(client_->database + "." + table);
  return work;
}

void Session::wait_for_other_jobs(const Statement& statement) {
  std::vector<std::string> tables;
  for (const std::string& table : changed_tables(statement)) tables.push_back(client_->database + "." + table);
  const Deadline until = server_.jobs().busy(tables) ? deadline("statement_timeout") : std::nullopt;
  while (server_.jobs().busy(tables)) {
    {
      const std::lock_guard lock(server_.mutex);
      if (server_.busy_table == BusyTable::refuse)
        throw SqlFailure(
            "55000", "table \"" + *statement.changes.begin() + "\" is being changed by another job, try again later");
    }
    if (until && Clock::now() >= *until) throw SqlFailure("57014", "query execution canceled due to statement timeout");
    wait(-1, until);
  }
}

void Session::run_job(const Statement& statement, const std::string& sql, const std::string& tag) {
  const std::string description = describe(statement, client_->database);
  const std::int64_t id = server_.jobs().start(client_->user, description, work(statement, sql));
  if (fault_ && fault_->what == What::drop_during) drop();
  if (server_.profile() >= CrdbProfile::v26_1) {
    wire_.notice(notice("waiting for job(s) to complete: " + std::to_string(id) +
                        "\nIf the statement is canceled, jobs will continue in the background."));
    wire_.flush();
  }
  wait_for_job(id);
  if (statement.drops) {
    for (const std::string& table : statement.changes) server_.lock_schema(client_->database + "." + table, false);
    server_.jobs().record("SCHEMA CHANGE GC", client_->user, "GC for " + description, sql, "running", "");
  }
  wire_.complete(tag);
}

void Session::wait_for_job(std::int64_t id) {
  const Deadline until = server_.profile() >= CrdbProfile::v24_3 ? deadline("statement_timeout") : std::nullopt;
  for (;;) {
    const auto row = server_.jobs().find(id);
    if (row && terminal(row->job.state)) return server_.jobs().rethrow(id);
    if (row && row->job.state == "paused")
      throw SqlFailure("XXUUU", "job " + std::to_string(id) + " was paused before it completed");
    if (until && Clock::now() >= *until) throw SqlFailure("57014", "query execution canceled due to statement timeout");
    wait(-1, until);
  }
}

// strict_ddl_atomicity@09d4505 and schema_change_in_txn@013891f. What fails on the rows fails at COMMIT, unless the
// table is the transaction's own.
void Session::ddl_in_transaction(const Statement& statement) {
  refuse_locked(statement, false);
  refuse_alter(statement);
  if (on("strict_ddl_atomicity") && !atomic_in_transaction(statement))
    throw SqlFailure({"0A000",
                      "unimplemented: cannot run this DDL statement inside a multi-statement transaction as its "
                      "atomicity cannot be guaranteed",
                      "", "You have attempted to use a feature that is not yet implemented.\nSee: issue 42061", ""});
  if (statement.kind == Kind::create) {
    created_.insert(statement.created.begin(), statement.created.end());
    return create(statement);
  }
  const std::string sql = for_postgres(statement);
  skipped_ = false;
  backend_->run("SAVEPOINT crdb_double");
  std::string tag = tag_of(statement);
  try {
    tag = PQcmdStatus(backend_->run(sql).get());
    backend_->run("RELEASE SAVEPOINT crdb_double");
  } catch (const SqlFailure& failure) {
    if (!by_data(failure.error()) || atomic_in_transaction(statement)) throw;
    backend_->run("ROLLBACK TO SAVEPOINT crdb_double");
    if (!doomed_) doomed_ = failure.error();
  }
  notices(statement);
  remember(statement, sql);
  wire_.complete(tag);
}

bool Session::atomic_in_transaction(const Statement& statement) const {
  if (statement.kind == Kind::create || (statement.creates_index && !statement.unique)) return true;
  return !statement.changes.empty() &&
         std::includes(created_.begin(), created_.end(), statement.changes.begin(), statement.changes.end());
}

// Indexes stand for their tables.
Tables Session::changed_tables(const Statement& statement) {
  Tables tables;
  for (const std::string& name : statement.changes) {
    const std::string of = backend_->value(
        "SELECT n.nspname || '.' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.indexrelid = to_regclass(" +
        sql_literal(name) + ")");
    tables.insert(of.empty() ? name : of);
  }
  return tables;
}

// schema_locked@0b7f3f6: only DROP TABLE, GRANT, COMMENT and the setting itself pass.
void Session::refuse_locked(const Statement& statement, bool alone) {
  if (statement.kind != Kind::schema_change || statement.node == "OBJECT_TABLE") return;
  {
    const std::lock_guard lock(server_.mutex);
    if (server_.lock_reading == SchemaLockReading::documentation && alone) return;
  }
  for (const std::string& table : changed_tables(statement)) {
    if (!server_.schema_locked(client_->database + "." + table)) continue;
    const std::string name = table.substr(table.find('.') + 1);
    throw SqlFailure({"57000", "schema changes are disallowed on table \"" + name + "\" because it is locked", "",
                      "To unlock the table, try \"ALTER TABLE " + name + " SET (schema_locked = false);\"", ""});
  }
}

void Session::set_schema_lock(const Statement& statement, bool alone) {
  if (!alone || phase_ != Phase::none || statement.combined) throw only_alone();
  for (const std::string& table : statement.changes) {
    if (backend_->value("SELECT to_regclass(" + sql_literal(table) + ")").empty())
      throw SqlFailure("42P01", "relation \"" + table.substr(table.find('.') + 1) + "\" does not exist");
    server_.lock_schema(client_->database + "." + table, statement.locks_schema);
  }
  server_.jobs().record("SCHEMA CHANGE", client_->user, describe(statement, client_->database), statement.text,
                        "succeeded", "");
  wire_.complete("ALTER TABLE");
}

void Session::new_tables(const Statement& statement) {
  const bool lock = statement.says_schema_lock ? statement.locks_schema : on("create_table_with_schema_locked");
  for (const std::string& table : statement.created) {
    server_.lock_schema(client_->database + "." + table, lock);
    server_.made(client_->database + "." + table);
  }
}

// ALTER COLUMN TYPE and DROP CONSTRAINT: alter_column_type and the documentation of constraints.
void Session::refuse_alter(const Statement& statement) {
  const std::string table = statement.changes.empty() ? "" : *statement.changes.begin();
  for (const std::string& column : statement.retypes) {
    if (statement.combined || phase_ != Phase::none)
      throw SqlFailure("0A000",
                       "unimplemented: ALTER COLUMN TYPE is not supported in combination with other commands or "
                       "inside a transaction");
    const std::string used = backend_->value(
        "SELECT count(*) FROM pg_attribute a WHERE a.attrelid = to_regclass(" + sql_literal(table) +
        ") AND a.attname = " + sql_literal(column) +
        " AND (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND a.attnum = ANY "
        "(i.indkey::int2[])) OR EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = a.attrelid AND a.attnum = ANY "
        "(c.conkey)) OR EXISTS (SELECT FROM pg_depend d WHERE d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND "
        "d.classid = 'pg_rewrite'::regclass))");
    if (used != "0")
      throw SqlFailure("0A000",
                       "unimplemented: ALTER COLUMN TYPE requiring rewrite of on-disk data is currently not "
                       "supported for columns that are part of an index, a constraint or a view");
  }
  for (const std::string& name : statement.drops_constraints) {
    const std::string type = backend_->value("SELECT contype FROM pg_constraint WHERE conrelid = to_regclass(" +
                                             sql_literal(table) + ") AND conname = " + sql_literal(name));
    if (type == "u")
      throw SqlFailure({"0A000",
                        "unimplemented: cannot drop UNIQUE constraint \"" + name +
                            "\" using ALTER TABLE DROP CONSTRAINT, use DROP INDEX CASCADE instead",
                        "", "", ""});
    if (type == "p" && !statement.adds_primary_key)
      throw SqlFailure("0A000",
                       "unimplemented: primary key dropped without subsequent addition of new primary key in same "
                       "transaction");
  }
}

// DROP INDEX … CASCADE of a UNIQUE constraint's index is the way to drop the constraint; PostgreSQL has the other one.
std::string Session::for_postgres(const Statement& statement) {
  std::string sql = statement.render([this](const Statement::Place& place) { return rows(place); });
  if (statement.node != "OBJECT_INDEX" || statement.changes.size() != 1) return sql;
  const std::string table =
      backend_->value("SELECT conrelid::regclass FROM pg_constraint WHERE contype = 'u' AND conindid = to_regclass(" +
                      sql_literal(*statement.changes.begin()) + ")");
  if (table.empty()) return sql;
  const std::string name = statement.changes.begin()->substr(statement.changes.begin()->find('.') + 1);
  if (!statement.cascade)
    throw SqlFailure({"2BP01", "index \"" + name + "\" is in use as unique constraint", "",
                      "use CASCADE if you really want to drop it.", ""});
  return "ALTER TABLE " + table + " DROP CONSTRAINT \"" + name + "\" CASCADE";
}

}  // namespace talos::test::crdb
