// What SHOW CREATE and the catalogue say of objects, in one spelling.
//
// SHOW CREATE TABLE tells all of a table, with no more rights than SELECT: MariaDB's information_schema hides foreign
// keys from who may only read, and releases differ in its columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mysql_token.hpp"
#include "talos/introspection.hpp"

namespace talos::mysql {

/// Without comments and a semicolon at the end; one blank for any gap; names without quotes where they need none;
/// without the character set that the server writes in front of ASCII strings, which is the client's that made them.
std::string plain_text(std::string_view sql, LexerModes modes = {});

/// Adds the table with its columns, and its keys, indexes, checks and comments as objects of their own. Left out: the
/// next AUTO_INCREMENT, and indexes that a foreign key makes by itself, which come and go with others that serve it.
void add_table(const std::string& name, std::string_view show_create, std::vector<SchemaObject>& objects);

/// Without its definer, and its own database's name. Its columns are in no text.
SchemaObject read_view(const std::string& name, std::string_view show_create, std::string_view database);

SchemaObject read_sequence(const std::string& name, std::string_view show_create);

/// Takes DEFINER = … away, and `database` in front of a point, so that a statement runs in another database, by another
/// user; and a semicolon at its end, also in a version comment: mysqldump writes one there that no server takes, for a
/// trigger that was made in a message of several statements.
std::string without_owner(std::string_view sql, std::string_view database, LexerModes modes = {});

}  // namespace talos::mysql
