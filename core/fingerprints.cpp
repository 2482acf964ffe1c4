#include "fingerprints.hpp"

#include <algorithm>
#include <charconv>

#include "talos/error.hpp"

namespace talos {

namespace {

// Enough to tell objects apart; the whole's is not cut.
constexpr std::size_t object_digits = 16;

constexpr std::string_view heading =
    "# What the schema is after each version. Made by: migrate verify --write-fingerprints\n"
    "# [server], then for each version its fingerprint and the objects that are new (+), other (~) or gone (-).\n";

class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  bool next(std::string_view& line) {
    if (text_.empty()) return false;
    const auto end = std::min(text_.find('\n'), text_.size());
    line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++number_;
    return true;
  }
  [[noreturn]] void refuse() const {
    throw Error(ErrorCode::usage, "the file fingerprints cannot be read: line " + std::to_string(number_))
        .with_hint("make it anew with: migrate verify --write-fingerprints");
  }

 private:
  std::string_view text_;
  std::size_t number_ = 0;
};

bool is_section(std::string_view line) { return line.starts_with('[') && line.ends_with(']'); }
bool is_section_of(std::string_view line, std::string_view flavour) {
  return is_section(line) && line.substr(1, line.size() - 2) == flavour;
}

std::pair<std::string_view, std::string_view> two_words(std::string_view line) {
  const auto blank = std::min(line.find(' '), line.size());
  return {line.substr(0, blank), line.substr(std::min(blank + 1, line.size()))};
}

void read_version(const Lines& lines, std::string_view line, SchemaPrints& prints) {
  const auto [number, whole] = two_words(line);
  Version version = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version);
  if (error != std::errc() || end != number.data() + number.size() || whole.size() != 64) lines.refuse();
  if (!prints.empty() && prints.back().first >= version) lines.refuse();
  SchemaPrint print = prints.empty() ? SchemaPrint{} : prints.back().second;
  print.whole = whole;
  prints.emplace_back(version, std::move(print));
}

// "  + 0123456789abcdef table keys"
void read_object(const Lines& lines, std::string_view line, SchemaPrints& prints) {
  if (prints.empty() || line.size() < 5) lines.refuse();
  auto& objects = prints.back().second.objects;
  const std::string_view rest = line.substr(4);
  if (line[2] == '-') {
    if (objects.erase(std::string(rest)) == 0) lines.refuse();
    return;
  }
  const auto [digits, name] = two_words(rest);
  if ((line[2] != '+' && line[2] != '~') || digits.size() != object_digits || name.empty()) lines.refuse();
  objects.insert_or_assign(std::string(name), std::string(digits));
}

std::string section_text(std::string_view flavour, const SchemaPrints& prints) {
  std::string text = "[" + std::string(flavour) + "]\n";
  SchemaPrint before;
  for (const auto& [version, print] : prints) {
    text += std::to_string(version) + " " + print.whole + "\n";
    for (const auto& [name, digits] : before.objects)
      if (!print.objects.contains(name)) text += "  - " + name + "\n";
    for (const auto& [name, digits] : print.objects) {
      const auto old = before.objects.find(name);
      if (old == before.objects.end())
        text += "  + " + digits + " " + name + "\n";
      else if (old->second != digits)
        text += "  ~ " + digits + " " + name + "\n";
    }
    before = print;
  }
  return text;
}

// One line each, whatever is in a name.
std::string line_of(const SchemaObject& object) {
  std::string name = display_name(object);
  std::replace(name.begin(), name.end(), '\n', ' ');
  return name;
}

}  // namespace

SchemaPrint print_of(const Schema& schema) {
  SchemaPrint print{fingerprint(schema)};
  for (const SchemaObject& object : schema.objects())
    print.objects[line_of(object)] = fingerprint(object).substr(0, object_digits);
  return print;
}

std::vector<std::string> compare(const SchemaPrint& wanted, const SchemaPrint& found) {
  std::vector<std::string> lines;
  for (const auto& [name, digits] : wanted.objects)
    if (!found.objects.contains(name)) lines.push_back("- " + name);
  for (const auto& [name, digits] : found.objects) {
    const auto there = wanted.objects.find(name);
    if (there == wanted.objects.end())
      lines.push_back("+ " + name);
    else if (there->second != digits)
      lines.push_back("~ " + name);
  }
  return lines;
}

SchemaPrints read_fingerprints(std::string_view text, std::string_view flavour) {
  SchemaPrints prints;
  Lines lines(text);
  bool ours = false;
  for (std::string_view line; lines.next(line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (is_section(line))
      ours = is_section_of(line, flavour);
    else if (ours && line.starts_with("  "))
      read_object(lines, line, prints);
    else if (ours)
      read_version(lines, line, prints);
  }
  return prints;
}

std::string write_fingerprints(std::string_view text, std::string_view flavour, const SchemaPrints& prints) {
  std::map<std::string, std::string> sections;
  Lines lines(text);
  std::string* section = nullptr;
  for (std::string_view line; lines.next(line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (is_section(line)) section = &sections[std::string(line.substr(1, line.size() - 2))];
    if (section == nullptr) lines.refuse();
    *section += std::string(line) + "\n";
  }
  sections[std::string(flavour)] = section_text(flavour, prints);
  std::string result(heading);
  for (const auto& [name, lines_of_it] : sections) result += "\n" + lines_of_it;
  return result;
}

}  // namespace talos
