#include "mysql_dsn.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace talos::mysql {

namespace {

using Parameter = std::pair<std::string, std::string>;
constexpr std::size_t npos = std::string_view::npos;

constexpr std::string_view encode_hint =
    "in front of the last / percent-encode % (%25) and + (%2B) in a password; behind it / is %2F, ? is %3F, & is %26 "
    "and @ is %40";

Error malformed(const std::string& message) {
  return Error(ErrorCode::usage, message)
      .with_hint(
          "use mysql://user:password@tcp(host:3306)/database?tls=true, mysql://user:password@host:3306/database or "
          "mysql://user:password@unix(/path/to/mysqld.sock)/database");
}

Error unencoded(const std::string& message) {
  return Error(ErrorCode::usage, message).with_hint(std::string(encode_hint));
}

// --- Characters. Own functions: those of <cctype> depend on the locale.

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < ' ' || byte == 0x7f;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != npos; }

template <class Predicate>
bool all_of(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<char> hex_byte(std::string_view digits) {
  unsigned int byte = 0;
  if (digits.size() != 2 || std::from_chars(digits.data(), digits.data() + 2, byte, 16).ptr != digits.data() + 2)
    return std::nullopt;
  return static_cast<char>(byte);
}

// A percent sign that begins no escape is itself.
std::string decode_bytes(std::string_view text, bool plus_is_blank) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' ? hex_byte(text.substr(i + 1, 2)) : std::nullopt;
    result += byte ? *byte : plus_is_blank && text[i] == '+' ? ' ' : text[i];
    if (byte) i += 2;
  }
  return result;
}

std::string decode(std::string_view text, bool plus_is_blank) {
  std::string result = decode_bytes(text, plus_is_blank);
  if (std::any_of(result.begin(), result.end(), is_control)) throw malformed("the DSN holds a control character");
  return result;
}

// --- Values.

bool is_bool(std::string_view value, bool wanted) {
  constexpr std::array<std::string_view, 4> yes{"1", "true", "yes", "on"};
  constexpr std::array<std::string_view, 5> no{"0", "false", "no", "off", ""};
  return wanted ? contains(yes, lower(value)) : contains(no, lower(value));
}

bool as_bool(const Parameter& parameter) {
  const bool yes = is_bool(parameter.second, true);
  if (!yes && !is_bool(parameter.second, false))
    throw malformed("the DSN parameter " + parameter.first + " takes true or false");
  return yes;
}

template <class Number>
std::optional<Number> as_number(std::string_view text) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Go's 10s, 1m30s, 1.5s, 500ms: rounded up to milliseconds.
std::optional<std::chrono::milliseconds> as_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 8> units{{{"ns", 1e-6},
                                                                      {"us", 1e-3},
                                                                      {"\xC2\xB5s", 1e-3},
                                                                      {"\xCE\xBCs", 1e-3},
                                                                      {"ms", 1},
                                                                      {"s", 1e3},
                                                                      {"m", 60e3},
                                                                      {"h", 3600e3}}};
  constexpr double longest = 24 * 3600e3;
  double total = 0;
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    double number = 0;
    const char* const end = text.data() + digits;
    const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (error != std::errc() || stop != end) return std::nullopt;
    text.remove_prefix(digits);
    const auto* const unit =
        std::find_if(units.begin(), units.end(), [&](const auto& u) { return text.starts_with(u.first); });
    if (unit == units.end()) return std::nullopt;
    total += number * unit->second;
    text.remove_prefix(unit->first.size());
    if (total > longest) return std::nullopt;
  }
  auto whole = static_cast<std::int64_t>(total);
  if (static_cast<double>(whole) < total) ++whole;
  return std::chrono::milliseconds(whole);
}

// --- What parameters there are.

