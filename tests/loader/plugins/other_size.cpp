// Its descriptor is of another size than the program's: built for another SDK, whatever its ABI number says.
#include "driver.hpp"

namespace {
[[gnu::section(".note.talos"), gnu::used, gnu::aligned(4)]] constexpr talos::PluginNote note("other-size", "1",
                                                                                             "other-size");
}

extern "C" [[gnu::visibility("default"), gnu::used]] constinit const talos_plugin_descriptor talos_plugin_v1 = {
    sizeof(talos_plugin_descriptor) + sizeof(void*),
    talos::plugin_abi_version,
    talos::plugin_abi_tag.data,
    "other-size",
    "1",
    "other-size",
    talos_embedded_files,
    &talos_embedded_file_count,
    []() -> talos::Driver* { return std::make_unique<TestDriver>().release(); },
    [](talos::Driver* driver) { std::unique_ptr<talos::Driver>{driver}.reset(); },
};
