#include "mysql_text.hpp"

#include <doctest/doctest.h>

#include <random>

#include "mysql_keys.hpp"
#include "mysql_redact.hpp"
#include "mysql_token.hpp"

namespace talos::mysql {

TEST_CASE("literals and names are one token whatever they hold") {
  CHECK(literal("it's") == "'it''s'");
  CHECK(literal("a\\'b") == "'a\\\\''b'");
  CHECK(literal("\"`") == "'\"`'");
  CHECK(literal_or_null("") == "NULL");
  CHECK(literal("") == "''");
  CHECK(number_or_null(-1) == "-1");
  CHECK(number_or_null(std::nullopt) == "NULL");
  CHECK(quoted_name("a`b'\"\\") == "`a``b'\"\\`");
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  constexpr std::string_view letters = "ab'`\"\\; \n%";
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 12, ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    CAPTURE(text);
    const std::string string = literal(text);
    Tokens strings(string);
    CHECK(strings.next().end == string.size());
    CHECK(string_value(string, {}) == text);
    const std::string name = quoted_name(text);
    Tokens names(name);
    CHECK(names.next().end == name.size());
    CHECK(identifier(name) == text);
  }
}

TEST_CASE("what is no UTF-8 becomes a question mark") {
  CHECK(valid_utf8(std::string_view("a\0\x80\xC3\xA4\xC3", 6)) == "a??\xC3\xA4?");
  CHECK(valid_utf8("\xED\xA0\x80\xF0\x9F\x98\x80") == "???\xF0\x9F\x98\x80");
}

TEST_CASE("a statement is shown on one line without its strings, numbers and comments") {
  CHECK(without_literals("UPDATE t SET a = 'x''y',\n\tb = 42, c = \"z\" -- why\nWHERE d = 0x41 # x") ==
        "UPDATE t SET a = '…', b = …, c = '…' WHERE d = …");
  CHECK(without_literals("SELECT N'secret', _utf8'secret', x'41' /* secret */ FROM `t 1`, t2") ==
        "SELECT '…', _utf8'…', '…' FROM `t 1`, t2");
  CHECK(without_literals("SELECT 1.5, -2, 1e5, .5") == "SELECT ….…, -…, …, .…");
  CHECK(without_literals("").empty());
}

TEST_CASE("what was cut in the middle, or may end elsewhere under another sql_mode, shows nothing of it") {
  for (const char* cut : {"SELECT 'secret", "SELECT \"secret", "SELECT 'secret\\", "SELECT /* secret", "SELECT `secret",
                          "SELECT N'secret"})
    CHECK(without_literals(cut) == "SELECT …");
  CHECK(without_literals("SELECT 'a\\', 'secret', 'b'") == "SELECT '…' …");
  CHECK(without_literals("SELECT \"a\\\", 'secret'") == "SELECT …");
  CHECK(without_literals("SELECT /*!50001 1") == "SELECT … …");
}

TEST_CASE("the names of locks are golang-migrate's and our own") {
  CHECK(golang_migrate_lock_name("public", "schema_migrations") == "2667365379");
  CHECK(own_lock_name("public", "schema_migrations") == "talos_89088683512d3839");
  CHECK(own_lock_name("a", "bc") != own_lock_name("ab", "c"));
  CHECK(own_lock_name(std::string(64, 'x'), "t").size() == 22);
}

}  // namespace talos::mysql
