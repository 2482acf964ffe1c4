// SDK. How a shared object becomes a plugin: write a Driver and a Session (driver.hpp), and once, in one source file:
//
//   TALOS_PLUGIN(MyDriver, "mydb", "1.0.0", "mydb mydb-tls");
//
// with the plugin's name (its file is <name>.so), its version, and the DSN schemes it serves. Build it with CMake's
// talos_add_plugin(), which also embeds migrations. docs/plugins.md is the guide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "talos/driver.hpp"

namespace talos {

/// Raised by any change to a virtual class or a struct of the SDK.
inline constexpr std::uint32_t plugin_abi_version = 1;

namespace detail {

/// Text in a fixed array, so that it can stand in an ELF section.
template <std::size_t N>
struct FixedText {
  char data[N]{};
  constexpr explicit FixedText(std::string_view text) {
    if (text.size() >= N) throw "text too long for the plugin note";  // at compile time
    for (std::size_t i = 0; i < text.size(); ++i) data[i] = text[i];
  }
};

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool with_asan = true;
#elif defined(__has_feature)
inline constexpr bool with_asan = __has_feature(address_sanitizer);
#else
inline constexpr bool with_asan = false;
#endif
#if defined(__SANITIZE_THREAD__)
inline constexpr bool with_tsan = true;
#elif defined(__has_feature)
inline constexpr bool with_tsan = __has_feature(thread_sanitizer);
#else
inline constexpr bool with_tsan = false;
#endif
#ifdef _GLIBCXX_DEBUG
inline constexpr bool with_debug_containers = true;
#else
inline constexpr bool with_debug_containers = false;
#endif

constexpr FixedText<60> abi_tag() {
  FixedText<60> tag("");
  std::size_t length = 0;
  auto add = [&](std::string_view text) {
    for (char c : text) tag.data[length++] = c;
  };
  add("libstdc++6");
  add(_GLIBCXX_USE_CXX11_ABI != 0 ? "-cxx11" : "-cxx98");
  add(sizeof(void*) == 8 ? "-p64" : "-p32");
  if (with_debug_containers) add("-debug");
  if (with_asan) add("-asan");
  if (with_tsan) add("-tsan");
  return tag;
}

}  // namespace detail

/// C++ objects cross the border, so program and plugin must agree on these; compared as text.
inline constexpr detail::FixedText<60> plugin_abi_tag = detail::abi_tag();

/// The ELF note in section .note.talos: read and judged before the file is loaded, because loading already runs the
/// plugin's static constructors. Texts are NUL-padded.
struct PluginNote {
  std::uint32_t name_size = 6;
  std::uint32_t description_size = 0;
  std::uint32_t type = 1;
  char owner[8] = {'T', 'a', 'l', 'o', 's', 0, 0, 0};
  // The description:
  std::uint32_t abi_version = plugin_abi_version;
  detail::FixedText<60> abi_tag = plugin_abi_tag;
  detail::FixedText<32> name;
  detail::FixedText<32> version;
  detail::FixedText<128> schemes;  ///< separated by one space

  constexpr PluginNote(std::string_view plugin_name, std::string_view plugin_version, std::string_view plugin_schemes)
      : name(plugin_name), version(plugin_version), schemes(plugin_schemes) {
    description_size = sizeof(PluginNote) - offsetof(PluginNote, abi_version);
  }
};
static_assert(sizeof(PluginNote) == 20 + 4 + 60 + 32 + 32 + 128, "the note has no padding");

}  // namespace talos

extern "C" {

/// What the program finds under the symbol `talos_plugin_v1`. Must say the same as the note.
struct talos_plugin_descriptor {
  std::uint32_t struct_size;  ///< sizeof(talos_plugin_descriptor) at the plugin's build
  std::uint32_t abi_version;
  const char* abi_tag;
  const char* name;
  const char* version;
  const char* schemes;                    ///< separated by one space
  const talos::EmbeddedFile* migrations;  ///< the embedded set, in any order
  const std::size_t* migration_count;     ///< 0: the plugin has none
  talos::Driver* (*create)();             ///< owned by the caller, given back to destroy()
  void (*destroy)(talos::Driver* driver);
};

/// Defined by talos_add_plugin() from the plugin's MIGRATIONS.
extern const talos::EmbeddedFile talos_embedded_files[];
extern const std::size_t talos_embedded_file_count;
}

/// Makes `DriverClass` the plugin of this shared object. `PluginName` matches [a-z][a-z0-9-]*; `PluginSchemes` are
/// lower-case, separated by one space. Once per plugin, outside any namespace.
#define TALOS_PLUGIN(DriverClass, PluginName, PluginVersion, PluginSchemes)                                        \
  namespace {                                                                                                      \
  [[gnu::section(".note.talos"), gnu::used,                                                                        \
    gnu::aligned(4)]] constexpr talos::PluginNote talos_plugin_note(PluginName, PluginVersion, PluginSchemes);     \
  }                                                                                                                \
  extern "C" [[gnu::visibility("default"), gnu::used]] constinit const talos_plugin_descriptor talos_plugin_v1 = { \
      sizeof(talos_plugin_descriptor),                                                                             \
      talos::plugin_abi_version,                                                                                   \
      talos::plugin_abi_tag.data,                                                                                  \
      PluginName,                                                                                                  \
      PluginVersion,                                                                                               \
      PluginSchemes,                                                                                               \
      talos_embedded_files,                                                                                        \
      &talos_embedded_file_count,                                                                                  \
      []() -> talos::Driver* { return std::make_unique<DriverClass>().release(); },                                \
      [](talos::Driver* driver) { std::unique_ptr<talos::Driver>{driver}.reset(); },                               \
  }
