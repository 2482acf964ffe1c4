#pragma once

#include <string>
#include <string_view>

namespace talos {

/// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace talos
