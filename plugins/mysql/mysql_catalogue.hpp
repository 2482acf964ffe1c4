// What the catalogue says of the objects that a statement names: before it, and after it when nobody knows what became
// of it (G13).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/sight.hpp"
#include "mysql_connection.hpp"
#include "mysql_objects.hpp"

namespace talos::mysql {

/// Runs one message, and gives also what the server refuses.
using Inquiry = std::function<Reply(const std::string& sql)>;

using common::Sight;

/// What there is of these objects; those without a schema are looked for in `database`. Throws if the connection is
/// lost.
std::vector<Sight> look_at(const Inquiry& ask, const std::vector<NamedObject>& objects, const std::string& database);

/// The one that look_at() would ask of them; nothing where it would ask none or several.
std::optional<std::string> only_question(const std::vector<NamedObject>& objects, const std::string& database);

/// A condition of SQL can tell whether it is there.
bool can_assert_absence(const NamedObject& object);
/// A condition that holds if none of them is there.
std::string absence_sql(const std::vector<NamedObject>& objects, const std::string& database);
/// What look_at() gives of one that is not there.
Sight absent(const NamedObject& object, const std::string& database);

using common::differences;
using common::from_image;
using common::to_image;

}  // namespace talos::mysql
