#include "crdb_profile.hpp"

#include <algorithm>

namespace talos::test {

namespace {

using Kind = CrdbVariable::Kind;

constexpr std::array<std::string_view, 5> names{"23.2", "24.3", "25.2", "26.1", "26.3"};
constexpr std::array<std::string_view, 5> releases{"v23.2.26", "v24.3.20", "v25.2.9", "v26.1.4", "v26.3.1"};

constexpr CrdbProfile first = CrdbProfile::v23_2;

// The releases are those of the table of versions that tests/crdb_double/README.md names.
constexpr std::array variables{
    CrdbVariable{"autocommit_before_ddl", CrdbProfile::v24_3, "off", CrdbProfile::v25_2, "on", Kind::boolean},
    CrdbVariable{"strict_ddl_atomicity", first, "off", first, "off", Kind::boolean},
    CrdbVariable{"sql_safe_updates", first, "off", first, "off", Kind::boolean},
    CrdbVariable{"enable_durable_locking_for_serializable", first, "off", first, "off", Kind::boolean},
    CrdbVariable{"enable_implicit_transaction_for_batch_statements", first, "on", first, "on", Kind::boolean},
    CrdbVariable{"allow_unsafe_internals", CrdbProfile::v26_1, "off", first, "off", Kind::boolean},
    CrdbVariable{"create_table_with_schema_locked", CrdbProfile::v26_1, "on", first, "on", Kind::boolean},
    CrdbVariable{"use_declarative_schema_changer", first, "on", first, "on", Kind::text},
    CrdbVariable{"transaction_timeout", first, "0", first, "0", Kind::text},
    CrdbVariable{"idle_in_session_timeout", first, "0", first, "0", Kind::text},
    CrdbVariable{"serial_normalization", first, "rowid", first, "rowid", Kind::text},
    CrdbVariable{"default_int_size", first, "8", first, "8", Kind::text},
    CrdbVariable{"server_version", first, "13.0.0", first, "13.0.0", Kind::read_only},
    CrdbVariable{"server_version_num", first, "130000", first, "130000", Kind::read_only},
    CrdbVariable{"crdb_version", first, "", first, "", Kind::read_only},
    CrdbVariable{"session_id", first, "", first, "", Kind::read_only},
};

constexpr std::array<std::string_view, 25> shared{"application_name",
                                                  "bytea_output",
                                                  "client_encoding",
                                                  "client_min_messages",
                                                  "datestyle",
                                                  "default_transaction_isolation",
                                                  "default_transaction_read_only",
                                                  "extra_float_digits",
                                                  "idle_in_transaction_session_timeout",
                                                  "integer_datetimes",
                                                  "intervalstyle",
                                                  "is_superuser",
                                                  "lock_timeout",
                                                  "max_index_keys",
                                                  "role",
                                                  "search_path",
                                                  "server_encoding",
                                                  "session_authorization",
                                                  "standard_conforming_strings",
                                                  "statement_timeout",
                                                  "synchronous_commit",
                                                  "timezone",
                                                  "transaction_isolation",
                                                  "transaction_read_only",
                                                  "row_security"};

std::size_t index(CrdbProfile profile) { return static_cast<std::size_t>(profile); }

}  // namespace

std::string_view profile_name(CrdbProfile profile) { return names[index(profile)]; }

std::optional<CrdbProfile> crdb_profile(std::string_view name) {
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return all_crdb_profiles[static_cast<std::size_t>(found - names.begin())];
}

std::string crdb_version(CrdbProfile profile) {
  return "CockroachDB CCL " + std::string(releases[index(profile)]) + " (x86_64-pc-linux-gnu, a test double)";
}

std::span<const CrdbVariable> crdb_variables() { return variables; }

const CrdbVariable* crdb_variable(CrdbProfile profile, std::string_view name) {
  const auto* const found = std::find_if(variables.begin(), variables.end(), [&](const CrdbVariable& variable) {
    return variable.name == name && variable.since <= profile;
  });
  return found == variables.end() ? nullptr : found;
}

std::string_view initial_value(const CrdbVariable& variable, CrdbProfile profile) {
  return profile >= variable.changed ? variable.later : variable.initially;
}

bool shared_variable(std::string_view name) { return std::find(shared.begin(), shared.end(), name) != shared.end(); }

}  // namespace talos::test
