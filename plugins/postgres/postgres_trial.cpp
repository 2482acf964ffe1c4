#include "postgres_trial.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "pg_lexer.hpp"
#include "pg_text.hpp"
#include "pg_token.hpp"

namespace talos::postgres {

namespace {

// From weak to strong. What is weaker stands in nobody's way but in a schema change's.
constexpr std::array<std::string_view, 5> modes = {"ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock",
                                                   "ExclusiveLock", "AccessExclusiveLock"};
constexpr std::array<const char*, 5> mode_names = {"SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
                                                   "EXCLUSIVE", "ACCESS EXCLUSIVE"};
constexpr std::size_t share_update_exclusive = 0;
constexpr std::size_t share = 1;
constexpr std::size_t access_exclusive = 4;

// Relations that were there before: oid, name as the session would write it, bare name, where it is stored.
std::string relations_sql(const pg::Bookkeeping& own) {
  std::string ours;
  for (const std::string& name : own.names()) ours += (ours.empty() ? "" : ", ") + pg::literal(name);
  return "SELECT c.oid, CASE WHEN n.nspname = current_schema() THEN '' ELSE n.nspname || '.' END || c.relname,"
         " c.relname, pg_catalog.pg_relation_filenode(c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
         " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^(pg_|information_schema$)'"
         " AND NOT (n.nspname = " +
         pg::literal(own.schema()) + " AND c.relname IN (" + ours + "))";
}

constexpr const char* locks_sql =
    "SELECT l.relation, l.mode, pg_catalog.pg_relation_filenode(l.relation) FROM pg_catalog.pg_locks l"
    " WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted";

struct Relation {
  std::string name;
  std::string bare_name;
  std::string place;           ///< its file's number: another one means that it was written anew
  std::set<std::size_t> held;  ///< of `modes`
  std::size_t last = 0;        ///< the mode that the last statement about it took
};

// What the server says at DEBUG1 of the tables it reads or writes as a whole. These texts are never translated.
struct Heard {
  std::set<std::string> tables;        ///< by their bare name
  std::set<std::string> foreign_keys;  ///< by their name

  void listen(const std::string& message) {
    if (const auto table = quoted(message, "verifying table \"")) tables.insert(*table);
    if (const auto key = quoted(message, "validating foreign key constraint \"")) foreign_keys.insert(*key);
    if (message.starts_with("building index \""))
      if (const auto at = message.find("\" on table \""); at != std::string::npos)
        if (const auto table = quoted(message.substr(at), "\" on table \"")) tables.insert(*table);
  }

 private:
  static std::optional<std::string> quoted(const std::string& message, std::string_view beginning) {
    if (!message.starts_with(beginning)) return std::nullopt;
    const auto end = message.rfind('"');
    return end < beginning.size() ? std::nullopt
                                  : std::optional(message.substr(beginning.size(), end - beginning.size()));
  }
};

bool begins_with(std::string_view statement, std::initializer_list<std::string_view> words) {
  pg::Tokens tokens(statement);
  return std::all_of(words.begin(), words.end(), [&](std::string_view word) { return tokens.take(word); });
}

// The same without CONCURRENTLY, which a transaction can run; nothing where there is no such word of its own.
std::optional<std::string> at_once(std::string_view statement) {
  std::string text(statement);
  pg::Tokens tokens(statement);
  int depth = 0;
  for (pg::Token token = tokens.next(); token.kind != pg::Token::Kind::end; token = tokens.next()) {
    if (tokens.symbol(token) == '(') ++depth;
    if (tokens.symbol(token) == ')') --depth;
    if (depth > 0 || !tokens.is(token, "CONCURRENTLY")) continue;
    text.replace(token.begin, token.end - token.begin, token.end - token.begin, ' ');
    return text;
  }
  return std::nullopt;
}

// A file that runs statement by statement: each gives its locks back at its end.
bool runs_apart(const ScriptPart& body, const std::vector<Statement>& statements) {
  const auto needs = [](const Statement& statement) {
    return statement.kind == StatementClass::no_transaction || statement.kind == StatementClass::begin ||
           statement.kind == StatementClass::begin_with_options;
  };
  if (std::any_of(statements.begin(), statements.end(), needs)) return true;
  const std::size_t first = statements.empty() ? 0 : statements.front().offset;
  return body.script->text.substr(0, body.begin + first).find("-- talos:no-transaction") != std::string_view::npos;
}

class Attempt {
 public:
  Attempt(pg::SideConnection& connection, const pg::Bookkeeping& own, bool apart)
      : connection_(connection), apart_(apart) {
    const auto answers = connection_.ask(relations_sql(own));
    for (const pg::Row& row : answers.at(0).rows)
      relations_[row[0].value()] = {row[1].value(), row[2].value(), row[3].value_or(""), {}, 0};
  }