// Of Go's driver and of pools, without meaning here. Timeouts for reading are left out on purpose: the server goes on
// with a schema change that its client gave up. Found rows must never be counted for changed ones (M1).
constexpr std::array<std::string_view, 22> ignored{"readtimeout",
                                                   "writetimeout",
                                                   "clientfoundrows",
                                                   "multistatements",
                                                   "parsetime",
                                                   "loc",
                                                   "timetruncate",
                                                   "interpolateparams",
                                                   "columnswithalias",
                                                   "checkconnliveness",
                                                   "allownativepasswords",
                                                   "allowoldpasswords",
                                                   "allowcleartextpasswords",
                                                   "allowfallbacktoplaintext",
                                                   "rejectreadonly",
                                                   "enableparsetime",
                                                   "max_conns",
                                                   "max_idle_conns",
                                                   "max_open_conns",
                                                   "max_conn_lifetime",
                                                   "max_conn_idle_time",
                                                   "max_conn_idletime"};

bool is_plain_word(std::string_view name) {
  return !name.empty() && name.size() <= 40 &&
         all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; });
}

bool is_setting(std::string_view name) {
  return !name.empty() && name.size() <= 64 && (is_letter(name[0]) || name[0] == '_') &&
         all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.'; });
}

// One string in quotes, and nothing behind it, however the server reads backslashes.
bool is_quoted(std::string_view value) {
  if (value.size() < 2 || (value[0] != '\'' && value[0] != '"') || has(value, "\\")) return false;
  std::size_t i = 1;
  for (; i < value.size(); ++i) {
    if (value[i] != value[0]) continue;
    if (i + 1 == value.size()) return true;
    if (value[++i] != value[0]) return false;
  }
  return false;
}

