// The edition this program was linked as: exactly one edition_*.cpp defines it.
#pragma once

#include "edition.hpp"

namespace talos::app {

extern const Edition this_edition;

}  // namespace talos::app
