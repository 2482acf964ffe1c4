#include "mysql_types.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include "mysql_token.hpp"

namespace talos::mysql {

namespace {

using Kind = Token::Kind;

struct Type {
  std::string base;
  std::vector<std::string> arguments;  ///< as they stand
  bool is_unsigned = false;
  bool zerofill = false;
  std::string rest;
};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::uint64_t argument(const Type& type, std::size_t index, std::uint64_t otherwise) {
  return index < type.arguments.size() ? number(type.arguments[index]) : otherwise;
}

Type read_type(std::string_view text) {
  Type type;
  Tokens words(text);
  type.base = lower(words.text(words.next()));
  if (words.take_symbol('('))
    for (Token token = words.next(); token.kind != Kind::end && words.symbol(token) != ')'; token = words.next())
      if (words.symbol(token) != ',') type.arguments.emplace_back(words.text(token));
  for (Token token = words.next(); token.kind != Kind::end; token = words.next()) {
    const std::string word = lower(words.text(token));
    if (word == "unsigned")
      type.is_unsigned = true;
    else if (word == "zerofill")
      type.is_unsigned = type.zerofill = true;
    else if (word != "signed")
      type.rest += " " + word;
  }
  return type;
}

// --- Integers, by how many values they have.

std::optional<unsigned> bytes_of_integer(std::string_view base) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 6> integers{
      {{"tinyint", 1}, {"smallint", 2}, {"mediumint", 3}, {"int", 4}, {"integer", 4}, {"bigint", 8}}};
  for (const auto& [name, bytes] : integers)
    if (base == name) return bytes;
  return std::nullopt;
}

TypeChange compare_integers(const Type& from, const Type& to) {
  const unsigned old_bytes = *bytes_of_integer(from.base);
  const unsigned new_bytes = *bytes_of_integer(to.base);
  // With zeros in front they read otherwise.
  if (from.zerofill != to.zerofill) return TypeChange::other;
  if (from.is_unsigned == to.is_unsigned) {
    if (old_bytes == new_bytes) return TypeChange::same;
    return new_bytes > old_bytes ? TypeChange::wider : TypeChange::narrower;
  }
  return from.is_unsigned && new_bytes > old_bytes ? TypeChange::wider : TypeChange::narrower;
}

std::uint64_t digits_of_integer(const Type& type) {
  switch (*bytes_of_integer(type.base)) {
    case 1:
      return 3;
    case 2:
      return 5;
    case 3:
      return type.is_unsigned ? 8 : 7;
    case 4:
      return 10;
    default:
      return type.is_unsigned ? 20 : 19;
  }
}

// --- Exact and floating numbers.

struct Digits {
  std::uint64_t before = 0;  ///< the point
  std::uint64_t after = 0;
};

Digits digits_of(const Type& type) {
  const std::uint64_t scale = argument(type, 1, 0);
  return {argument(type, 0, 10) - scale, scale};
}

TypeChange compare_digits(const Digits& from, const Digits& to, bool sign_lost) {
  return to.before >= from.before && to.after >= from.after && !sign_lost ? TypeChange::wider : TypeChange::narrower;
}

bool is_exact(const Type& type) { return type.base == "decimal" || type.base == "numeric"; }
bool is_floating(const Type& type) { return type.base == "float" || type.base == "double"; }

TypeChange compare_floating(const Type& from, const Type& to) {
  const bool sign_lost = to.is_unsigned && !from.is_unsigned;
  if (from.zerofill != to.zerofill) return TypeChange::other;
  if (from.base == "double" && to.base == "float") return TypeChange::narrower;
  if (to.arguments.empty()) return sign_lost ? TypeChange::narrower : TypeChange::wider;
  if (from.arguments.empty()) return TypeChange::narrower;
  return compare_digits(digits_of(from), digits_of(to), sign_lost);
}

// --- Texts and bytes, by how much they hold.

struct Capacity {
  bool bytes = false;   ///< of bytes, not characters
  bool large = false;   ///< text, blob: `most` counts bytes
  bool padded = false;  ///< char, binary
  std::uint64_t most = 0;
};

std::optional<Capacity> capacity_of(const Type& type) {
  constexpr std::uint64_t tiny = 255;
  constexpr std::uint64_t plain = 65'535;
  constexpr std::uint64_t medium = 16'777'215;
  constexpr std::uint64_t longest = 4'294'967'295;
  const std::string& base = type.base;
  if (base == "char" || base == "varchar") return Capacity{false, false, base == "char", argument(type, 0, 1)};
  if (base == "binary" || base == "varbinary") return Capacity{true, false, base == "binary", argument(type, 0, 1)};
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> sizes{
      {{"tiny", tiny}, {"", plain}, {"medium", medium}, {"long", longest}}};
  for (const auto& [prefix, most] : sizes) {
    if (base == std::string(prefix) + "text") return Capacity{false, true, false, most};
    if (base == std::string(prefix) + "blob") return Capacity{true, true, false, most};
  }
  return std::nullopt;
}

TypeChange compare_capacities(const Capacity& from, const Capacity& to) {
  constexpr std::uint64_t bytes_of_character = 4;
  constexpr std::uint64_t longest_row = 65'535;
  if (from.bytes != to.bytes) return TypeChange::other;
  // Filled up with zero bytes, which are read, too.
  if (to.bytes && to.padded && (!from.padded || from.most != to.most)) return TypeChange::other;
  // It loses blanks at the end.
  if (to.padded && !from.padded) return TypeChange::narrower;
  std::uint64_t needed = from.most;
  if (to.large && !from.large) needed = from.bytes ? from.most : std::min(from.most * bytes_of_character, longest_row);
  if (from.large && !to.large) return TypeChange::narrower;
  return to.most >= needed ? TypeChange::wider : TypeChange::narrower;
}

// --- Lists of values.

bool is_list(const Type& type) { return type.base == "enum" || type.base == "set"; }

// An enum's values are numbers, too, and sorted by them.
TypeChange compare_lists(const Type& from, const Type& to) {
  const auto& before = from.arguments;
  const auto& after = to.arguments;
  if (before.size() <= after.size() && std::equal(before.begin(), before.end(), after.begin()))
    return TypeChange::wider;
  const bool all_there = std::all_of(before.begin(), before.end(), [&](const std::string& value) {
    return std::find(after.begin(), after.end(), value) != after.end();
  });
  return all_there ? TypeChange::other : TypeChange::narrower;
}

bool fits_all(const Type& list, std::uint64_t most) {
  return std::all_of(list.arguments.begin(), list.arguments.end(),
                     [&](const std::string& value) { return string_value(value, {}).size() <= most; });
}

// --- Times.

bool has_precision(std::string_view base) { return base == "datetime" || base == "timestamp" || base == "time"; }

bool is_part_of_geometry(std::string_view base) {
  constexpr std::array<std::string_view, 8> parts{"point",          "linestring",        "polygon",
                                                  "multipoint",     "multilinestring",   "multipolygon",
                                                  "geomcollection", "geometrycollection"};
  return std::find(parts.begin(), parts.end(), base) != parts.end();
}

TypeChange compare_different(const Type& from, const Type& to) {
  if (bytes_of_integer(from.base) && is_exact(to)) {
    const bool sign_lost = to.is_unsigned && !from.is_unsigned;
    const Digits digits = digits_of(to);
    // With a fraction it reads otherwise.
    if (digits.after == 0 && !from.zerofill) return compare_digits({digits_of_integer(from), 0}, digits, sign_lost);
  }
  if (from.base == "enum")
    if (const auto text = capacity_of(to); text && !text->bytes)
      return fits_all(from, text->most) ? TypeChange::wider : TypeChange::narrower;
  if (const auto text = capacity_of(from); text && !text->bytes && (to.base == "enum" || to.base == "json"))
    return TypeChange::narrower;
  if (from.base == "datetime" && to.base == "date") return TypeChange::narrower;
  if (to.base == "geometry" && is_part_of_geometry(from.base)) return TypeChange::wider;
  if (from.base == "geometry" && is_part_of_geometry(to.base)) return TypeChange::narrower;
  return TypeChange::other;
}

}  // namespace