  // `concurrent`: it stands for one that would have taken SHARE UPDATE EXCLUSIVE only.
  void run(std::string_view statement, bool concurrent) {
    Heard heard;
    connection_.on_notice([&](const pg::ServerError& notice) { heard.listen(notice.message); });
    const auto answers = connection_.ask(std::string(statement) + "\n;" + locks_sql);
    connection_.on_notice({});
    if (!heard.foreign_keys.empty()) note_foreign_keys(heard);
    std::map<std::string, std::pair<std::set<std::size_t>, std::string>> now;
    for (const pg::Row& row : answers.back().rows) {
      const auto* const mode = std::find(modes.begin(), modes.end(), row[1].value());
      if (mode == modes.end()) continue;
      auto& [held, place] = now[row[0].value()];
      held.insert(static_cast<std::size_t>(mode - modes.begin()));
      place = row[2].value_or("");
    }
    for (auto& [oid, state] : now)
      if (const auto found = relations_.find(oid); found != relations_.end())
        note(found->second, state.first, state.second, heard, statement, concurrent);
  }

  /// Of each table its strongest lock, and those under which it was read or written as a whole.
  std::vector<Effect> effects() const {
    std::vector<Effect> result;
    for (const auto& [key, effect] : effects_) {
      const auto stronger = effects_.upper_bound(key);
      const bool strongest = stronger == effects_.end() || stronger->first.first != key.first;
      if (strongest || effect.rewrites || effect.scans) result.push_back(effect);
    }
    return result;
  }

 private:
  // The key's table is the one that is read.
  void note_foreign_keys(Heard& heard) {
    std::string names;
    for (const std::string& name : heard.foreign_keys) names += (names.empty() ? "" : ", ") + pg::literal(name);
    const auto answers = connection_.ask(
        "SELECT c.relname FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
        " WHERE k.contype = 'f' AND k.conname IN (" +
        names + ")");
    for (const pg::Row& row : answers.at(0).rows) heard.tables.insert(row[0].value());
  }

  void note(Relation& relation, const std::set<std::size_t>& held, const std::string& place, const Heard& heard,
            std::string_view statement, bool concurrent) {
    std::set<std::size_t> taken;
    std::set_difference(held.begin(), held.end(), relation.held.begin(), relation.held.end(),
                        std::inserter(taken, taken.end()));
    // TRUNCATE makes a new file and builds its indexes, of nothing. One that was dropped has no place any more.
    const bool emptied = begins_with(statement, {"TRUNCATE"});
    const bool rewrites = !place.empty() && place != relation.place && !emptied;
    bool scans = heard.tables.count(relation.bare_name) > 0 && !emptied;
    std::size_t mode = *held.rbegin();
    if (apart_) mode = !taken.empty() ? *taken.rbegin() : relation.last;
    if (concurrent) mode = share_update_exclusive;
    if (rewrites) mode = access_exclusive;
    // A domain's new CHECK is proved on the tables that use it, without a word.
    if (mode == share && !taken.empty() && begins_with(statement, {"ALTER", "DOMAIN"})) scans = true;
    relation.held = held;
    if (!place.empty()) relation.place = place;
    if (taken.empty() && !rewrites && !scans) return;
    relation.last = mode;
    Effect& effect = effects_[{relation.name, mode}];
    effect.table = relation.name;
    effect.what = mode_names.at(mode);
    effect.blocks_reads = mode == access_exclusive;
    effect.blocks_writes = mode >= share;
    effect.rewrites = effect.rewrites || rewrites;
    effect.scans = effect.scans || (scans && !rewrites);
  }

