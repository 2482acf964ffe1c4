// The extended protocol, as far as libpq and libpqxx need it: text in, text out, whole results.
#include <utility>

#include <libpq-fe.h>

#include "crdb_session.hpp"

namespace talos::test::crdb {

namespace {

using Kind = Statement::Kind;

bool has_plan(const Statement& statement) { return statement.kind == Kind::read || statement.kind == Kind::write; }

void text_only(Fields& fields) {
  for (std::int16_t count = fields.int16(); count > 0; --count)
    if (fields.int16() != 0) throw NotModelled("binary parameters or results");
}

std::string int16(std::size_t value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }

std::string int32(std::uint32_t value) { return int16(value >> 16U) + int16(value & 0xffffU); }

}  // namespace

// After an error nothing is done until Sync.
void Session::extended(const Message& message) {
  if (message.type == 'S') {
    skip_to_sync_ = false;
    executed_ = false;
    after_schema_change_ = false;
    wire_.describe(Wire::Describe::always);
    return wire_.ready(status());
  }
  if (skip_to_sync_ || message.type == 'H') return;
  try {
    extended_step(message);
  } catch (const SqlFailure& failure) {
    wire_.describe(Wire::Describe::always);
    fail(failure.error(), "message " + std::string(1, message.type));
    skip_to_sync_ = true;
  }
}

void Session::extended_step(const Message& message) {
  Fields fields(message.body);
  switch (message.type) {
    case 'P':
      return parse(fields);
    case 'B':
      return bind(fields);
    case 'D':
      return describe_one(fields);
    case 'E':
      return execute_portal(fields);
    case 'C': {
      const bool portal = fields.bytes(1) == "P";
      const std::string name = fields.text();
      if (portal)
        portals_.erase(name);
      else
        prepared_.erase(name);
      return wire_.send('3', "");
    }
    default:
      throw NotModelled("the protocol's message " + std::string(1, message.type));
  }
}

// aborted_txn@179b6e8: in an aborted transaction only what may end it is parsed.
void Session::parse(Fields& fields) {
  const std::string name = fields.text();
  const std::vector<std::string> statements = split(fields.text());
  if (statements.size() > 1)
    throw SqlFailure("42601",
                     "prepared statement had " + std::to_string(statements.size()) + " statements, expected 1");
  Prepared prepared{statements.empty() ? "" : statements[0], {}};
  for (std::int16_t count = fields.int16(); count > 0; --count)
    prepared.types.push_back(static_cast<std::uint32_t>(fields.int32()));
  if (phase_ == Phase::aborted && !prepared.sql.empty()) {
    const Kind kind = read_statement(prepared.sql, server_.profile()).kind;
    if (kind != Kind::rollback && kind != Kind::commit && kind != Kind::savepoint)
      throw SqlFailure("25P02", "current transaction is aborted, commands ignored until end of transaction block");
  }
  if (phase_ != Phase::aborted && !prepared.sql.empty()) judge_names(prepared);
  prepared_[name] = std::move(prepared);
  wire_.send('1', "");
}

// Names and types are looked up as it is parsed.
void Session::judge_names(const Prepared& prepared) {
  const Statement statement = read_statement(prepared.sql, server_.profile());
  if (has_plan(statement))
    backend_->describe(statement.render([this](const Statement::Place& place) { return rows(place); }), prepared.types);
}

Session::Prepared& Session::prepared(const std::string& name) {
  const auto found = prepared_.find(name);
  if (found == prepared_.end()) throw SqlFailure("26000", "prepared statement \"" + name + "\" does not exist");
  return found->second;
}

void Session::bind(Fields& fields) {
  const std::string portal = fields.text();
  Portal made{prepared(fields.text()), {}};
  text_only(fields);
  for (std::int16_t count = fields.int16(); count > 0; --count) {
    const std::int32_t size = fields.int32();
    made.values.push_back(size < 0 ? std::nullopt : std::optional(fields.bytes(static_cast<std::size_t>(size))));
  }
  text_only(fields);
  portals_[portal] = std::move(made);
  wire_.send('2', "");
}

// A portal's columns are told when it is executed, which comes next: the client cannot tell the difference.
void Session::describe_one(Fields& fields) {
  const bool portal = fields.bytes(1) == "P";
  const std::string name = fields.text();
  if (portal) return wire_.describe(Wire::Describe::once);
  const Prepared& described = prepared(name);
  const Statement statement = read_statement(described.sql, server_.profile());
  if (!has_plan(statement)) {
    if (statement.kind == Kind::command || statement.kind == Kind::show)
      throw NotModelled("Describe of a prepared " + described.sql);
    wire_.send('t', int16(0));
    return wire_.send('n', "");
  }
  const Result result = backend_->describe(
      statement.render([this](const Statement::Place& place) { return rows(place); }), described.types);
  std::string parameters = int16(static_cast<std::size_t>(PQnparams(result.get())));
  for (int i = 0; i < PQnparams(result.get()); ++i) parameters += int32(PQparamtype(result.get(), i));
  wire_.send('t', parameters);
  wire_.columns(result.get());
}

void Session::judge_portal(const Portal& portal) const {
  std::optional<Statement> statement;
  try {
    statement = read_statement(portal.prepared.sql, server_.profile());
  } catch (const SqlFailure&) {
    return;  // It will be refused as a statement.
  }
  if (executed_ && phase_ == Phase::none && !statement->ddl())
    throw NotModelled("several statements in an implicit transaction of the extended protocol");
  if (!has_plan(*statement) && !portal.values.empty()) throw NotModelled("parameters of " + portal.prepared.sql);
}

void Session::execute_portal(Fields& fields) {
  const auto found = portals_.find(fields.text());
  if (found == portals_.end()) throw SqlFailure("34000", "portal does not exist");
  if (fields.int32() != 0) throw NotModelled("Execute with a limit of rows");
  const Portal portal = found->second;
  if (portal.prepared.sql.empty()) return wire_.send('I', "");
  judge_portal(portal);
  executed_ = true;
  if (!wire_.describes_once()) wire_.describe(Wire::Describe::never);
  portal_ = &portal;
  int tries = 0;
  for (;;) {
    const std::size_t mark = wire_.pending();
    try {
      execute(portal.prepared.sql, true, true);
      break;
    } catch (const RetryFailure&) {
      if (in_explicit() || ++tries > 50) {
        portal_ = nullptr;
        throw;
      }
      wire_.forget(mark);
    } catch (...) {
      portal_ = nullptr;
      throw;
    }
  }
  portal_ = nullptr;
  wire_.describe(Wire::Describe::always);
}

}  // namespace talos::test::crdb
