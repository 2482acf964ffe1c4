#include "mysql_message.hpp"

#include <algorithm>

namespace talos::mysql {

void Message::append(Entry entry, std::string_view statement) {
  // An end of line ends a comment that the statement before may end in. None behind the semicolon: the server counts
  // the lines of the next from there.
  if (!sql_.empty()) sql_ += "\n; ";
  entry.begin = sql_.size();
  entry.length = statement.size();
  sql_.append(statement);
  entries_.push_back(entry);
}

void Message::add(Part part, std::string_view statement) {
  append({part, entries_.empty() ? 0 : entries_.back().offset}, statement);
}

void Message::add(Part part, const std::vector<std::string>& statements) {
  for (const std::string& statement : statements) add(part, statement);
}

void Message::add_body(std::string_view statement, std::size_t offset) { append({Part::body, offset}, statement); }

Message::Part Message::part(std::size_t statement) const {
  return entries_.at(std::min(statement, entries_.size() - 1)).part;
}

std::size_t Message::offset(std::size_t statement) const {
  return entries_.at(std::min(statement, entries_.size() - 1)).offset;
}

std::string_view Message::text(std::size_t statement) const {
  const Entry& entry = entries_.at(std::min(statement, entries_.size() - 1));
  return std::string_view(sql_).substr(entry.begin, entry.length);
}

}  // namespace talos::mysql
