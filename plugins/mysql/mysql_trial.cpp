#include "mysql_trial.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "mysql_definition.hpp"
#include "mysql_lexer.hpp"
#include "mysql_objects.hpp"
#include "mysql_online.hpp"
#include "mysql_scratch.hpp"
#include "mysql_text.hpp"

namespace talos::mysql {

namespace {

// The server's words for: not by this algorithm, not under this lock.
constexpr std::initializer_list<unsigned> not_so = {
    1221,  // ALGORITHM=INSTANT and LOCK=… together
    1845,  // not supported, without a reason
    1846,  // with one
    4092,  // MySQL: no room for an instant column
};
constexpr unsigned not_preparable = 1295;

struct Way {
  const char* algorithm;
  const char* lock;  ///< empty: INSTANT, which takes none
};

// The best that the server may have first. NOCOPY is MariaDB's: in place, and without a rebuild.
std::vector<Way> ways_of(bool mariadb) {
  std::vector<Way> ways{{"INSTANT", ""}};
  if (mariadb) ways.insert(ways.end(), {{"NOCOPY", "NONE"}, {"NOCOPY", "SHARED"}});
  ways.insert(ways.end(), {{"INPLACE", "NONE"}, {"INPLACE", "SHARED"}, {"COPY", "NONE"}, {"COPY", "SHARED"}});
  return ways;
}

// What the statement itself allows. MariaDB takes an algorithm for the least it may do.
bool allowed(const Way& way, const OnlineStatement& statement, bool mariadb) {
  const std::string_view algorithm = way.algorithm;
  const std::string_view lock = way.lock;
  if (statement.lock && statement.lock->word != "DEFAULT") {
    if (lock.empty()) return mariadb && statement.lock->word == "NONE";
    if (statement.lock->word != lock && statement.lock->word != "EXCLUSIVE") return false;
  }
  if (!statement.algorithm || statement.algorithm->word == "DEFAULT") return true;
  const std::string& stated = statement.algorithm->word;
  if (stated == algorithm) return true;
  if (!mariadb) return false;
  return (stated == "INPLACE" && algorithm != "COPY") || (stated == "NOCOPY" && algorithm == "INSTANT");
}

// One run of a body over twins, which follow it from statement to statement.
class Twins {
 public:
  Twins(Connection& connection, const Connection::WhileWaiting& waiting, const ServerInfo& server)
      : connection_(connection),
        waiting_(waiting),
        server_(server),
        database_(server.database + std::string(twin_suffix)) {
    must("DROP DATABASE IF EXISTS " + quoted_name(database_));
    must("CREATE DATABASE " + quoted_name(database_));
    must("USE " + quoted_name(database_));
  }
  // What it cannot remove goes with the scratch database.
  ~Twins() { connection_.send("DROP DATABASE IF EXISTS " + quoted_name(database_), waiting_); }
  Twins(const Twins&) = delete;
  Twins& operator=(const Twins&) = delete;

  void session(std::string_view statement) { must_or_not(std::string(statement)); }

  /// It makes, drops or renames tables: what comes after it is about others.
  void forget(const std::vector<NamedObject>& objects) {
    for (const NamedObject& object : objects) unknown_.insert(object.name);
  }

  std::optional<Effect> try_out(std::string_view text, const OnlineStatement& statement) {
    const bool elsewhere = !statement.schema.empty() && statement.schema != server_.database;
    if (elsewhere || statement.renames || !twin(statement.table)) {
      if (!elsewhere) unknown_.insert(statement.table);
      return std::nullopt;
    }
    for (const std::string& other : statement.references) twin(other);
    if (statement.partitions) return all_rows_move(text, statement);
    if (statement.one_partition) return must_or_not(std::string(text)), std::nullopt;
    for (const Way& way : ways_of(server_.mariadb)) {
      if (!allowed(way, statement, server_.mariadb)) continue;
      const std::string before = identity(statement.table);
      const Reply reply = ask(with_clauses(text, statement, way.algorithm, way.lock));
      if (!reply.error) return effect(statement, way, before);
      if (!reply.error->is_one_of(not_so)) break;
    }
    // It fails, or is none that this could try: the twin is no longer what the table is then.
    unknown_.insert(statement.table);
    return std::nullopt;
  }

 private:
  Reply ask(const std::string& sql) {
    Reply reply = connection_.ask(sql, waiting_);
    if (!reply.lost.empty()) throw Error(ErrorCode::connection, "the connection was lost: " + reply.lost);
    return reply;
  }
  void must(const std::string& sql) {
    if (const Reply reply = ask(sql); reply.error) throw Error(to_error(*reply.error, ErrorCode::connection));
  }
  bool must_or_not(const std::string& sql) { return !ask(sql).error; }

  // Also of the tables that it refers to. False where there is no such table in the scratch database.
  bool twin(const std::string& table) {
    if (unknown_.count(table) != 0) return false;
    if (made_.count(table) != 0) return true;
    const Reply reply = ask("SHOW CREATE TABLE " + quoted_name(server_.database) + "." + quoted_name(table));
    if (reply.error || reply.tables.at(0).rows.empty()) return unknown_.insert(table), false;
    const std::string definition = reply.tables[0].rows[0].at(1).value_or("");
    made_.insert(table);
    if (!make(definition)) return unknown_.insert(table), false;
    std::vector<SchemaObject> objects;
    add_table(table, definition, objects);
    for (const SchemaObject& object : objects)
      if (object.kind == SchemaKind::foreign_key) twin(referenced(object));
    return true;
  }

