#include "mysql_catalogue.hpp"

#include <algorithm>

#include "mysql_bookkeeping.hpp"
#include "mysql_text.hpp"

namespace talos::mysql {

namespace {

struct Look {
  const char* kind;    ///< for people
  const char* show;    ///< for SHOW CREATE; null: nothing can be seen of it
  std::size_t column;  ///< of its answer that holds the definition
  std::vector<unsigned> absent;
};

Look look_for(NamedObject::Kind kind) {
  using Kind = NamedObject::Kind;
  switch (kind) {
    case Kind::table:
      return {"table", "TABLE", 1, {1146, 1049}};
    case Kind::view:
      return {"view", "VIEW", 1, {1146, 1049}};
    case Kind::index:
      return {"table", "TABLE", 1, {1146, 1049}};
    case Kind::trigger:
      return {"trigger", "TRIGGER", 2, {1360, 1049}};
    case Kind::procedure:
      return {"procedure", "PROCEDURE", 2, {1305, 1049}};
    case Kind::function:
      return {"function", "FUNCTION", 2, {1305, 1049}};
    case Kind::event:
      return {"event", "EVENT", 3, {1539, 1049}};
    case Kind::sequence:
      return {"sequence", "SEQUENCE", 1, {1146, 4091, 1049}};
    case Kind::database:
      return {"database", "DATABASE", 1, {1049}};
    case Kind::user:
      break;
  }
  return {"user", nullptr, 0, {}};
}

// The next number to be given is data, not definition.
std::string without_auto_increment(std::string definition) {
  constexpr std::string_view option = " AUTO_INCREMENT=";
  const auto at = definition.rfind(option);
  if (at == std::string::npos) return definition;
  const auto end = std::min(definition.find_first_not_of("0123456789", at + option.size()), definition.size());
  if (end > at + option.size()) definition.erase(at, end - at);
  return definition;
}

std::string name_of(const NamedObject& object, const std::string& database) {
  if (object.kind == NamedObject::Kind::database || object.kind == NamedObject::Kind::user)
    return quoted_name(object.name);
  const std::string& name = object.kind == NamedObject::Kind::index ? object.table : object.name;
  return quoted_name(object.schema.empty() ? database : object.schema) + "." + quoted_name(name);
}

// Nothing where nothing can be seen of it.
std::optional<std::string> question(const NamedObject& object, const std::string& database) {
  const Look look = look_for(object.kind);
  if (look.show == nullptr || (object.kind == NamedObject::Kind::index && object.table.empty())) return std::nullopt;
  return "SHOW CREATE " + std::string(look.show) + " " + name_of(object, database);
}

Sight unseen(const NamedObject& object, const std::string& database) {
  Sight sight;
  sight.title = std::string(look_for(object.kind).kind) + " " + name_of(object, database);
  return sight;
}

Sight look_at_one(const Inquiry& ask, const NamedObject& object, const std::string& database) {
  const Look look = look_for(object.kind);
  Sight sight = unseen(object, database);
  const auto sql = question(object, database);
  if (!sql) return sight;
  const Reply reply = ask(*sql);
  if (!reply.lost.empty()) throw Error(ErrorCode::connection, "the connection was lost: " + reply.lost);
  if (reply.error) {
    const bool absent = std::find(look.absent.begin(), look.absent.end(), reply.error->number) != look.absent.end();
    if (absent) sight.state = Sight::State::absent;
    return sight;
  }
  if (reply.tables.at(0).rows.empty()) return sight;
  const auto& definition = reply.tables[0].rows[0].at(look.column);
  // Without the right to see it there is none.
  if (!definition) return sight;
  sight.state = Sight::State::present;
  sight.definition = common::shortened(without_auto_increment(*definition));
  return sight;
}

}  // namespace

std::vector<Sight> look_at(const Inquiry& ask, const std::vector<NamedObject>& objects, const std::string& database) {
  std::vector<Sight> sights;
  for (const NamedObject& object : objects) sights.push_back(look_at_one(ask, object, database));
  return sights;
}

std::optional<std::string> only_question(const std::vector<NamedObject>& objects, const std::string& database) {
  return objects.size() == 1 ? question(objects.front(), database) : std::nullopt;
}

bool can_assert_absence(const NamedObject& object) {
  using Kind = NamedObject::Kind;
  // Whether it is there in another database this user may not see.
  return (object.kind == Kind::table || object.kind == Kind::view) && object.schema.empty();
}

std::string absence_sql(const std::vector<NamedObject>& objects, const std::string& database) {
  std::string names;
  for (const NamedObject& object : objects) names += (names.empty() ? "" : ", ") + stored(object.name);
  return "NOT EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = " + stored(database) +
         " AND TABLE_NAME IN (" + names + "))";
}

Sight absent(const NamedObject& object, const std::string& database) {
  Sight sight = unseen(object, database);
  sight.state = Sight::State::absent;
  return sight;
}

}  // namespace talos::mysql
