#include "error_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "printable.hpp"

namespace talos::app {

using nlohmann::ordered_json;

namespace {

// Several lines, each made safe.
std::string indented(std::string_view text) {
  std::string result;
  while (true) {
    const auto end = text.find('\n');
    result += printable(text.substr(0, end));
    if (end == std::string_view::npos) return result;
    result += "\n  ";
    text.remove_prefix(end + 1);
  }
}

std::string place(const Error& error) {
  std::string text = "  --> " + printable(error.file);
  if (error.line) text += fmt::format(":{}", *error.line);
  if (error.column) text += fmt::format(":{}", *error.column);
  if (error.statement && error.statements)
    text += fmt::format(" (statement {} of {})", *error.statement, *error.statements);
  return text;
}

// What follows the message, each on lines of its own.
std::string circumstances(const Error& error) {
  std::string text;
  if (!error.file.empty()) text += '\n' + place(error) + excerpt(error.source_line, error.line, error.column);
  if (!error.native_code.empty()) text += "\n  code: " + error.native_code;
  if (!error.detail.empty()) text += "\n  " + indented(error.detail);
  return text;
}

std::string describe(const Error& error, const Palette& palette) {
  std::string text = fmt::format("{}{}Error:{} {}", palette.bold, palette.red, palette.reset, printable(error.what()));
  text += circumstances(error);
  if (!error.hint.empty()) text += "\n  hint: " + printable(error.hint);
  return text;
}

// G20: the message is plain, and alone on its line.
std::string describe_dirty(const Error& error) {
  std::string text = circumstances(error);
  if (!error.hint.empty()) text += "\n  " + printable(error.hint);
  return text.empty() ? text : text.substr(1);
}

}  // namespace

std::string excerpt(std::string_view source_line, std::optional<std::size_t> line, std::optional<std::size_t> column) {
  constexpr std::size_t widest = 200;
  if (source_line.empty() || !line) return {};
  const std::string number = std::to_string(*line);
  std::string text = fmt::format("\n  {} | {}", number, printable(source_line));
  if (!column || *column > widest) return text;
  // A tab stays as wide in both.
  std::size_t width = 0;
  for (const char c : printable(source_line.substr(0, *column - 1)))
    width += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return text + fmt::format("\n  {} | {}^", std::string(number.size(), ' '), std::string(width, ' '));
}

void show_error(const Error& error, Console& console, Log& log, const Palette& palette) {
  if (error.code == ErrorCode::dirty) {
    console.line("Error: " + std::string(error.what()));
    if (const std::string more = describe_dirty(error); !log.is_json() && !more.empty()) console.line(more);
  } else if (!log.is_json()) {
    console.line(describe(error, palette));
  }
  if (log.is_json()) log.event(LogLevel::error, "error", error.what(), to_json(error));
}

ordered_json to_json(const Error& error) {
  ordered_json object{{"code", to_string(error.code)}, {"message", error.what()}};
  auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  auto number = [&](const char* key, const std::optional<std::size_t>& value) {
    if (value) object[key] = *value;
  };
  text("native_code", error.native_code);
  text("detail", error.detail);
  text("hint", error.hint);
  text("file", error.file);
  number("line", error.line);
  number("column", error.column);
  number("statement", error.statement);
  number("statements", error.statements);
  return object;
}

}  // namespace talos::app
