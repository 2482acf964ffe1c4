// A note, and nothing behind it.
#include "talos/plugin.hpp"

namespace {
[[gnu::section(".note.talos"), gnu::used, gnu::aligned(4)]] constexpr talos::PluginNote note("no-descriptor", "1",
                                                                                             "no-descriptor");
}
