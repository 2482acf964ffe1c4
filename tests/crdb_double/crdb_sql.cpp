#include "crdb_sql.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include <pg_query.h>
#include <nlohmann/json.hpp>

#include "crdb_error.hpp"
#include "pg_token.hpp"
#include "talos/error.hpp"

namespace talos::test::crdb {

namespace {

using Json = nlohmann::json;
using pg::Token;
using pg::Tokens;
using Kind = Statement::Kind;

struct Edit {
  std::size_t at;
  std::size_t size;
  std::string with;
};

std::string apply(std::string text, std::vector<Edit> edits) {
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.at > b.at; });
  for (const Edit& edit : edits) text.replace(edit.at, edit.size, edit.with);
  return text;
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// The lexer is the plugins' own; what it refuses is a syntax error here.
Token next(Tokens& tokens) {
  try {
    return tokens.next();
  } catch (const talos::Error& error) {
    throw SqlFailure("42601", std::string("lexical error: ") + error.what());
  }
}

std::vector<Token> all_tokens(std::string_view text) {
  Tokens tokens(text);
  std::vector<Token> result;
  for (Token token = next(tokens); token.kind != Token::Kind::end; token = next(tokens)) result.push_back(token);
  return result;
}

// --- the parser's tree ---

class ParseResult {
 public:
  explicit ParseResult(const std::string& sql) : result_(pg_query_parse(sql.c_str())) {}
  ParseResult(const ParseResult&) = delete;
  ParseResult& operator=(const ParseResult&) = delete;
  ~ParseResult() { pg_query_free_parse_result(result_); }
  const PgQueryParseResult& get() const { return result_; }

