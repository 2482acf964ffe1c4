// The ELF note that tells what a plugin is, read from the file without loading it (L1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace talos {

struct PluginFacts {
  std::uint32_t abi_version = 0;
  std::string abi_tag;
  std::string name;     ///< matches [a-z][a-z0-9-]*
  std::string version;  ///< printable
  std::string schemes;  ///< separated by one space

  bool serves(std::string_view scheme) const;
};

/// Fills `bytes` from `offset` of a file; false if it is not there.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> bytes)>;

/// Nothing if the file is no ELF object of this machine's kind or has no well-formed note.
std::optional<PluginFacts> read_plugin_note(const ReadAt& read);

/// False for a file cut short: the dynamic loader would map what is not there, and die of SIGBUS on it.
bool has_all_segments(const ReadAt& read);

/// From an open file.
ReadAt file_reader(int fd);

}  // namespace talos
