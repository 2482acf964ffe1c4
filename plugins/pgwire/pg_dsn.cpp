#include "pg_dsn.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>

namespace talos::pg {

namespace {

using Parameter = std::pair<std::string, std::string>;
using Parameters = std::vector<Parameter>;

constexpr std::string_view encode_hint =
    "percent-encode what is special in a password: @ is %40, / is %2F, ? is %3F, # is %23, : is %3A, & is %26, % is "
    "%25";

Error malformed(const std::string& message) {
  return Error(ErrorCode::usage, message)
      .with_hint(
          "use postgres://user:password@host:5432/database?sslmode=verify-full or "
          "postgres://host=… dbname=… user=…");
}

Error unencoded(const std::string& message) {
  return Error(ErrorCode::usage, message).with_hint(std::string(encode_hint));
}

// --- Characters. Own functions: those of <cctype> depend on the locale.

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_blank(char c) { return c == ' '; }  // tabs and line ends are refused as control characters

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < ' ' || byte == 0x7f;
}

template <class Predicate>
bool all_of(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<char> hex_byte(std::string_view digits) {
  unsigned int byte = 0;
  if (digits.size() != 2 || std::from_chars(digits.data(), digits.data() + 2, byte, 16).ptr != digits.data() + 2)
    return std::nullopt;
  return static_cast<char>(byte);
}

std::string decode(std::string_view text, bool plus_is_blank = false) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? hex_byte(text.substr(i + 1, 2)) : std::nullopt;
    result += byte ? *byte : plus_is_blank && text[i] == '+' ? ' ' : text[i];
    if (byte) i += 2;
  }
  if (std::any_of(result.begin(), result.end(), is_control)) throw malformed("the DSN holds a control character");
  return result;
}

// --- What parameters there are.

struct Keyword {
  std::string_view name;
  std::string_view values;  ///< allowed ones, separated by |; "#": a whole number; empty: anything
};

constexpr std::array keywords{
    Keyword{"service", ""},
    Keyword{"user", ""},
    Keyword{"password", ""},
    Keyword{"passfile", ""},
    Keyword{"channel_binding", "disable|prefer|require"},
    Keyword{"connect_timeout", "#"},
    Keyword{"dbname", ""},
    Keyword{"host", ""},
    Keyword{"hostaddr", ""},
    Keyword{"port", ""},
    Keyword{"client_encoding", ""},
    Keyword{"options", ""},
    Keyword{"application_name", ""},
    Keyword{"keepalives", "#"},
    Keyword{"keepalives_idle", "#"},
    Keyword{"keepalives_interval", "#"},
    Keyword{"keepalives_count", "#"},
    Keyword{"tcp_user_timeout", "#"},
    Keyword{"sslmode", "disable|allow|prefer|require|verify-ca|verify-full"},
    Keyword{"sslcompression", "0|1"},
    Keyword{"sslcert", ""},
    Keyword{"sslkey", ""},
    Keyword{"sslpassword", ""},
    Keyword{"sslrootcert", ""},
    Keyword{"sslcrl", ""},
    Keyword{"sslcrldir", ""},
    Keyword{"sslsni", "0|1"},
    Keyword{"requirepeer", ""},
    Keyword{"ssl_min_protocol_version", "TLSv1|TLSv1.1|TLSv1.2|TLSv1.3"},
    Keyword{"ssl_max_protocol_version", "TLSv1|TLSv1.1|TLSv1.2|TLSv1.3"},
    Keyword{"gssencmode", "disable|prefer|require"},
    Keyword{"krbsrvname", ""},
    Keyword{"gsslib", ""},
    Keyword{"target_session_attrs", "any|read-write|read-only|primary|standby|prefer-standby"},
};

