// The plugin's note, from any bytes at all: nothing is read outside of them, and what is found is fit to be shown and
// to stand in a path.
#include <algorithm>
#include <cstring>

#include "dsn.hpp"
#include "fuzz.hpp"
#include "plugin_note.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace talos;
  using namespace talos::fuzz;
  std::size_t reads = 0;
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> bytes) {
    must(++reads < 100'000, "a crafted file does not keep us reading");
    if (offset > size || bytes.size() > size - offset) return false;
    std::memcpy(bytes.data(), data + offset, bytes.size());
    return true;
  };
  has_all_segments(read);
  const auto facts = read_plugin_note(read);
  if (!facts) return 0;
  must(is_plugin_word(facts->name), "a plugin's name can name a file");
  for (const std::string& text : {facts->abi_tag, facts->version, facts->schemes})
    must(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; }), "texts are printable");
  must(!facts->serves(""), "nothing serves an empty scheme");
  must(facts->serves(facts->schemes.substr(0, facts->schemes.find(' '))), "a plugin serves its first scheme");
  return 0;
}