std::string normal_charset(std::string_view name) {
  std::string text = lower(name);
  if (text == "utf8" || text.starts_with("utf8_")) text.insert(4, "mb3");
  return text;
}

std::string normal_type(std::string_view text) {
  const Type type = read_type(text);
  const bool width = bytes_of_integer(type.base).has_value() && !type.zerofill &&
                     !(type.base == "tinyint" && argument(type, 0, 0) == 1 && !type.is_unsigned);
  std::string result = type.base == "integer" ? "int" : type.base == "numeric" ? "decimal" : type.base;
  if (!type.arguments.empty() && !width && type.base != "year") {
    std::string list;
    for (const std::string& value : type.arguments) list += (list.empty() ? "" : ",") + value;
    result += "(" + list + ")";
  }
  if (type.is_unsigned) result += " unsigned";
  if (type.zerofill) result += " zerofill";
  return result + type.rest;
}

TypeChange compare_column_types(std::string_view old_type, std::string_view new_type) {
  const Type from = read_type(old_type);
  const Type to = read_type(new_type);
  if (from.rest != to.rest) return TypeChange::other;
  if (bytes_of_integer(from.base) && bytes_of_integer(to.base)) return compare_integers(from, to);
  if (is_exact(from) && is_exact(to))
    return from.zerofill != to.zerofill
               ? TypeChange::other
               : compare_digits(digits_of(from), digits_of(to), to.is_unsigned && !from.is_unsigned);
  if (is_floating(from) && is_floating(to)) return compare_floating(from, to);
  const auto before = capacity_of(from);
  const auto after = capacity_of(to);
  if (before && after) return compare_capacities(*before, *after);
  if (from.base == to.base && is_list(from)) return compare_lists(from, to);
  if (from.base == to.base && (has_precision(from.base) || from.base == "bit")) {
    const std::uint64_t least = from.base == "bit" ? 1 : 0;
    return argument(to, 0, least) >= argument(from, 0, least) ? TypeChange::wider : TypeChange::narrower;
  }
  return compare_different(from, to);
}

bool is_numeric_type(std::string_view text) {
  const Type type = read_type(text);
  return bytes_of_integer(type.base).has_value() || is_exact(type) || is_floating(type) || type.base == "year";
}

}  // namespace talos::mysql