 private:
  PgQueryParseResult result_;
};

// {"SelectStmt": {…}}. PostgreSQL's grammar stands in for CockroachDB's: what it does not know is not judged here.
Json parse(const std::string& sql) {
  const ParseResult parsed(sql);
  if (parsed.get().error != nullptr)
    throw SqlFailure("42601", "at or near: syntax error: " + std::string(parsed.get().error->message) +
                                  " (by PostgreSQL's grammar; SQL of CockroachDB's own is not modelled)");
  const Json tree = Json::parse(parsed.get().parse_tree);
  const Json::json_pointer place("/stmts/0/stmt");
  if (!tree.contains(place)) throw NotModelled("no statement in " + sql);
  return tree[place];
}

std::string member(const Json& object, const char* key) { return object.value(key, std::string()); }

// Calls `visit(key, object)` for every object below, with the key it is found under.
template <class Visit>
void walk(const Json& node, const std::string& key, const Visit& visit) {
  if (node.is_object()) {
    visit(key, node);
    for (const auto& [name, child] : node.items()) walk(child, name, visit);
  } else if (node.is_array()) {
    for (const Json& child : node) walk(child, key, visit);
  }
}

std::string table_name(const Json& range) {
  const std::string schema = member(range, "schemaname");
  return (schema.empty() ? "public" : schema) + "." + member(range, "relname");
}

bool is_range(const Json& object) { return object.contains("relname") && object.contains("relpersistence"); }

std::string last_string(const Json& names) {
  if (names.empty()) return "";
  const Json& last = names.back();
  return last.contains("String") ? member(last.at("String"), "sval") : "";
}

std::string first_string(const Json& names) {
  return !names.empty() && names.front().contains("String") ? member(names.front().at("String"), "sval") : "";
}

std::string dotted(const Json& items) {
  std::vector<std::string> parts;
  for (const Json& item : items)
    if (item.contains("String")) parts.push_back(member(item.at("String"), "sval"));
  if (parts.empty()) return "";
  const std::string schema = parts.size() > 1 ? parts[parts.size() - 2] : "public";
  return schema + "." + parts.back();
}

std::size_t size_of_name(const std::string& sql, std::size_t at) {
  Tokens tokens(sql, at);
  Token last = next(tokens);
  for (;;) {
    if (tokens.symbol(tokens.peek()) != '.') return last.end - at;
    next(tokens);
    last = next(tokens);
  }
}

// --- what CockroachDB writes otherwise ---

struct TypeName {
  std::string_view written;
  std::string_view pg;
};

// INT is INT8, JSON is JSONB, STRING and BYTES are its names of text and bytea.
constexpr std::array type_names{TypeName{"STRING", "text"},
                                TypeName{"BYTES", "bytea"},
                                TypeName{"INT", "int8"},
                                TypeName{"INTEGER", "int8"},
                                TypeName{"JSON", "jsonb"},
                                TypeName{"INT64", "int8"},
                                TypeName{"SERIAL", "int8 NOT NULL DEFAULT unique_rowid()"},
                                TypeName{"SERIAL8", "int8 NOT NULL DEFAULT unique_rowid()"},
                                TypeName{"BIGSERIAL", "int8 NOT NULL DEFAULT unique_rowid()"}};

void edit_type(const std::string& sql, const Json& type, std::vector<Edit>& edits) {
  const std::size_t at = type.value("location", std::size_t{0});
  if (at >= sql.size()) return;
  Tokens tokens(sql, at);
  const Token token = next(tokens);
  if (token.kind != Token::Kind::word) return;
  const std::string written = upper(tokens.text(token));
  const auto* const found =
      std::find_if(type_names.begin(), type_names.end(), [&](const TypeName& name) { return name.written == written; });
  if (found != type_names.end()) edits.push_back({token.begin, token.end - token.begin, std::string(found->pg)});
}

std::optional<Virtual> virtual_table(const Json& range) {
  const std::string schema = member(range, "schemaname");
  const std::string name = member(range, "relname");
  if (schema == "information_schema" && name == "crdb_jobs") return Virtual::crdb_jobs;
  if (schema == "information_schema" && name == "columns") return Virtual::columns;
  if (schema == "crdb_internal" && name == "jobs") return Virtual::internal_jobs;
  if (schema == "crdb_internal") throw NotModelled("crdb_internal." + name);
  if (name == "[SHOW JOBS]") return Virtual::show_jobs;
  if (name == "[SHOW SESSIONS]") return Virtual::show_sessions;
  if (name == "[SHOW QUERIES]") return Virtual::show_queries;
  if (name == "[SHOW BACKUP]") return Virtual::show_backup;
  return std::nullopt;
}

// Session-level advisory locks: two stubs (made in the database), the rest is undefined; transaction-level ones came
// with 26.3 (advisory_lock@2322790).
void judge_call(const std::string& schema, const std::string& name, CrdbProfile profile) {
  if (schema == "crdb_internal") throw NotModelled("crdb_internal." + name + "()");
  if (name.find("advisory") == std::string::npos || name == "pg_try_advisory_lock" || name == "pg_advisory_unlock")
    return;
  if (name.find("_xact_") != std::string::npos && profile >= CrdbProfile::v26_3) return;
  throw SqlFailure("42883", "unknown function: " + name + "()");
}

// Of [SHOW BACKUP …], which has a storage's URL and more in its brackets.
std::optional<Edit> take_shown_backup(const std::string& sql, const Token& bracket, Statement& statement) {
  Tokens tokens(sql, bracket.end);
  if (!tokens.take("SHOW") || !tokens.take("BACKUP")) return std::nullopt;
  Token token = next(tokens);
  while (token.kind != Token::Kind::end && tokens.symbol(token) != ']') token = next(tokens);
  if (token.kind == Token::Kind::end || !statement.shown_backup.empty()) throw NotModelled("[SHOW BACKUP …]");
  statement.shown_backup = sql.substr(bracket.end, token.begin - bracket.end);
  return Edit{bracket.begin, token.end - bracket.begin, "\"[SHOW BACKUP]\""};
}

// `[SHOW JOBS]` becomes a quoted name, so that PostgreSQL's parser takes it for a table.
std::string name_brackets(const std::string& sql, Statement& statement) {
  std::vector<Edit> edits;
  Tokens tokens(sql);
  for (Token token = next(tokens); token.kind != Token::Kind::end; token = next(tokens)) {
    if (tokens.symbol(token) != '[' || !tokens.is(tokens.peek(), "SHOW")) continue;
    if (const auto backup = take_shown_backup(sql, token, statement)) {
      edits.push_back(*backup);
      tokens.move(backup->at + backup->size);
      continue;
    }
    std::string inside;
    Token word = next(tokens);
    for (; word.kind == Token::Kind::word; word = next(tokens)) {
      const std::string text = upper(tokens.text(word));
      if (text != "CLUSTER" && text != "LOCAL") inside += (inside.empty() ? "" : " ") + text;
    }
    if (tokens.symbol(word) != ']') throw NotModelled("[SHOW …] with " + inside);
    if (inside != "SHOW JOBS" && inside != "SHOW SESSIONS" && inside != "SHOW QUERIES")
      throw NotModelled("[" + inside + "]");
    edits.push_back({token.begin, word.end - token.begin, "\"[" + inside + "]\""});
  }
  return apply(sql, std::move(edits));
}

// '-100ms', '-10s', '-1m', '-1h'; nothing for another form, as a date.
std::chrono::milliseconds past(std::string_view literal) {
  double number = 0;
  if (!literal.starts_with("'-") || !literal.ends_with("'")) return {};
  literal = literal.substr(2, literal.size() - 3);
  const auto read = std::from_chars(literal.data(), literal.data() + literal.size(), number);
  const std::string_view unit(read.ptr, literal.data() + literal.size());
  const double factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : unit == "h" ? 3'600'000 : 0;
  return std::chrono::milliseconds(static_cast<long>(number * factor));
}

// AS OF SYSTEM TIME with a literal or a call; `statement` learns of it.
std::string take_system_time(const std::string& sql, Statement& statement) {
  const std::vector<Token> tokens = all_tokens(sql);
  const Tokens reader(sql);
  std::vector<Edit> edits;
  for (std::size_t i = 0; i + 4 < tokens.size(); ++i) {
    if (!reader.is(tokens[i], "AS") || !reader.is(tokens[i + 1], "OF") || !reader.is(tokens[i + 2], "SYSTEM") ||
        !reader.is(tokens[i + 3], "TIME"))
      continue;
    std::size_t last = i + 4;
    if (tokens[last].kind == Token::Kind::word) {
      while (last < tokens.size() && reader.symbol(tokens[last]) != ')') ++last;
      if (last == tokens.size()) throw NotModelled("AS OF SYSTEM TIME without a literal or a call");
    } else if (tokens[last].kind != Token::Kind::string) {
      throw NotModelled("AS OF SYSTEM TIME without a literal or a call");
    }
    edits.push_back({tokens[i].begin, tokens[last].end - tokens[i].begin, ""});
    statement.past = past(reader.text(tokens[last]));
    statement.as_of_system_time = true;
  }
  return apply(sql, std::move(edits));
}

// CREATE or DROP INDEX CONCURRENTLY; DROP INDEX table@index.
std::string take_index_words(const std::string& sql, Statement& statement) {
  const std::vector<Token> tokens = all_tokens(sql);
  const Tokens reader(sql);
  const auto is_at = [&](std::size_t i, std::string_view word) {
    return i < tokens.size() && reader.is(tokens[i], word);
  };
  const std::size_t index = is_at(1, "UNIQUE") ? 2 : 1;
  if (!(is_at(0, "CREATE") || is_at(0, "DROP")) || !is_at(index, "INDEX")) return sql;
  std::vector<Edit> edits;
  if (is_at(index + 1, "CONCURRENTLY")) {
    statement.concurrently = true;
    edits.push_back({tokens[index + 1].begin, tokens[index + 1].end - tokens[index + 1].begin, ""});
  }
  for (std::size_t i = index + 1; is_at(0, "DROP") && i + 1 < tokens.size(); ++i)
    if (reader.symbol(tokens[i]) == '@')
      edits.push_back({tokens[i - 1].begin, tokens[i].end - tokens[i - 1].begin, ""});
  return apply(sql, std::move(edits));
}

// DROP DATABASE … CASCADE, which is the default, takes all that is in it, whoever is connected.
std::string take_database_words(const std::string& sql) {
  const std::vector<Token> tokens = all_tokens(sql);
  const Tokens reader(sql);
  if (reader.is(tokens.back(), "RESTRICT")) throw NotModelled("DROP DATABASE … RESTRICT");
  const bool cascade = reader.is(tokens.back(), "CASCADE");
  return sql.substr(0, cascade ? tokens.back().begin : tokens.back().end) + " WITH (FORCE)";
}

bool says_off(std::string_view value) {
  const std::string text = lower(value);
  return text == "f" || text == "false" || text == "off" || text == "0";
}

// WITH (schema_locked = …) at the end of CREATE TABLE, which PostgreSQL knows nothing of.
std::string take_schema_lock(const std::string& sql, Statement& statement) {
  const std::vector<Token> tokens = all_tokens(sql);
  const Tokens reader(sql);
  for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
    if (!reader.is(tokens[i], "WITH") || reader.symbol(tokens[i + 1]) != '(' ||
        !reader.is(tokens[i + 2], "SCHEMA_LOCKED"))
      continue;
    std::size_t last = i + 3;
    while (last < tokens.size() && reader.symbol(tokens[last]) != ')') ++last;
    if (last == tokens.size()) break;
    statement.says_schema_lock = true;
    statement.locks_schema = last == i + 3 || !says_off(reader.text(tokens[last - 1]));
    return apply(sql, {{tokens[i].begin, tokens[last].end - tokens[i].begin, ""}});
  }
  return sql;
}

