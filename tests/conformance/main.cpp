// talos-plugin-conformance PLUGIN.so DSN: does a plugin keep the contract of the SDK? docs/plugins.md is the guide.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "kit.hpp"
#include "lock_holder.hpp"

namespace {

using talos::conformance::Target;

constexpr int status_usage = 2;
constexpr int status_plugin = 6;

// Recursion that stays below every engine's limit on depth; the joins make it long.
constexpr const char* default_long_statement =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)\n"
    "SELECT count(*) FROM n a, n b, n c, n d WHERE a.i + b.i + c.i + d.i = 0;\n";

constexpr const char* usage =
    "Usage: talos-plugin-conformance PLUGIN.so DSN [--long-statement FILE] [--session-script FILE]... [doctest "
    "options]\n"
    "\n"
    "Loads PLUGIN.so as the talos programs do, and tests it against the database that DSN names: an empty one that\n"
    "may be written to. A DSN of - is read from standard input.\n"
    "  --long-statement FILE   one statement that runs for minutes, to be cancelled (default: a recursive query)\n"
    "  --session-script FILE   statements that spoil a session (a role, a mode), of which the next migration must see\n"
    "                          nothing; may be given more than once\n"
    "Of doctest's options: -ltc lists the test cases, -tc='*lock*' runs some, -s shows what passed.\n";

struct Arguments {
  std::vector<std::string> positional;
  std::string long_statement = default_long_statement;
  std::vector<std::string> session_scripts;
  std::vector<const char*> rest;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw talos::Error(talos::ErrorCode::usage, "cannot read " + path);
  return text.str();
}

std::string read_dsn() {
  std::string dsn;
  char character = 0;
  while (std::fread(&character, 1, 1, stdin) == 1) dsn += character;
  while (!dsn.empty() && dsn.back() == '\n') dsn.pop_back();
  return dsn;
}

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  arguments.rest.push_back(argv[0]);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if ((word == "--long-statement" || word == "--session-script") && i + 1 < argc) {
      const std::string text = read_file(argv[++i]);
      if (word == "--long-statement")
        arguments.long_statement = text;
      else
        arguments.session_scripts.push_back(text);
    } else if (arguments.positional.size() < 2 && (word == "-" || !word.starts_with('-'))) {
      arguments.positional.emplace_back(word);
      // The second is the DSN: out of sight of other users.
      if (arguments.positional.size() == 2) std::fill_n(argv[i], std::strlen(argv[i]), '*');
    } else {
      arguments.rest.push_back(argv[i]);
    }
  }
  return arguments;
}

int run_tests(const Arguments& arguments) {
  std::string dsn = arguments.positional[1] == "-" ? read_dsn() : arguments.positional[1];
  Target target = talos::conformance::load_target(arguments.positional[0], std::move(dsn));
  target.long_statement = arguments.long_statement;
  target.session_scripts = arguments.session_scripts;
  std::printf("%s %s, schemes: %s\n", target.listing.file.c_str(), target.listing.version.c_str(),
              target.listing.schemes.c_str());
  talos::conformance::set_target(std::move(target));
  doctest::Context context(static_cast<int>(arguments.rest.size()), arguments.rest.data());
  return context.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--hold-lock") talos::conformance::hold_lock(argv[2], argv[3]);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const Arguments arguments = parse(argc, argv);
    const bool asked = argc == 2 && (std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h");
    if (arguments.positional.size() == 2 && !asked) return run_tests(arguments);
    std::fputs(usage, asked ? stdout : stderr);
    return asked ? 0 : status_usage;
  } catch (const talos::Error& error) {
    std::fprintf(stderr, "Error: %s\n", error.what());
    if (!error.detail.empty()) std::fprintf(stderr, "%s\n", error.detail.c_str());
    if (!error.hint.empty()) std::fprintf(stderr, "%s\n", error.hint.c_str());
    return error.code == talos::ErrorCode::plugin ? status_plugin : status_usage;
  }
}
