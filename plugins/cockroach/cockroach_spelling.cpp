#include "cockroach_spelling.hpp"

#include <algorithm>
#include <cstddef>

#include "pg_token.hpp"
#include "talos/error.hpp"

namespace talos::cockroach {

namespace {

using pg::Token;
using Kind = pg::Token::Kind;

struct Part {
  std::size_t begin;
  std::size_t end;
};

std::string without(std::string_view text, const std::vector<Part>& parts) {
  std::string result;
  std::size_t at = 0;
  for (const Part& part : parts) {
    result += text.substr(at, part.begin - at);
    at = part.end;
  }
  return result += text.substr(at);
}

bool is_name(const Token& token) { return token.kind == Kind::word || token.kind == Kind::name; }

// 'database.schema.name' before ::REGCLASS, and the same without the database.
std::size_t qualifier_in(std::string_view string, std::string_view database, std::string_view schema) {
  if (!string.starts_with('\'')) return 0;
  std::size_t size = 0;
  for (const std::string_view name : {database, schema}) {
    const std::string_view rest = string.substr(1 + size);
    if (rest.starts_with(name) && rest.substr(name.size()).starts_with('.')) size += name.size() + 1;
  }
  return size;
}

bool casts_to_regclass(pg::Tokens tokens) {
  return tokens.take_symbol(':') && tokens.take_symbol(':') && tokens.take("REGCLASS");
}

// Behind a database's name: a table of that name may qualify a column.
bool schema_and_more_follow(pg::Tokens tokens) {
  return tokens.take_symbol('.') && is_name(tokens.next()) && tokens.symbol(tokens.peek()) == '.';
}

// One element of a list: a column, with ASC, DESC or the like behind it, or an expression.
std::string column_in(const pg::Tokens& tokens, const std::vector<Token>& element) {
  const bool column = !element.empty() && std::all_of(element.begin(), element.end(), is_name);
  return column ? pg::identifier(tokens.text(element.front())) : std::string();
}

}  // namespace

std::string without_qualifiers(std::string_view text, std::string_view database, std::string_view schema) {
  std::vector<Part> parts;
  pg::Tokens tokens(text);
  bool qualified = false;    // by what came before it
  bool of_database = false;  // which was the database
  try {
    for (Token token = tokens.next(); token.kind != Kind::end; token = tokens.next()) {
      if (token.kind == Kind::string && casts_to_regclass(tokens)) {
        const std::size_t size = qualifier_in(tokens.text(token), database, schema);
        if (size > 0) parts.push_back({token.begin + 1, token.begin + 1 + size});
      }
      const bool dot_follows = is_name(token) && tokens.symbol(tokens.peek()) == '.';
      const std::string name = dot_follows ? pg::identifier(tokens.text(token)) : std::string();
      const bool is_database = dot_follows && !qualified && name == database && schema_and_more_follow(tokens);
      const bool is_schema = dot_follows && (!qualified || of_database) && name == schema && !is_database;
      if (is_database || is_schema) parts.push_back({token.begin, tokens.peek().end});
      if (tokens.symbol(token) == '.') continue;
      qualified = dot_follows;
      of_database = is_database;
    }
  } catch (const Error&) {
    return std::string(text);  // it is not SQL as we know it
  }
  return without(text, parts);
}

KeyText read_key(std::string_view definition) {
  KeyText key;
  std::vector<Part> parts;
  pg::Tokens tokens(definition);
  std::vector<Token> element;
  int depth = 0;
  std::size_t last_end = 0;
  bool in_first = true;
  try {
    for (Token token = tokens.next(); token.kind != Kind::end; token = tokens.next()) {
      const char symbol = tokens.symbol(token);
      const bool ends_element = depth == 1 && (symbol == ',' || symbol == ')');
      if (in_first && ends_element) key.columns.push_back(column_in(tokens, element));
      if (ends_element) element.clear();
      if (symbol == ')' && --depth == 0) in_first = false;
      if (depth == 1 && !ends_element) element.push_back(token);
      if (depth > 1 && in_first) element.push_back(token);
      if (symbol == '(') ++depth;
      if (depth == 1 && in_first && tokens.is(token, "ASC")) parts.push_back({last_end, token.end});
      last_end = token.end;
    }
  } catch (const Error&) {
    return {std::string(definition), {}};
  }
  key.text = without(definition, parts);
  return key;
}

std::string_view behind_using(std::string_view definition) {
  pg::Tokens tokens(definition);
  try {
    for (Token token = tokens.next(); token.kind != Kind::end; token = tokens.next()) {
      if (!tokens.is(token, "USING")) continue;
      tokens.skip_blank();
      return definition.substr(tokens.at());
    }
  } catch (const Error&) {
    // As below.
  }
  return definition;
}

}  // namespace talos::cockroach
