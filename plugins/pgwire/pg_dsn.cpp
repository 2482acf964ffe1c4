#include "pg_dsn.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "talos/bookkeeping.hpp"
#include "talos/error.hpp"

namespace talos::pg {

namespace {

// Of libpq 15, but for what makes no sense here: replication.
constexpr std::array<std::string_view, 38> libpq_keywords{"host",
                                                          "hostaddr",
                                                          "port",
                                                          "dbname",
                                                          "user",
                                                          "password",
                                                          "passfile",
                                                          "channel_binding",
                                                          "connect_timeout",
                                                          "client_encoding",
                                                          "options",
                                                          "application_name",
                                                          "fallback_application_name",
                                                          "keepalives",
                                                          "keepalives_idle",
                                                          "keepalives_interval",
                                                          "keepalives_count",
                                                          "tcp_user_timeout",
                                                          "gssencmode",
                                                          "sslmode",
                                                          "sslcompression",
                                                          "sslcert",
                                                          "sslkey",
                                                          "sslpassword",
                                                          "sslrootcert",
                                                          "sslcrl",
                                                          "sslcrldir",
                                                          "sslsni",
                                                          "requirepeer",
                                                          "ssl_min_protocol_version",
                                                          "ssl_max_protocol_version",
                                                          "krbsrvname",
                                                          "gsslib",
                                                          "service",
                                                          "target_session_attrs",
                                                          "requiressl",
                                                          "requireauth",
                                                          "load_balance_hosts"};

// Of Go's drivers, their pools and other tools: they say nothing to a server.
constexpr std::array<std::string_view, 24> ignored{
    "pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime",
    "pool_max_conn_lifetime_jitter", "pool_max_conn_idle_time", "pool_health_check_period", "pool_ping_timeout",
    "default_query_exec_mode", "statement_cache_capacity", "statement_cache_mode", "description_cache_capacity",
    "krbspn", "servicefile", "max_conns", "max_idle_conns", "max_conn_lifetime", "max_conn_idle_time",
    "binary_parameters", "prefer_simple_protocol", "min_read_buffer_size", "disable_prepared_binary_result",
    // libpq 16 and later; 15 would refuse them.
    "load_balance_hosts", "requireauth"};

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

[[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) {
  throw Error(ErrorCode::usage, "the DSN cannot be read: " + what)
      .with_hint(hint.empty() ? "the form is postgres://user:password@host:port/database?sslmode=verify-full" : hint);
}

constexpr const char* encode_hint =
    "write the characters / ? # @ : % of a user or password percent-encoded: %2F %3F %23 %40 %3A %25";

int hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string decoded(std::string_view text, bool plus_is_blank = false) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hexadecimal(text[i + 1]) : -1;
    const int low = high >= 0 ? hexadecimal(text[i + 2]) : -1;
    if (low >= 0) {
      result += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      result += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  // A value ends at a NUL for libpq: what follows would silently be dropped.
  if (result.find('\0') != std::string::npos) refuse("it holds a NUL");
  return result;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

bool is_setting(std::string_view name) {
  return is_word(name) && name.find('-') == std::string_view::npos &&
         (std::isdigit(static_cast<unsigned char>(name[0])) == 0);
}

std::int64_t whole_number(const std::string& value, const std::string& name) {
  std::int64_t number = 0;
  const auto end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0)
    refuse("parameter " + name + " takes a whole number");
  return number;
}

// 500ms, 10s, 2m.
std::chrono::milliseconds duration(const std::string& value, const std::string& name) {
  const auto unit = std::min(value.find_first_not_of("0123456789"), value.size());
  const std::int64_t number = unit == 0 ? -1 : whole_number(value.substr(0, unit), name);
  const std::string suffix = value.substr(unit);
  const std::int64_t factor = suffix == "ms" ? 1 : suffix == "s" ? 1'000 : suffix == "m" ? 60'000 : 0;
  if (number < 0 || factor == 0 || number > 86'400'000) refuse("parameter " + name + " takes a duration such as 10s");
  return std::chrono::milliseconds(number * factor);
}

class Parser {
 public:
  Parser(std::string_view scheme, std::string_view default_port) : default_port_(default_port) { dsn_.scheme = scheme; }

  PgDsn parse(std::string_view text) {
    for (const char c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) refuse("it holds a control character");
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) refuse("it has no scheme");
    std::string_view rest = text.substr(colon + 1);
    if (rest.starts_with("//")) rest.remove_prefix(2);
    if (is_keyword_form(rest))
      parse_keywords(rest);
    else
      parse_uri(rest);
    finish();
    return std::move(dsn_);
  }

 private:
  static bool is_keyword_form(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return false;
    std::string_view word = text.substr(0, equals);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    return is_setting(word);
  }

  // The authority ends at the first / or ?. Where a password holds one of them, what follows looks like nothing else:
  // an @ in the database's name, a port that is no number. Those are refused, so that no piece of a password is ever
  // taken for a host.
  void parse_uri(std::string_view text) {
    const auto end = std::min(text.find_first_of("/?"), text.size());
    std::string_view authority = text.substr(0, end);
    std::string_view rest = text.substr(end);
    const auto query = rest.find('?');
    std::string_view path = rest.substr(0, query);
    if (path.find('@') != std::string_view::npos)
      refuse("there is an @ after the host part: the user or the password holds a / or a ?", encode_hint);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
      parse_user(authority.substr(0, at));
      authority.remove_prefix(at + 1);
    }
    parse_hosts(authority);
    if (!path.empty()) path.remove_prefix(1);
    if (!path.empty()) set("dbname", decoded(path));
    if (query != std::string_view::npos) parse_query(rest.substr(query + 1));
  }

