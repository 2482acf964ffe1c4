// Shared by the tests of the lexer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "mysql_lexer.hpp"

namespace talos::mysql::test {

using Texts = std::vector<std::string>;

struct Split {
  Texts texts;
  std::vector<Statement> statements;
  std::uint64_t traits = 0;
};

inline Split split(std::string_view text, LexerModes modes = {}) {
  Split result;
  result.traits = split_sql(text, modes, [&](const Statement& statement) {
    result.statements.push_back(statement);
    result.texts.emplace_back(text.substr(statement.offset, statement.length));
  });
  return result;
}

inline Statement only(std::string_view text, LexerModes modes = {}) {
  const Split result = split(text, modes);
  REQUIRE_MESSAGE(result.statements.size() == 1, text);
  return result.statements[0];
}

inline StatementClass class_of(std::string_view text) { return only(text).kind; }

/// The offset of the usage error that splitting must end in.
inline std::size_t refused_at(std::string_view text, LexerModes modes = {}) {
  try {
    split(text, modes);
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::usage);
    REQUIRE(error.offset);
    return *error.offset;
  }
  FAIL("accepted: " << text);
  return 0;
}

/// It is one statement that ends where the next begins, and another can follow it.
inline bool is_one(std::string_view text, LexerModes modes = {}) {
  return split(std::string(text) + "; SELECT 2", modes).texts == Texts{std::string(text), "SELECT 2"};
}

}  // namespace talos::mysql::test
