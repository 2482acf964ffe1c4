#include "sqlite_dsn.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "sqlite_token.hpp"

namespace talos::sqlite {

namespace {

using Parameter = std::pair<std::string, std::string>;

Error malformed(const std::string& message) {
  return Error(ErrorCode::usage, message)
      .with_hint("use sqlite:///absolute/path.db, sqlite://relative/path.db or sqlite://:memory:");
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// Percent-decoding; a malformed sequence stays as it is, as in SQLite.
std::string decode(std::string_view text, bool plus_is_space) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned int byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  if (result.find('\0') != std::string::npos) throw malformed("the DSN holds a NUL byte");
  return result;
}

std::string encode(std::string_view text) {
  constexpr std::string_view plain = "-._~/:";
  std::string result;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || plain.find(c) != std::string_view::npos) {
      result += c;
    } else {
      result += '%';
      result += "0123456789ABCDEF"[byte >> 4];
      result += "0123456789ABCDEF"[byte & 15];
    }
  }
  return result;
}

std::vector<Parameter> split_query(std::string_view query) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view item = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (item.empty()) continue;
    const auto equals = std::min(item.find('='), item.size());
    parameters.emplace_back(decode(item.substr(0, equals), true),
                            decode(item.substr(std::min(equals + 1, item.size())), true));
  }
  return parameters;
}

bool as_bool(const Parameter& parameter) {
  const std::string value = lower(parameter.second);
  if (value == "1" || value == "true" || value == "yes" || value == "on") return true;
  if (value == "0" || value == "false" || value == "no" || value == "off" || value.empty()) return false;
  throw malformed("the DSN parameter " + parameter.first + " takes true or false");
}

std::chrono::milliseconds as_milliseconds(const Parameter& parameter) {
  int value = 0;
  const char* const end = parameter.second.data() + parameter.second.size();
  if (const auto [stop, error] = std::from_chars(parameter.second.data(), end, value);
      error != std::errc() || stop != end || value < 0)
    throw malformed("the DSN parameter " + parameter.first + " takes a number of milliseconds");
  return std::chrono::milliseconds(value);
}

// What may stand in a PRAGMA statement made from a DSN.
bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 22> pragma_parameters{{
    {"_fk", "foreign_keys"},
    {"_foreign_keys", "foreign_keys"},
    {"_defer_foreign_keys", "defer_foreign_keys"},
    {"_defer_fk", "defer_foreign_keys"},
    {"_case_sensitive_like", "case_sensitive_like"},
    {"_cslike", "case_sensitive_like"},
    {"_ignore_check_constraints", "ignore_check_constraints"},
    {"_recursive_triggers", "recursive_triggers"},
    {"_rt", "recursive_triggers"},
    {"_secure_delete", "secure_delete"},
    {"_cache_size", "cache_size"},
    {"_auto_vacuum", "auto_vacuum"},
    {"_vacuum", "auto_vacuum"},
    {"_locking_mode", "locking_mode"},
    {"_locking", "locking_mode"},
    {"_query_only", "query_only"},
    {"_writable_schema", "writable_schema"},
    {"_busy_timeout", "busy_timeout"},
    {"_timeout", "busy_timeout"},
    {"_synchronous", "synchronous"},
    {"_sync", "synchronous"},
    {"_journal_mode", "journal_mode"},
}};

void add_pragma(SqliteDsn& dsn, const std::string& name, const Parameter& value) {
  if (!is_plain_word(name) || !is_plain_word(value.second))
    throw malformed("the DSN parameter " + value.first + " is not a PRAGMA's name or value");
  if (name == "busy_timeout") {
    dsn.busy_timeout = as_milliseconds(value);
  } else if (name == "journal_mode") {
    const std::string mode = upper(value.second);
    // OFF and MEMORY cannot roll back after a crash. They hold for one connection only, so leaving them out is safe.
    // SQLite takes the first mode that begins with the word.
    const bool unsafe = std::string_view("OFF").starts_with(mode) || std::string_view("MEMORY").starts_with(mode);
    if (unsafe) return;
    constexpr std::array<std::string_view, 4> safe{"DELETE", "TRUNCATE", "PERSIST", "WAL"};
    if (std::none_of(safe.begin(), safe.end(), [&](std::string_view word) { return word.starts_with(mode); }))
      throw malformed("the DSN parameter " + value.first + " takes delete, truncate, persist or wal");
    dsn.journal_mode = mode;
  } else if (name == "synchronous") {
    // May be raised above FULL, never lowered.
    const std::string level = upper(value.second);
    dsn.synchronous_extra = level == "EXTRA" || level == "3";
  } else {
    dsn.pragmas.emplace_back(name, value.second);
  }
}

