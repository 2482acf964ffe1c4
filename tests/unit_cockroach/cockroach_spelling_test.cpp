#include "cockroach_spelling.hpp"

#include <doctest/doctest.h>

namespace talos::cockroach {

using List = std::vector<std::string>;

// The texts are those of CockroachDB's pg_catalog.
TEST_CASE("Names lose their database, and their schema where it is this one") {
  const auto plain = [](std::string_view text) { return without_qualifiers(text, "bank", "public"); };
  CHECK(plain("SELECT t.x FROM bank.public.t WHERE t.x > 0") == "SELECT t.x FROM t WHERE t.x > 0");
  CHECK(plain("SELECT x FROM bank.other.t JOIN \"bank\".\"public\".\"My t\" ON true") ==
        "SELECT x FROM other.t JOIN \"My t\" ON true");
  CHECK(plain("FOREIGN KEY (a) REFERENCES public.p(id)") == "FOREIGN KEY (a) REFERENCES p(id)");
  CHECK(plain("nextval('public.numbers'::REGCLASS)") == "nextval('numbers'::REGCLASS)");
  CHECK(plain("nextval('bank.public.numbers'::REGCLASS)") == "nextval('numbers'::REGCLASS)");
  CHECK(plain("'ok'::public.mood") == "'ok'::mood");
}

TEST_CASE("What only looks like the name of the database or the schema stays") {
  const auto plain = [](std::string_view text) { return without_qualifiers(text, "bank", "public"); };
  // A table of the database's name.
  CHECK(plain("SELECT bank.id FROM bank.public.bank") == "SELECT bank.id FROM bank");
  CHECK(plain("SELECT 'bank.public.t', x.public.y FROM x") == "SELECT 'bank.public.t', x.public.y FROM x");
  CHECK(plain("SELECT public FROM t AS bank") == "SELECT public FROM t AS bank");
  CHECK(plain("not 'SQL at all") == "not 'SQL at all");
}

TEST_CASE("A key's columns are read from its text, and the default order is not told") {
  const KeyText key = read_key("UNIQUE (a ASC, \"B\" DESC, lower(c) ASC) STORING (d)");
  CHECK(key.text == "UNIQUE (a, \"B\" DESC, lower(c)) STORING (d)");
  CHECK(key.columns == List{"a", "B", ""});
  CHECK(read_key("FOREIGN KEY (a, b) REFERENCES p(x, y) ON DELETE CASCADE").columns == List{"a", "b"});
  CHECK(read_key("PRIMARY KEY (id ASC) USING HASH WITH (bucket_count=16)").text ==
        "PRIMARY KEY (id) USING HASH WITH (bucket_count=16)");
  CHECK(read_key("UNIQUE (a) WHERE (b = 'x, (y ASC')").text == "UNIQUE (a) WHERE (b = 'x, (y ASC')");
}

TEST_CASE("What an index is stands behind USING, however it and its table are called") {
  CHECK(behind_using("CREATE INDEX i ON bank.public.t USING btree (a ASC)") == "btree (a ASC)");
  CHECK(behind_using("CREATE INDEX \"odd USING index\" ON t USING gin (a) WHERE (b)") == "gin (a) WHERE (b)");
  CHECK(behind_using("CHECK (a)") == "CHECK (a)");
}

}  // namespace talos::cockroach
