// PostgreSQL DSNs. Nothing but talos::Error comes out; libpq and the session get only what they may; and a password,
// here the input with a rare word in it, is neither shown nor taken for a host.
#include <algorithm>
#include <string>

#include "fuzz.hpp"
#include "pg_dsn.hpp"

namespace talos::fuzz {

namespace {

constexpr std::string_view secret = "hunter2secret";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_word(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == std::string_view::npos;
}

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

void must_be_sound(const pg::PgDsn& dsn) {
  for (const auto& parameter : dsn.parameters) {
    must(is_word(parameter.first) && !parameter.second.empty() && is_clean(parameter.second),
         "libpq gets keywords with values");
    must(std::count_if(dsn.parameters.begin(), dsn.parameters.end(),
                       [&](const auto& other) { return other.first == parameter.first; }) == 1,
         "a keyword stands once");
  }
  for (const auto& [name, value] : dsn.settings)
    must(is_word(name) && is_clean(value), "a setting has a name that needs no quoting");
  must(dsn.path_database.empty() || dsn.path_database.starts_with('/'), "a path has its slash");
  must(!dsn.lease_ttl || dsn.lease_ttl->count() > 0, "a lease lasts");
  must(dsn.describe().starts_with("postgres://") && is_clean(dsn.describe()), "a description is one line");
  must(!has(dsn.parameter("dbname"), "="), "a database's name is no connection string");
}

void check(const std::string& text) {
  reads([&] {
    must_be_sound(pg::parse_pg_dsn(text, "postgres", "5432"));
    must_be_sound(pg::parse_pg_dsn(text, "postgres", "26257"));
  });
}

void must_keep(const std::string& text) {
  try {
    const pg::PgDsn dsn = pg::parse_pg_dsn(text, "postgres", "5432");
    must_be_sound(dsn);
    must(!has(dsn.describe(), secret), "a description holds no password");
    for (const char* name : {"host", "hostaddr", "port", "dbname"})
      must(!has(dsn.parameter(name), secret), "a piece of a password is no place");
    for (const auto& [name, value] : dsn.settings) must(!has(name + value, secret), "nor a setting");
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage, "a bad DSN is a usage error");
    must_not_say(error, secret);
  }
}

// A password that spells a parameter or a keyword of its own, raw, cannot be told from one.
void check_raw(const std::string& before, const std::string& behind) {
  const std::string password = before + std::string(secret) + behind;
  if (has(password, "=")) return;
  must_keep("postgres://u:" + password + "@h:5432/d?sslmode=require");
  must_keep("postgres://u:" + password + "@h");
  must_keep("postgres://h/d?user=u&password=" + password);
  must_keep("postgres://host=h password=" + password + " dbname=d");
}

}  // namespace

}  // namespace talos::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos::fuzz;
  const std::string text(text_of(data, size));
  check(text);
  check("postgres://" + text);
  const auto middle = text.find("://");
  const std::string tail = middle == std::string::npos ? text : text.substr(middle + 3);
  for (const std::size_t at : {std::size_t{0}, tail.size() / 2, tail.size()})
    check_raw(tail.substr(0, at), tail.substr(at));
  return 0;
}
