// The storage URL of a backup, which may hold secrets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "talos/error.hpp"

namespace talos::cockroach {

class StorageUrl {
 public:
  /// Throws ErrorCode::usage for what is none, a file's path above all.
  explicit StorageUrl(const std::string& text);

  const std::string& text() const { return text_; }
  /// Somebody else's text without the URL, the values of its parameters, and its user and password.
  std::string redacted(std::string text) const;
  Error redacted(Error error) const;

 private:
  std::string text_;
  std::vector<std::string> secrets_;  ///< the longest first
};

/// Where in its collection the server put a backup, by the description of its job: "2026/11/26-101500.25"; empty where
/// that does not say.
std::string find_backup_path(std::string_view description);

}  // namespace talos::cockroach
