// SDK. The one exception type that crosses the border between a plugin and the program.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace talos {

/// What went wrong, by what the caller can do about it. The program maps it to an exit status in one place.
enum class ErrorCode {
  usage,         ///< the call or a migration file is wrong; nothing was run (exit 2)
  statement,     ///< the database refused a statement of a migration (exit 1)
  policy,        ///< a rule of this program forbids it in this state (exit 1)
  unsupported,   ///< this plugin or server cannot do it (exit 1)
  dirty,         ///< the database is dirty and the command refuses for that (exit 3)
  lock_timeout,  ///< another runner held the lock until the deadline (exit 4)
  connection,    ///< cannot connect, log in, open, read or write the database or its lock file (exit 5)
  plugin,        ///< scheme refused, no such plugin, or the plugin is refused (exit 6)
  cancelled,     ///< Session::cancel() stopped it (exit 128+n)
  claim_lost,    ///< a compare-and-set on the tracker missed: another runner was first; re-read and re-plan
  busy,          ///< the claim or the database is locked by somebody else right now: wait, look and plan again
  lock_lost,     ///< our own lock or lease is gone: another may be at work; write nothing more (exit 1)
  internal,      ///< a defect, of the program or of a plugin (exit 1)
};

/// The code's own name, as JSON output has it.
constexpr std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return "usage";
    case ErrorCode::statement:
      return "statement";
    case ErrorCode::policy:
      return "policy";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::dirty:
      return "dirty";
    case ErrorCode::lock_timeout:
      return "lock_timeout";
    case ErrorCode::connection:
      return "connection";
    case ErrorCode::plugin:
      return "plugin";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::claim_lost:
      return "claim_lost";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::lock_lost:
      return "lock_lost";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

/// Every failure of the program and of a plugin. `what()` is one sentence that names the thing; it never holds a
/// password. The other members may be empty.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode error_code, const std::string& message) : std::runtime_error(message), code(error_code) {}

  ErrorCode code;
  std::string native_code;                ///< SQLSTATE, or the engine's own name and number of the error
  std::string detail;                     ///< what the server adds to the message
  std::string leftover;                   ///< what the failed statement left behind all the same: "the INVALID index i"
  std::string hint;                       ///< the next step, as a sentence or a command
  std::string file;                       ///< migration file, where there is one; filled by the program, not by plugins
  std::optional<std::size_t> offset;      ///< byte of the migration's text the error is at
  std::optional<std::size_t> statement;   ///< 1-based number of the failed statement; filled by the program
  std::optional<std::size_t> statements;  ///< how many statements the file has; filled by the program
  std::optional<std::size_t> line;        ///< 1-based; filled by the program from `offset`
  std::optional<std::size_t> column;      ///< 1-based, in bytes; filled by the program from `offset`
  std::string source_line;                ///< of the migration's text; filled by the program from `offset`

  /// The same error, told in other words.
  Error retold(const std::string& message) const {
    Error result(code, message);
    result.native_code = native_code;
    result.detail = detail;
    result.leftover = leftover;
    result.hint = hint;
    result.file = file;
    result.offset = offset;
    result.statement = statement;
    result.statements = statements;
    result.line = line;
    result.column = column;
    result.source_line = source_line;
    return result;
  }

  Error&& with_native_code(std::string text) && { return native_code = std::move(text), std::move(*this); }
  Error&& with_detail(std::string text) && { return detail = std::move(text), std::move(*this); }
  Error&& with_hint(std::string text) && { return hint = std::move(text), std::move(*this); }
  Error&& with_file(std::string text) && { return file = std::move(text), std::move(*this); }
  Error&& at(std::size_t byte) && { return offset = byte, std::move(*this); }
};

}  // namespace talos