// Of other drivers, pools and frameworks, and of newer libpqs where leaving it out takes no protection away.
constexpr std::array<std::string_view, 36> stripped{
    "pool_max_conns",
    "pool_min_conns",
    "pool_min_idle_conns",
    "pool_max_conn_lifetime",
    "pool_max_conn_lifetime_jitter",
    "pool_max_conn_idle_time",
    "pool_health_check_period",
    "pool_ping_timeout",
    "default_query_exec_mode",
    "statement_cache_capacity",
    "description_cache_capacity",
    "statement_cache_mode",
    "krbspn",
    "servicefile",
    "max_conns",
    "max_idle_conns",
    "max_open_conns",
    "max_conn_lifetime",
    "max_conn_idle_time",
    "binary_parameters",
    "disable_prepared_binary_result",
    "fallback_application_name",
    "sslnegotiation",
    "load_balance_hosts",
    "min_protocol_version",
    "max_protocol_version",
    "gssdelegation",
    "pgbouncer",
    "connection_limit",
    "pool_timeout",
    "pool",
    "statement_cache_size",
    "prepared_statements",
    "preparethreshold",
    "uselibpqcompat",
    "supa",
};

// To leave one of these out would weaken what the user asked for, or make another connection than he means.
constexpr std::array<std::string_view, 8> unsupported{"require_auth",     "sslcertmode",        "scram_client_key",
                                                      "scram_server_key", "oauth_issuer",       "oauth_client_id",
                                                      "oauth_scope",      "oauth_client_secret"};

// Settings that DSNs have in the field. Others are taken too, but not right behind a password (see refuse_remains()).
constexpr std::array<std::string_view, 15> common_settings{"search_path",
                                                           "timezone",
                                                           "datestyle",
                                                           "statement_timeout",
                                                           "lock_timeout",
                                                           "idle_session_timeout",
                                                           "role",
                                                           "work_mem",
                                                           "maintenance_work_mem",
                                                           "idle_in_transaction_session_timeout",
                                                           "session_authorization",
                                                           "default_transaction_read_only",
                                                           "synchronous_commit",
                                                           "intervalstyle",
                                                           "extra_float_digits"};

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

const Keyword* find_keyword(std::string_view name) {
  const auto* const found =
      std::find_if(keywords.begin(), keywords.end(), [&](const Keyword& keyword) { return keyword.name == name; });
  return found == keywords.end() ? nullptr : found;
}

bool is_known(std::string_view name) {
  constexpr std::array<std::string_view, 7> mapped{"ssl",    "sslinline",   "database",  "currentschema",
                                                   "schema", "replication", "requiressl"};
  return find_keyword(name) != nullptr || contains(stripped, name) || contains(unsupported, name) ||
         contains(mapped, name) || contains(common_settings, name) || name.starts_with("x-");
}

bool looks_like_setting(std::string_view name) {
  return !name.empty() && (is_lower(name[0]) || name[0] == '_') &&
         all_of(name, [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '.'; });
}

bool is_plain_word(std::string_view name) {
  return !name.empty() && name.size() <= 40 &&
         all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; });
}

// --- Values.

void put(Parameters& parameters, std::string_view name, std::string value) {
  const auto old = std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == name; });
  if (old != parameters.end())
    old->second = std::move(value);
  else
    parameters.emplace_back(name, std::move(value));
}

bool as_bool(const Parameter& parameter) {
  const std::string value = lower(parameter.second);
  if (value == "1" || value == "t" || value == "true" || value == "yes" || value == "on") return true;
  if (value == "0" || value == "f" || value == "false" || value == "no" || value == "off" || value.empty())
    return false;
  throw malformed("the DSN parameter " + parameter.first + " takes true or false");
}

std::optional<std::int64_t> as_number(std::string_view text) {
  std::int32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// 10s, 1m30s, 500ms: whole numbers with their units.
std::optional<std::chrono::milliseconds> as_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> units{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = as_number(text.substr(0, digits));
    text.remove_prefix(digits);
    const auto* const unit =
        std::find_if(units.begin(), units.end(), [&](const auto& u) { return text.starts_with(u.first); });
    if (!number || unit == units.end()) return std::nullopt;
    total += *number * unit->second;
    text.remove_prefix(unit->first.size());
    if (total > 24 * std::int64_t{3'600'000}) return std::nullopt;
  }
  if (total == 0) return std::nullopt;
  return std::chrono::milliseconds(total);
}

void check_value(const Keyword& keyword, const std::string& value) {
  const std::string name(keyword.name);
  if (value.empty() || keyword.values.empty()) return;
  if (keyword.values == "#") {
    if (!as_number(value)) throw malformed("the DSN parameter " + name + " takes a whole number");
  } else if (!contains(split(keyword.values, '|'), value)) {
    std::string choices(keyword.values);
    for (auto at = choices.find('|'); at != std::string::npos; at = choices.find('|', at)) choices.replace(at, 1, ", ");
    throw malformed("the DSN parameter " + name + " takes one of " + choices);
  }
}