  pg::SideConnection& connection_;
  const bool apart_;
  std::map<std::string, Relation> relations_;  ///< by oid
  std::map<std::pair<std::string, std::size_t>, Effect> effects_;
};

}  // namespace

pg::SideConnection& PostgresTrial::connection() {
  if (!connection_) connection_ = std::make_unique<pg::SideConnection>(place_.parameters, place_.dsn, place_.stop);
  return *connection_;
}

std::string PostgresTrial::beginning() const {
  std::string sql = "BEGIN;";
  for (const std::string& setting : place_.settings) sql += setting + ";";
  return sql + "SET LOCAL client_min_messages = debug1; SET LOCAL lock_timeout = '30s'";
}

std::vector<Effect> PostgresTrial::do_effects(const ScriptPart& body) {
  std::vector<Statement> statements;
  pg::split_sql(body.text(), [&](const Statement& statement) { statements.push_back(statement); });
  const bool apart = runs_apart(body, statements);
  pg::SideConnection& connection = this->connection();
  connection.ask(beginning());
  Attempt attempt(connection, place_.own, apart);
  try {
    for (const Statement& statement : statements) {
      const std::string_view text = body.text().substr(statement.offset, statement.length);
      const bool alone = statement.kind == StatementClass::no_transaction;
      const bool runs = alone || statement.kind == StatementClass::dml || statement.kind == StatementClass::ddl ||
                        statement.kind == StatementClass::savepoint;
      const auto plain = alone ? at_once(text) : std::optional(std::string(text));
      if (runs && plain) attempt.run(*plain, alone);
    }
  } catch (const Error& error) {
    connection.on_notice({});
    // It is rolled back already. What a part of a file that runs apart may see of the others is not all here.
    if (!apart || error.code != ErrorCode::statement) throw;
    return attempt.effects();
  }
  connection.ask("ROLLBACK");
  return attempt.effects();
}

std::optional<Error> PostgresTrial::do_prepare(std::string_view statement) {
  return pg::refusal_of(connection(), beginning(), statement, [this] { return plan(); });
}

// Some of what a statement needs is looked for only when it is planned: the unique index of an ON CONFLICT. A generic
// plan looks at no values; EXPLAIN runs nothing.
std::optional<Error> PostgresTrial::plan() {
  const auto parameters =
      connection().ask(std::string("SELECT pg_catalog.array_to_string(pg_catalog.array_fill('NULL'::text,"
                                   " ARRAY[coalesce(pg_catalog.array_length(parameter_types, 1), 0)]), ', ')"
                                   " FROM pg_catalog.pg_prepared_statements WHERE name = '") +
                       pg::prepared_name + "'");
  const std::string nulls = parameters.at(0).rows.at(0)[0].value_or("");
  try {
    connection().ask(std::string("SET LOCAL plan_cache_mode = force_generic_plan; EXPLAIN EXECUTE ") +
                     pg::prepared_name + (nulls.empty() ? "" : "(" + nulls + ")"));
    return std::nullopt;
  } catch (const Error& error) {
    if (error.code != ErrorCode::statement) throw;
    // Of the NULLs themselves: a parameter's domain may refuse them. Such a query is not planned.
    if (error.native_code.starts_with("23")) return std::nullopt;
    return error;
  }
}

}  // namespace talos::postgres
