#include "postgres_message.hpp"

#include <algorithm>

namespace talos::postgres {

void Message::add(std::string_view statement) {
  sql_.append(statement).append(";\n");
  if (!has_body_) ++before_;
}

void Message::add(const std::vector<std::string>& statements) {
  for (const std::string& statement : statements) add(statement);
}

void Message::add_body(std::string_view text) {
  has_body_ = true;
  body_begin_ = sql_.size();
  body_size_ = text.size();
  sql_.append(text).append("\n;\n");
}

Message::Part Message::part(std::size_t succeeded, std::size_t body_statements) const {
  if (succeeded < guard_.value_or(before_)) return Part::before;
  if (!has_body_) return Part::after;
  return succeeded - before_ < body_statements ? Part::body : Part::after;
}

std::optional<std::size_t> Message::offset_in_body(const pg::ServerError& error) const {
  if (!has_body_ || !error.position) return std::nullopt;
  const std::size_t byte = pg::byte_of_character(sql_, *error.position);
  // The newline and the semicolon after it are where a statement without its end is at fault.
  if (byte < body_begin_ || byte > body_begin_ + body_size_ + 1) return std::nullopt;
  return std::min(byte - body_begin_, body_size_);
}

}  // namespace talos::postgres