// --- classes ---

void read_alter_table(const Json& node, Statement& statement) {
  const Json commands = node.value("cmds", Json::array());
  statement.combined = commands.size() > 1;
  bool setting = false;
  for (const Json& item : commands) {
    const Json command = item.value("AlterTableCmd", Json::object());
    const std::string subtype = member(command, "subtype");
    if (subtype == "AT_DropConstraint") statement.drops_constraints.push_back(member(command, "name"));
    if (subtype == "AT_AlterColumnType") statement.retypes.push_back(member(command, "name"));
    if (subtype == "AT_AddConstraint") {
      const std::string type = member(command.at("def").value("Constraint", Json::object()), "contype");
      if (type == "CONSTR_PRIMARY") statement.adds_primary_key = true;
      if (type == "CONSTR_UNIQUE") statement.adds_unique = true;
    }
    if (subtype != "AT_SetRelOptions" && subtype != "AT_ResetRelOptions") continue;
    const Json options = command.at("def").value("List", Json::object()).value("items", Json::array());
    for (const Json& option : options) {
      const Json element = option.value("DefElem", Json::object());
      if (member(element, "defname") != "schema_locked") continue;
      setting = true;
      if (options.size() > 1 || statement.combined) statement.combined = true;
      const std::string argument = element.value("arg", Json::object()).dump();
      statement.locks_schema = subtype == "AT_SetRelOptions" && argument.find("false") == std::string::npos &&
                               argument.find("\"off\"") == std::string::npos &&
                               argument.find("\"f\"") == std::string::npos &&
                               argument.find("\"ival\":{}") == std::string::npos;
    }
  }
  statement.kind = setting ? Kind::lock_setting : Kind::schema_change;
  if (node.contains("relation")) statement.changes.insert(table_name(node.at("relation")));
}

