// MySQL's and MariaDB's DSNs: what go-sql-driver, golang-migrate and URLs take, made into what a connection needs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "talos/error.hpp"

namespace talos::mysql {

struct MySqlDsn {
  enum class Network : std::uint8_t { tcp, unix_socket };
  /// How far TLS goes; `preferred` falls back to plain text, `required` trusts whoever answers.
  enum class Tls : std::uint8_t { off, preferred, required, verify };
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  Network network = Network::tcp;
  std::string host;                  ///< of tcp; an IPv6 address without its brackets
  std::uint16_t port = 3306;         ///< of tcp
  std::vector<std::string> sockets;  ///< of unix_socket: the first of them that exists
  std::string user;
  std::string password;
  /// As they stand in the DSN, for a second try on error 1045: golang-migrate decodes them, go-sql-driver does not.
  std::string user_raw;
  std::string password_raw;
  std::string database;  ///< never empty

  Tls tls = Tls::off;
  std::string tls_ca;  ///< files; empty: the system's
  std::string tls_cert;
  std::string tls_key;
  std::string server_public_key;  ///< file

  std::vector<std::string> charsets;  ///< the first of them that the client knows; empty: the plugin's own
  std::string collation;
  std::size_t max_allowed_packet = 0;  ///< 0: not given
  bool compress = false;
  bool local_infile = false;  ///< allowAllFiles
  Pairs connection_attributes;
  std::optional<std::chrono::milliseconds> connect_timeout;

  /// For SET name = value on every connection, as they are: names need no quotes, values are numbers, words or strings
  /// in quotes.
  Pairs settings;
  std::string table;                                           ///< x-migrations-table; not checked
  bool no_lock = false;                                        ///< x-no-lock
  bool no_transaction = false;                                 ///< x-no-tx-wrap
  std::optional<std::chrono::milliseconds> statement_timeout;  ///< x-statement-timeout
  std::string scheme;                                          ///< for describe()

  /// The DSN has another spelling of the user or the password than its decoded one.
  bool has_raw_spelling() const { return user != user_raw || password != password_raw; }
  /// For people: scheme, user, host and port or socket, database. Nothing else of the DSN.
  std::string describe() const;
};

/// Reads [user[:password]@][net[(address)]]/database[?parameters] behind an optional mysql:// or mariadb://, and the
/// URL form user:password@host:3306/database.
///
/// As in Go the last slash ends the address, the last @ before it the password, and the first colon the user: all
/// three, and ? # ; may stand raw in a password. User and password are decoded (%40, + is a blank) where there is a
/// scheme; parameters always are. A raw slash in a parameter is taken where only one reading makes sense. Names of
/// parameters are compared without case; of a repeated one the last counts.
///
/// Throws ErrorCode::usage, quoting no value.
MySqlDsn parse_mysql_dsn(std::string_view text, std::string_view scheme_for_display);

/// The same place, user and parameters with another database, whose name is letters, digits and _. `text` is one that
/// parse_mysql_dsn() takes.
std::string with_database(std::string_view text, std::string_view database);
/// With one more parameter, whose value needs no encoding.
std::string with_parameter(std::string dsn, std::string_view name, std::string_view value);

}  // namespace talos::mysql