// What is not checked here could be a piece of a password that somebody wrote unencoded; hosts are looked up and shown.
void check_place(const PgDsn& dsn) {
  auto is_host = [](std::string_view host) {
    return host.starts_with('/') || host.starts_with('@') || all_of(host, [](char c) {
             return is_letter(c) || is_digit(c) || has("._-:%", {&c, 1}) || static_cast<unsigned char>(c) >= 0x80;
           });
  };
  auto is_port = [](std::string_view port) {
    const auto number = as_number(port);
    return port.empty() || (number && *number > 0 && *number <= 65535);
  };
  const std::string hosts = dsn.parameter("host") + "," + dsn.parameter("hostaddr");
  for (const std::string_view host : split(hosts, ','))
    if (!is_host(host)) throw unencoded("the DSN's host is no host's name, address or socket directory");
  const std::string ports = dsn.parameter("port");
  for (const std::string_view port : split(ports, ','))
    if (!is_port(port)) throw unencoded("the DSN's port is not a number from 1 to 65535");
  // libpq would name it; and a whole connection string in its place holds a password.
  const std::string database = dsn.parameter("dbname");
  if (has(database, "://") || has(database, "=")) throw malformed("the DSN's database name is a connection string");
}

// --- Parameters, one by one.

// golang-migrate: "table" or "schema"."table".
void unquote_table(PgDsn& dsn) {
  const std::vector<std::string_view> parts = split(dsn.table, '"');
  const bool one = parts.size() == 3;
  const bool two = parts.size() == 5 && parts[2] == ".";
  const bool whole = (one || two) && parts.front().empty() && parts.back().empty();
  if (!whole || parts[1].empty() || parts[parts.size() - 2].empty())
    throw malformed(
        "the DSN parameter x-migrations-table must be \"table\" or \"schema\".\"table\" where "
        "x-migrations-table-quoted is true");
  std::string schema(two ? parts[1] : std::string_view());
  std::string table(parts[parts.size() - 2]);
  dsn.schema = std::move(schema);
  dsn.table = std::move(table);
}

class Reader {
 public:
  explicit Reader(PgDsn& dsn) : dsn_(dsn) {}

  /// `name` as it is written. Of a repeated one the last counts.
  void take(std::string_view name, std::string value) {
    const Parameter parameter{lower(name), std::move(value)};
    const bool behind_password = behind_password_;
    behind_password_ = parameter.first == "password" || parameter.first == "sslpassword";
    if (parameter.first.starts_with("x-") && is_plain_word(parameter.first))
      take_own(parameter);
    else if (const Keyword* keyword = find_keyword(parameter.first))
      take_keyword(*keyword, parameter.second);
    else if (!contains(stripped, parameter.first) && !take_mapped(parameter))
      take_setting(parameter, behind_password);
  }

  void finish() {
    if (quoted_table_ && !dsn_.table.empty()) unquote_table(dsn_);
    auto is_empty = [](const Parameter& parameter) { return parameter.second.empty(); };
    std::erase_if(dsn_.parameters, is_empty);
  }

 private:
  void take_keyword(const Keyword& keyword, const std::string& value) {
    check_value(keyword, value);
    put(dsn_.parameters, keyword.name, value);
  }

  void take_own(const Parameter& parameter) {
    // Not a structured binding: clang 14 captures none.
    const std::string& name = parameter.first;
    const std::string& value = parameter.second;
    if (name == "x-migrations-table") {
      dsn_.table = value;
    } else if (name == "x-migrations-table-quoted") {
      quoted_table_ = as_bool(parameter);
    } else if (name == "x-statement-timeout") {
      const auto number = as_number(value);
      if (!number || *number < 0) throw malformed("the DSN parameter " + name + " takes a number of milliseconds");
      dsn_.statement_timeout = std::chrono::milliseconds(*number);
    } else if (name == "x-lease-ttl") {
      dsn_.lease_ttl = as_duration(value);
      if (!dsn_.lease_ttl) throw malformed("the DSN parameter " + name + " takes a duration such as 10s, at most 24h");
    }
    if (name == "x-lock-table") dsn_.lock_table = value;
    // The rest are golang-migrate's for its own splitting and locking.
  }