bool is_setting_value(std::string_view value) {
  if (value.empty() || has(value, ";")) return false;
  std::string_view number = value;
  if (number[0] == '-') number.remove_prefix(1);
  const bool numeric = !number.empty() && is_digit(number[0]) && is_digit(number.back()) &&
                       std::count(number.begin(), number.end(), '.') <= 1 &&
                       all_of(number, [](char c) { return is_digit(c) || c == '.'; });
  const bool word = all_of(value, [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
  return numeric || word || is_quoted(value);
}

class Reader {
 public:
  explicit Reader(MySqlDsn& dsn) : dsn_(dsn) {}

  /// Of a repeated one the last counts.
  void take(const Parameter& written) {
    const Parameter parameter{lower(written.first), written.second};
    if (contains(ignored, parameter.first) || take_plain(parameter) || take_tls(parameter) || take_own(parameter))
      return;
    if (parameter.first.starts_with("x-") && is_plain_word(parameter.first)) return;  // golang-migrate's, of others
    take_setting(written);
  }

  void finish() {
    if (custom_tls_ && dsn_.tls_ca.empty())
      throw malformed("the DSN parameter tls takes true, false, skip-verify or preferred, or a name with x-tls-ca");
    if (custom_tls_) dsn_.tls = MySqlDsn::Tls::verify;
    if (dsn_.tls == MySqlDsn::Tls::verify && no_verify_) dsn_.tls = MySqlDsn::Tls::required;
    if (dsn_.tls_cert.empty() != dsn_.tls_key.empty())
      throw malformed("the DSN has one of x-tls-cert and x-tls-key without the other");
  }

 private:
  bool take_plain(const Parameter& parameter) {
    // Not a structured binding: clang 14 captures none.
    const std::string& name = parameter.first;
    const std::string& value = parameter.second;
    if (name == "timeout") {
      const auto timeout = as_duration(value);
      if (!timeout) throw malformed("the DSN parameter timeout takes a duration such as 10s, at most 24h");
      dsn_.connect_timeout = timeout->count() > 0 ? timeout : std::nullopt;
    } else if (name == "charset") {
      take_charsets(value);
    } else if (name == "collation") {
      dsn_.collation = checked_word(parameter);
    } else if (name == "maxallowedpacket") {
      const auto size = as_number<std::uint32_t>(value);
      if (!size || *size > std::numeric_limits<std::int32_t>::max())
        throw malformed("the DSN parameter maxAllowedPacket takes a number of bytes");
      dsn_.max_allowed_packet = *size;
    } else if (name == "compress") {
      dsn_.compress = as_bool(parameter);
    } else if (name == "allowallfiles") {
      dsn_.local_infile = as_bool(parameter);
    } else if (name == "serverpubkey") {
      dsn_.server_public_key = value;
    } else if (name == "connectionattributes") {
      take_attributes(value);
    } else {
      return false;
    }
    return true;
  }

  bool take_tls(const Parameter& parameter) {
    const std::string& name = parameter.first;
    if (name == "tls")
      take_tls_mode(parameter.second);
    else if (name == "ssl-mode" || name == "ssl_mode" || name == "sslmode")
      take_ssl_mode(parameter);
    else if (name == "x-tls-ca")
      dsn_.tls_ca = parameter.second;
    else if (name == "x-tls-cert")
      dsn_.tls_cert = parameter.second;
    else if (name == "x-tls-key")
      dsn_.tls_key = parameter.second;
    else if (name == "x-tls-insecure-skip-verify")
      no_verify_ = as_bool(parameter);
    else
      return false;
    return true;
  }

  // Any other word is the name of a configuration that golang-migrate makes of the parameters x-tls-….
  void take_tls_mode(const std::string& value) {
    using Tls = MySqlDsn::Tls;
    const std::string mode = lower(value);
    custom_tls_ = false;
    if (is_bool(mode, true))
      dsn_.tls = Tls::verify;
    else if (is_bool(mode, false))
      dsn_.tls = Tls::off;
    else if (mode == "skip-verify")
      dsn_.tls = Tls::required;
    else if (mode == "preferred")
      dsn_.tls = Tls::preferred;
    else
      custom_tls_ = true;
  }

  // Of MySQL's own clients, and of hosting services' URLs.
  void take_ssl_mode(const Parameter& parameter) {
    using Tls = MySqlDsn::Tls;
    constexpr std::array<std::pair<std::string_view, Tls>, 5> modes{{{"disabled", Tls::off},
                                                                     {"preferred", Tls::preferred},
                                                                     {"required", Tls::required},
                                                                     {"verify_ca", Tls::verify},
                                                                     {"verify_identity", Tls::verify}}};
    const std::string mode = lower(parameter.second);
    const auto* const found = std::find_if(modes.begin(), modes.end(), [&](const auto& m) { return m.first == mode; });
    if (found == modes.end())
      throw malformed("the DSN parameter " + parameter.first +
                      " takes one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY");
    dsn_.tls = found->second;
  }

  bool take_own(const Parameter& parameter) {
    const std::string& name = parameter.first;
    if (name == "x-migrations-table") {
      dsn_.table = parameter.second;
    } else if (name == "x-no-lock") {
      dsn_.no_lock = as_bool(parameter);
    } else if (name == "x-no-tx-wrap") {
      dsn_.no_transaction = as_bool(parameter);
    } else if (name == "x-statement-timeout") {
      const auto number = as_number<std::int32_t>(parameter.second);
      if (!number || *number < 0) throw malformed("the DSN parameter " + name + " takes a number of milliseconds");
      dsn_.statement_timeout = std::chrono::milliseconds(*number);
    } else {
      return false;
    }
    return true;
  }

  void take_setting(const Parameter& parameter) {
    if (!is_setting(parameter.first)) {
      if (is_plain_word(parameter.first)) throw malformed("the DSN parameter " + parameter.first + " is unknown");
      throw unencoded("the DSN holds a parameter whose name is not a word");
    }
    if (!is_setting_value(parameter.second))
      throw malformed("the DSN parameter " + parameter.first +
                      " is taken for a system variable: its value must be a number, a word or a string in quotes");
    const std::string name = lower(parameter.first);
    std::erase_if(dsn_.settings, [&](const Parameter& other) { return lower(other.first) == name; });
    dsn_.settings.push_back(parameter);
  }

  void take_charsets(const std::string& value) {
    dsn_.charsets.clear();
    for (const std::string_view charset : split(value, ','))
      if (!charset.empty()) dsn_.charsets.push_back(checked_word({"charset", std::string(charset)}));
  }

  // name:value,name:value
  void take_attributes(const std::string& value) {
    dsn_.connection_attributes.clear();
    for (const std::string_view item : split(value, ',')) {
      const std::size_t colon = std::min(item.find(':'), item.size());
      if (colon == 0) continue;
      dsn_.connection_attributes.emplace_back(item.substr(0, colon), item.substr(std::min(colon + 1, item.size())));
    }
  }

  static std::string checked_word(const Parameter& parameter) {
    const auto is_part = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
    if (!all_of(parameter.second, is_part))
      throw malformed("the DSN parameter " + parameter.first + " takes the name of a " + parameter.first);
    return parameter.second;
  }

  MySqlDsn& dsn_;
  bool custom_tls_ = false;
  bool no_verify_ = false;
};

// --- The place.

bool is_host(std::string_view host) {
  return !host.empty() && all_of(host, [](char c) {
    return is_letter(c) || is_digit(c) || has("._-", {&c, 1}) || static_cast<unsigned char>(c) >= 0x80;
  });
}

bool is_address(std::string_view host) {
  return !host.empty() && all_of(host, [](char c) { return is_letter(c) || is_digit(c) || has(".:%_-", {&c, 1}); });
}

// host, host:port, [v6], [v6]:port, :port
bool take_host(std::string_view text, MySqlDsn& dsn) {
  std::string_view host = text.substr(0, text.find(':'));
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == npos || !is_address(text.substr(1, close - 1))) return false;
    host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
  } else {
    if (!host.empty() && !is_host(host)) return false;
    text.remove_prefix(host.size());
  }
  if (!text.empty() && text[0] != ':') return false;
  if (text.size() > 1) {
    const auto port = as_number<std::uint16_t>(text.substr(1));
    if (!port || *port == 0) return false;
    dsn.port = *port;
  }
  dsn.host = host.empty() ? "127.0.0.1" : std::string(host);
  return true;
}

