// Random passwords, and the search for them in all that a program printed or left behind (R7, T4).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "harness.hpp"

namespace talos::test {

constexpr std::size_t piece_length = 5;

std::string percent_encoded(const std::string& text);
std::string percent_decoded(const std::string& text);
std::string base64(const std::string& text);

/// Everything that gives a password away.
class Needles {
 public:
  explicit Needles(const std::string& password) { add(password); }
  /// For many passwords at once the pieces must be longer: among so many some of five turn up by accident.
  explicit Needles(std::size_t length) : length_(length) {}

  void add(const std::string& password);

  /// What of it the text holds; empty if nothing.
  std::string found_in(std::string_view text) const;

  bool has_hexadecimal_piece() const;

 private:
  void add_pieces(const std::string& form);

  std::size_t length_ = piece_length;
  std::unordered_set<std::string> pieces_;
};

/// Random letters and digits with characters between them that DSNs must encode, never two of those together. No piece
/// of it, encoded or not, may be hexadecimal: among the checksums that a database stores one of five digits turns up by
/// accident.
std::string new_password(std::string_view specials = "@:/%#&+' ");

/// A new one, remembered.
std::string use_password(const std::string& specials);
std::vector<std::string>& passwords_used();

/// Where a piece of it is, and which; empty if nowhere.
std::string search_files(const Needles& needles, const std::filesystem::path& directory);
std::string search(const Needles& needles, const ProcessResult& result, const std::filesystem::path& directory);

/// As everybody on the machine sees it, with blanks between the words.
std::string command_line_of(const Process& process);

}  // namespace talos::test