void read_drop(const Json& node, Statement& statement) {
  statement.kind = Kind::schema_change;
  statement.drops = true;
  statement.cascade = member(node, "behavior") == "DROP_CASCADE";
  const std::string type = member(node, "removeType");
  for (const Json& object : node.value("objects", Json::array()))
    if (object.contains("List")) statement.changes.insert(dotted(object.at("List").value("items", Json::array())));
  statement.node = type;
}

void read_transaction(const Json& node, Statement& statement) {
  const std::string kind = member(node, "kind");
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START")
    statement.kind = Kind::begin;
  else if (kind == "TRANS_STMT_COMMIT")
    statement.kind = Kind::commit;
  else if (kind == "TRANS_STMT_ROLLBACK")
    statement.kind = Kind::rollback;
  else if (kind == "TRANS_STMT_SAVEPOINT" || kind == "TRANS_STMT_RELEASE" || kind == "TRANS_STMT_ROLLBACK_TO")
    statement.kind = Kind::savepoint;
  else
    throw NotModelled(kind);
  if (member(node, "savepoint_name") == "cockroach_restart")
    throw NotModelled("the savepoint cockroach_restart, whose RELEASE commits");
  statement.read_only = statement.as_of_system_time;
}

std::string constant(const Json& argument) {
  const Json value = argument.value("A_Const", Json::object());
  if (value.contains("sval")) return member(value.at("sval"), "sval");
  if (value.contains("fval")) return member(value.at("fval"), "fval");
  if (value.contains("ival")) return std::to_string(value.at("ival").value("ival", 0));
  if (value.contains("boolval")) return value.at("boolval").value("boolval", false) ? "on" : "off";
  throw NotModelled("SET with a value that is no constant");
}

