// SDK. An optional ability of a session: to describe the schema that the database has now, so that two of them can be
// compared, and shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "talos/driver.hpp"

namespace talos {

/// What a part of a schema is, as far as the program must know to judge a change of it.
enum class SchemaKind {
  table,
  view,  ///< also a materialized one
  primary_key,
  unique,  ///< a constraint or an index
  check,   ///< also an exclusion constraint: whatever may refuse a row and is none of the others
  foreign_key,
  index,
  trigger,
  routine,
  sequence,
  type,   ///< its columns are an enumeration's labels, or a composite's members
  other,  ///< an extension, a policy …
};

struct SchemaColumn {
  std::string name;
  std::string type;  ///< in one spelling: equal types are equal texts
  bool not_null = false;
  std::string default_value = {};  ///< the expression in one spelling; empty: none
  /// The engine gives it a value where a writer gives none: generated, identity, AUTO_INCREMENT.
  bool supplied = false;
  std::string attributes = {};  ///< whatever else changes its meaning: collation, the generating expression
  bool operator==(const SchemaColumn&) const = default;
};

/// One object. Names are unquoted, and qualified with their schema only outside of the session's own one. `kind`,
/// `table` and `name` together are unique; what has no name of its own is named by what it says ("(nid, key_id)").
struct SchemaObject {
  SchemaKind kind = SchemaKind::other;
  std::string table = {};  ///< that it belongs to; empty: it stands alone
  std::string name = {};
  std::string word = {};                   ///< what the dialect calls it: "materialized view", "unique index"
  std::string definition = {};             ///< the rest of it in one spelling; may have several lines
  std::vector<SchemaColumn> columns = {};  ///< of tables, views and types, in order
  std::vector<std::string> on = {};        ///< columns that a key, constraint or index is on; of an expression ""
  bool operator==(const SchemaObject&) const = default;
};

/// From the point of view of who wrote and read the old type.
enum class TypeChange {
  same,      ///< another spelling
  wider,     ///< every value of the old one is one of the new, and reads as before
  narrower,  ///< some values of the old one are none of the new
  other,     ///< neither is known
};

class Introspection : public Ability {
 public:
  static constexpr std::string_view id = "talos.introspection.1";

  /// Everything in the session's own schema but the program's own tables, and what the engine makes by itself; in any
  /// order. Two databases that the same statements made give the same answer, whatever their rows, owners, sizes,
  /// statistics, internal numbers and the names of the databases. Writes nothing.
  std::vector<SchemaObject> read_schema() {
    return detail::guarded("read_schema", [&] { return do_read_schema(); });
  }

  /// Between whose answers read_schema() may be compared: the engine, and its major release where spellings differ
  /// ("postgres-15").
  std::string flavour() const {
    return detail::guarded("flavour", [&] { return do_flavour(); });
  }

  /// Of two texts in SchemaColumn::type.
  TypeChange compare_types(std::string_view from, std::string_view to) const {
    return from == to ? TypeChange::same : detail::guarded("compare_types", [&] { return do_compare_types(from, to); });
  }

 private:
  virtual std::vector<SchemaObject> do_read_schema() = 0;
  virtual std::string do_flavour() const = 0;
  virtual TypeChange do_compare_types(std::string_view from, std::string_view to) const = 0;
};

}  // namespace talos
