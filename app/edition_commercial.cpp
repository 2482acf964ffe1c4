#include "this_edition.hpp"

namespace talos::app {

constinit const Edition this_edition{
    "talos-commercial", "Talos (commercial)", {}, "", "",
};

}  // namespace talos::app
