#include "cockroach_objects.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "pg_token.hpp"

namespace talos::cockroach {

namespace {

using common::Act;
using Kind = NamedObject::Kind;
using TokenKind = pg::Token::Kind;

class Reader {
 public:
  explicit Reader(std::string_view statement) : words_(statement) {}

  Ddl run() {
    if (words_.take("CREATE"))
      create();
    else if (words_.take("ALTER"))
      alter();
    else if (words_.take("DROP"))
      drop();
    else
      ddl_.repeatable = take_any({"TRUNCATE", "ANALYZE", "COMMENT", "GRANT", "REVOKE", "SET", "RESET", "SHOW"});
    if (failed_) ddl_.objects.clear();
    if (ddl_.objects.empty()) ddl_.change.single = false;
    return std::move(ddl_);
  }

 private:
  bool take_any(std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return words_.take(word); });
  }

  void if_exists() {
    if (!words_.take("IF")) return;
    words_.take("NOT");
    ddl_.change.conditional = words_.take("EXISTS");
  }

  pg::QualifiedName name() {
    pg::QualifiedName result = pg::take_qualified_name(words_);
    if (result.name.empty()) failed_ = true;
    return result;
  }

  void add(Kind kind, pg::QualifiedName name) {
    ddl_.objects.push_back({kind, std::move(name.schema), std::move(name.name), {}});
  }

  void create() {
    ddl_.change.act = Act::create;
    if (words_.take("OR")) {
      words_.take("REPLACE");
      // Of a view or a function: the end is the same.
      ddl_.repeatable = true;
      return;
    }
    // No catalogue that another session reads shows it.
    if (take_any({"TEMP", "TEMPORARY"})) return;
    const bool inverted = take_any({"UNIQUE", "INVERTED", "VECTOR"});
    if (inverted) words_.take("INVERTED");
    const bool materialized = words_.take("MATERIALIZED");
    if (words_.take("INDEX")) return create_index();
    if (!materialized && words_.take("VIEW")) {
      if_exists();
      add(Kind::relation, name());
      ddl_.change.single = true;
    } else if (take_any({"TABLE", "VIEW", "SEQUENCE"})) {
      if_exists();
      add(Kind::relation, name());
      // Its definition says nothing of whether all its rows came.
      ddl_.change.single = !has_query();
    } else if (words_.take("TYPE")) {
      if_exists();
      add(Kind::type, name());
      ddl_.change.single = true;
    } else if (words_.take("SCHEMA")) {
      if_exists();
      if (words_.take("AUTHORIZATION")) failed_ = true;
      add(Kind::schema, name());
      ddl_.change.single = true;
    }
  }

  // CREATE TABLE t AS …, CREATE MATERIALIZED VIEW … AS ….
  bool has_query() {
    pg::Tokens ahead = words_;
    for (pg::Token token = ahead.next(); token.kind != TokenKind::end; token = ahead.next())
      if (ahead.is(token, "AS") && (ahead.is(ahead.peek(), "SELECT") || ahead.is(ahead.peek(), "TABLE") ||
                                    ahead.is(ahead.peek(), "VALUES") || ahead.is(ahead.peek(), "WITH")))
        return true;
    return false;
  }

  void create_index() {
    words_.take("CONCURRENTLY");
    if_exists();
    NamedObject index{Kind::index, {}, {}, {}};
    if (!words_.take("ON")) {
      index.name = name().name;
      if (!words_.take("ON")) failed_ = true;
    }
    pg::QualifiedName table = name();
    index.schema = std::move(table.schema);
    index.table = std::move(table.name);
    ddl_.objects.push_back(std::move(index));
    ddl_.change.in_table = ddl_.change.single = true;
  }

  void drop() {
    ddl_.change.act = Act::drop;
    words_.take("MATERIALIZED");
    if (words_.take("INDEX")) return drop_index();
    const bool relation = take_any({"TABLE", "VIEW", "SEQUENCE"});
    const bool type = !relation && words_.take("TYPE");
    const bool schema = !relation && !type && words_.take("SCHEMA");
    if (!relation && !type && !schema) return;
    if_exists();
    do add(relation ? Kind::relation : type ? Kind::type : Kind::schema, name());
    while (words_.take_symbol(','));
    ddl_.change.single = ddl_.objects.size() == 1;
  }

  // table@index, or the index alone: unique per table only.
  void drop_index() {
    words_.take("CONCURRENTLY");
    if_exists();
    pg::QualifiedName first = name();
    NamedObject index{Kind::index, std::move(first.schema), {}, {}};
    if (words_.take_symbol('@')) {
      index.table = std::move(first.name);
      index.name = name().name;
      ddl_.change.in_table = true;
    } else {
      index.name = std::move(first.name);
    }
    ddl_.objects.push_back(std::move(index));
    ddl_.change.single = words_.peek().kind != TokenKind::symbol;  // no second one
    if (!ddl_.change.single) failed_ = true;
  }

  void alter() {
    ddl_.change.act = Act::alter;
    const bool relation = take_any({"TABLE", "VIEW", "SEQUENCE"});
    const bool type = !relation && words_.take("TYPE");
    if (!relation && !type) return;
    if_exists();
    add(relation ? Kind::relation : Kind::type, name());
    if (words_.take("RENAME") && words_.take("TO")) {
      pg::QualifiedName to = name();
      if (to.schema.empty()) to.schema = ddl_.objects.front().schema;
      add(ddl_.objects.front().kind, std::move(to));
      ddl_.change.single = true;
      return;
    }
    ddl_.change.single = shows_every_action();
  }

  // What a zone, a locality or a storage parameter is, no definition of ours says.
  bool shows_every_action() {
    pg::Tokens actions = words_;
    // RENAME was taken: of a column or a constraint.
    if (ddl_.objects.front().kind == Kind::type) return true;
    bool begins = true;
    int depth = 0;
    for (pg::Token token = actions.next(); token.kind != TokenKind::end; token = actions.next()) {
      const char symbol = actions.symbol(token);
      if (symbol == '(') ++depth;
      if (symbol == ')') --depth;
      if (begins && !shows(actions, token)) return false;
      begins = depth == 0 && symbol == ',';
    }
    return true;
  }

  static bool shows(pg::Tokens& actions, const pg::Token& first) {
    for (const std::string_view word : {"ADD", "DROP", "COLUMN", "CONSTRAINT"})
      if (actions.is(first, word)) return true;
    if (!actions.is(first, "ALTER")) return false;
    if (actions.take("PRIMARY")) return true;
    actions.take("COLUMN");
    actions.next();
    if (actions.take("TYPE")) return true;
    const bool set = actions.take("SET");
    if (!set && !actions.take("DROP")) return false;
    for (const std::string_view word : {"DEFAULT", "NOT", "DATA"})
      if (actions.take(word)) return true;
    return false;
  }

  pg::Tokens words_;
  Ddl ddl_;
  bool failed_ = false;
};

}  // namespace

Ddl read_ddl(std::string_view statement) { return Reader(statement).run(); }

}  // namespace talos::cockroach
