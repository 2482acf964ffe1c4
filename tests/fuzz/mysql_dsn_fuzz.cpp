// MySQL DSNs. Nothing but talos::Error comes out; the session gets only settings that cannot become other SQL; and a
// password, here the input with a rare word in it, is neither shown nor taken for a place.
#include <algorithm>
#include <string>

#include "fuzz.hpp"
#include "mysql_dsn.hpp"

namespace talos::fuzz {

namespace {

constexpr std::string_view secret = "hunter2secret";

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") ==
                              std::string_view::npos;
}

void must_be_sound(const mysql::MySqlDsn& dsn) {
  must(!dsn.database.empty() && is_clean(dsn.database), "a DSN names a database");
  const bool tcp = dsn.network == mysql::MySqlDsn::Network::tcp;
  must(tcp ? !dsn.host.empty() && dsn.port > 0 && dsn.sockets.empty() : !dsn.sockets.empty(), "a DSN has a place");
  for (const auto& [name, value] : dsn.settings) {
    must(is_name(name) && is_clean(value) && !value.empty() && !has(value, ";"), "a setting is one item of a SET");
    const bool quoted = value[0] == '\'' || value[0] == '"';
    must(quoted ? value.size() > 1 && value.back() == value[0] : !has(value, "(") && !has(value, ","),
         "a setting's value is one value");
  }
  for (const std::string& charset : dsn.charsets) must(is_name(charset), "a character set has a name");
  must(dsn.tls != mysql::MySqlDsn::Tls::verify || dsn.tls_cert.empty() == dsn.tls_key.empty(), "a key has its proof");
  must(!dsn.connect_timeout || dsn.connect_timeout->count() > 0, "a timeout lasts");
  must(dsn.describe().starts_with("mysql://") && is_clean(dsn.describe()), "a description is one line");
}

void check(const std::string& text) {
  reads([&] { must_be_sound(mysql::parse_mysql_dsn(text, "mysql")); });
}

void must_keep(const std::string& text) {
  try {
    const mysql::MySqlDsn dsn = mysql::parse_mysql_dsn(text, "mysql");
    must_be_sound(dsn);
    must(!has(dsn.describe(), secret), "a description holds no password");
    must(!has(dsn.host + dsn.database + dsn.table, secret), "a piece of a password is no place");
    for (const auto& [name, value] : dsn.settings) must(!has(name + value, secret), "nor a setting");
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage, "a bad DSN is a usage error");
    must_not_say(error, secret);
  }
}

void check_raw(const std::string& before, const std::string& behind) {
  const std::string password = before + std::string(secret) + behind;
  must_keep("mysql://u:" + password + "@tcp(h:3306)/d?tls=true");
  must_keep("mysql://u:" + password + "@h/d");
  must_keep("u:" + password + "@unix(/s)/d?tls=mine&x-tls-ca=%2Fa%2Fb");
}

}  // namespace

}  // namespace talos::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos::fuzz;
  const std::string text(text_of(data, size));
  check(text);
  check("mysql://" + text);
  check("mysql://u:p@tcp(h)/d?" + text);
  for (const std::size_t at : {std::size_t{0}, text.size() / 2, text.size()})
    check_raw(text.substr(0, at), text.substr(at));
  return 0;
}