bool take_socket(std::string_view path, MySqlDsn& dsn) {
  dsn.network = MySqlDsn::Network::unix_socket;
  // Go's default, and where Debian has it.
  dsn.sockets = {"/tmp/mysql.sock", "/run/mysqld/mysqld.sock"};
  if (!path.empty()) dsn.sockets = {std::string(path)};
  return path.empty() || path[0] == '/';
}

// net, net(address) or host:port
bool take_place(std::string_view text, MySqlDsn& dsn) {
  const auto open = text.find('(');
  const std::string_view net = text.substr(0, open);
  std::string_view address;
  if (open != npos) {
    if (!text.ends_with(')')) return false;
    address = text.substr(open + 1, text.size() - open - 2);
  }
  if (net == "unix") return take_socket(address, dsn);
  if (net.empty() || net == "tcp" || net == "tcp4" || net == "tcp6") return take_host(address, dsn);
  return open == npos && take_host(text, dsn);
}

// In front of the database's slash: [user[:password]@][net[(address)]].
bool take_left(std::string_view text, bool decoded, MySqlDsn& dsn) {
  const auto at = text.rfind('@');
  if (!take_place(at == npos ? text : text.substr(at + 1), dsn)) return false;
  if (at == npos) return true;
  const std::string_view credentials = text.substr(0, at);
  const auto colon = credentials.find(':');
  dsn.user_raw = credentials.substr(0, colon);
  if (colon != npos) dsn.password_raw = credentials.substr(colon + 1);
  dsn.user = decoded ? decode_bytes(dsn.user_raw, true) : dsn.user_raw;
  dsn.password = decoded ? decode_bytes(dsn.password_raw, true) : dsn.password_raw;
  // What nobody can be called, or have as a password, was not encoded.
  if (std::any_of(dsn.user.begin(), dsn.user.end(), is_control)) dsn.user = dsn.user_raw;
  if (has(dsn.password, std::string_view("\0", 1))) dsn.password = dsn.password_raw;
  return true;
}

