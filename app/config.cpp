#include "config.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include <yaml-cpp/yaml.h>

#include "talos/error.hpp"

namespace talos::app {

namespace {

// Deeper nesting than any configuration has; yaml-cpp recurses per level.
constexpr std::size_t deepest = 200;

void refuse_deep_nesting(const std::string& text, const std::string& name) {
  std::size_t depth = 0;
  for (char c : text) {
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > deepest) throw Error(ErrorCode::usage, "--config " + name + ": nested too deeply");
  }
  std::size_t dashes = 0;
  for (char c : text) {
    dashes = c == '-' || c == '?' || c == ':' ? dashes + 1 : c == ' ' ? dashes : 0;
    if (dashes > deepest) throw Error(ErrorCode::usage, "--config " + name + ": nested too deeply");
  }
}

}  // namespace

Config parse_config(const std::string& text, const std::string& name) {
  refuse_deep_nesting(text, name);
  Config config;
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return config;
    if (!root.IsMap()) throw Error(ErrorCode::usage, "--config " + name + ": the file is not a YAML mapping");
    const YAML::Node db = root["db"];
    if (!db || db.IsNull()) return config;
    if (!db.IsMap()) throw Error(ErrorCode::usage, "--config " + name + ": db is not a mapping");
    const YAML::Node dsn = db["dsn"];
    if (!dsn || dsn.IsNull()) return config;
    if (!dsn.IsScalar()) throw Error(ErrorCode::usage, "--config " + name + ": db.dsn is not a text");
    config.dsn = dsn.Scalar();
  } catch (const YAML::Exception& error) {
    // Only the place: the parser's message may quote the text, and the text holds a password.
    throw Error(ErrorCode::usage,
                "--config " + name + ": not valid YAML" +
                    (error.mark.is_null() ? "" : " (line " + std::to_string(error.mark.line + 1) + ")"));
  }
  return config;
}

Config read_config(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  std::error_code ignored;
  if (!stream || std::filesystem::is_directory(file, ignored))
    throw Error(ErrorCode::usage, "--config: cannot read " + file.string() + ": " +
                                      std::generic_category().message(errno == 0 ? EISDIR : errno));
  return parse_config(text.str(), file.string());
}

}  // namespace talos::app
