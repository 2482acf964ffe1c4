// A schema as a value: in one order, as text for people, as a fingerprint, and what lies between two of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "talos/introspection.hpp"

namespace talos {

class Schema {
 public:
  Schema() = default;
  explicit Schema(std::vector<SchemaObject> objects);

  /// Tables first, each followed by what belongs to it; by kind and name.
  const std::vector<SchemaObject>& objects() const { return objects_; }
  const SchemaObject* find(SchemaKind kind, std::string_view table, std::string_view name) const;
  const SchemaObject* find_same(const SchemaObject& object) const {
    return find(object.kind, object.table, object.name);
  }
  bool operator==(const Schema&) const = default;

 private:
  std::vector<SchemaObject> objects_;
};

/// "table keys", "unique index keys_name on keys"
std::string display_name(const SchemaObject& object);
/// A line for the object and one for each of its columns; the same for equal objects, and for no others.
std::string text_of(const SchemaObject& object);
/// All of it, for people and for diff.
std::string text_of(const Schema& schema);
/// 64 lower-case hexadecimal digits: equal for equal schemas.
std::string fingerprint(const SchemaObject& object);
std::string fingerprint(const Schema& schema);

/// One object that is not the same on both sides. Pointers into the schemas that were compared.
struct SchemaChange {
  const SchemaObject* before = nullptr;  ///< null: it is new
  const SchemaObject* after = nullptr;   ///< null: it is gone
  const SchemaObject& object() const { return after != nullptr ? *after : *before; }
};

/// In the order of objects(), those that are gone first. What belongs to a table that is new or gone is left out.
std::vector<SchemaChange> compare(const Schema& before, const Schema& after);

/// "+ column keys.owner: text", "- table keys", "~ column keys.id: integer → bigint", in lines.
std::vector<std::string> describe(const SchemaChange& change);
std::vector<std::string> describe(const std::vector<SchemaChange>& changes);

}  // namespace talos
