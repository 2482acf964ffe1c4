// The questions that describe a schema to the catalogue: what each answer's columns are is said beside each.
#pragma once

#include <string>

namespace talos::postgres {

/// Single SELECTs without a semicolon. Members of extensions and what the server makes for another object are left out.
/// A list of names within a column is separated by U+0001.
class Catalogue {
 public:
  /// `own_tables`: an SQL array of names that are left out, with all that belongs to them. `major`: the server's.
  Catalogue(const std::string& schema, std::string own_tables, int major);

  std::string relations() const;  ///< name, relkind, what it is beside its columns, storage parameters, a view's query
  std::string columns() const;    ///< relation, name, type, not null, default, identity, generated, attributes, storage
  std::string constraints() const;  ///< table, name, contype, definition, validated, columns
  std::string indexes() const;      ///< table, name, unique, definition, its beginning, valid, columns
  std::string triggers() const;     ///< table, name, definition, its beginning, when it fires
  std::string routines() const;     ///< name with argument types, what it is called, the rest
  std::string types() const;        ///< name, typtype, definition
  std::string labels() const;       ///< of enumerations: type, label
  std::string sequences() const;    ///< name, definition; none that belongs to a column
  std::string others() const;       ///< table or empty, what it is called, name, definition
  std::string comments() const;     ///< table or empty, of what, text

 private:
  std::string here(const std::string& column) const;
  std::string relation_is_ours() const;

  std::string schema_;  ///< an SQL literal
  std::string own_tables_;
  int major_;
};

}  // namespace talos::postgres
