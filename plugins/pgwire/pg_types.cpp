#include "pg_types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace talos::pg {

namespace {

struct Type {
  std::string name;  ///< without what is in parentheses: "timestamp without time zone"
  std::vector<int> modifiers;
};

Type read(std::string_view text) {
  Type type;
  const auto open = text.find('(');
  const auto close = text.find(')', std::min(open, text.size()));
  type.name = text.substr(0, open);
  if (close == std::string_view::npos) return type;
  type.name += text.substr(close + 1);
  for (const char* at = text.data() + open + 1; at < text.data() + close;) {
    int number = 0;
    const auto end = std::from_chars(at, text.data() + close, number).ptr;
    if (end == at) return {std::string(text), {}};
    type.modifiers.push_back(number);
    at = end + 1;
  }
  return type;
}

TypeChange by_order(int from, int to) {
  return from == to ? TypeChange::same : from < to ? TypeChange::wider : TypeChange::narrower;
}

std::optional<int> place_in(const std::array<std::string_view, 3>& order, const std::string& name) {
  const auto* const found = std::find(order.begin(), order.end(), name);
  if (found == order.end()) return std::nullopt;
  return static_cast<int>(found - order.begin());
}

constexpr int unlimited = 1 << 30;

// text and character varying differ in their limit only. Padding makes character another thing: a longer one reads
// otherwise than before.
std::optional<int> length_of(const Type& type) {
  if (type.name == "text") return unlimited;
  if (type.name != "character varying") return std::nullopt;
  return type.modifiers.empty() ? unlimited : type.modifiers[0];
}

TypeChange compare_numeric(const Type& from, const Type& to) {
  if (to.modifiers.empty()) return from.modifiers.empty() ? TypeChange::same : TypeChange::wider;
  if (from.modifiers.empty()) return TypeChange::narrower;
  const auto scale = [](const Type& type) { return type.modifiers.size() > 1 ? type.modifiers[1] : 0; };
  const auto whole = [&](const Type& type) { return type.modifiers[0] - scale(type); };
  return scale(to) >= scale(from) && whole(to) >= whole(from) ? TypeChange::wider : TypeChange::narrower;
}

// Digits of a second.
std::optional<int> precision_of(const Type& type) {
  constexpr int most = 6;
  const bool time = type.name.starts_with("time") || type.name == "interval";
  if (!time) return std::nullopt;
  return type.modifiers.empty() ? most : type.modifiers[0];
}

}  // namespace

TypeChange compare_types(std::string_view from_text, std::string_view to_text) {
  constexpr std::string_view array = "[]";
  if (from_text.ends_with(array) && to_text.ends_with(array))
    return compare_types(from_text.substr(0, from_text.size() - array.size()),
                         to_text.substr(0, to_text.size() - array.size()));
  const Type from = read(from_text);
  const Type to = read(to_text);
  if (const auto a = length_of(from), b = length_of(to); a && b) return by_order(*a, *b);
  constexpr std::array<std::string_view, 3> integers = {"smallint", "integer", "bigint"};
  if (const auto a = place_in(integers, from.name), b = place_in(integers, to.name); a && b) return by_order(*a, *b);
  // A real reads otherwise as a double: 0.1 becomes 0.10000000149011612.
  if (from.name == "double precision" && to.name == "real") return TypeChange::narrower;
  if (from.name != to.name) return TypeChange::other;
  if (from.name == "numeric") return compare_numeric(from, to);
  if (const auto a = precision_of(from), b = precision_of(to); a && b) return by_order(*a, *b);
  if (from.modifiers.size() > 1 || to.modifiers.size() > 1) return TypeChange::other;
  const int old_limit = from.modifiers.empty() ? unlimited : from.modifiers[0];
  const int new_limit = to.modifiers.empty() ? unlimited : to.modifiers[0];
  if (from.name == "bit varying") return by_order(old_limit, new_limit);
  if (from.name == "character" && new_limit < old_limit) return TypeChange::narrower;
  return TypeChange::other;
}

}  // namespace talos::pg
