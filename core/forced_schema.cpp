#include "forced_schema.hpp"

#include <algorithm>
#include <string>

#include "diagnose.hpp"
#include "introspect.hpp"

namespace talos {

namespace {

std::string list_of(const std::vector<std::string>& lines) {
  constexpr std::size_t most = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), most); ++i) text += (i == 0 ? "" : "\n") + lines[i];
  if (lines.size() > most) text += "\n… and " + std::to_string(lines.size() - most) + " more";
  return text;
}

}  // namespace

void compare_forced_schema(Session& session, const MigrationSet& set, Version version, bool checked,
                           Reporter& reporter) {
  auto* ability = session.ability<Introspection>();
  const SchemaPrints prints = ability != nullptr ? known_prints(set, ability->flavour()) : SchemaPrints{};
  const auto wanted =
      std::find_if(prints.begin(), prints.end(), [&](const auto& entry) { return entry.first == version; });
  if (wanted == prints.end()) {
    if (!checked) return;
    throw Error(ErrorCode::unsupported,
                "--checked: nothing says what the schema is at version " + std::to_string(version))
        .with_hint(
            "make the file fingerprints with: migrate verify --write-fingerprints; or look with: migrate diagnose");
  }
  const SchemaPrint live = print_of(read_schema(session));
  if (live.whole == wanted->second.whole) return;
  const std::string message = "the schema is not the one of version " + std::to_string(version);
  const std::string differences = list_of(compare(wanted->second, live));
  if (checked)
    throw Error(ErrorCode::policy, message + " (--checked)")
        .with_detail(differences)
        .with_hint("- is missing, + should not be there, ~ is otherwise: see migrate diagnose");
  reporter.warning(message + ": " + differences.substr(0, differences.find('\n')) +
                   (differences.find('\n') == std::string::npos ? "" : " …") + "; see migrate diagnose");
}

}  // namespace talos
