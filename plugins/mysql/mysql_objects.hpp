// Which objects a DDL statement creates, alters or drops: what to look up in the catalogue before it and after (G13).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/sight.hpp"
#include "mysql_token.hpp"

namespace talos::mysql {

struct NamedObject {
  enum class Kind : std::uint8_t { table, view, index, trigger, procedure, function, event, sequence, database, user };
  Kind kind = Kind::table;
  std::string schema;  ///< empty: the default database
  std::string name;    ///< of a user with its host, as written but for the quotes: name@host
  std::string table;   ///< of an index or a trigger (here empty with DROP): in the same schema
  bool operator==(const NamedObject&) const = default;
};

/// Code that the server keeps as text: trigger, procedure, function, event.
bool is_program(const NamedObject& object);

using common::Act;

struct Ddl {
  Act act = Act::other;
  /// Those before and those after: ALTER TABLE a RENAME TO b names both. Empty: cannot tell, nothing can be looked up.
  std::vector<NamedObject> objects;
  /// The statement is one act, whole or not at all, that shows in the definitions of `objects`: comparing them before
  /// and after says whether it happened. Not so where it takes several objects one by one, changes rows only, or
  /// replaces a table.
  bool single = false;
};

Ddl read_ddl(std::string_view statement, LexerModes modes = {});

std::vector<NamedObject> named_objects(std::string_view statement, LexerModes modes = {});
bool single_object(std::string_view statement, LexerModes modes = {});

}  // namespace talos::mysql
