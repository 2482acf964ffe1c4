// The releases of CockroachDB that the double can be, and what differs between them.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace talos::test {

enum class CrdbProfile { v23_2, v24_3, v25_2, v26_1, v26_3 };

inline constexpr std::array all_crdb_profiles{CrdbProfile::v23_2, CrdbProfile::v24_3, CrdbProfile::v25_2,
                                              CrdbProfile::v26_1, CrdbProfile::v26_3};

/// "23.2"; SHOW CLUSTER SETTING version says the same.
std::string_view profile_name(CrdbProfile profile);
std::optional<CrdbProfile> crdb_profile(std::string_view name);

/// What version(), crdb_version and the ParameterStatus say.
std::string crdb_version(CrdbProfile profile);

/// A session variable that CockroachDB has and PostgreSQL lacks, or that the double keeps itself.
struct CrdbVariable {
  std::string_view name;
  CrdbProfile since;
  std::string_view initially;
  CrdbProfile changed;  ///< from here on it begins as `later`
  std::string_view later;
  enum class Kind { boolean, text, read_only } kind;
};

/// Those of that release, or none of that name; the name is in lower case.
const CrdbVariable* crdb_variable(CrdbProfile profile, std::string_view name);
std::span<const CrdbVariable> crdb_variables();
std::string_view initial_value(const CrdbVariable& variable, CrdbProfile profile);

/// Both have it, and PostgreSQL's answer will do.
bool shared_variable(std::string_view name);

}  // namespace talos::test
