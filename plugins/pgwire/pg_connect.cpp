#include "pg_connect.hpp"

#include <algorithm>
#include <utility>

#include "pg_runner.hpp"
#include "pg_text.hpp"

namespace talos::pg {

namespace {

void set_default(Parameters& parameters, const std::string& key, const std::string& value) {
  const bool given =
      std::any_of(parameters.begin(), parameters.end(), [&](const auto& one) { return one.first == key; });
  if (!given) parameters.emplace_back(key, value);
}

std::string hint_for(const std::string& message) {
  if (message.find("password") != std::string::npos || message.find("authentication") != std::string::npos)
    return "check the user and the password of the DSN, and the server's pg_hba.conf";
  if (message.find("does not exist") != std::string::npos)
    return "migrations go into an existing database: create it first";
  if (message.find("SSL") != std::string::npos || message.find("certificate") != std::string::npos)
    return "check the DSN's sslmode, sslrootcert, sslcert and sslkey";
  return "see that the server runs and that the DSN names its host and port; --wait keeps trying";
}

}  // namespace

Parameters connection_parameters(const PgDsn& dsn, const ConnectRequest& request) {
  Parameters parameters = dsn.parameters;
  // Migrations are UTF-8 whatever the database is.
  std::erase_if(parameters, [](const auto& one) { return one.first == "client_encoding"; });
  set_default(parameters, "application_name", application_name(request.runner));
  set_default(parameters, "client_encoding", "UTF8");
  set_default(parameters, "keepalives_idle", "30");
  set_default(parameters, "keepalives_interval", "10");
  set_default(parameters, "keepalives_count", "3");
  if (request.stall_timeout.count() > 0) set_default(parameters, "tcp_user_timeout", setting(request.stall_timeout));
  return parameters;
}

Parameters parameters_to(const Connection& connection, Parameters parameters) {
  std::erase_if(parameters, [](const auto& one) {
    return one.first == "host" || one.first == "hostaddr" || one.first == "port" ||
           one.first == "target_session_attrs" || one.first == "load_balance_hosts";
  });
  for (auto& one : connection.place()) parameters.push_back(std::move(one));
  return parameters;
}

std::string conninfo(const Parameters& parameters) {
  std::string text;
  for (const auto& [key, value] : parameters) {
    text += (text.empty() ? "" : " ") + key + "=";
    if (!value.empty() && value.find_first_of(" \t\r\n'\\") == std::string::npos) {
      text += value;
      continue;
    }
    text += '\'';
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

std::unique_ptr<Connection> connect(const Parameters& parameters, const PgDsn& dsn, std::chrono::milliseconds timeout,
                                    const std::atomic<bool>* stop) {
  try {
    return std::make_unique<Connection>(parameters, timeout, stop);
  } catch (const Error& error) {
    if (error.code != ErrorCode::connection) throw;
    throw Error(ErrorCode::connection, "cannot connect to " + dsn.describe() + ": " + error.what())
        .with_native_code(error.native_code)
        .with_hint(hint_for(error.what()));
  }
}

}  // namespace talos::pg