// The slash before the database: the last one, unless what is left of that is no address; then it lies in a parameter,
// x-tls-ca=/etc/ca.pem, and a question mark stands before it.
std::size_t take_place_and_user(std::string_view text, bool decoded, MySqlDsn& dsn) {
  const MySqlDsn empty = dsn;
  const std::size_t last = text.rfind('/');
  if (last == npos) throw malformed("the DSN has no / in front of a database");
  for (std::size_t slash = last;; slash = text.rfind('/', slash - 1)) {
    const bool in_parameter = has(text.substr(slash, last - slash), "?");
    if ((slash == last || in_parameter) && take_left(text.substr(0, slash), decoded, dsn)) return slash;
    dsn = empty;
    if (slash == 0 || text.rfind('/', slash - 1) == npos) throw unencoded("the DSN's address cannot be read");
  }
}

// Only our own: user://… may as well be a user and his password.
std::string_view without_scheme(std::string_view text, bool& has_scheme) {
  const auto end = text.find("://");
  const std::string scheme = lower(text.substr(0, end));
  has_scheme = end != npos && (scheme == "mysql" || scheme == "mariadb");
  return has_scheme ? text.substr(end + 3) : text;
}

void take_database(std::string_view text, MySqlDsn& dsn) {
  // It may as well end a password, and what stands before it be a piece of that.
  if (has(text, "@")) throw unencoded("it is not clear where the DSN's password ends");
  dsn.database = decode(text, false);
  if (dsn.database.empty()) throw malformed("the DSN names no database");
}

std::size_t begin_of_database(std::string_view text) {
  MySqlDsn dsn;
  bool has_scheme = false;
  const std::string_view place = without_scheme(text, has_scheme);
  return text.size() - place.size() + take_place_and_user(place, has_scheme, dsn) + 1;
}

void take_parameters(std::string_view text, Reader& reader) {
  for (const std::string_view item : split(text, '&')) {
    if (item.empty()) continue;
    const auto equals = item.find('=');
    if (equals == npos) throw unencoded("a parameter of the DSN has no value");
    reader.take({decode(item.substr(0, equals), true), decode(item.substr(equals + 1), true)});
  }
}

}  // namespace

std::string MySqlDsn::describe() const {
  std::string result = scheme + "://";
  // user%3Apassword is somebody's mistake in encoding.
  if (!user.empty()) result += (has(user, ":") ? "***" : user) + "@";
  if (network == Network::unix_socket)
    result += "unix(" + sockets.front() + ")";
  else
    result += (has(host, ":") ? "[" + host + "]" : host) + ":" + std::to_string(port);
  return result + "/" + database;
}

MySqlDsn parse_mysql_dsn(std::string_view text, std::string_view scheme_for_display) {
  if (std::any_of(text.begin(), text.end(), is_control)) throw malformed("the DSN holds a control character");
  MySqlDsn dsn;
  dsn.scheme = scheme_for_display;
  bool has_scheme = false;
  text = without_scheme(text, has_scheme);
  const std::string_view right = text.substr(take_place_and_user(text, has_scheme, dsn) + 1);
  const auto question = right.find('?');
  take_database(right.substr(0, question), dsn);
  Reader reader(dsn);
  if (question != npos) take_parameters(right.substr(question + 1), reader);
  reader.finish();
  return dsn;
}

std::string with_database(std::string_view text, std::string_view database) {
  const std::size_t begin = begin_of_database(text);
  const std::size_t end = std::min(text.find('?', begin), text.size());
  return std::string(text.substr(0, begin)).append(database).append(text.substr(end));
}

std::string with_parameter(std::string dsn, std::string_view name, std::string_view value) {
  dsn += dsn.find('?', begin_of_database(dsn)) == npos ? '?' : '&';
  return dsn.append(name).append(1, '=').append(value);
}

}  // namespace talos::mysql
