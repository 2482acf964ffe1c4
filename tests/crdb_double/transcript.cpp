#include "transcript.hpp"

#include <array>
#include <stdexcept>

#include <libpq-fe.h>

namespace talos::test {

namespace {

// libpq's trace quotes texts: C "22012" M "division by zero".
std::string quoted_after(const std::string& line, const std::string& mark) {
  const auto begin = line.find(mark + "\"");
  if (begin == std::string::npos) return "";
  const auto text = begin + mark.size() + 1;
  return line.substr(text, line.find('"', text) - text);
}

std::string brief(const std::string& type, const std::string& rest) {
  if (type == "CommandComplete") return quoted_after(rest, " ");
  if (type == "ErrorResponse") return "error " + quoted_after(rest, " C ");
  if (type == "NoticeResponse") return "notice " + quoted_after(rest, " M ");
  if (type == "DataRow") return "row";
  if (type == "ReadyForQuery") return rest.substr(rest.find_first_not_of(' '));
  if (type == "ParameterStatus") {
    const std::string name = quoted_after(rest, " ");
    return name + "=" + quoted_after(rest, " \"" + name + "\" ");
  }
  return "";
}

}  // namespace

Transcript::Transcript(const std::string& libpq_dsn) : trace_(std::tmpfile()), client_(libpq_dsn) {
  if (!trace_) throw std::runtime_error("tmpfile");
  PQtrace(client_.raw(), trace_.get());
  PQsetTraceFlags(client_.raw(), PQTRACE_SUPPRESS_TIMESTAMPS);
}

std::vector<std::string> Transcript::run(const std::string& sql) {
  std::fflush(trace_.get());
  const long before = std::ftell(trace_.get());
  try {
    client_.run(sql);
  } catch (const PgFailure&) {
    // It is in the trace.
  }
  std::fflush(trace_.get());
  std::fseek(trace_.get(), before, SEEK_SET);
  std::vector<std::string> messages;
  std::array<char, 65536> line;
  while (std::fgets(line.data(), static_cast<int>(line.size()), trace_.get()) != nullptr) {
    const std::string text(line.data());
    // Direction, length, type, contents.
    const auto length = text.find('\t');
    const auto type = text.find('\t', length + 1);
    const auto rest = text.find('\t', type + 1);
    if (!text.starts_with("B\t") || rest == std::string::npos) continue;
    std::string contents = text.substr(rest + 1);
    while (!contents.empty() && contents.back() == '\n') contents.pop_back();
    std::string message = brief(text.substr(type + 1, rest - type - 1), contents);
    if (!message.empty()) messages.push_back(std::move(message));
  }
  std::fseek(trace_.get(), 0, SEEK_END);
  return messages;
}

}  // namespace talos::test
