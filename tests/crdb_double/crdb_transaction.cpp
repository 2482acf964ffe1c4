// How CockroachDB's transactions begin and end.
#include <utility>

#include <libpq-fe.h>

#include "crdb_session.hpp"

namespace talos::test::crdb {

// implicit_txn@2321e4e: BEGIN in a transaction is an error and aborts it. batch_stmt@1fcc5ab: in the middle of a batch
// it makes the implicit transaction an explicit one.
void Session::begin(const Statement& statement) {
  if (phase_ == Phase::open) throw SqlFailure("25001", "there is already a transaction in progress");
  if (phase_ == Phase::implicit) {
    phase_ = Phase::open;
    wire_.complete("BEGIN");
    return;
  }
  const Result result = backend_->run(statement.pg);
  if (statement.as_of_system_time) backend_->run("SET TRANSACTION READ ONLY");
  phase_ = Phase::open;
  system_time_ = statement.as_of_system_time;
  past_ = statement.past;
  statements_in_transaction_ = 0;
  variables_before_ = variables_;
  wire_.result(result.get());
}

void Session::begin_implicit() {
  backend_->run("BEGIN");
  phase_ = Phase::implicit;
  variables_before_ = variables_;
}

// aborted_txn@179b6e8: COMMIT of an aborted transaction ends it with the tag ROLLBACK. Outside of one it is an error,
// and a warning with autocommit_before_ddl, which may have ended the transaction by itself.
void Session::commit(const Statement& statement) {
  if (phase_ == Phase::aborted) return rollback(statement);
  if (phase_ == Phase::open) return commit_open("COMMIT");
  if (!on("autocommit_before_ddl")) throw SqlFailure("25P01", "there is no transaction in progress");
  wire_.notice({"25P01", "there is no transaction in progress", "", "", "", "WARNING"});
  wire_.complete("COMMIT");
}

void Session::commit_open(const std::string& tag) {
  if (doomed_) return commit_doomed();
  try {
    backend_->run("COMMIT");
  } catch (const SqlFailure& failure) {
    // PostgreSQL has rolled it back, and so has CockroachDB. Only an implicit transaction is tried again by itself.
    const bool explicitly = phase_ == Phase::open;
    abandon();
    if (explicitly) throw SqlFailure(failure.error());
    throw;
  }
  for (const Done& done : done_)
    if (done.schema_change)
      server_.jobs().record("SCHEMA CHANGE", client_->user, done.description, done.sql, "succeeded", "");
  end_transaction(Phase::none);
  if (!tag.empty()) wire_.complete(tag);
}

// strict_ddl_atomicity@09d4505: the rows are committed, the schema changes are not, and COMMIT fails with XXA00. Here
// the transaction is rolled back and what was no schema change is done again.
void Session::commit_doomed() {
  if (!replayable_) throw NotModelled("XXA00 of a transaction whose statements had parameters");
  const std::vector<Done> done = std::move(done_);
  const SqlError why = *doomed_;
  backend_->run("ROLLBACK");
  backend_->run("BEGIN");
  for (const Done& one : done)
    if (!one.schema_change) backend_->run(one.sql);
  backend_->run("COMMIT");
  for (const Done& one : done)
    if (one.schema_change)
      server_.jobs().record("SCHEMA CHANGE", client_->user, one.description, one.sql, "failed", why.message);
  end_transaction(Phase::none);
  throw SqlFailure(
      {"XXA00", "transaction committed but schema change aborted with error: (" + why.sqlstate + "): " + why.message,
       "",
       "Some of the non-DDL statements may have committed successfully, but some of the DDL "
       "statement(s) failed. Manual inspection may be required to determine the actual state of the "
       "database. --\nSee: issue 42061",
       ""});
}

void Session::rollback(const Statement& statement) {
  if (phase_ == Phase::none || phase_ == Phase::implicit) {
    if (!on("autocommit_before_ddl")) throw SqlFailure("25P01", "there is no transaction in progress");
    wire_.notice({"25P01", "there is no transaction in progress", "", "", "", "WARNING"});
    wire_.complete("ROLLBACK");
    return;
  }
  if (first_words(statement.text).size() > 2 && statement.kind == Statement::Kind::rollback &&
      statement.pg.find("CHAIN") != std::string::npos)
    throw NotModelled("AND CHAIN");
  backend_->run("ROLLBACK");
  variables_ = variables_before_;
  end_transaction(Phase::none);
  wire_.complete("ROLLBACK");
}

void Session::savepoint(const Statement& statement) {
  const bool back = first_words(statement.text, 1).at(0) == "ROLLBACK";
  if (phase_ == Phase::aborted && !back)
    throw SqlFailure("25P02", "current transaction is aborted, commands ignored until end of transaction block");
  if (!in_explicit()) throw SqlFailure("25P01", "there is no transaction in progress");
  const Result result = backend_->run(statement.pg);
  if (back) {
    phase_ = Phase::open;
    // What is replayed after XXA00 would need the savepoints too.
    if (doomed_) throw NotModelled("ROLLBACK TO SAVEPOINT beside a schema change that fails");
  }
  remember(statement, statement.pg);
  wire_.result(result.get());
}

void Session::end_transaction(Phase phase) {
  phase_ = phase;
  done_.clear();
  doomed_.reset();
  created_.clear();
  system_time_ = false;
  replayable_ = true;
  statements_in_transaction_ = 0;
  {
    const std::lock_guard lock(server_.mutex);
    client_->writes.clear();
    client_->in_transaction = in_explicit();
  }
  server_.wake_all();
}

// Rolls back whatever is open, without a word to the client.
void Session::abandon() {
  if (phase_ != Phase::none) variables_ = variables_before_;
  backend_->run("ROLLBACK");
  end_transaction(Phase::none);
}

void Session::remember(const Statement& statement, const std::string& sql) {
  if (phase_ == Phase::none) return;
  done_.push_back({sql, false, ""});
  if (statement.kind == Statement::Kind::schema_change) {
    done_.back().schema_change = !atomic_in_transaction(statement);
    done_.back().description = describe(statement, client_->database);
  }
}

char Session::status() const {
  switch (phase_) {
    case Phase::none:
    case Phase::implicit:
      return 'I';
    case Phase::open:
      return 'T';
    case Phase::aborted:
      return 'E';
  }
  return 'I';
}

}  // namespace talos::test::crdb
