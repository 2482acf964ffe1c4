#include "argv_secrets.hpp"

#include <array>
#include <cstring>
#include <string_view>

namespace talos::app {

namespace {

constexpr std::array<std::string_view, 3> dsn_options{"--database", "--scratch", "--from"};

void blank(char* from) { std::memset(from, '*', std::strlen(from)); }

bool is_dsn_option(std::string_view argument) {
  for (const std::string_view option : dsn_options)
    if (argument == option) return true;
  return false;
}

// The text after `--option=` of a DSN option; null for any other argument.
char* inline_value(char* argument) {
  for (const std::string_view option : dsn_options)
    if (std::string_view(argument).starts_with(option) && argument[option.size()] == '=')
      return argument + option.size() + 1;
  return nullptr;
}

bool looks_like_dsn(std::string_view argument) {
  return argument.find("://") != std::string_view::npos || argument.find("password") != std::string_view::npos ||
         argument.find('@') != std::string_view::npos;
}

}  // namespace

std::vector<std::string> take_arguments(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
  for (int i = 1; i < argc; ++i) {
    if (char* value = inline_value(argv[i]); value != nullptr) {
      blank(value);
    } else if (is_dsn_option(argv[i - 1]) || looks_like_dsn(argv[i])) {
      blank(argv[i]);
    }
  }
  return arguments;
}

bool is_misplaced_dsn(std::string_view path) {
  if (path.find("://") != std::string_view::npos || path.find("password=") != std::string_view::npos) return true;
  const auto colon = path.find(':');
  return colon != std::string_view::npos && path.find('@', colon) != std::string_view::npos;
}

}  // namespace talos::app
