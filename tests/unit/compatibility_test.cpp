#include "compatibility.hpp"

#include <doctest/doctest.h>

#include "fixtures.hpp"

namespace talos::test {
namespace {

// Numbers are wider or narrower by their value: "int 4" and "int 8".
class FakeIntrospection : public Introspection {
 private:
  std::vector<SchemaObject> do_read_schema() override { return {}; }
  std::string do_flavour() const override { return "fake"; }
  TypeChange do_compare_types(std::string_view from, std::string_view to) const override {
    if (!from.starts_with("int") || !to.starts_with("int")) return TypeChange::other;
    return from < to ? TypeChange::wider : TypeChange::narrower;
  }
};

SchemaObject table(std::vector<SchemaColumn> columns, std::string name = "t") {
  return {SchemaKind::table, {}, std::move(name), "table", {}, std::move(columns)};
}
SchemaObject unique(std::vector<std::string> on) {
  return {SchemaKind::unique, "t", "u", "unique", {}, {}, std::move(on)};
}

using Rules = std::vector<std::string>;

Rules rules(const Schema& release, const Schema& before, const Schema& after, const LateColumns& late = {}) {
  const FakeIntrospection types;
  Rules found;
  for (const Judgement& judgement : judge({release, before, after, late, types}))
    found.push_back(std::string(to_string(judgement.severity)) + " " + std::string(judgement.rule));
  return found;
}
Rules rules(const Schema& before, const Schema& after) { return rules(before, before, after); }

}  // namespace

TEST_CASE("a wider type breaks nobody; a narrower one, and one that nothing is known of, do") {
  const Schema small({table({{"x", "int 4"}})});
  const Schema large({table({{"x", "int 8"}})});
  const Schema text({table({{"x", "text"}})});
  CHECK(rules(small, large).empty());
  CHECK(rules(large, small) == Rules{"error narrowed-type"});
  CHECK(rules(small, text) == Rules{"error changed-type"});
}

TEST_CASE("a NOT NULL column may come with a default or with values of the engine's, not without") {
  const Schema before({table({{"x", "int 4"}})});
  CHECK(rules(before, Schema({table({{"x", "int 4"}, {"y", "text", true}})})) ==
        Rules{"error not-null-without-default"});
  CHECK(rules(before, Schema({table({{"x", "int 4"}, {"y", "text", true, "''"}})})).empty());
  CHECK(rules(before, Schema({table({{"x", "int 4"}, {"y", "text", true, "", true}})})).empty());
}

TEST_CASE("a column that may be NULL from now on is told of, and breaks nobody by itself") {
  const Schema filled({table({{"x", "int 4", true}})});
  const Schema open({table({{"x", "int 4"}})});
  CHECK(rules(filled, open) == Rules{"note dropped-not-null"});
  CHECK(rules(open, filled) == Rules{"error not-null-added"});
}

TEST_CASE("a default for a NOT NULL column that had none helps; any other change of a default breaks") {
  const auto with = [](bool not_null, std::string value) {
    return Schema({table({{"x", "int 4", not_null, std::move(value)}})});
  };
  CHECK(rules(with(true, ""), with(true, "1")).empty());
  CHECK(rules(with(false, ""), with(false, "1")) == Rules{"error changed-default"});
  CHECK(rules(with(true, "1"), with(true, "2")) == Rules{"error changed-default"});
  CHECK(rules(with(true, "1"), with(true, "")) == Rules{"error changed-default"});
}

TEST_CASE("what the release before does not know yet may change as it likes") {
  const Schema release;
  const Schema before({table({{"x", "int 8"}})});
  CHECK(rules(release, before, Schema()).empty());
  CHECK(rules(release, before, Schema({table({{"x", "int 4", true}})})).empty());
  const Schema knows_x({table({{"x", "int 8"}})});
  const Schema with_y({table({{"x", "int 8"}, {"y", "text"}})});
  CHECK(rules(knows_x, with_y, knows_x).empty());
}

TEST_CASE("a unique over a column that the release before leaves NULL breaks nobody") {
  const SchemaColumn x{"x", "int 4"};
  const SchemaColumn y{"y", "text"};
  const Schema before({table({x})});
  CHECK(rules(before, Schema({table({x, y}), unique({"x", "y"})})).empty());
  CHECK(rules(before, Schema({table({x}), unique({"x"})})) == Rules{"error added-unique"});
  SchemaColumn filled = y;
  filled.default_value = "''";
  CHECK(rules(before, Schema({table({x, filled}), unique({"y"})})) == Rules{"error added-unique"});
  // Added two versions ago: only who has that version may write it.
  const Schema has_y({table({x, y})});
  const LateColumns late{{{"t", "y"}, 7}};
  CHECK(rules(has_y, has_y, Schema({table({x, y}), unique({"x", "y"})}), late) == Rules{"note added-unique"});
}

TEST_CASE("a unique that another one implies says nothing new") {
  const SchemaColumn x{"x", "int 4"};
  const SchemaColumn y{"y", "int 4"};
  const SchemaObject key{SchemaKind::primary_key, "t", "(x)", "primary key", {}, {}, {"x"}};
  const Schema before({table({x, y}), key});
  CHECK(rules(before, Schema({table({x, y}), key, unique({"x", "y"})})).empty());
  CHECK(rules(before, Schema({table({x, y}), key, unique({"y"})})) == Rules{"error added-unique"});
  SchemaObject partial = unique({"x"});
  partial.definition = "where y > 0";
  const Schema partly({table({x, y}), partial});
  SchemaObject whole = unique({"x"});
  whole.name = "v";
  CHECK(rules(partly, Schema({table({x, y}), partial, whole})) == Rules{"error added-unique"});
}

TEST_CASE("a value of an enumeration may be added, not taken away") {
  const auto labels = [](std::vector<SchemaColumn> columns) {
    return Schema({SchemaObject{SchemaKind::type, {}, "mood", "enum", {}, std::move(columns)}});
  };
  CHECK(rules(labels({{"sad", ""}}), labels({{"sad", ""}, {"glad", ""}})).empty());
  CHECK(rules(labels({{"sad", ""}, {"glad", ""}}), labels({{"sad", ""}})) == Rules{"error dropped-value"});
}

TEST_CASE("an index that comes or goes breaks nobody") {
  const SchemaColumn x{"x", "int 4"};
  const SchemaObject index{SchemaKind::index, "t", "i", "index", {}, {}, {"x"}};
  CHECK(rules(Schema({table({x})}), Schema({table({x}), index})).empty());
  CHECK(rules(Schema({table({x}), index}), Schema({table({x})})).empty());
}

}  // namespace talos::test