  void parse_user(std::string_view text) {
    const auto colon = text.find(':');
    if (const std::string user = decoded(text.substr(0, colon)); !user.empty()) set("user", user);
    if (colon != std::string_view::npos) set("password", decoded(text.substr(colon + 1)));
  }

  void parse_hosts(std::string_view text) {
    std::string hosts;
    std::string ports;
    bool any_port = false;
    for (std::size_t at = 0; !text.empty() && at <= text.size();) {
      const auto comma = std::min(text.find(',', at), text.size());
      std::string_view one = text.substr(at, comma - at);
      std::string_view port;
      if (one.starts_with('[')) {
        const auto close = one.find(']');
        if (close == std::string_view::npos) refuse("a [ in the host part has no ]");
        port = one.substr(close + 1);
        one = one.substr(1, close - 1);
        if (!port.empty() && port.front() != ':') refuse("after ] of a host there may only be a port", encode_hint);
        if (!port.empty()) port.remove_prefix(1);
      } else if (const auto colon = one.find(':'); colon != std::string_view::npos) {
        port = one.substr(colon + 1);
        one = one.substr(0, colon);
      }
      if (!std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }) || port.size() > 5)
        refuse("a port is not a number, or the user and password lack their @", encode_hint);
      hosts += (at == 0 ? "" : ",") + decoded(one);
      ports += (at == 0 ? "" : ",") + std::string(port.empty() ? default_port_ : port);
      any_port = any_port || !port.empty();
      at = comma + 1;
    }
    if (!hosts.empty()) set("host", hosts);
    if (any_port) set("port", ports);
  }

  void parse_query(std::string_view text) {
    while (!text.empty()) {
      const auto end = std::min(text.find('&'), text.size());
      const std::string_view one = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (one.empty()) continue;
      const auto equals = one.find('=');
      if (equals == std::string_view::npos) refuse("a parameter has no =", encode_hint);
      take(decoded(one.substr(0, equals), true), decoded(one.substr(equals + 1), true));
    }
  }

  // libpq's: blanks around =, values in single quotes, \ before ' and \.
  void parse_keywords(std::string_view text) {
    std::size_t at = 0;
    const auto skip_blanks = [&] {
      while (at < text.size() && text[at] == ' ') ++at;
    };
    for (skip_blanks(); at < text.size(); skip_blanks()) {
      const auto word_end = std::min(text.find_first_of("= ", at), text.size());
      const std::string key(text.substr(at, word_end - at));
      at = word_end;
      skip_blanks();
      if (at >= text.size() || text[at] != '=') refuse("a keyword has no =, or a value with a blank no quotes");
      ++at;
      skip_blanks();
      const bool quoted = at < text.size() && text[at] == '\'';
      if (quoted) ++at;
      std::string value;
      for (; at < text.size() && text[at] != (quoted ? '\'' : ' '); ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        value += text[at];
      }
      if (quoted && at >= text.size()) refuse("a quoted value has no closing quote");
      if (quoted) ++at;
      take(key, value);
    }
  }

  void take(const std::string& key, const std::string& value) {
    if (key.starts_with("x-")) return take_own(key, value);
    if (key == "sslinline")
      refuse("sslinline is not supported: certificates and keys are files", "use sslcert, sslkey and sslrootcert");
    if (is_in(ignored, key)) return;
    if (key == "ssl") return set("sslmode", value == "false" || value == "0" ? "disable" : "require");
    if (key == "database") return set("dbname", value);
    if (key == "client_encoding") return;  // files are UTF-8
    if (key == "replication") refuse("a replication connection runs no migrations");
    if (is_in(libpq_keywords, key)) return set(key, value);
    if (!is_setting(key)) refuse(is_word(key) ? "unknown parameter " + key : "it has a parameter of an unknown name");
    put(dsn_.settings, key, value);
  }

  // golang-migrate's, and one of ours.
  void take_own(const std::string& key, const std::string& value) {
    if (key == "x-migrations-table") dsn_.table = value;
    if (key == "x-migrations-table-quoted") table_is_quoted_ = value == "1" || value == "true";
    if (key == "x-statement-timeout") dsn_.statement_timeout = std::chrono::milliseconds(whole_number(value, key));
    if (key == "x-lease-ttl") dsn_.lease_ttl = duration(value, key);
  }

  static void put(std::vector<std::pair<std::string, std::string>>& list, const std::string& key,
                  const std::string& value) {
    for (auto& [name, old] : list)
      if (name == key) {
        old = value;
        return;
      }
    list.emplace_back(key, value);
  }
  void set(const std::string& key, const std::string& value) { put(dsn_.parameters, key, value); }
  std::string get(std::string_view key) const {
    for (const auto& [name, value] : dsn_.parameters)
      if (name == key) return value;
    return {};
  }

  void finish() {
    constexpr std::array<std::string_view, 6> modes{"disable", "allow",     "prefer",
                                                    "require", "verify-ca", "verify-full"};
    if (const std::string mode = get("sslmode"); !mode.empty() && !is_in(modes, mode))
      refuse("sslmode is none of disable, allow, prefer, require, verify-ca, verify-full");
    if (get("port").empty() && default_port_ != "5432") set("port", std::string(default_port_));
    if (const auto port = get("port"); port.find_first_not_of("0123456789,") != std::string::npos)
      refuse("the port is not a number");
    if (dsn_.lease_ttl && *dsn_.lease_ttl < std::chrono::seconds(1)) refuse("x-lease-ttl is shorter than a second");
    dsn_.path_database = get("dbname");
    if (table_is_quoted_) unquote_table();
    if (!dsn_.table.empty() && !is_table_name(dsn_.table))
      refuse("x-migrations-table is no table name: letters, digits, _ and $, at most 55 bytes");
  }

  // "schema"."table", or "table".
  void unquote_table() {
    std::vector<std::string> names;
    for (std::size_t at = 0; at < dsn_.table.size();) {
      const auto open = dsn_.table.find('"', at);
      const auto close = open == std::string::npos ? open : dsn_.table.find('"', open + 1);
      if (close == std::string::npos) refuse(R"(x-migrations-table-quoted takes "schema"."table")");
      names.push_back(dsn_.table.substr(open + 1, close - open - 1));
      at = close + 1;
    }
    if (names.empty() || names.size() > 2) refuse(R"(x-migrations-table-quoted takes "schema"."table")");
    if (names.size() == 2) dsn_.schema = names[0];
    dsn_.table = names.back();
  }

  PgDsn dsn_;
  std::string_view default_port_;
  bool table_is_quoted_ = false;
};

std::string with_port(const std::string& host, const std::string& port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + (port.empty() ? "" : ":" + port);
}

std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace

std::string PgDsn::describe() const {
  const auto get = [&](std::string_view key) {
    for (const auto& [name, value] : parameters)
      if (name == key) return value;
    return std::string();
  };
  std::string text = scheme + "://";
  if (const std::string user = get("user"); !user.empty()) text += user + "@";
  const auto hosts = listed(get(get("host").empty() ? "hostaddr" : "host"));
  const auto ports = listed(get("port"));
  std::string sockets;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::string& port = ports[ports.size() == 1 ? 0 : std::min(i, ports.size() - 1)];
    if (hosts[i].starts_with('/'))
      sockets = "?host=" + hosts[i];
    else
      text += (i == 0 ? "" : ",") + with_port(hosts[i], port);
  }
  return text + "/" + get("dbname") + sockets;
}

PgDsn parse_pg_dsn(std::string_view text, std::string_view scheme, std::string_view default_port) {
  return Parser(scheme, default_port).parse(text);
}

}  // namespace talos::pg
