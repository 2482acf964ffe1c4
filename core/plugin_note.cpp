#include "plugin_note.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include <elf.h>
#include <unistd.h>

#include "dsn.hpp"
#include "talos/plugin.hpp"

namespace talos {

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t this_machine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr std::uint16_t this_machine = EM_PPC64;
#elif defined(__s390x__)
constexpr std::uint16_t this_machine = EM_S390;
#endif
constexpr unsigned char this_order = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

// What a well-made file stays far below; a crafted one must not make us read for long.
constexpr std::uint16_t most_segments = 256;
constexpr std::uint64_t largest_notes = 64 * 1024;

template <class T>
bool read_value(const ReadAt& read, std::uint64_t offset, T& value) {
  return read(offset, std::as_writable_bytes(std::span(&value, 1)));
}

// A NUL-padded text; nothing if it fills its array or has bytes that a terminal must not get.
template <std::size_t N>
std::optional<std::string> text_of(const detail::FixedText<N>& field) {
  const char* const end = std::find(field.data, field.data + N, '\0');
  if (end == field.data + N) return std::nullopt;
  std::string text(field.data, end);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; })) return std::nullopt;
  return text;
}

bool are_schemes(std::string_view list) {
  while (true) {
    const auto space = list.find(' ');
    if (!is_plugin_word(list.substr(0, space))) return false;
    if (space == std::string_view::npos) return true;
    list.remove_prefix(space + 1);
  }
}

std::optional<PluginFacts> facts_of(const PluginNote& note) {
  const auto tag = text_of(note.abi_tag);
  const auto name = text_of(note.name);
  const auto version = text_of(note.version);
  const auto schemes = text_of(note.schemes);
  if (!tag || !name || !version || !schemes || !is_plugin_word(*name) || !are_schemes(*schemes)) return std::nullopt;
  return PluginFacts{note.abi_version, *tag, *name, *version, *schemes};
}

// The notes of one segment: a header of three words, the owner's name, the description, each padded to 4 bytes.
std::optional<PluginFacts> search_notes(const ReadAt& read, std::uint64_t begin, std::uint64_t size) {
  constexpr std::uint64_t header_size = 12;
  const PluginNote wanted("x", "x", "x");
  auto padded = [](std::uint64_t length) { return (length + 3) & ~std::uint64_t{3}; };
  for (std::uint64_t at = 0; at + header_size <= size;) {
    Elf64_Nhdr header{};
    if (!read_value(read, begin + at, header)) return std::nullopt;
    const std::uint64_t length = header_size + padded(header.n_namesz) + padded(header.n_descsz);
    if (length > size - at) return std::nullopt;
    if (header.n_namesz == wanted.name_size && header.n_descsz == wanted.description_size &&
        header.n_type == wanted.type) {
      PluginNote note = wanted;
      if (!read_value(read, begin + at, note)) return std::nullopt;
      if (std::memcmp(note.owner, wanted.owner, sizeof note.owner) == 0) return facts_of(note);
    }
    at += length;
  }
  return std::nullopt;
}

bool is_shared_object(const Elf64_Ehdr& header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_ident[EI_DATA] == this_order && header.e_type == ET_DYN && header.e_machine == this_machine &&
         header.e_phentsize == sizeof(Elf64_Phdr) && header.e_phnum <= most_segments;
}

std::optional<std::vector<Elf64_Phdr>> read_segments(const ReadAt& read) {
  Elf64_Ehdr header{};
  if (!read_value(read, 0, header) || !is_shared_object(header)) return std::nullopt;
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  for (std::size_t i = 0; i < segments.size(); ++i)
    if (!read_value(read, header.e_phoff + i * sizeof segments[i], segments[i])) return std::nullopt;
  return segments;
}

}  // namespace

bool PluginFacts::serves(std::string_view scheme) const {
  const std::string list = ' ' + schemes + ' ';
  return list.find(' ' + std::string(scheme) + ' ') != std::string::npos;
}

std::optional<PluginFacts> read_plugin_note(const ReadAt& read) {
  const auto segments = read_segments(read);
  if (!segments) return std::nullopt;
  for (const Elf64_Phdr& segment : *segments) {
    if (segment.p_type != PT_NOTE || segment.p_filesz > largest_notes) continue;
    if (auto facts = search_notes(read, segment.p_offset, segment.p_filesz)) return facts;
  }
  return std::nullopt;
}

bool has_all_segments(const ReadAt& read) {
  const auto segments = read_segments(read);
  return segments && std::all_of(segments->begin(), segments->end(), [&](const Elf64_Phdr& segment) {
           if (segment.p_type != PT_LOAD || segment.p_filesz == 0) return true;
           const std::uint64_t last = segment.p_offset + (segment.p_filesz - 1);
           std::byte byte{};
           return last >= segment.p_offset && read_value(read, last, byte);
         });
}

ReadAt file_reader(int fd) {
  return [fd](std::uint64_t offset, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      offset += static_cast<std::uint64_t>(got);
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
    return true;
  };
}

}  // namespace talos