  // Other names for what libpq knows; true if it is one.
  bool take_mapped(const Parameter& parameter) {
    const std::string& name = parameter.first;
    if (name == "ssl" && !parameter.second.empty() &&
        contains(split(find_keyword("sslmode")->values, '|'), parameter.second)) {
      put(dsn_.parameters, "sslmode", parameter.second);
    } else if (name == "ssl" || name == "requiressl") {
      if (as_bool(parameter)) put(dsn_.parameters, "sslmode", "require");
    } else if (name == "database") {
      put(dsn_.parameters, "dbname", parameter.second);
    } else if (name == "currentschema" || name == "schema") {
      put(dsn_.settings, "search_path", parameter.second);
    } else if (name == "sslinline") {
      if (as_bool(parameter))
        throw malformed("the DSN parameter sslinline is not supported: sslcert, sslkey and sslrootcert name files");
    } else if (name == "replication") {
      if (parameter.second == "database" || as_bool(parameter))
        throw malformed("the DSN parameter replication is not supported: migrations need an ordinary connection");
    } else if (contains(unsupported, name)) {
      throw malformed("the DSN parameter " + name + " is not supported: libpq 15 does not know it");
    } else {
      return false;
    }
    return true;
  }

  void take_setting(const Parameter& parameter, bool behind_password) {
    const std::string& name = parameter.first;
    // A password with a raw & or blank ends in what looks like one more parameter. The server would name it in an
    // error.
    if (behind_password && !contains(common_settings, name))
      throw unencoded("what follows the password in the DSN is not a parameter: percent-encode or quote the password");
    if (looks_like_setting(name)) return put(dsn_.settings, name, parameter.second);
    if (is_plain_word(name)) throw malformed("the DSN parameter " + name + " is unknown");
    throw unencoded("the DSN holds a parameter whose name is not a word");
  }

  PgDsn& dsn_;
  bool quoted_table_ = false;
  bool behind_password_ = false;
};

// --- keyword = value, with libpq's quoting.

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

// The next value, and the text behind it. A backslash takes the next character as it is; at the end it is nothing.
std::string next_value(std::string_view& text) {
  const bool quoted = text.starts_with('\'');
  std::string value;
  std::size_t i = quoted ? 1 : 0;
  for (; i < text.size() && (quoted ? text[i] != '\'' : !is_blank(text[i])); ++i) {
    if (text[i] == '\\' && ++i == text.size()) break;
    value += text[i];
  }
  if (quoted && i >= text.size()) throw malformed("a quoted value of the DSN has no closing quote");
  text.remove_prefix(std::min(quoted ? i + 1 : i, text.size()));
  if (quoted && !text.empty() && !is_blank(text[0]))
    throw malformed("a quoted value of the DSN goes on behind its closing quote; within it a quote is written \\'");
  return value;
}

void read_keywords(std::string_view text, Reader& reader) {
  for (skip_blanks(text); !text.empty(); skip_blanks(text)) {
    const auto end = text.find_first_of("= ");
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end, text.size()));
    skip_blanks(text);
    if (name.empty() || !text.starts_with('='))
      throw malformed("the DSN is not keyword=value throughout; a value with blanks must be quoted");
    text.remove_prefix(1);
    skip_blanks(text);
    reader.take(name, next_value(text));
  }
}

bool are_keywords(std::string_view text) {
  skip_blanks(text);
  const std::string name = lower(text.substr(0, text.find_first_of("= ")));
  text.remove_prefix(name.size());
  skip_blanks(text);
  return text.starts_with('=') && is_known(name);
}

// --- URIs.

struct Uri {
  std::optional<std::string_view> credentials;
  std::string_view hosts;
  std::string_view path;   ///< with its slash, or empty
  std::string_view query;  ///< without its question mark
};

struct Hosts {
  std::string names;
  std::string ports;
};

