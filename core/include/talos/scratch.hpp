// SDK. An optional ability of a session: a database of its own on the same server, to try things in.
#pragma once

#include <string>
#include <string_view>

#include "talos/driver.hpp"

namespace talos {

/// Of a session that was connected with Access::write to the DSN that the user named for it. The database that the DSN
/// names is never touched.
class Scratch : public Ability {
 public:
  static constexpr std::string_view id = "talos.scratch.1";

  /// Makes an empty database and returns its DSN, which holds what the session's own did: never print it. Every session
  /// on that DSN but an in-memory one sees the same database. One at a time.
  std::string create() {
    return detail::guarded("create", [&] { return do_create(); });
  }

  /// The same with a copy of what is in the database `from`: its schema, the rows of the program's own tables, and all
  /// rows where copying them is cheap. `table` is the tracker's name there. Throws ErrorCode::unsupported where a
  /// client program that it needs is missing, with the package's name as its hint.
  std::string copy(std::string_view from, std::string_view table) {
    return detail::guarded("copy", [&] { return do_copy(from, table); });
  }

  /// Removes it. All sessions on it are gone by then. The destructor does so too, and cannot tell of failures.
  void drop() {
    detail::guarded("drop", [&] { do_drop(); });
  }

 private:
  virtual std::string do_create() = 0;
  virtual std::string do_copy(std::string_view from, std::string_view table) = 0;
  virtual void do_drop() = 0;
};

}  // namespace talos
