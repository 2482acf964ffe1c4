#include "mysql_catalogue.hpp"

#include <algorithm>

#include "common/checksum.hpp"
#include "mysql_text.hpp"

namespace talos::mysql {

namespace {

constexpr std::size_t longest_definition = 16U << 10U;
constexpr std::string_view absent_mark = "(absent)";
constexpr std::string_view hidden_mark = "(hidden)";
constexpr std::string_view title_mark = "== ";

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

std::string shortened(std::string definition) {
  if (definition.size() <= longest_definition) return definition;
  return "(checksum " + std::to_string(common::fnv1a(definition)) + " of " + std::to_string(definition.size()) +
         " bytes)";
}

std::string name_of(const NamedObject& object, const std::string& database) {
  if (object.kind == NamedObject::Kind::database || object.kind == NamedObject::Kind::user)
    return quoted_name(object.name);
  const std::string& name = object.kind == NamedObject::Kind::index ? object.table : object.name;
  return quoted_name(object.schema.empty() ? database : object.schema) + "." + quoted_name(name);
}

Sight look_at_one(const Inquiry& ask, const NamedObject& object, const std::string& database) {
  const Look look = look_for(object.kind);
  const std::string name = name_of(object, database);
  Sight sight;
  sight.title = std::string(look.kind) + " " + name;
  if (look.show == nullptr || (object.kind == NamedObject::Kind::index && object.table.empty())) return sight;
  const Reply reply = ask("SHOW CREATE " + std::string(look.show) + " " + name);
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
  sight.definition = shortened(without_auto_increment(*definition));
  return sight;
}

}  // namespace

std::vector<Sight> look_at(const Inquiry& ask, const std::vector<NamedObject>& objects, const std::string& database) {
  std::vector<Sight> sights;
  for (const NamedObject& object : objects) sights.push_back(look_at_one(ask, object, database));
  return sights;
}

std::string to_image(const std::vector<Sight>& sights) {
  std::string image;
  for (const Sight& sight : sights) {
    image.append(title_mark).append(sight.title).append("\n");
    image.append(sight.state == Sight::State::absent   ? absent_mark
                 : sight.state == Sight::State::hidden ? hidden_mark
                                                       : std::string_view(sight.definition));
    image += '\n';
  }
  return image;
}

std::vector<Sight> from_image(std::string_view image, const std::vector<Sight>& wanted) {
  std::vector<Sight> sights;
  for (const Sight& one : wanted) {
    Sight sight;
    sight.title = one.title;
    const std::string title = std::string(title_mark) + one.title + "\n";
    auto at = image.find(title);
    if (at != std::string_view::npos && (at == 0 || image[at - 1] == '\n')) {
      at += title.size();
      auto end = image.find("\n" + std::string(title_mark), at);
      if (end == std::string_view::npos) end = image.empty() ? 0 : image.size() - 1;
      sight.definition = std::string(image.substr(at, end - at));
      sight.state = sight.definition == absent_mark   ? Sight::State::absent
                    : sight.definition == hidden_mark ? Sight::State::hidden
                                                      : Sight::State::present;
      if (sight.state != Sight::State::present) sight.definition.clear();
    }
    sights.push_back(std::move(sight));
  }
  return sights;
}

std::string differences(const std::vector<Sight>& before, const std::vector<Sight>& after) {
  std::string text;
  for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
    if (before[i] == after[i]) continue;
    const char* what = after[i].state == Sight::State::absent    ? " is gone"
                       : before[i].state == Sight::State::absent ? " is new"
                                                                 : " has changed";
    text += (text.empty() ? "" : ", ") + after[i].title + what;
  }
  return text;
}

}  // namespace talos::mysql
