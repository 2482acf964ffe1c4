#include "schema.hpp"

#include <doctest/doctest.h>

#include "fingerprints.hpp"
#include "fixtures.hpp"

namespace talos::test {
namespace {

SchemaObject table(std::string name, std::vector<SchemaColumn> columns) {
  return {SchemaKind::table, {}, std::move(name), "table", {}, std::move(columns)};
}
SchemaObject index(std::string of, std::string name, std::vector<std::string> on) {
  return {SchemaKind::index, std::move(of), std::move(name), "index", {}, {}, std::move(on)};
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a schema is the same in whatever order its objects come") {
  const Schema one({index("a", "i", {"x"}), table("b", {}), table("a", {{"x", "integer"}})});
  const Schema other({table("a", {{"x", "integer"}}), table("b", {}), index("a", "i", {"x"})});
  CHECK(one == other);
  CHECK(text_of(one) == "table a\n  x: integer\n  index i (x)\ntable b\n");
  CHECK(fingerprint(one) == fingerprint(other));
}

TEST_CASE("whatever is said of a column or an object changes the fingerprint") {
  const SchemaColumn plain{"x", "integer"};
  std::vector<SchemaColumn> others(6, plain);
  others[0].name = "y";
  others[1].type = "bigint";
  others[2].not_null = true;
  others[3].default_value = "1";
  others[4].supplied = true;
  others[5].attributes = "collate nocase";
  const std::string before = fingerprint(Schema({table("a", {plain})}));
  for (const SchemaColumn& column : others) CHECK(fingerprint(Schema({table("a", {column})})) != before);
  SchemaObject with_options = table("a", {plain});
  with_options.definition = "strict";
  CHECK(fingerprint(Schema({with_options})) != before);
}

TEST_CASE("what differs is told by object and by column; what goes with a table is not told apart") {
  const Schema before({table("a", {{"x", "integer"}, {"y", "text"}}), table("gone", {}), index("gone", "g", {"x"})});
  const Schema after({table("a", {{"x", "bigint"}, {"z", "text"}}), index("a", "i", {"z"})});
  CHECK(describe(compare(before, after)) == Lines{"- table gone", "- column a.y",
                                                  "~ column a.x: bigint; before: integer", "+ column a.z: text",
                                                  "+ index i on a"});
  CHECK(compare(before, before).empty());
}

TEST_CASE("columns in another order are another schema, and told so") {
  const Schema before({table("a", {{"x", "integer"}, {"y", "text"}})});
  const Schema after({table("a", {{"y", "text"}, {"x", "integer"}})});
  CHECK(describe(compare(before, after)) == Lines{"~ table a: its columns are in another order"});
}

TEST_CASE("fingerprints are read as they were written, and give what differs without the schema") {
  const Schema none;
  const Schema one({table("a", {{"x", "integer"}}), index("a", "i", {"x"})});
  const Schema two({table("a", {{"x", "bigint"}})});
  const SchemaPrints prints{{no_version, print_of(none)}, {1, print_of(one)}, {20, print_of(two)}};
  const std::string text = write_fingerprints("", "sqlite", prints);
  CHECK(read_fingerprints(text, "sqlite") == prints);
  CHECK(read_fingerprints(text, "postgres-15").empty());
  CHECK(compare(prints[1].second, prints[2].second) == Lines{"- index i on a", "~ table a"});
  CHECK(write_fingerprints(text, "sqlite", prints) == text);
  const std::string both = write_fingerprints(text, "mysql-9", {{no_version, print_of(none)}});
  CHECK(read_fingerprints(both, "sqlite") == prints);
  CHECK(read_fingerprints(both, "mysql-9").size() == 1);
}

TEST_CASE("a name that has a line break stays on one line of the file") {
  const Schema odd({table("two\nlines", {})});
  const SchemaPrints prints{{1, print_of(odd)}};
  CHECK(read_fingerprints(write_fingerprints("", "sqlite", prints), "sqlite") == prints);
}

}  // namespace talos::test
