#include "postgres_settlement.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include "pg_index.hpp"
#include "pg_lexer.hpp"
#include "pg_text.hpp"
#include "pg_token.hpp"

namespace talos::postgres {

namespace {

using Verdict = Settlement::Verdict;
using Finding = Settlement::Finding;

// An image is never NULL and never empty: that stands for one that was not taken.
constexpr const char* nothing = "nothing";

enum class Kind {
  create_index,
  drop_index,
  reindex,
  create,      ///< a database, tablespace or subscription
  drop,        ///< of one
  repeatable,  ///< maintenance: run again, the end is the same
  other,
};

struct Subject {
  Kind kind = Kind::other;
  std::string name;   ///< for people: "the database d"
  std::string image;  ///< SQL: what the catalogue has of it
  pg::IndexTarget index;
};

std::string qualified(const std::string& schema, const std::string& name) {
  return pg::quoted_name(schema) + "." + pg::quoted_name(name);
}

std::string regclass(const std::string& schema, const std::string& name) {
  return "pg_catalog.to_regclass(" + pg::literal(qualified(schema, name)) + ")";
}

// A line for each: oid, name, and whether it is valid. No definitions: how those are written depends on the session.
std::string indexes_sql(const std::string& condition) {
  return "(SELECT coalesce(pg_catalog.string_agg(i.indexrelid || ' ' || c.relname || CASE WHEN i.indisvalid THEN '' "
         "ELSE ' INVALID' END, E'\\n' ORDER BY i.indexrelid), '" +
         std::string(nothing) +
         "') FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE " + condition + ")";
}

std::string object_sql(const std::string& catalogue, const std::string& column, const std::string& name) {
  return "(SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_catalog." + catalogue + " WHERE " + column + " = " +
         pg::literal(name) + ") THEN 'there' ELSE '" + nothing + "' END)";
}

Subject index_subject(pg::IndexTarget target, const std::string& schema) {
  Subject subject;
  const auto in = [&](const std::string& given) { return given.empty() ? schema : given; };
  switch (target.action) {
    case pg::IndexTarget::Action::create:
      if (target.table.empty()) return subject;
      subject.kind = Kind::create_index;
      subject.name = "the indexes of " + target.table;
      subject.image = indexes_sql("i.indrelid = " + regclass(in(target.table_schema), target.table));
      break;
    case pg::IndexTarget::Action::drop:
      if (target.name.empty()) return subject;
      subject.kind = Kind::drop_index;
      subject.name = "the index " + target.name;
      subject.image = indexes_sql("i.indexrelid = " + regclass(in(target.schema), target.name));
      break;
    case pg::IndexTarget::Action::reindex:
      subject.kind = Kind::reindex;
      subject.name = "the indexes";
      subject.image = indexes_sql("NOT i.indisvalid");
      break;
  }
  subject.index = std::move(target);
  return subject;
}

// CREATE and DROP of what belongs to the whole server.
Subject object_subject(pg::Tokens words, Kind kind) {
  Subject subject;
  std::string catalogue, column;
  if (words.take("DATABASE"))
    catalogue = "pg_database", column = "datname", subject.name = "the database ";
  else if (words.take("TABLESPACE"))
    catalogue = "pg_tablespace", column = "spcname", subject.name = "the tablespace ";
  else if (words.take("SUBSCRIPTION"))
    catalogue = "pg_stat_subscription", column = "subname", subject.name = "the subscription ";
  else
    return subject;
  if (words.take("IF")) words.take("EXISTS");
  const std::string name = pg::identifier(words.text(words.next()));
  if (name.empty()) return subject;
  subject.kind = kind;
  subject.name += name;
  subject.image = object_sql(catalogue, column, name);
  return subject;
}

Subject subject_of(const ScriptPart& statement, const std::string& schema) {
  if (auto target = pg::concurrent_index(statement.text())) {
    const bool named = !target->schema.empty() || !target->table_schema.empty();
    // Which schema an unqualified name meant, only that session knew.
    if (!named && (statement.script->traits & pg::trait_session_state) != 0 &&
        target->action != pg::IndexTarget::Action::reindex)
      return {};
    return index_subject(std::move(*target), schema);
  }
  pg::Tokens words(statement.text());
  for (const char* maintenance : {"VACUUM", "ANALYZE", "ANALYSE", "CLUSTER", "REINDEX", "CHECKPOINT", "DISCARD"})
    if (words.take(maintenance)) return {Kind::repeatable, "", "", {}};
  if (words.take("CREATE")) return object_subject(words, Kind::create);
  if (words.take("DROP")) return object_subject(words, Kind::drop);
  if (words.take("ALTER") && (words.take("SYSTEM") || words.take("DATABASE"))) return {Kind::repeatable, "", "", {}};
  return {};
}

std::vector<std::string> lines_beyond(std::string_view now, std::string_view before) {
  const auto lines = [](std::string_view text) {
    std::vector<std::string> result;
    std::istringstream stream{std::string(text)};
    for (std::string line; std::getline(stream, line);)
      if (line != nothing) result.push_back(line);
    return result;
  };
  const auto known = lines(before);
  auto result = lines(now);
  std::erase_if(result,
                [&](const std::string& line) { return std::find(known.begin(), known.end(), line) != known.end(); });
  return result;
}

bool is_invalid(const std::string& line) { return line.ends_with(" INVALID"); }

// Of an image's line.
std::string name_in(const std::string& line) {
  const auto begin = line.find(' ') + 1;
  return line.substr(begin, line.size() - begin - (is_invalid(line) ? std::string_view(" INVALID").size() : 0));
}

Finding settle_creation(const Subject& subject, std::string_view now, std::string_view before) {
  if (now == before) return {Verdict::not_applied, subject.name + " are as they were", ""};
  const auto added = lines_beyond(now, before);
  if (added.size() != 1 || !lines_beyond(before, now).empty())
    return {Verdict::unknown, subject.name + " were changed by somebody else too", ""};
  const std::string name = name_in(added.front());
  if (is_invalid(added.front()))
    return {Verdict::not_applied, "the index " + name + " was not finished", "the INVALID index " + name};
  return {Verdict::applied, "the index " + name + " is there, and valid", ""};
}

Finding settle_rebuild(std::string_view now, std::string_view before) {
  std::string names;
  for (const std::string& line : lines_beyond(now, before)) names += (names.empty() ? "" : ", ") + name_in(line);
  if (names.empty()) return {Verdict::repeatable, "it may be run again: nothing is left of it", ""};
  return {Verdict::repeatable, "it was not finished", "the INVALID index " + names};
}

}  // namespace

PostgresSettlement::PostgresSettlement(Session& session, pg::Ask ask, std::string schema)
    : session_(session), ask_(std::move(ask)), schema_(std::move(schema)) {}

std::string PostgresSettlement::image_sql(const ScriptPart& statement) const {
  return subject_of(statement, schema_).image;
}

Settlement::Finding PostgresSettlement::do_settle(const ScriptPart& statement, std::string_view before) {
  const Subject subject = subject_of(statement, schema_);
  if (subject.kind == Kind::repeatable) return {Verdict::repeatable, "it may be run again: it changes no data", ""};
  if (subject.kind == Kind::other) return {Verdict::unknown, "the catalogue does not tell", ""};
  if (before.empty()) return {Verdict::unknown, "how " + subject.name + " looked before it is not known", ""};
  // The builder may outlive its client, behind a pooler for as long as it likes.
  const auto answer =
      ask_("SELECT " + subject.image +
           ", EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index WHERE datname = current_database())");
  const std::string now = answer.at(0).value();
  if (answer.at(0).rows.at(0).at(1) == "t" && (subject.kind == Kind::create_index || subject.kind == Kind::reindex))
    return {Verdict::unknown, "an index is being built in this database right now", ""};
  switch (subject.kind) {
    case Kind::create_index:
      return settle_creation(subject, now, before);
    case Kind::reindex:
      return settle_rebuild(now, before);
    case Kind::drop_index:
    case Kind::drop:
      if (now == nothing && before != nothing) return {Verdict::applied, subject.name + " is gone", ""};
      return {Verdict::not_applied, subject.name + (now == nothing ? " was not there" : " is still there"), ""};
    case Kind::create:
      if (now != nothing && before == nothing) return {Verdict::applied, subject.name + " is there", ""};
      return {Verdict::not_applied, subject.name + (now == nothing ? " is not there" : " was there before"), ""};
    case Kind::repeatable:
    case Kind::other:
      break;
  }
  return {};
}

// By statements of their own like any of a file: they may have to wait, and to be stopped. Only what was not there
// before the attempt: an index that was INVALID already is somebody's to mend.
void PostgresSettlement::do_clear(const ScriptPart& statement, std::string_view before, ExecuteObserver& observer) {
  const std::string image = image_sql(statement);
  if (image.empty() || before.empty()) return;
  for (const std::string& line : lines_beyond(ask_("SELECT " + image).at(0).value(), before)) {
    if (!is_invalid(line)) continue;
    const std::string oid = line.substr(0, line.find(' '));
    const std::string sql = "DROP INDEX CONCURRENTLY " + ask_("SELECT " + oid + "::regclass").at(0).value();
    Script script;
    script.text = sql;
    Unit unit;
    unit.transaction = false;
    unit.script = &script;
    unit.end = sql.size();
    const std::vector<Unit> units{unit};
    const ExecuteResult result = session_.execute(units, observer);
    if (result.error) throw Error(result.error->retold("removing " + name_in(line) + ": " + result.error->what()));
  }
}

}  // namespace talos::postgres