// host, host:port or [v6]:port, as it is written.
bool split_host(std::string_view item, std::string_view& host, std::string_view& port) {
  auto colon = item.find(':');
  if (item.starts_with('[')) {
    const auto close = item.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    host = item.substr(1, close - 1);
    item.remove_prefix(close + 1);
    if (!all_of(host, [](char c) { return is_letter(c) || is_digit(c) || has(".:%_-", {&c, 1}); })) return false;
    if (!item.empty() && item[0] != ':') return false;
    colon = item.empty() ? std::string_view::npos : 0;
  } else {
    host = item.substr(0, colon);
    const bool plain = all_of(host, [](char c) {
      return is_letter(c) || is_digit(c) || has("._-%", {&c, 1}) || static_cast<unsigned char>(c) >= 0x80;
    });
    if (!plain) return false;
  }
  port = colon == std::string_view::npos ? std::string_view() : item.substr(colon + 1);
  return all_of(port, is_digit) && port.size() <= 5;
}

std::optional<Hosts> read_hosts(std::string_view text) {
  Hosts hosts;
  bool first = true;
  for (const std::string_view item : split(text, ',')) {
    std::string_view host;
    std::string_view port;
    if (!split_host(item, host, port)) return std::nullopt;
    if (!first) {
      hosts.names += ',';
      hosts.ports += ',';
    }
    first = false;
    hosts.names += decode(host);
    hosts.ports += port;
  }
  return hosts;
}

Uri split_uri(std::string_view text, std::size_t authority_start) {
  Uri uri;
  const auto end = std::min(text.find_first_of("/?", authority_start), text.size());
  const std::string_view authority = text.substr(0, end);
  uri.hosts = authority;
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    uri.credentials = authority.substr(0, at);
    uri.hosts = authority.substr(at + 1);
  }
  const auto question = text.find('?', end);
  uri.path = text.substr(end, question == std::string_view::npos ? question : question - end);
  if (question != std::string_view::npos) uri.query = text.substr(question + 1);
  return uri;
}

std::string_view name_of(std::string_view item) { return item.substr(0, item.find('=')); }

// A raw @ behind the authority is data in the value of a parameter that we know. Elsewhere it may as well end a
// password, and what stands before it be a piece of that.
bool has_stray_at(const Uri& uri) {
  if (has(uri.path, "@")) return true;
  const auto items = split(uri.query, '&');
  return std::any_of(items.begin(), items.end(), [](std::string_view item) {
    return has(item, "@") && (has(name_of(item), "@") || !is_known(lower(name_of(item))));
  });
}

// A password with a raw / or ?: the first one leaves a user and something that is no port, and one @ ends it. Not with
// a parameter in it: then it is the port that is misspelt.
std::optional<Uri> with_raw_password(std::string_view text) {
  const auto at = text.find('@');
  const std::string_view credentials = text.substr(0, at);
  if (at == std::string_view::npos || text.rfind('@') != at) return std::nullopt;
  if (credentials.find(':') >= credentials.find_first_of("/?")) return std::nullopt;
  const auto question = credentials.find('?');
  if (question != std::string_view::npos && has(credentials.substr(question), "=")) return std::nullopt;
  return split_uri(text, at);
}

void take_authority(const Uri& uri, const Hosts& hosts, Reader& reader) {
  if (uri.credentials) {
    const auto colon = uri.credentials->find(':');
    reader.take("user", decode(uri.credentials->substr(0, colon)));
    if (colon != std::string_view::npos) reader.take("password", decode(uri.credentials->substr(colon + 1)));
  }
  reader.take("host", hosts.names);
  reader.take("port", hosts.ports);
}

void read_uri(std::string_view text, PgDsn& dsn, Reader& reader) {
  Uri uri = split_uri(text, 0);
  std::optional<Hosts> hosts = read_hosts(uri.hosts);
  if (!hosts && !uri.credentials) {
    if (const auto other = with_raw_password(text)) {
      uri = *other;
      hosts = read_hosts(uri.hosts);
    }
  }
  if (!hosts) throw unencoded("the DSN's host and port cannot be read");
  if (has_stray_at(uri)) throw unencoded("it is not clear where the DSN's password ends");
  take_authority(uri, *hosts, reader);
  // Go ends the path at #, libpq does not.
  dsn.path_database = decode(uri.path.substr(0, uri.path.find('#')));
  if (!uri.path.empty()) reader.take("dbname", decode(uri.path.substr(1)));
  for (const std::string_view item : split(uri.query, '&')) {
    if (item.empty()) continue;
    const std::string_view name = name_of(item);
    if (name.size() == item.size()) throw unencoded("a parameter of the DSN has no value");
    reader.take(decode(name, true), decode(item.substr(std::min(name.size() + 1, item.size())), true));
  }
}

