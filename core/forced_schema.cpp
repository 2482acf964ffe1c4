#include "forced_schema.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

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

// How the live schema differs from the one of `version`; nothing where that is not known.
std::optional<std::vector<std::string>> differences(Session& session, const MigrationSet& set, Version version) {
  auto* ability = session.ability<Introspection>();
  if (ability == nullptr) return std::nullopt;
  for (const auto& [at, print] : known_prints(set, ability->flavour()))
    if (at == version) return compare(print, print_of(read_schema(session)));
  return std::nullopt;
}

void insist(Session& session, const MigrationSet& set, Version version) {
  const auto found = differences(session, set, version);
  if (!found)
    throw Error(ErrorCode::unsupported,
                "--checked: nothing says what the schema is at version " + std::to_string(version))
        .with_hint(
            "make the file fingerprints with: migrate verify --write-fingerprints; or look with: migrate diagnose");
  if (!found->empty())
    throw Error(ErrorCode::policy, "the schema is not the one of version " + std::to_string(version) + " (--checked)")
        .with_detail(list_of(*found))
        .with_hint("- is missing, + should not be there, ~ is otherwise: see migrate diagnose");
}

// What cannot be compared keeps nobody from forcing: that is done when something is broken already.
void mention(Session& session, const MigrationSet& set, Version version, Reporter& reporter) {
  try {
    const auto found = differences(session, set, version);
    if (found && !found->empty())
      reporter.warning("the schema is not the one of version " + std::to_string(version) + ": " + found->front() +
                       (found->size() == 1 ? "" : " …") + "; see migrate diagnose");
  } catch (const Error& error) {
    if (error.code == ErrorCode::connection || error.code == ErrorCode::cancelled) throw;
    reporter.warning(std::string("the schema could not be compared with the version's: ") + error.what());
  }
}

}  // namespace

void compare_forced_schema(Session& session, const MigrationSet& set, Version version, bool checked,
                           Reporter& reporter) {
  if (checked)
    insist(session, set, version);
  else
    mention(session, set, version, reporter);
}

}  // namespace talos
