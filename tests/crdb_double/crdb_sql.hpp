// Reads a client's SQL: cuts it, says what each statement is to CockroachDB, and writes it anew for PostgreSQL.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crdb_profile.hpp"

namespace talos::test::crdb {

/// Statements without their semicolons; blank ones are left out. Throws SqlFailure for what is never closed.
std::vector<std::string> split(std::string_view text);

/// The first words of a statement, in upper case; a word in quotes or a symbol ends them.
std::vector<std::string> first_words(std::string_view statement, std::size_t most = 8);

/// Names [database.]schema.table as the double keeps them: `schema.table`, public where none is said.
using Tables = std::set<std::string>;

enum class Virtual { show_jobs, show_sessions, show_queries, crdb_jobs, internal_jobs, show_backup, columns };

struct Statement {
  enum class Kind {
    begin,
    commit,
    rollback,
    savepoint,  ///< and RELEASE, ROLLBACK TO
    set,        ///< SET and RESET of a variable
    reset_all,
    set_transaction,
    show,           ///< of a variable
    read,           ///< SELECT, VALUES, TABLE, EXPLAIN
    write,          ///< INSERT, UPDATE, DELETE, also inside WITH
    create,         ///< DDL that needs no job: a new table, schema, type, view, sequence; COMMENT
    schema_change,  ///< DDL on what exists: a job does it
    privileges,     ///< GRANT, roles: not DDL to autocommit_before_ddl
    lock_setting,   ///< ALTER TABLE … SET or RESET (schema_locked)
    command,        ///< SHOW JOBS and the like: `first_words` tells them apart
  };
  Kind kind = Kind::command;
  std::string text;  ///< as it came
  std::string pg;    ///< for PostgreSQL; where tables of the double's own are read, use `render`
  bool as_of_system_time = false;
  std::chrono::milliseconds past{0};  ///< how far back, where a literal says so
  bool concurrently = false;
  bool creates_index = false;
  bool unique = false;
  bool drops = false;
  bool locks_rows = false;  ///< SELECT … FOR UPDATE
  bool read_only = false;   ///< BEGIN READ ONLY, or AS OF SYSTEM TIME
  std::string node;         ///< PostgreSQL's name of the statement: AlterTableStmt
  Tables reads;
  Tables writes;   ///< DML's targets
  Tables changes;  ///< tables that DDL is about, foreign keys' targets too
  Tables created;
  std::string variable;  ///< of set and show, in lower case
  std::string value;
  bool reset = false;
  bool local = false;
  bool locks_schema = false;  ///< of lock_setting, or WITH (schema_locked = …) of CREATE TABLE
  bool says_schema_lock = false;
  bool cascade = false;
  std::vector<std::string> drops_constraints;  ///< ALTER TABLE … DROP CONSTRAINT
  std::vector<std::string> retypes;            ///< ALTER TABLE … ALTER COLUMN … TYPE
  bool combined = false;                       ///< ALTER TABLE with several commands
  bool adds_primary_key = false;
  bool adds_unique = false;

  struct Place {
    std::size_t at;
    std::size_t size;
    Virtual table;
    bool aliased;
    std::string text;  ///< of [SHOW BACKUP …]: what is in the brackets
  };
  std::vector<Place> places;  ///< in `pg`, in order
  std::string shown_backup;   ///< what is in [SHOW BACKUP …], if anything is

  bool ddl() const { return kind == Kind::create || kind == Kind::schema_change || kind == Kind::lock_setting; }
  std::string render(const std::function<std::string(const Place&)>& rows) const;
};

/// Throws SqlFailure for what that release refuses, NotModelled for what the double cannot judge.
Statement read_statement(const std::string& text, CrdbProfile profile);

/// As a job describes it: names written out as database.schema.name, blanks made one.
std::string describe(const Statement& statement, const std::string& database);

}  // namespace talos::test::crdb
