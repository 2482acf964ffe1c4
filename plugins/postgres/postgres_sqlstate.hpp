// The SQLSTATEs that our own guards raise. Only the guard's place in a message gives them their meaning: a migration
// may raise them too.
#pragma once

#include <string_view>

namespace talos::postgres::sqlstate {

inline constexpr std::string_view claim_lost = "TL001";
inline constexpr std::string_view busy = "TL002";
inline constexpr std::string_view lease_lost = "TL003";
/// Of what a bare statement leaves to do, something needs a closer look.
inline constexpr std::string_view unconfirmed = "TL004";

}  // namespace talos::postgres::sqlstate