// modernc's form: _pragma=name(value) or _pragma=name=value.
void add_go_pragma(SqliteDsn& dsn, const Parameter& parameter) {
  const std::string& text = parameter.second;
  const auto open = text.find_first_of("(=");
  if (open == std::string::npos) return;
  std::string value = text.substr(open + 1);
  if (text[open] == '(' && value.ends_with(')')) value.pop_back();
  add_pragma(dsn, lower(text.substr(0, open)), {parameter.first, value});
}

void apply(SqliteDsn& dsn, const Parameter& parameter) {
  // Not a structured binding: clang 14 captures none.
  const std::string& name = parameter.first;
  const std::string& value = parameter.second;
  const auto known = std::find_if(pragma_parameters.begin(), pragma_parameters.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (known != pragma_parameters.end() || name == "_journal") {
    const std::string pragma(name == "_journal" ? "journal_mode" : known->second);
    add_pragma(dsn, pragma, parameter);
  } else if (name == "_pragma") {
    add_go_pragma(dsn, parameter);
  } else if (name == "x-migrations-table") {
    dsn.table = value;
  } else if (name == "x-no-tx-wrap") {
    dsn.no_transaction = as_bool(parameter);
  } else if (name == "mode") {
    if (value == "memory")
      dsn.memory = true;
    else if (value == "ro")
      dsn.read_only = true;
    else if (value != "rw" && value != "rwc")
      throw malformed("the DSN parameter mode takes ro, rw, rwc or memory");
  } else if (name == "immutable") {
    dsn.read_only = dsn.read_only || as_bool(parameter);
    dsn.uri_parameters.push_back(parameter);
  } else if (name == "cache" || name == "nolock" || name == "vfs" || name == "psow") {
    dsn.uri_parameters.push_back(parameter);
  }
  // Everything else is for other drivers (_loc, _txlock, _time_format …) and ignored, as SQLite does.
}

// sqlite://user:secret@host/x.db: a path is shown to people, so this must never become one. Where a file is really
// called so, a path that begins with ./ or ../ says it.
void refuse_credentials(std::string_view name) {
  if (name.starts_with('.')) return;
  const auto colon = name.find(':');
  const bool user = colon != std::string_view::npos && name.find('@', colon) != std::string_view::npos;
  if (user || name.find("password=") != std::string_view::npos)
    throw malformed("a SQLite DSN names a file: it has no user, password or host");
}

// file:path, file:/path, file:///path; file://localhost/path. Any other authority is another machine's.
std::string path_of_file_uri(std::string_view uri) {
  uri.remove_prefix(5);
  uri = uri.substr(0, uri.find('#'));
  if (uri.starts_with("//")) {
    uri.remove_prefix(2);
    const auto slash = std::min(uri.find('/'), uri.size());
    if (const auto host = uri.substr(0, slash); !host.empty() && host != "localhost")
      throw malformed("a file: URI with a host cannot be opened");
    uri.remove_prefix(slash);
  }
  return decode(uri, false);
}

std::string_view without_scheme(std::string_view dsn) {
  for (std::string_view scheme : {"sqlite3:", "sqlite:"}) {
    if (lower(std::string(dsn.substr(0, scheme.size()))) != scheme) continue;
    dsn.remove_prefix(scheme.size());
    if (dsn.starts_with("//")) dsn.remove_prefix(2);
    break;
  }
  return dsn;
}

}  // namespace

SqliteDsn parse_sqlite_dsn(std::string_view text) {
  const std::string_view rest = without_scheme(text);
  const auto question = rest.find('?');
  const std::string_view name = rest.substr(0, question);
  if (name.find('\0') != std::string_view::npos) throw malformed("the DSN holds a NUL byte");
  refuse_credentials(name);
  SqliteDsn dsn;
  dsn.path = name.starts_with("file:") ? path_of_file_uri(name) : std::string(name);
  if (question != std::string_view::npos)
    for (const Parameter& parameter : split_query(rest.substr(question + 1))) apply(dsn, parameter);
  if (dsn.path == ":memory:" || dsn.path == "memory") dsn.memory = true;
  if (dsn.memory)
    dsn.path.clear();
  else if (dsn.path.empty())
    throw malformed("the SQLite DSN names no file");
  else if (dsn.path.ends_with('/'))
    throw malformed("the SQLite DSN names a directory, not a file");
  return dsn;
}

std::string SqliteDsn::uri(bool immutable) const {
  std::string result = memory ? "file::memory:" : "file:" + encode(path);
  // "file:" followed by "//" would start an authority.
  if (!memory && path.starts_with("//")) result = "file:" + encode(path.substr(path.find_first_not_of('/') - 1));
  char separator = '?';
  auto add = [&](std::string_view key, std::string_view value) {
    result += separator;
    result += encode(key) + "=" + encode(value);
    separator = '&';
  };
  if (read_only) add("mode", "ro");
  for (const auto& [key, value] : uri_parameters) add(key, value);
  if (immutable) add("immutable", "1");
  return result;
}

}  // namespace talos::sqlite
