#include "pg_index.hpp"

#include <pg_query.h>
#include <nlohmann/json.hpp>

#include "pg_statement.hpp"
#include "pg_token.hpp"

namespace talos::pg {

namespace {

using Json = nlohmann::json;
using Action = IndexTarget::Action;

// By its words: where it is one of the statements at all, and what it names as far as plain words say it.
std::optional<IndexTarget> by_words(std::string_view statement) {
  Tokens words(statement);
  IndexTarget target;
  if (words.take("CREATE")) {
    words.take("UNIQUE");
    if (!words.take("INDEX") || !words.take("CONCURRENTLY")) return std::nullopt;
    if (words.take("IF") && words.take("NOT")) words.take("EXISTS");
    if (!words.is(words.peek(), "ON")) target.name = take_qualified_name(words).name;
    words.take("ON");
    words.take("ONLY");
    QualifiedName table = take_qualified_name(words);
    // An index lives in the schema of its table.
    target.schema = table.schema;
    target.table_schema = std::move(table.schema);
    target.table = std::move(table.name);
    return target;
  }
  const bool drops = words.take("DROP");
  target.action = drops ? Action::drop : Action::reindex;
  if (drops) {
    if (!words.take("INDEX") || !words.take("CONCURRENTLY")) return std::nullopt;
    if (words.take("IF")) words.take("EXISTS");
  } else if (!words.take("REINDEX") || !take_reindex_options(words)) {
    return std::nullopt;
  }
  const bool table = !drops && words.take("TABLE");
  const bool schema = !drops && !table && words.take("SCHEMA");
  if (!drops && !table && !schema && !words.take("INDEX")) return target;
  if (!drops) words.take("CONCURRENTLY");
  QualifiedName name = take_qualified_name(words);
  (table ? target.table_schema : target.schema) = schema ? std::move(name.name) : std::move(name.schema);
  if (!schema) (table ? target.table : target.name) = std::move(name.name);
  return target;
}

class ParseResult {
 public:
  explicit ParseResult(const std::string& statement) : result_(pg_query_parse(statement.c_str())) {}
  ParseResult(const ParseResult&) = delete;
  ParseResult& operator=(const ParseResult&) = delete;
  ~ParseResult() { pg_query_free_parse_result(result_); }
  const PgQueryParseResult& get() const { return result_; }

 private:
  PgQueryParseResult result_;
};

// The statement's node, or null where PostgreSQL 15 knows no such statement.
Json parse(std::string_view statement) {
  const ParseResult result{std::string(statement)};
  if (result.get().error != nullptr) return nullptr;
  const Json tree = Json::parse(result.get().parse_tree, nullptr, false);
  const Json::json_pointer place("/stmts/0/stmt");
  return tree.is_object() && tree.contains(place) ? tree[place] : Json();
}

std::string member(const Json& object, const char* key) { return object.value(key, std::string()); }

void read_create(const Json& node, IndexTarget& target) {
  target.name = member(node, "idxname");
  const Json table = node.value("relation", Json::object());
  target.table = member(table, "relname");
  target.table_schema = member(table, "schemaname");
  target.schema = target.table_schema;
}

void read_drop(const Json& node, IndexTarget& target) {
  const Json items = node.at("objects").at(0).at("List").at("items");
  const auto part = [&](std::size_t from_end) {
    return items.size() < from_end ? std::string() : member(items[items.size() - from_end].at("String"), "sval");
  };
  target.name = part(1);
  target.schema = part(2);
}

void read_reindex(const Json& node, IndexTarget& target) {
  const Json relation = node.value("relation", Json::object());
  if (member(node, "kind") == "REINDEX_OBJECT_INDEX") {
    target.name = member(relation, "relname");
    target.schema = member(relation, "schemaname");
  } else if (member(node, "kind") == "REINDEX_OBJECT_TABLE") {
    target.table = member(relation, "relname");
    target.table_schema = member(relation, "schemaname");
  } else if (member(node, "kind") == "REINDEX_OBJECT_SCHEMA") {
    target.schema = member(node, "name");
  }
}

}  // namespace

std::optional<IndexTarget> concurrent_index(std::string_view statement) {
  const std::optional<IndexTarget> words = by_words(statement);
  if (!words) return std::nullopt;
  // The parser knows PostgreSQL 15: for what is newer the words have to do.
  const Json tree = parse(statement);
  IndexTarget target;
  target.action = words->action;
  try {
    if (tree.contains("IndexStmt"))
      read_create(tree["IndexStmt"], target);
    else if (tree.contains("DropStmt"))
      read_drop(tree["DropStmt"], target);
    else if (tree.contains("ReindexStmt"))
      read_reindex(tree["ReindexStmt"], target);
    else
      return words;
  } catch (const Json::exception&) {
    return words;
  }
  return target;
}

}  // namespace talos::pg