// --- The whole.

// What follows scheme:// or, for keywords, scheme:
std::string_view without_scheme(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '+' || c == '.' || c == '_';
  });
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.begin()));
  if (rest.size() < text.size() && rest.starts_with("://")) return rest.substr(3);
  if (rest.size() < text.size() && rest.starts_with(":") && are_keywords(rest.substr(1))) return rest.substr(1);
  throw malformed("the DSN does not begin with a scheme");
}

// libpq's own default is left to it, so that PGPORT and a service keep their say.
void apply_default_port(PgDsn& dsn, std::string_view default_port) {
  if (default_port.empty() || default_port == "5432") return;
  const std::string given = dsn.parameter("port");
  if (given.empty() && (!dsn.parameter("service").empty() || std::getenv("PGPORT") != nullptr)) return;
  std::string ports;
  for (const std::string_view port : split(given, ',')) {
    if (!ports.empty()) ports += ',';
    ports += port.empty() ? default_port : port;
  }
  put(dsn.parameters, "port", ports);
}

std::string describe_hosts(const PgDsn& dsn) {
  const std::string ports = dsn.parameter("port");
  const std::vector<std::string_view> all_ports = split(ports, ',');
  const std::string hosts = dsn.parameter(dsn.parameter("host").empty() ? "hostaddr" : "host");
  std::string result;
  std::size_t i = 0;
  for (const std::string_view host : split(hosts, ',')) {
    if (i > 0) result += ',';
    result += has(host, ":") ? "[" + std::string(host) + "]" : std::string(host);
    const std::string_view port = all_ports.size() == 1 ? all_ports[0] : i < all_ports.size() ? all_ports[i] : "";
    if (!port.empty()) (result += ':') += port;
    ++i;
  }
  return result;
}

}  // namespace

std::string PgDsn::parameter(std::string_view keyword) const {
  for (const auto& [name, value] : parameters)
    if (name == keyword) return value;
  return {};
}

std::string PgDsn::with_database(const std::string& database) const {
  std::string text = scheme + "://";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    text += name + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += "' ";
  };
  // A setting right behind a password would be refused.
  for (const auto& [name, value] : parameters)
    if (name != "dbname") add(name, value);
  add("dbname", database);
  for (const auto& [name, value] : settings) add(name, value);
  add("x-migrations-table", schema.empty() ? table : '"' + schema + "\".\"" + table + '"');
  if (!schema.empty()) add("x-migrations-table-quoted", "true");
  if (statement_timeout) add("x-statement-timeout", std::to_string(statement_timeout->count()));
  if (lease_ttl) add("x-lease-ttl", std::to_string(lease_ttl->count()) + "ms");
  add("x-lock-table", lock_table);
  text.pop_back();
  return text;
}

std::string PgDsn::describe() const {
  const std::string user = parameter("user");
  const std::string host = parameter("host");
  const std::string port = parameter("port");
  const std::string database = parameter("dbname");
  const std::string service = parameter("service");
  const bool socket = has("," + host, ",/") || has("," + host, ",@");
  std::string result = scheme + "://";
  // user%3Apassword is somebody's mistake in encoding.
  if (!user.empty()) result += (has(user, ":") ? "***" : user) + "@";
  if (!socket) result += describe_hosts(*this);
  if (!database.empty() || socket || !service.empty()) result += "/" + database;
  char separator = '?';
  auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    ((result += separator) += name) += "=" + value;
    separator = '&';
  };
  if (socket) add("host", host);
  if (socket) add("port", port);
  add("service", service);
  return result;
}

PgDsn parse_pg_dsn(std::string_view text, std::string_view scheme_for_display, std::string_view default_port) {
  if (std::any_of(text.begin(), text.end(), is_control)) throw malformed("the DSN holds a control character");
  PgDsn dsn;
  dsn.scheme = scheme_for_display;
  Reader reader(dsn);
  const std::string_view rest = without_scheme(text);
  if (are_keywords(rest))
    read_keywords(rest, reader);
  else
    read_uri(rest, dsn, reader);
  reader.finish();
  check_place(dsn);
  apply_default_port(dsn, default_port);
  return dsn;
}

}  // namespace talos::pg
