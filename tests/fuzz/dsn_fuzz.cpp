// DSNs: the program's reader and SQLite's. Nothing but talos::Error comes out, and no message holds a password, here a
// rare word put into the places where passwords stand.
#include <algorithm>
#include <string>

#include "dsn.hpp"
#include "fuzz.hpp"
#include "sqlite_dsn.hpp"

namespace talos::fuzz {

namespace {

constexpr std::string_view secret = "hunter2secret";

void check_core(const std::string& text) {
  try {
    const Dsn dsn = Dsn::parse(text, "sqlite");
    must(is_plugin_word(dsn.scheme()), "a scheme can name a file");
    must(dsn.masked() == dsn.scheme() + "://***", "a DSN shows as its scheme only");
    must(text.starts_with(dsn.reveal()) && text.size() - dsn.reveal().size() <= 2, "only a line end is trimmed");
    const bool has_scheme = dsn.reveal().find("://") != std::string_view::npos;
    const bool is_file = dsn.reveal() == ":memory:" || (dsn.reveal().ends_with(".db") &&
                                                        dsn.reveal().find_first_of("=@(? ") == std::string_view::npos);
    must(has_scheme || is_file, "a DSN without a scheme is a plain file name (G19)");
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage, "a bad DSN is a usage error");
    must_not_say(error, secret);
  }
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

void check_sqlite(const std::string& text) {
  try {
    const sqlite::SqliteDsn dsn = sqlite::parse_sqlite_dsn(text);
    must(dsn.memory == dsn.path.empty(), "a database is in memory or has a path");
    must(!has(dsn.path, std::string_view("\0", 1)), "a path has no NUL byte");
    must(!has(dsn.uri(false), std::string_view("\0", 1)) && dsn.uri(true).starts_with("file:"), "a URI is a URI");
    must(!dsn.uri(true).starts_with("file://") || dsn.uri(true).starts_with("file:///"), "a URI has no authority");
    // A parameter's value is nobody's business but the engine's. In the file's name there can be no secret.
    const std::string_view name = std::string_view(text).substr(0, text.find('?'));
    if (!has(name, "hunter") && !has(name, "%")) must(!has(dsn.describe(), secret), "describe() shows no parameter");
    must(dsn.journal_mode != "OFF" && dsn.journal_mode != "MEMORY", "a DSN cannot give up rolling back");
    for (const auto& [pragma, value] : dsn.pragmas)
      for (const std::string& word : {pragma, value})
        must(word.find_first_of(";()'\" =\n") == std::string::npos, "a PRAGMA from a DSN is two plain words");
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage, "a bad DSN is a usage error");
    must_not_say(error, secret);
  }
}

void check(const std::string& text) {
  check_core(text);
  check_sqlite(text);
}

}  // namespace

}  // namespace talos::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos::fuzz;
  const std::string text(text_of(data, size));
  check(text);
  // The planted password: behind the first separator of each kind, and at the end.
  for (const char separator : {':', '=', '@', '/', '('}) {
    const auto at = text.find(separator);
    if (at != std::string::npos) check(std::string(text).insert(at + 1, secret));
  }
  check(text + std::string(secret));
  return 0;
}
