#include "plugin_path.hpp"

#include <algorithm>
#include <vector>

#include "support.hpp"

namespace talos::test {

namespace {

std::vector<fs::path> directories(const char* variable, const fs::path& extra = {}) {
  const Variable set("TALOS_PLUGIN_PATH", variable);
  return plugin_search(extra).directories;
}

Error refusal_of(const char* variable) {
  return refusal([&] { directories(variable); });
}

}  // namespace

TEST_CASE("Plugins are looked for in --plugin-dir, TALOS_PLUGIN_PATH, beside the program, where it was installed") {
  const auto built_in = directories(nullptr);
  REQUIRE(built_in.size() >= 1);
  const auto all = directories("/one:/two", "/extra");
  REQUIRE(all.size() == built_in.size() + 3);
  CHECK(all[0] == "/extra");
  CHECK(all[1] == "/one");
  CHECK(all[2] == "/two");
  CHECK(std::vector<fs::path>(all.begin() + 3, all.end()) == built_in);
  for (const fs::path& directory : all) CHECK(directory.is_absolute());
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
  CHECK(built_in.front().string().starts_with(beside.parent_path().string()));
}

TEST_CASE("A directory named twice is looked at once, at its first place") {
  const auto all = directories("/one:/two/:/one/", "/two/x/..");
  CHECK(all[0] == "/two");
  CHECK(all[1] == "/one");
  CHECK(std::count(all.begin(), all.end(), "/one") == 1);
  CHECK(std::count(all.begin(), all.end(), "/two") == 1);
}

TEST_CASE("--plugin-dir may be relative, to the current directory") {
  CHECK(directories(nullptr, "plugins").front() == fs::current_path() / "plugins");
}

TEST_CASE("A relative entry of TALOS_PLUGIN_PATH is a usage error") {
  for (const char* value : {"plugins", "/one:plugins", "./x:/one", "/one:."}) {
    CAPTURE(value);
    const Error error = refusal_of(value);
    CHECK(error.code == ErrorCode::usage);
    CHECK(std::string(error.what()).find("relative entry") != std::string::npos);
  }
}

TEST_CASE("An empty entry of TALOS_PLUGIN_PATH is a usage error") {
  for (const char* value : {"", ":", "/one:", ":/one", "/one::/two"}) {
    CAPTURE(value);
    const Error error = refusal_of(value);
    CHECK(error.code == ErrorCode::usage);
    CHECK(std::string(error.what()).find("empty entry") != std::string::npos);
  }
}

}  // namespace talos::test
