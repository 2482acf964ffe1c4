// Shared by the tests of the lexer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "pg_lexer.hpp"

namespace talos::pg::test {

using Texts = std::vector<std::string>;

struct Split {
  Texts texts;
  std::vector<Statement> statements;
  std::uint64_t traits = 0;
};

inline Split split(std::string_view text) {
  Split result;
  result.traits = split_sql(text, [&](const Statement& statement) {
    result.statements.push_back(statement);
    result.texts.emplace_back(text.substr(statement.offset, statement.length));
  });
  return result;
}

inline Statement only(std::string_view text) {
  const Split result = split(text);
  REQUIRE_MESSAGE(result.statements.size() == 1, text);
  return result.statements[0];
}

inline StatementClass class_of(std::string_view text) { return only(text).kind; }

}  // namespace talos::pg::test
