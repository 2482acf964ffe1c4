#include "sqlite_table_text.hpp"

#include <cstddef>
#include <span>
#include <utility>

#include "sqlite_token.hpp"

namespace talos::sqlite {

namespace {

using Tokens = std::span<const Token>;

// The index after the parenthesis that closes the one at `open`.
std::size_t after_group(Tokens tokens, std::size_t open) {
  std::size_t depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].is_symbol('(')) ++depth;
    if (tokens[i].is_symbol(')') && --depth == 0) return i + 1;
  }
  return tokens.size();
}

std::string text_of(Tokens tokens) { return canonical(tokens.data(), tokens.data() + tokens.size()); }

std::string bare(const Token& token) {
  return token.kind == Token::Kind::name ? token.text.substr(1, token.text.size() - 2) : token.text;
}

void append(std::string& text, const std::string& more) { text += (text.empty() ? "" : " ") + more; }

// "(a, b)" of a list of columns, without their order and collation.
std::string columns_of(Tokens group) {
  std::string text;
  bool name_next = true;
  for (const Token& token : group.subspan(1)) {
    if (name_next) append(text, bare(token));
    name_next = token.is_symbol(',');
    if (name_next) text += ',';
  }
  return "(" + text + ")";
}

// One item between the commas of CREATE TABLE: a column, or constraints.
class Item {
 public:
  Item(Tokens tokens, TableText& table) : tokens_(tokens), table_(table) {}

  void read() {
    if (tokens_.empty()) return;
    if (!begins_constraint(tokens_[0])) column_ = bare(tokens_[at_++]);
    while (at_ < tokens_.size()) clause();
  }

 private:
  static bool begins_constraint(const Token& token) {
    return token.is("constraint") || token.is("primary") || token.is("unique") || token.is("check") ||
           token.is("foreign");
  }

  bool is(std::string_view word, std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].is(word);
  }
  bool opens(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].is_symbol('(');
  }

  Tokens group() {
    const std::size_t begin = at_;
    at_ = after_group(tokens_, at_);
    return tokens_.subspan(begin, at_ - begin);
  }

  // What is not looked for is told by SQLite's own functions.
  void clause() {
    if (is("constraint") && at_ + 1 < tokens_.size()) {
      name_ = bare(tokens_[at_ + 1]);
      at_ += 2;
    } else if (is("check") && opens(1)) {
      ++at_;
      table_.checks.push_back({std::exchange(name_, {}), text_of(group())});
    } else if (is("as") && opens(1)) {
      generated();
    } else if ((is("primary") && is("key", 1) && opens(2)) || (is("foreign") && is("key", 1) && opens(2))) {
      at_ += 2;
      key_ = columns_of(group());
    } else if (is("unique") && opens(1)) {
      ++at_;
      key_ = columns_of(group());
    } else if (is("collate") || is("autoincrement") || is("desc") || conflict() || deferral()) {
      remark();
    } else if (opens()) {
      group();
    } else {
      ++at_;
    }
  }

  bool conflict() const { return is("on") && is("conflict", 1); }
  bool deferral() const { return is("deferrable") || is("initially"); }

  void generated() {
    ++at_;
    std::string text = "as " + text_of(group());
    if (is("stored")) text += " stored";
    append(table_.attributes[column_], text);
  }

  void remark() {
    std::size_t length = 1;
    if (is("collate") || is("initially")) length = 2;
    if (conflict()) length = 3;
    length = std::min(length, tokens_.size() - at_);
    std::string text = text_of(tokens_.subspan(at_, length));
    if (is("deferrable") && at_ > 0 && tokens_[at_ - 1].is("not")) text.insert(0, "not ");
    at_ += length;
    append(column_.empty() ? table_.keys[key_] : table_.attributes[column_], text);
  }

  Tokens tokens_;
  TableText& table_;
  std::size_t at_ = 0;
  std::string column_;  ///< empty: constraints of the table
  std::string name_;
  std::string key_;
};

}  // namespace

TableText read_table_text(std::string_view sql) {
  TableText table;
  const auto all = tokens_of(sql);
  const Tokens tokens(all);
  std::size_t open = 0;
  while (open < tokens.size() && !tokens[open].is_symbol('(')) ++open;
  if (open == tokens.size()) return table;
  const std::size_t end = after_group(tokens, open);
  std::size_t begin = open + 1;
  for (std::size_t i = begin; i < end; ++i) {
    if (tokens[i].is_symbol('(')) {
      i = after_group(tokens, i) - 1;
    } else if (tokens[i].is_symbol(',') || i + 1 == end) {
      Item(tokens.subspan(begin, i - begin), table).read();
      begin = i + 1;
    }
  }
  table.options = text_of(tokens.subspan(end));
  return table;
}

}  // namespace talos::sqlite
