// The `-- talos:` lines at a file's head (G9).
#include <algorithm>

#include "fuzz.hpp"
#include "script.hpp"

namespace {

// In any case of letters, as a slip may write it.
bool says_talos(std::string_view text) {
  constexpr std::string_view name = "talos";
  return std::search(text.begin(), text.end(), name.begin(), name.end(),
                     [](char a, char b) { return (a | 0x20) == b; }) != text.end();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos;
  using namespace talos::fuzz;
  const std::string_view text = text_of(data, size);
  const bool mentioned = text.find("talos:") != std::string_view::npos;
  try {
    const Directives found = parse_directives(text);
    must(mentioned || (!found.no_transaction && found.breaking.empty() && found.verify.empty()),
         "a directive is written in the file");
    for (const std::string& argument : {found.breaking, found.verify})
      must(text.find(argument) != std::string_view::npos && argument.find('\n') == std::string::npos,
           "an argument is a piece of one line");
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage && says_talos(text), "only a directive is refused");
    must(error.offset && *error.offset < size && text.substr(*error.offset).starts_with("--"),
         "an error points at the comment");
  }
  return 0;
}