  bool make(const std::string& definition) {
    must(
        "SET @talos_sql_mode = @@sql_mode, @talos_checks = @@foreign_key_checks, sql_mode = '', foreign_key_checks = "
        "0");
    const bool made = must_or_not(definition);
    must("SET sql_mode = @talos_sql_mode, foreign_key_checks = @talos_checks");
    return made;
  }

  // "references nets (id) …"
  static std::string referenced(const SchemaObject& key) {
    Tokens words(key.definition);
    words.next();
    return identifier(words.text(words.next()));
  }

  // What changes when InnoDB makes the table anew; empty where this user may not know.
  std::string identity(const std::string& table) {
    if (server_.mariadb) return {};
    const Reply reply = ask("SELECT TABLE_ID FROM information_schema." +
                            std::string(server_.version_number < 80000 ? "INNODB_SYS_TABLES" : "INNODB_TABLES") +
                            " WHERE NAME = " + literal(database_ + "/" + table));
    return reply.error ? std::string() : reply.tables.at(0).value();
  }

  Effect effect(const OnlineStatement& statement, const Way& way, const std::string& before) {
    const std::string_view algorithm = way.algorithm;
    const std::string_view lock = way.lock;
    Effect effect;
    effect.table = statement.table;
    effect.what = "ALGORITHM=" + std::string(algorithm);
    if (!lock.empty()) effect.what += ", LOCK=" + std::string(lock);
    effect.blocks_writes = lock == "SHARED";
    effect.rewrites =
        algorithm == "COPY" || (algorithm == "INPLACE" && (server_.mariadb || before != identity(statement.table)));
    // Nothing that is done at once needs to keep writers out.
    effect.scans = !effect.rewrites && (lock == "SHARED" || (algorithm != "INSTANT" && statement.builds));
    if (statement.lock && statement.lock->word == "EXCLUSIVE") {
      effect.what = "ALGORITHM=" + std::string(algorithm) + ", LOCK=EXCLUSIVE";
      effect.blocks_reads = effect.blocks_writes = true;
      effect.scans = !effect.rewrites && algorithm != "INSTANT";
    }
    return effect;
  }

  std::optional<Effect> all_rows_move(std::string_view text, const OnlineStatement& statement) {
    if (!must_or_not(std::string(text))) return unknown_.insert(statement.table), std::nullopt;
    Effect effect;
    effect.table = statement.table;
    effect.what = "ALGORITHM=COPY, LOCK=SHARED";
    effect.blocks_writes = effect.rewrites = true;
    return effect;
  }

  Connection& connection_;
  const Connection::WhileWaiting& waiting_;
  const ServerInfo& server_;
  const std::string database_;
  std::set<std::string> made_;
  std::set<std::string> unknown_;  ///< there is none, or what it is now cannot be told
};

// What it does it would do there, to a database that may be somebody's.
Error names_database(const std::string& name) {
  return Error(ErrorCode::usage, "names a database: " + name + ", where a scratch database cannot hold what it does")
      .with_hint("let migrations name no database: the DSN does");
}

void refuse_elsewhere(std::string_view statement, const std::string& database, LexerModes modes) {
  for (const NamedObject& object : read_ddl(statement, modes).objects) {
    if (object.kind == NamedObject::Kind::database) throw names_database(object.name);
    if (!object.schema.empty() && object.schema != database) throw names_database(object.schema);
  }
}

}  // namespace

std::vector<Effect> MySqlTrial::do_effects(const ScriptPart& body) {
  std::vector<Effect> effects;
  if (!server_.database.starts_with(scratch_prefix)) return effects;
  if ((body.script->traits & trait_default_database) != 0) throw names_database("another one by USE");
  std::vector<Statement> statements;
  bool any = false;
  split_sql(body.script->text, modes_, [&](const Statement& statement) {
    if (statement.offset < body.begin || statement.offset >= body.end) return;
    const std::string_view text = body.script->text.substr(statement.offset, statement.length);
    refuse_elsewhere(text, server_.database, modes_);
    statements.push_back(statement);
    any = any || read_online(text, modes_).has_value();
  });
  if (!any) return effects;
  const auto connection = connect_();
  const auto waiting = waiting_();
  Twins twins(*connection, waiting, server_);
  for (const Statement& statement : statements) {
    const std::string text =
        without_owner(body.script->text.substr(statement.offset, statement.length), server_.database, modes_);
    if (const auto online = read_online(text, modes_)) {
      if (auto effect = twins.try_out(text, *online)) effects.push_back(std::move(*effect));
    } else if (statement.session_only && statement.replayable) {
      twins.session(text);
    } else if (const Ddl ddl = read_ddl(text, modes_); ddl.act != Act::other) {
      twins.forget(ddl.objects);
    }
  }
  return effects;
}

// By the statement of that name, which takes any text as a value. It only reads names and types.
std::optional<Error> MySqlTrial::do_prepare(std::string_view statement) {
  if (!connection_ || !connection_->usable()) connection_ = connect_();
  const auto waiting = waiting_();
  const auto send = [&](const std::string& sql) {
    Reply reply = connection_->send(sql, waiting);
    if (!reply.lost.empty()) throw Error(ErrorCode::connection, "the connection was lost: " + reply.lost);
    return reply;
  };
  const Reply reply = send("SET @talos_query = " + stored(statement) + "; PREPARE talos_query FROM @talos_query");
  send("SET @talos_query = NULL");
  if (!reply.error) send("DEALLOCATE PREPARE talos_query");
  if (!reply.error || reply.error->is(not_preparable)) return std::nullopt;
  return to_error(*reply.error, ErrorCode::statement);
}

}  // namespace talos::mysql
