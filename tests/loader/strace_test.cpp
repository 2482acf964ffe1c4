#include <cstdlib>
#include <set>

#include <sys/wait.h>

#include "support.hpp"

namespace talos::test {

namespace {

int run(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The names of the files of `directory` that the traced program opened.
std::set<std::string> opened_in(const fs::path& directory, const std::string& trace) {
  const std::string prefix = '"' + directory.string() + '/';
  std::set<std::string> names;
  for (auto at = trace.find(prefix); at != std::string::npos; at = trace.find(prefix, at + 1)) {
    const auto begin = at + prefix.size();
    names.insert(trace.substr(begin, trace.find('"', begin) - begin));
  }
  return names;
}

}  // namespace

TEST_CASE("S7: with 200 other plugins in the directory, exactly the wanted one is opened") {
  const Variable no_leak_check("ASAN_OPTIONS", "detect_leaks=0");  // it cannot work under ptrace
  if (!can_test(run("strace -o /dev/null true 2>/dev/null") == 0, "a working strace")) return;
  const Scratch scratch;
  const fs::path plugins = scratch.directory("plugins");
  write_file(plugins / "sqlite.so", bytes_of(TALOS_SQLITE_PLUGIN));
  install("good", plugins / "p0.so");
  for (int i = 1; i < 200; ++i) fs::create_hard_link(plugins / "p0.so", plugins / ("p" + std::to_string(i) + ".so"));
  const fs::path trace = scratch / "trace";
  const int status = run("strace -f -e trace=open,openat,openat2 -o '" + trace.string() + "' '" + TALOS_PROGRAM +
                         "' migrate status --plugin-dir '" + plugins.string() + "' --database 'sqlite://" +
                         (scratch / "x.db").string() + "' >/dev/null");
  CHECK(status == 0);
  const std::set<std::string> expected{"sqlite.so"};
  CHECK(opened_in(plugins, bytes_of(trace)) == expected);
}

}  // namespace talos::test
