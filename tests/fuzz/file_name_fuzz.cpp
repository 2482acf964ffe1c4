// Names of migration files.
#include <string>

#include "fuzz.hpp"
#include "migration_source.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos;
  using namespace talos::fuzz;
  const std::string_view name = text_of(data, size);
  reads([&] {
    const auto parsed = parse_file_name(name);
    if (!parsed) return;
    must(parsed->version >= 0, "a version is not negative");
    must(
        parsed->title.data() >= name.data() && parsed->title.data() + parsed->title.size() <= name.data() + name.size(),
        "a title is a part of the name");
    const std::string end = "_" + std::string(parsed->title) + "." + std::string(to_string(parsed->direction)) + ".sql";
    must(name.ends_with(end), "a name is VERSION_TITLE.DIRECTION.sql");
    const std::string_view digits = name.substr(0, name.size() - end.size());
    must(!digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos, "a version is digits");
    must(std::stoll(std::string(digits)) == parsed->version, "a version is the number that stands there");
  });
  return 0;
}
