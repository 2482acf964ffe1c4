// Who servers run as, and what every server of a test needs: a directory, a port, a password, an end.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"
#include "sqlite_file.hpp"

namespace talos::test {

/// Servers refuse root: where the test runs as root, they run as their own Unix user; else as whoever runs the test.
class ServerUser {
 public:
  /// `death_signal`, as in `QUIT`, ends what it starts when the thread that starts it ends, also when the test is
  /// killed.
  ServerUser(std::string name, std::string death_signal);

  /// `argv` run as that user, in `directory`.
  ProcessOptions options(std::vector<std::string> argv, const std::filesystem::path& directory) const;

  void give(const std::filesystem::path& path) const;

  /// Whether that user can run this program, which may lie in a home directory closed to others.
  bool reaches(const std::filesystem::path& program) const;

  /// A configuration or a key: that user's own, mode 0600.
  void write(const std::filesystem::path& file, std::string_view text) const;

 private:
  std::string name_;
  std::string death_signal_;
};

/// A scratch directory that the server's user may enter and not list. A test that was killed leaves its own behind:
/// the next one removes it.
class ServerDirectory {
 public:
  ServerDirectory();
  ~ServerDirectory();
  ServerDirectory(const ServerDirectory&) = delete;
  ServerDirectory& operator=(const ServerDirectory&) = delete;

  const std::filesystem::path& path() const { return scratch_.path(); }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return scratch_ / name; }

 private:
  ScratchDirectory scratch_;
  int owner_;
};

/// Free on 127.0.0.1 a moment ago; whoever uses it must be ready to take another.
int free_port();

/// Letters that occur in no hexadecimal number.
std::string random_password();

/// T7: what a test needs is not on this machine. Throws where CI=true; else says so on stdout, and the test returns.
void skip_or_fail(std::string_view reason);

}  // namespace talos::test
