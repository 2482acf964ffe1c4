#include <doctest/doctest.h>

#include <optional>
#include <regex>

#include "kit.hpp"

namespace talos::conformance {
namespace {

std::string percent_encoded(std::string_view text) {
  std::string result;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += "0123456789ABCDEF"[byte >> 4];
    result += "0123456789ABCDEF"[byte & 15];
  }
  return result;
}

// No piece of five characters of the password, as it is or percent-encoded.
void check_hidden(const std::string& text, const std::string& password) {
  constexpr std::size_t piece = 5;
  INFO(text);
  for (std::size_t i = 0; i + piece <= password.size(); ++i) {
    const std::string part = password.substr(i, piece);
    CHECK(text.find(part) == std::string::npos);
    CHECK(text.find(percent_encoded(part)) == std::string::npos);
  }
}

// scheme://user:password@place/rest, or one of the parts that make the same DSN with another password.
struct UserInfoDsn {
  std::string before;  ///< scheme://user
  std::string place;   ///< host:port, net(address)
  std::string rest;    ///< from the / on

  std::string with(const std::string& password) const { return with(password, place, rest); }
  std::string with(const std::string& password, const std::string& where, const std::string& what) const {
    return before + ":" + password + "@" + where + what;
  }
  // At a port that nobody listens on, in the form of the original; also where parameters say the place.
  std::string unreachable_with(const std::string& password) const {
    static const std::regex host(R"(([?&]host)=[^&]*)"), port(R"(([?&]port)=[^&]*)");
    const std::string dead = place.find('(') == std::string::npos ? "127.0.0.1:1" : "tcp(127.0.0.1:1)";
    return with(password, dead, std::regex_replace(std::regex_replace(rest, host, "$1=127.0.0.1"), port, "$1=1"));
  }
};

std::optional<UserInfoDsn> user_info_dsn() {
  static const std::regex form(R"(^([a-z][a-z0-9+-]*://[^:/@?]+)(:[^?]*)?@([^/?@(]*(?:\([^)]*\))?)(.*)$)");
  std::smatch parts;
  if (!std::regex_match(target().dsn, parts, form)) return std::nullopt;
  return UserInfoDsn{parts[1], parts[3], parts[4]};
}

// The DSN with `password` in place of the value of its first parameter that is one.
std::optional<std::string> dsn_with_password_parameter(const std::string& password) {
  static const std::regex form(R"(^((?:.*[?&\s])?[a-z_]*(?:password|passwd|pwd)=)([^&\s]*)(.*)$)", std::regex::icase);
  std::smatch parts;
  if (!std::regex_match(target().dsn, parts, form)) return std::nullopt;
  return parts[1].str() + password + parts[3].str();
}

// No such database on a server; for a file, one below what is no directory.
std::string missing_database_dsn() {
  const std::string& dsn = target().dsn;
  const auto query = std::min(dsn.find('?'), dsn.size());
  const bool server = user_info_dsn() || dsn.find('(') < query;
  return dsn.substr(0, query) + (server ? "_missing_" : "/missing/") + random_text(8) + dsn.substr(query);
}

std::optional<Error> connect_error(const std::string& dsn) {
  ConnectRequest request = request_for(fresh_name(), Access::create);
  request.dsn = dsn;
  request.connect_timeout = std::chrono::milliseconds(5'000);
  try {
    target().plugin.driver().connect(request);
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

// describe() of a DSN, or what it says against it.
std::string description_of(const std::string& dsn) {
  try {
    return target().plugin.driver().describe(dsn);
  } catch (const Error& error) {
    CHECK(to_text(error.code) == "usage");
    return all_text_of(error);
  }
}

class OtherAbility : public Ability {
 public:
  static constexpr std::string_view id = "talos-plugin-conformance/none";
};

TEST_SUITE_BEGIN("connect");

TEST_CASE("A session says which database, server and table it is on") {
  const std::string table = fresh_name();
  const auto session = connect(table);
  const SessionInfo info = session->info();
  CHECK(info.table == table);
  CHECK(info.database == target().plugin.driver().describe(target().dsn));
  CHECK_FALSE(info.server.empty());
}

TEST_CASE("An ability that the plugin does not know is absent") {
  const auto session = connect(fresh_name());
  CHECK(session->ability<OtherAbility>() == nullptr);
}

TEST_CASE("A database that is not there is a connection error") {
  const auto error = connect_error(missing_database_dsn());
  REQUIRE(error.has_value());
  INFO(all_text_of(*error));
  CHECK(to_text(error->code) == "connection");
}

TEST_CASE("G18: describe() shows no password of the DSN's user") {
  const auto dsn = user_info_dsn();
  if (!dsn) return skip("the DSN is not of the form scheme://user:password@place");
  const std::string password = random_text(20);
  check_hidden(description_of(dsn->with(password)), password);
  check_hidden(description_of(dsn->with(percent_encoded(password))), password);
}

TEST_CASE("G18: describe() shows no password given as a parameter") {
  const std::string password = random_text(20);
  const auto dsn = dsn_with_password_parameter(password);
  if (!dsn) return skip("the DSN has no parameter for a password");
  check_hidden(description_of(*dsn), password);
  if (const auto error = connect_error(*dsn)) check_hidden(all_text_of(*error), password);
}

TEST_CASE("G18: a refused login is a connection error and shows no password") {
  const auto dsn = user_info_dsn();
  if (!dsn) return skip("the DSN is not of the form scheme://user:password@place");
  const std::string password = random_text(20);
  for (const std::string& form : {password, percent_encoded(password)}) {
    const auto error = connect_error(dsn->with(form));
    if (!error) return skip("this server lets the user in with any password");
    CHECK(to_text(error->code) == "connection");
    check_hidden(all_text_of(*error), password);
  }
}

TEST_CASE("G18: an unreachable server is a connection error and shows no password") {
  const auto dsn = user_info_dsn();
  if (!dsn) return skip("the DSN is not of the form scheme://user:password@place");
  const std::string password = random_text(20);
  const auto error = connect_error(dsn->unreachable_with(password));
  REQUIRE(error.has_value());
  CHECK(to_text(error->code) == "connection");
  check_hidden(all_text_of(*error), password);
}

TEST_CASE("G18: a DSN that cannot be read is refused without quoting it") {
  const auto dsn = user_info_dsn();
  if (!dsn) return skip("the DSN is not of the form scheme://user:password@place");
  const std::string password = random_text(20);
  for (const std::string& odd :
       {password + "@" + password, password + "%zz", password + "/" + password, "[" + password}) {
    const std::string broken = dsn->unreachable_with(odd);
    check_hidden(description_of(broken), password);
    if (const auto error = connect_error(broken)) check_hidden(all_text_of(*error), password);
  }
}

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
