#include "postgres_leftover.hpp"

#include <algorithm>

#include "pg_detach.hpp"
#include "pg_text.hpp"
#include "postgres_indexes.hpp"

namespace talos::postgres {

namespace {

struct PendingDetach {
  std::string parent;
  std::string partition;
};

std::string pending_detach_sql(const pg::QualifiedName& partition) {
  const std::string name =
      (partition.schema.empty() ? "" : pg::quoted_name(partition.schema) + ".") + pg::quoted_name(partition.name);
  return "SELECT inhrelid::pg_catalog.regclass::text AS name, inhparent::pg_catalog.regclass::text AS parent"
         " FROM pg_catalog.pg_inherits WHERE inhdetachpending AND inhrelid = pg_catalog.to_regclass(" +
         pg::literal(name) + ")";
}

// Names for SQL.
std::optional<PendingDetach> pending_detach(const pg::Ask& ask, const pg::QualifiedName& partition) {
  const auto answer = ask(pending_detach_sql(partition));
  if (answer.at(0).rows.empty()) return std::nullopt;
  const pg::Row& row = answer[0].rows[0];
  return PendingDetach{row.at(1).value_or(""), row.at(0).value_or("")};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// An index that the statement names is its own business, whoever left it invalid.
bool is_named(const pg::IndexTarget& target) {
  return !target.name.empty() && target.action != pg::IndexTarget::Action::reindex;
}

}  // namespace

LeftoverSearch::LeftoverSearch(std::string_view statement)
    : index_(pg::concurrent_index(statement)), partition_(pg::concurrent_detach(statement)) {}

std::string LeftoverSearch::before_sql() const {
  if (partition_) return pending_detach_sql(*partition_);
  return index_ && !is_named(*index_) ? invalid_indexes_sql(*index_) : "";
}

void LeftoverSearch::set_before(const pg::Table& answer) {
  for (const pg::Row& row : answer.rows) before_.push_back(row.at(0).value_or(""));
}

std::optional<Leftover> LeftoverSearch::find(const pg::Ask& ask) const {
  const auto was_there = [&](const std::string& name) {
    return std::find(before_.begin(), before_.end(), name) != before_.end();
  };
  if (partition_) {
    const auto pending = pending_detach(ask, *partition_);
    if (!pending || was_there(pending->partition)) return std::nullopt;
    return Leftover{"the partition " + pending->partition + " half detached",
                    "the partition " + pending->partition + " is half detached",
                    "ALTER TABLE " + pending->parent + " DETACH PARTITION " + pending->partition + " FINALIZE;"};
  }
  if (!index_) return std::nullopt;
  std::vector<std::string> invalid = invalid_indexes(ask, *index_);
  std::erase_if(invalid, was_there);
  if (invalid.empty()) return std::nullopt;
  const std::string names = joined(invalid);
  return Leftover{
      "the INVALID index " + names, "the index " + names + " is INVALID",
      "mend the cause, then: migrate resume (it drops the index first); or by hand: DROP INDEX CONCURRENTLY " + names +
          ";"};
}

std::string LeftoverSearch::found_sql() const {
  if (!possible()) return "false";
  std::string names;
  for (const std::string& name : before_) names += ", " + pg::literal(name);
  const std::string others = names.empty() ? "" : " WHERE name NOT IN (" + names.substr(2) + ")";
  return "EXISTS (SELECT 1 FROM (" + (partition_ ? pending_detach_sql(*partition_) : invalid_indexes_sql(*index_)) +
         ") AS talos" + others + ")";
}

}  // namespace talos::postgres
