#include "pg_runner.hpp"

#include <charconv>
#include <random>

namespace talos::pg {

std::string application_name(const Runner& runner) {
  // The server cuts it at 63 bytes: the host's end is what can be missed.
  return runner.program + " " + std::to_string(runner.pid) + "@" + runner.host;
}

std::optional<LockHolder> runner_behind(const std::string& application_name) {
  const auto at = application_name.rfind('@');
  if (!application_name.starts_with("talos") || at == std::string::npos) return std::nullopt;
  const auto blank = application_name.rfind(' ', at);
  if (blank == std::string::npos) return std::nullopt;
  LockHolder holder;
  const char* const digits = application_name.data() + blank + 1;
  const auto parsed = std::from_chars(digits, application_name.data() + at, holder.pid);
  if (parsed.ec != std::errc() || parsed.ptr != application_name.data() + at) return std::nullopt;
  holder.host = application_name.substr(at + 1);
  return holder;
}

std::string random_owner(const Runner& runner) {
  std::random_device device;
  std::string text = std::to_string(runner.pid);
  for (int i = 0; i < 4; ++i) text += "-" + std::to_string(device());
  return text;
}

}  // namespace talos::pg