void read_set(const Json& node, Statement& statement) {
  const std::string kind = member(node, "kind");
  statement.variable = lower(member(node, "name"));
  statement.kind = Kind::set;
  statement.local = node.value("is_local", false);
  if (kind == "VAR_SET_MULTI") {
    statement.kind = Kind::set_transaction;
    return;
  }
  statement.reset = kind == "VAR_RESET" || kind == "VAR_SET_DEFAULT";
  if (kind == "VAR_RESET_ALL") statement.kind = Kind::reset_all;
  for (const Json& argument : node.value("args", Json::array()))
    statement.value += (statement.value.empty() ? "" : ", ") + constant(argument);
}

// By PostgreSQL's name of the statement.
void read_class(const std::string& name, const Json& node, Statement& statement) {
  static constexpr std::array<std::string_view, 3> writes{"InsertStmt", "UpdateStmt", "DeleteStmt"};
  static constexpr std::array<std::string_view, 6> changes{
      "IndexStmt", "RenameStmt", "AlterEnumStmt", "AlterObjectSchemaStmt", "AlterOwnerStmt", "TruncateStmt"};
  static constexpr std::array<std::string_view, 7> creates{"CreateStmt",       "CreateSchemaStmt", "CreateEnumStmt",
                                                           "ViewStmt",         "CreateSeqStmt",    "CommentStmt",
                                                           "CreateTableAsStmt"};
  static constexpr std::array<std::string_view, 6> privileges{
      "GrantStmt", "GrantRoleStmt", "CreateRoleStmt", "AlterRoleStmt", "DropRoleStmt", "AlterDefaultPrivilegesStmt"};
  const auto among = [&](const auto& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
  statement.node = name;
  if (name == "TransactionStmt") return read_transaction(node, statement);
  if (name == "VariableSetStmt") return read_set(node, statement);
  if (name == "AlterTableStmt") return read_alter_table(node, statement);
  if (name == "DropStmt") return read_drop(node, statement);
  if (name == "VariableShowStmt") {
    statement.kind = Kind::show;
    statement.variable = lower(member(node, "name"));
  } else if (name == "SelectStmt" || name == "ExplainStmt") {
    statement.kind = Kind::read;
    statement.locks_rows = node.contains("lockingClause");
  } else if (among(writes)) {
    statement.kind = Kind::write;
  } else if (among(changes)) {
    statement.kind = Kind::schema_change;
  } else if (among(creates)) {
    statement.kind = Kind::create;
  } else if (among(privileges)) {
    statement.kind = Kind::privileges;
  } else if (name == "CreatedbStmt" || name == "DropdbStmt") {
    statement.kind = Kind::create;
  } else if (name == "CreateDomainStmt" || name == "CreateRangeStmt") {
    throw SqlFailure("0A000", "unimplemented: this syntax");
  } else if (name == "LockStmt" || name == "VacuumStmt" || name == "ClusterStmt" || name == "ReindexStmt") {
    throw SqlFailure("42601", "at or near \"" + lower(first_words(statement.text, 1).at(0)) + "\": syntax error");
  } else {
    throw NotModelled(name);
  }
}

// Tables, calls and types, wherever they are.
void read_parts(const std::string& sql, const Json& tree, CrdbProfile profile, Statement& statement,
                std::vector<Edit>& edits) {
  walk(tree, "", [&](const std::string& key, const Json& object) {
    if ((key == "InsertStmt" || key == "UpdateStmt" || key == "DeleteStmt") && object.contains("relation")) {
      statement.writes.insert(table_name(object.at("relation")));
      if (statement.kind == Kind::read) statement.kind = Kind::write;
    }
    if (key == "CreateStmt" && object.contains("relation")) statement.created.insert(table_name(object.at("relation")));
    if (key == "IntoClause" || key == "into")
      if (object.contains("rel")) statement.created.insert(table_name(object.at("rel")));
    if (key == "SelectStmt" && object.contains("lockingClause")) statement.locks_rows = true;
    if (key == "FuncCall") {
      const Json names = object.value("funcname", Json::array());
      judge_call(names.size() > 1 ? first_string(names) : "", last_string(names), profile);
    }
    if ((key == "TypeName" || key == "typeName") && object.contains("names")) edit_type(sql, object, edits);
    if (!is_range(object)) return;
    if (const auto table = virtual_table(object)) {
      const std::size_t at = object.value("location", std::size_t{0});
      const std::string shown = *table == Virtual::show_backup ? statement.shown_backup : "";
      statement.places.push_back({at, size_of_name(sql, at), *table, object.contains("alias"), shown});
    } else if (statement.ddl()) {
      if (!statement.created.contains(table_name(object))) statement.changes.insert(table_name(object));
    } else {
      statement.reads.insert(table_name(object));
    }
  });
}

// Edits move the places of the virtual tables.
void finish(std::string sql, std::vector<Edit> edits, Statement& statement) {
  std::sort(statement.places.begin(), statement.places.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  for (Statement::Place& place : statement.places) {
    std::size_t moved = place.at;
    for (const Edit& edit : edits)
      if (edit.at < place.at) moved = moved + edit.with.size() - edit.size;
    place.at = moved;
  }
  statement.pg = apply(std::move(sql), std::move(edits));
}

// Statements that PostgreSQL's grammar lacks and the session answers by itself.
bool is_command(const std::vector<std::string>& words) {
  static constexpr std::array<std::string_view, 9> shown{"JOB",   "JOBS",        "SESSIONS",   "QUERIES",     "CLUSTER",
                                                         "LOCAL", "TRANSACTION", "SESSION_ID", "CRDB_VERSION"};
  if (words.empty()) return false;
  if (words[0] == "CANCEL" || words[0] == "PAUSE" || words[0] == "RESUME" || words[0] == "BACKUP") return true;
  if (words.size() < 2) return false;
  if (words[0] == "SET" && words[1] == "CLUSTER") return true;
  if ((words[0] == "GRANT" || words[0] == "REVOKE") && words[1] == "SYSTEM") return true;
  if (words[0] != "SHOW") return false;
  if (words[1] == "TRANSACTION" && words.size() > 2 && words[2] == "ISOLATION") return false;
  return std::find(shown.begin(), shown.end(), words[1]) != shown.end();
}

// With any other first word it is a syntax error there too.
bool begins_statement(const std::string& word) {
  static constexpr std::array words{
      "ABORT",  "ALTER",   "ANALYZE",      "BACKUP",     "BEGIN",    "CALL",      "CANCEL",   "CLOSE",   "COMMENT",
      "COMMIT", "COPY",    "CREATE",       "DEALLOCATE", "DECLARE",  "DELETE",    "DISCARD",  "DO",      "DROP",
      "END",    "EXECUTE", "EXPERIMENTAL", "EXPLAIN",    "EXPORT",   "FETCH",     "GRANT",    "IMPORT",  "INSERT",
      "LISTEN", "LOCK",    "MOVE",         "NOTIFY",     "PAUSE",    "PREPARE",   "REASSIGN", "REFRESH", "RELEASE",
      "RESET",  "RESTORE", "RESUME",       "REVOKE",     "ROLLBACK", "SAVEPOINT", "SELECT",   "SET",     "SHOW",
      "START",  "TABLE",   "TRUNCATE",     "UNLISTEN",   "UPDATE",   "UPSERT",    "USE",      "VALUES",  "VACUUM",
      "WITH",   "REINDEX", "CLUSTER"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

void refuse_by_words(const std::string& sql, const std::vector<std::string>& words) {
  if (words.empty() && !sql.starts_with('(')) throw SqlFailure("42601", "at or near the beginning: syntax error");
  if (words.empty()) return;
  if (!begins_statement(words[0])) throw SqlFailure("42601", "at or near \"" + lower(words[0]) + "\": syntax error");
  if (words[0] == "SET" && sql.find('@') != std::string::npos && first_words(sql).size() == 1)
    throw SqlFailure("42601", "at or near \"@\": syntax error");
  if (words[0] == "LOCK") throw SqlFailure("42601", "at or near \"lock\": syntax error");
  if (words[0] == "DO" || words[0] == "CALL") throw NotModelled(words[0]);
  if (words[0] == "SHOW" && words.size() > 1 &&
      (words[1] == "CREATE" || words[1] == "TABLES" || words[1] == "DATABASES" || words[1] == "INDEXES" ||
       words[1] == "COLUMNS" || words[1] == "CONSTRAINTS" || words[1] == "ALL"))
    throw NotModelled("SHOW " + words[1]);
}

}  // namespace

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> statements;
  Tokens tokens(text);
  constexpr std::size_t none = std::string_view::npos;
  std::size_t begin = none;
  std::size_t end = 0;
  const auto close = [&] {
    if (begin != none) statements.emplace_back(text.substr(begin, end - begin));
    begin = none;
  };
  for (Token token = next(tokens); token.kind != Token::Kind::end; token = next(tokens)) {
    if (tokens.symbol(token) == ';') {
      close();
      continue;
    }
    if (begin == none) begin = token.begin;
    end = token.end;
  }
  close();
  return statements;
}

std::vector<std::string> first_words(std::string_view statement, std::size_t most) {
  Tokens tokens(statement);
  std::vector<std::string> words;
  for (Token token = next(tokens); words.size() < most && token.kind == Token::Kind::word; token = next(tokens))
    words.push_back(upper(tokens.text(token)));
  return words;
}

std::string Statement::render(const std::function<std::string(const Place&)>& rows) const {
  std::string sql = pg;
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    const std::string name = place->table == Virtual::columns ? "columns" : "crdb_jobs";
    sql.replace(place->at, place->size, rows(*place) + (place->aliased ? "" : " AS " + name));
  }
  return sql;
}

Statement read_statement(const std::string& text, CrdbProfile profile) {
  Statement statement;
  statement.text = text;
  const std::vector<std::string> words = first_words(text);
  if (is_command(words)) {
    statement.kind = Kind::command;
    return statement;
  }
  refuse_by_words(text, words);
  std::string sql = take_system_time(text, statement);
  sql = name_brackets(sql, statement);
  if (words.size() > 1 && words[0] == "DROP" && words[1] == "DATABASE") sql = take_database_words(sql);
  sql = take_index_words(sql, statement);
  if (!words.empty() && words[0] == "CREATE") sql = take_schema_lock(sql, statement);
  const Json tree = parse(sql);
  const auto [name, node] = std::pair(tree.begin().key(), tree.begin().value());
  read_class(name, node, statement);
  statement.creates_index = name == "IndexStmt";
  statement.unique = node.value("unique", false);
  std::vector<Edit> edits;
  read_parts(sql, tree, profile, statement, edits);
  finish(std::move(sql), std::move(edits), statement);
  return statement;
}

std::string describe(const Statement& statement, const std::string& database) {
  const std::string& sql = statement.text;
  std::string words;
  Tokens tokens(sql);
  std::size_t last = 0;
  for (Token token = next(tokens); token.kind != Token::Kind::end; token = next(tokens)) {
    if (!words.empty() && token.begin > last) words += ' ';
    const std::string name = token.kind == Token::Kind::name || token.kind == Token::Kind::word
                                 ? pg::identifier(tokens.text(token))
                                 : std::string();
    const bool qualified = !words.empty() && words.back() == '.';
    const bool table = !name.empty() && !qualified && statement.changes.contains("public." + name) &&
                       tokens.symbol(tokens.peek()) != '.';
    const bool schema = !name.empty() && !qualified && tokens.symbol(tokens.peek()) == '.' &&
                        std::any_of(statement.changes.begin(), statement.changes.end(),
                                    [&](const std::string& one) { return one.starts_with(name + "."); });
    if (table) words += database + ".public.";
    if (schema) words += database + ".";
    words += tokens.text(token);
    if (table && tokens.symbol(tokens.peek()) == '(' && tokens.peek().begin == token.end) words += ' ';
    last = token.end;
  }
  return words;
}

}  // namespace talos::test::crdb
