#include "secrets.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <random>

namespace talos::test {

namespace fs = std::filesystem;

namespace {

std::mt19937_64& random_numbers() {
  static std::mt19937_64 numbers(test_seed("R7 secrets"));
  return numbers;
}

std::string random_password(std::string_view specials) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  auto any = [](std::string_view of) {
    return of[std::uniform_int_distribution<std::size_t>(0, of.size() - 1)(random_numbers())];
  };
  std::string password;
  for (int group = 0; group < 3; ++group) {
    for (int i = 0; i < 7; ++i) password += any(plain);
    if (!specials.empty() && group < 2) password += any(specials);
  }
  return password;
}

}  // namespace

std::string percent_encoded(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned int>(byte));
    result += std::isalnum(byte) != 0 ? std::string(1, c) : std::string(code.data());
  }
  return result;
}

std::string percent_decoded(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0) {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string base64(const std::string& text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i + 2 < text.size(); i += 3) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned int>(static_cast<unsigned char>(text[at])); };
    const unsigned int bits = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    for (const unsigned int shift : {18U, 12U, 6U, 0U}) result += digits[bits >> shift & 63U];
  }
  return result;
}

void Needles::add(const std::string& password) {
  const std::string encoded = percent_encoded(password);
  for (const std::string& form : {password, encoded, percent_decoded(password)}) add_pieces(form);
  // Wherever in a longer text it stands, its bytes fall into groups of three in one of three ways.
  for (const std::string& form : {password, encoded})
    for (std::size_t skipped = 0; skipped < 3; ++skipped) add_pieces(base64(form.substr(skipped)));
}

/// What of it the text holds; empty if nothing.
std::string Needles::found_in(std::string_view text) const {
  for (std::size_t i = 0; i + length_ <= text.size(); ++i)
    if (const auto piece = pieces_.find(std::string(text.substr(i, length_))); piece != pieces_.end()) return *piece;
  return {};
}

bool Needles::has_hexadecimal_piece() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const std::string& piece) {
    return piece.find_first_not_of("0123456789abcdef") == std::string::npos;
  });
}

void Needles::add_pieces(const std::string& form) {
  for (std::size_t i = 0; i + length_ <= form.size(); ++i) pieces_.insert(form.substr(i, length_));
}

std::string new_password(std::string_view specials) {
  for (;;) {
    std::string password = random_password(specials);
    if (!Needles(password).has_hexadecimal_piece()) return password;
  }
}

std::string search_files(const Needles& needles, const fs::path& directory) {
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().lexically_relative(directory).string();
    if (const auto piece = needles.found_in(name); !piece.empty()) return "file name " + name + ": " + piece;
    if (!entry.is_regular_file()) continue;
    if (const auto piece = needles.found_in(read_file(entry.path())); !piece.empty()) return name + ": " + piece;
  }
  return {};
}

std::string search(const Needles& needles, const ProcessResult& result, const fs::path& directory) {
  if (const auto piece = needles.found_in(result.out); !piece.empty()) return "stdout: " + piece;
  if (const auto piece = needles.found_in(result.err); !piece.empty()) return "stderr: " + piece;
  return search_files(needles, directory);
}

std::vector<std::string>& passwords_used() {
  static std::vector<std::string> list;
  return list;
}

std::string use_password(const std::string& specials) {
  passwords_used().push_back(new_password(specials));
  return passwords_used().back();
}

std::string command_line_of(const Process& process) {
  std::string text = read_file("/proc/" + std::to_string(process.pid()) + "/cmdline");
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

}  // namespace talos::test
