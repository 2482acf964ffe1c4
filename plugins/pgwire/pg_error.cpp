#include "pg_error.hpp"

#include <array>
#include <cstdlib>

#include <libpq-fe.h>

namespace talos::pg {

namespace {

std::string field(const pg_result* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

bool ServerError::ends_connection() const {
  return sqlstate.empty() || severity == "FATAL" || severity == "PANIC" || sqlstate.starts_with("08");
}

ServerError server_error(const pg_result* result) {
  ServerError error;
  error.sqlstate = field(result, PG_DIAG_SQLSTATE);
  error.severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  error.message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  error.detail = field(result, PG_DIAG_MESSAGE_DETAIL);
  error.hint = field(result, PG_DIAG_MESSAGE_HINT);
  error.context = field(result, PG_DIAG_CONTEXT);
  error.internal_query = field(result, PG_DIAG_INTERNAL_QUERY);
  if (const std::string position = field(result, PG_DIAG_STATEMENT_POSITION); !position.empty())
    error.position = std::strtoull(position.c_str(), nullptr, 10);
  if (error.message.empty()) error.message = PQresultErrorMessage(result);
  while (!error.message.empty() && error.message.back() == '\n') error.message.pop_back();
  return error;
}

Error to_error(const ServerError& error, ErrorCode code) {
  std::string detail = error.detail;
  if (!error.internal_query.empty()) detail += (detail.empty() ? "" : "\n") + ("in the query: " + error.internal_query);
  if (!error.context.empty()) detail += (detail.empty() ? "" : "\n") + error.context;
  const bool plain = error.severity.empty() || error.severity == "ERROR";
  return Error(code, (plain ? "" : error.severity + ": ") + error.message)
      .with_native_code(error.sqlstate)
      .with_detail(std::move(detail))
      .with_hint(error.hint);
}

ErrorCode code_for(const ServerError& error) {
  if (error.ends_connection()) return ErrorCode::connection;
  // Disk full, read-only transactions of a standby, the server on its way down: not the statement's fault.
  for (const std::string_view state : {"53100", "53200", "53300", "57P01", "57P02", "57P03", "57P05", "58030", "25006"})
    if (error.is(state)) return ErrorCode::connection;
  return ErrorCode::statement;
}

std::size_t byte_of_character(std::string_view text, std::size_t position) {
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
    if (begins && ++characters == position) return at;
  }
  return text.size();
}

}  // namespace talos::pg
