// Definitions as the catalogue writes them, in one spelling whatever the database is called.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace talos::cockroach {

/// Views and routines name their tables as database.schema.table, indexes theirs too: without the database, and without
/// the schema where it is this one.
std::string without_qualifiers(std::string_view text, std::string_view database, std::string_view schema);

struct KeyText {
  std::string text;                  ///< without ASC, which is the default, and written or not
  std::vector<std::string> columns;  ///< of the first list in it; of an expression ""
};

/// "UNIQUE (a ASC, b DESC)", "FOREIGN KEY (a) REFERENCES …".
KeyText read_key(std::string_view definition);

/// Of "CREATE INDEX … ON … USING btree (a ASC)" what stands behind USING; the whole where there is no USING.
std::string_view behind_using(std::string_view definition);

}  // namespace talos::cockroach
