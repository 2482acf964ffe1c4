// What a session lends to its abilities.
#include "mysql_session.hpp"
#include "mysql_text.hpp"

namespace talos::mysql {

DumpSource MySqlSession::dump_source() {
  look_for_tables();
  DumpSource source{endpoint_, server_.mariadb, {}};
  const std::string& table = tables_->table();
  // Not the lock's: who holds that elsewhere holds nothing in a copy.
  if (existing_.tracker) source.own_tables.push_back(table);
  if (existing_.log) source.own_tables.push_back(table + "_log");
  if (existing_.journal) source.own_tables.push_back(table + "_journal");
  return source;
}

std::string MySqlSession::fill(std::string_view from, std::string_view table, const std::string& to) const {
  ConnectRequest request;
  request.dsn = from;
  request.table = table;
  request.runner = runner_;
  request.connect_timeout = connect_timeout_;
  request.stall_timeout = stall_timeout_;
  request.stop = stop_;
  MySqlSession source(parse_mysql_dsn(from, dsn_.scheme), request);
  if (source.server_.mariadb != server_.mariadb)
    throw Error(ErrorCode::usage, source.dsn_.describe() + " is on " + source.server_.name() +
                                      ", which cannot be copied to " + server_.name())
        .with_hint("let --scratch name a server of the same kind");
  Endpoint endpoint = endpoint_;
  endpoint.database = to;
  Connection loader(endpoint, connect_timeout_, stop_);
  copy_schema(source.dump_source(), loader, patiently(), [this] { check_stop(); });
  return source.tables_->table();
}

std::unique_ptr<Connection> MySqlSession::connect_like_worker() const {
  auto connection = connect();
  for (const std::string& setting : worker_settings()) {
    const Reply reply = connection->send(setting, patiently());
    if (reply.error) throw Error(to_error(*reply.error, ErrorCode::connection));
  }
  return connection;
}

void MySqlSession::check_stop() const {
  if (stop_requested()) throw Error(ErrorCode::cancelled, "stopped");
}

}  // namespace talos::mysql
