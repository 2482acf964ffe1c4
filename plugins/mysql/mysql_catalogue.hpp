// What the catalogue says of the objects that a statement names: before it, and after it when nobody knows what became
// of it (G13).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mysql_connection.hpp"
#include "mysql_objects.hpp"

namespace talos::mysql {

/// Runs one message, and gives also what the server refuses.
using Inquiry = std::function<Reply(const std::string& sql)>;

/// One object, as it is at one moment.
struct Sight {
  enum class State : unsigned char { absent, present, hidden };
  std::string title;  ///< "table `app`.`t`"
  State state = State::hidden;
  std::string definition;  ///< of one that is present

  bool operator==(const Sight&) const = default;
};

/// What there is of these objects; those without a schema are looked for in `database`. Throws if the connection is
/// lost.
std::vector<Sight> look_at(const Inquiry& ask, const std::vector<NamedObject>& objects, const std::string& database);

/// As JournalRow::before keeps it, and back. Long definitions are kept as a checksum.
std::string to_image(const std::vector<Sight>& sights);
/// Those of `wanted`, as the image has them; one that it lacks is hidden.
std::vector<Sight> from_image(std::string_view image, const std::vector<Sight>& wanted);

/// "table `app`.`t` is gone, table `app`.`u` is new": the differences, in words; empty if there are none.
std::string differences(const std::vector<Sight>& before, const std::vector<Sight>& after);

}  // namespace talos::mysql
