// The YAML configuration. It holds a DSN: no message may quote it.
#include <algorithm>
#include <string>

#include "config.hpp"
#include "fuzz.hpp"

namespace {

constexpr std::string_view secret = "hunter2secret";

void check(const std::string& text) {
  try {
    talos::app::parse_config(text, "config.yml");
  } catch (const talos::Error& error) {
    talos::fuzz::must(error.code == talos::ErrorCode::usage, "a bad configuration is a usage error");
    talos::fuzz::must_not_say(error, secret);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(talos::fuzz::text_of(data, size));
  check(text);
  // Where a value stands, and in the middle of anything.
  for (const auto at : {text.find("dsn:"), text.find(": "), size / 2}) {
    if (at >= size) continue;
    check(std::string(text).insert(std::min(at + 5, size), secret));
  }
  return 0;
}
