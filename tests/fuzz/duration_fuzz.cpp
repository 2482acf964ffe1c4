// Durations of the command line.
#include "duration.hpp"

#include <string>
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos::fuzz;
  using namespace std::chrono;
  const std::string_view text = text_of(data, size);
  const auto duration = talos::app::parse_duration(text);
  if (!duration) return 0;
  must(duration->count() >= 0 && *duration <= hours(24 * 366 * 100), "a duration is between nothing and a century");
  must(!text.empty() && text.find_first_not_of("0123456789.nuµsmh") == std::string_view::npos, "only units and digits");
  must(!talos::app::format_duration(*duration).empty(), "a duration can be shown");
  // Said again in milliseconds it is the same.
  must(talos::app::parse_duration(std::to_string(duration->count()) + "ms") == duration, "a duration is what it says");
  return 0;
}
