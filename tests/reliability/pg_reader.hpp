// A role of PostgreSQL that may only read.
#pragma once

#include <string>

namespace talos::test {

/// Its DSN. A name of its own: roles belong to the whole server.
template <class Place>
std::string reader(const Place& place) {
  const std::string role = "reader_of_" + place.database.name();
  const std::string dsn = place.create_role(role);
  place.database.rows("REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO " + role +
                      "; GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role);
  return dsn;
}

}  // namespace talos::test
