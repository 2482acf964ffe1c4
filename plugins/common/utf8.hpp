// UTF-8 as servers demand it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "talos/error.hpp"

namespace talos::common {

/// The length of the UTF-8 sequence at `at`, or 0.
inline std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  if (first < 0xE0) return follows(1) ? 2 : 0;
  if (!follows(1) || !follows(2)) return 0;
  if (first < 0xF0) return (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ? 0 : 3;
  if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
  return follows(3) ? 4 : 0;
}

/// One past the ASCII bytes that start at `at`, eight at a time as far as that goes.
inline std::size_t skip_ascii(std::string_view text, std::size_t at) {
  while (at + sizeof(std::uint64_t) <= text.size()) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    if ((bytes & 0x8080808080808080U) != 0) break;
    at += sizeof bytes;
  }
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0x80U) == 0) ++at;
  return at;
}

/// Throws ErrorCode::usage with the offset of the first NUL or of the first byte that is no UTF-8.
inline void require_utf8(std::string_view text) {
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    throw Error(ErrorCode::usage, "the file holds a NUL byte").at(nul);
  for (std::size_t at = skip_ascii(text, 0); at < text.size(); at = skip_ascii(text, at)) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) throw Error(ErrorCode::usage, "the file is not UTF-8 here").at(at);
    at += length;
  }
}

/// With a question mark for each byte that is no UTF-8, or NUL.
inline std::string valid_utf8(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = text[at] == '\0' ? 0 : utf8_length(text, at);
    result += length == 0 ? "?" : text.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  return result;
}

}  // namespace talos::common
