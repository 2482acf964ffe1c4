// How the plugins connect: what they tell libpq beside the DSN, and what they tell the user when it fails.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "pg_connection.hpp"
#include "pg_dsn.hpp"
#include "talos/driver.hpp"

namespace talos::pg {

/// The DSN's, and ours where it says nothing: our name, UTF-8, a dead peer noticed even where no answer is due.
Parameters connection_parameters(const PgDsn& dsn, const ConnectRequest& request);

/// Of several hosts, and of several addresses of a host, the one that `connection` has come to.
Parameters parameters_to(const Connection& connection, Parameters parameters);

/// As libpq reads them from one text.
std::string conninfo(const Parameters& parameters);

/// Throws ErrorCode::connection naming the database, with a hint; ErrorCode::cancelled on `stop`.
std::unique_ptr<Connection> connect(const Parameters& parameters, const PgDsn& dsn, std::chrono::milliseconds timeout,
                                    const std::atomic<bool>* stop);

}  // namespace talos::pg
