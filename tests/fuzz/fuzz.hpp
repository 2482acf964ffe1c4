// What the fuzz targets share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "talos/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace talos::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What must hold for every input.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Everything that an error shows lacks `secret`.
inline void must_not_say(const Error& error, std::string_view secret) {
  for (const std::string_view said : {std::string_view(error.what()), std::string_view(error.detail),
                                      std::string_view(error.hint), std::string_view(error.native_code)})
    must(said.find(secret) == std::string_view::npos, "an error does not quote a secret");
}

/// Calls and lets nothing pass but talos::Error with one of the codes that a reader may have; true if it did not throw.
template <class Call>
bool reads(Call&& call) {
  try {
    call();
    return true;
  } catch (const Error& error) {
    must(error.code == ErrorCode::usage, "what cannot be read is a usage error");
    must(error.what()[0] != '\0', "an error has a message");
    return false;
  }
}

}  // namespace talos::fuzz
