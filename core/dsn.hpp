// A data source name: the user's string with its secrets, its scheme, and a form that is safe to show.
#pragma once

#include <string>
#include <string_view>

namespace talos {

/// Holds the DSN so that it cannot be printed by accident: only `reveal()` gives it, for a plugin.
class Dsn {
 public:
  /// Finds the scheme, lower-cased. A text without one belongs to `file_scheme` (the scheme whose databases are plain
  /// files) if it is `:memory:` or a plain `*.db` name (G19); otherwise throws ErrorCode::usage with the accepted
  /// forms, quoting nothing of the text. A trailing line end is trimmed.
  static Dsn parse(std::string text, std::string_view file_scheme);

  const std::string& scheme() const { return scheme_; }
  /// `<scheme>://***`
  std::string masked() const { return scheme_ + "://***"; }
  /// The whole text with its password. For Driver::describe() and Driver::connect() only.
  std::string_view reveal() const { return text_; }

 private:
  Dsn(std::string text, std::string scheme) : text_(std::move(text)), scheme_(std::move(scheme)) {}
  std::string text_;
  std::string scheme_;
};

/// [a-z][a-z0-9-]*: what a scheme or a plugin's name may be. Nothing else ever becomes part of a path.
bool is_plugin_word(std::string_view text);

}  // namespace talos
