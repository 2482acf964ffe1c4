// The objects of a schema, out of the answers of a catalogue of PostgreSQL's kind.
#pragma once

#include <vector>

#include "pg_connection.hpp"
#include "talos/introspection.hpp"

namespace talos::pg {

/// In the order of these members; what each answer's columns are is said beside it. A list of names within a column is
/// separated by U+0001. NULL is as good as empty.
struct SchemaAnswers {
  Table relations;      ///< name, relkind, what it is beside its columns, storage parameters, a view's query
  Table columns;        ///< relation, name, type, not null, default, identity, generated, attributes, storage; in order
  Table constraints;    ///< table, name, contype, definition, validated, columns
  Table indexes;        ///< table, name, unique, definition, its beginning, valid, columns
  Table triggers;       ///< table, name, definition, its beginning, when it fires
  Table routines;       ///< name with argument types, what it is called, the rest
  Table types;          ///< name, typtype, definition
  Table labels;         ///< of enumerations: type, label; in order
  Table sequences;      ///< name, definition
  Table others;         ///< table or empty, what it is called, name, definition
  Table comments = {};  ///< table or empty, of what, text
};

std::vector<SchemaObject> schema_objects(const SchemaAnswers& answers);

}  // namespace talos::pg
