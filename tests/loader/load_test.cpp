#include <dlfcn.h>
#include <sys/stat.h>

#include "plugin_note.hpp"
#include "support.hpp"

namespace talos::test {

namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// Tries to load `name`.so of the directory, which must be refused without any of its code having run.
Error refused_unloaded(const Scratch& scratch, const PluginRequest& wanted, const Edition& edition = any_edition) {
  const Mark mark(scratch);
  Error error = refusal([&] { load_plugin(wanted, in(scratch.path()), edition); });
  CHECK(error.code == ErrorCode::plugin);
  CHECK_FALSE(mark.exists());
  return error;
}

// The same for a file of these bytes.
std::string refusal_of_bytes(std::string_view bytes) {
  const Scratch scratch;
  write_file(scratch / "x.so", bytes);
  return refused_unloaded(scratch, request("x")).what();
}

}  // namespace

TEST_CASE("L1: a plugin that passes every check is loaded, and its constructors run only then") {
  const Scratch scratch;
  const Mark mark(scratch);
  install("good", scratch / "good.so");
  const Plugin plugin = load_plugin(request("good"), in(scratch.path()), any_edition);
  CHECK(mark.exists());
  CHECK(plugin.name() == "good");
  CHECK(plugin.version() == "1.2.3");
  CHECK(plugin.file() == scratch / "good.so");
  CHECK(plugin.migrations().empty());
  CHECK(plugin.driver().describe("good://x") == "test database");
}

TEST_CASE("L1: a plugin of another ABI version is refused before any of its code runs") {
  const Scratch scratch;
  install("good", scratch / "good.so", [](PluginNote& note) { note.abi_version = plugin_abi_version + 1; });
  const Error error = refused_unloaded(scratch, request("good"));
  CHECK(contains(error.what(), "built for plugin ABI 2, this program has ABI 1"));
  CHECK_FALSE(error.hint.empty());
}

TEST_CASE("L1: a plugin with another ABI tag is refused before any of its code runs") {
  const Scratch scratch;
  install("good", scratch / "good.so",
          [](PluginNote& note) { note.abi_tag = detail::FixedText<60>("libstdc++6-cxx98-p64"); });
  CHECK(contains(refused_unloaded(scratch, request("good")).what(), "it was built for libstdc++6-cxx98-p64"));
}

TEST_CASE("L1: a plugin that the edition does not accept is refused before the disk is looked at") {
  const Scratch scratch;
  const Mark mark(scratch);
  const PluginSearch nowhere = in(scratch / "does-not-exist");
  const Error error = refusal([&] { load_plugin(request("good"), nowhere, sqlite_edition); });
  CHECK(error.code == ErrorCode::plugin);
  CHECK(contains(error.what(), "this edition supports SQLite only"));
  CHECK(error.hint == "use another edition");
  install("good", scratch / "good.so");
  refused_unloaded(scratch, request("good"), sqlite_edition);
}

TEST_CASE("L1, L6: another plugin renamed to sqlite.so is still another, refused before any of its code runs") {
  const Scratch scratch;
  install("good", scratch / "sqlite.so");
  const Error error = refused_unloaded(scratch, request("sqlite"), sqlite_edition);
  CHECK(contains(error.what(), "(good)"));
  CHECK(contains(error.what(), "this edition supports SQLite only"));
}

TEST_CASE("L1: a plugin that does not serve the scheme is refused before any of its code runs") {
  const Scratch scratch;
  install("good", scratch / "good.so");
  for (const char* scheme : {"bad", "goo", "alias", "good-", "good-alias-2"}) {
    CAPTURE(scheme);
    CHECK(contains(refused_unloaded(scratch, {scheme, "good", {}}).what(), "it serves \"good good-alias\", not"));
  }
}

TEST_CASE("L1: a plugin whose descriptor says another thing than its note is refused") {
  const std::function<void(PluginNote&)> changes[] = {
      [](PluginNote& note) { note.version = detail::FixedText<32>("9"); },
      [](PluginNote& note) { note.name = detail::FixedText<32>("well"); },
      [](PluginNote& note) { note.schemes = detail::FixedText<128>("good"); },
  };
  for (const auto& change : changes) {
    const Scratch scratch;
    install("good", scratch / "good.so", change);
    const Error error = refusal([&] { load_plugin(request("good"), in(scratch.path()), any_edition); });
    CHECK(error.code == ErrorCode::plugin);
    CHECK(contains(error.what(), "its descriptor does not say what its note says"));
  }
}

TEST_CASE("L1: a plugin whose descriptor has another size is refused") {
  const Scratch scratch;
  install("other-size", scratch / "other-size.so");
  const Error error = refusal([&] { load_plugin(request("other-size"), in(scratch.path()), any_edition); });
  CHECK(contains(error.what(), "its descriptor does not say what its note says"));
}

TEST_CASE("A plugin that needs a missing function is refused at once, with the loader's words") {
  const Scratch scratch;
  install("undefined", scratch / "undefined.so");
  const Error error = refused_unloaded(scratch, request("undefined"));
  CHECK(contains(error.what(), "it cannot be loaded"));
  CHECK(contains(error.what(), "talos_test_function_that_nobody_defines"));
}

TEST_CASE("A plugin without a descriptor is refused by the symbol's name") {
  const Scratch scratch;
  install("no-descriptor", scratch / "no-descriptor.so");
  CHECK(contains(refused_unloaded(scratch, request("no-descriptor")).what(), "it has no symbol talos_plugin_v1"));
}

TEST_CASE("Files that are no plugins are refused as such") {
  CHECK(contains(refusal_of_bytes("this is a text\n"), "it is not a Talos plugin (no .note.talos)"));
  CHECK(contains(refusal_of_bytes(""), "it is not a Talos plugin"));
  CHECK(contains(refusal_of_bytes("\x7f"
                                  "ELF"),
                 "it is not a Talos plugin"));
}

TEST_CASE("A shared object without a note is refused before any of its code runs") {
  const Scratch scratch;
  install("good", scratch / "good.so", [](PluginNote& note) { note.owner[0] = 'X'; });
  CHECK(contains(refused_unloaded(scratch, request("good")).what(), "it is not a Talos plugin"));
}

TEST_CASE("A note with a name or scheme that could not stand in a path is none") {
  const std::function<void(PluginNote&)> changes[] = {
      [](PluginNote& note) { note.name = detail::FixedText<32>("../good"); },
      [](PluginNote& note) { note.name = detail::FixedText<32>(""); },
      [](PluginNote& note) { note.schemes = detail::FixedText<128>("good  good-alias"); },
      [](PluginNote& note) { note.schemes = detail::FixedText<128>("good "); },
      [](PluginNote& note) { note.version = detail::FixedText<32>("1\x1b[2J"); },
      [](PluginNote& note) {
        for (char& c : note.version.data) c = '1';
      },
  };
  for (const auto& change : changes) {
    const Scratch scratch;
    install("good", scratch / "good.so", change);
    CHECK(contains(refused_unloaded(scratch, request("good")).what(), "it is not a Talos plugin"));
  }
}

TEST_CASE("A plugin cut short, as by an interrupted copy, is refused and crashes nothing") {
  const Scratch scratch;
  const std::string whole = bytes_of(install("good", scratch / "whole.so"));
  bool seen = false;
  for (std::size_t size = 64; size < whole.size(); size += 1500) {
    CAPTURE(size);
    write_file(scratch / "good.so", std::string_view(whole).substr(0, size));
    // In a child: what is not caught here is a SIGBUS in the dynamic loader.
    const std::string result = load_as(::geteuid(), request("good"), in(scratch.path()));
    const bool cut = contains(result, "the file is cut short");
    // Without its end it may lack only what debuggers read.
    CHECK((cut || contains(result, "it is not a Talos plugin") || result == "loaded"));
    seen = seen || cut;
    fs::remove(scratch / "good.so");
  }
  CHECK(seen);
}

TEST_CASE("L5: a plugin cut short is listed as such") {
  const Scratch scratch;
  const std::string whole = bytes_of(install("good", scratch / "good.so"));
  write_file(scratch / "good.so", std::string_view(whole).substr(0, 4096));
  const auto all = list_plugins(in(scratch.path()), any_edition);
  REQUIRE(all.size() == 1);
  CHECK(all[0].reason == "the file is cut short");
}

TEST_CASE("A FIFO, a directory, a dangling link of a plugin's name are refused, and nothing hangs") {
  const Scratch scratch;
  REQUIRE(::mkfifo((scratch / "fifo.so").c_str(), 0600) == 0);
  scratch.directory("directory.so");
  fs::create_symlink("nowhere", scratch / "dangling.so");
  fs::create_symlink("loop.so", scratch / "loop.so");
  CHECK(contains(refused_unloaded(scratch, request("fifo")).what(), "is not a regular file"));
  CHECK(contains(refused_unloaded(scratch, request("directory")).what(), "is not a regular file"));
  CHECK(contains(refused_unloaded(scratch, request("dangling")).what(), "No such file or directory"));
  CHECK(contains(refused_unloaded(scratch, request("loop")).what(), "Too many levels of symbolic links"));
}

TEST_CASE("A relative link gives a third party's plugin a second name") {
  const Scratch scratch;
  install("good", scratch / "good.so");
  fs::create_symlink("good.so", scratch / "good-alias.so");
  const Plugin plugin = load_plugin(request("good-alias"), in(scratch.path()), any_edition);
  CHECK(plugin.name() == "good");
}

TEST_CASE("L2: the first existing candidate decides, whatever is wrong with it") {
  const Scratch scratch;
  const PluginSearch search{
      {scratch / "missing", scratch.directory("empty"), scratch.directory("bad"), scratch.directory("good")}};
  install("good", scratch / "good/good.so");
  SUBCASE("nothing before it: it is found") {
    CHECK(load_plugin(request("good"), search, any_edition).file() == scratch / "good/good.so");
  }
  SUBCASE("a text file before it") {
    write_file(scratch / "bad/good.so", "text");
    CHECK(contains(refusal([&] { load_plugin(request("good"), search, any_edition); }).what(), "bad/good.so"));
  }
  SUBCASE("a dangling link before it") {
    fs::create_symlink("nowhere", scratch / "bad/good.so");
    CHECK(contains(refusal([&] { load_plugin(request("good"), search, any_edition); }).what(), "bad/good.so"));
  }
  SUBCASE("one that others can write before it") {
    install("good", scratch / "bad/good.so");
    REQUIRE(::chmod((scratch / "bad/good.so").c_str(), 0757) == 0);
    CHECK(
        contains(refusal([&] { load_plugin(request("good"), search, any_edition); }).what(), "writable by everybody"));
  }
}

TEST_CASE("Where there is no plugin, every path tried is listed with its reason, and the package to install") {
  const Scratch scratch;
  write_file(scratch / "file", "");
  const PluginSearch search{{scratch / "missing", scratch / "file"}};
  const Error error = refusal([&] { load_plugin({"good", "good", "talos-plugin-good"}, search, any_edition); });
  CHECK(error.code == ErrorCode::plugin);
  CHECK(error.what() == std::string("no plugin for the scheme \"good\" is installed"));
  CHECK(error.detail == "tried:\n  " + (scratch / "missing/good.so").string() + ": No such file or directory\n  " +
                            (scratch / "file/good.so").string() + ": Not a directory");
  CHECK(error.hint == "install the package talos-plugin-good");
}

TEST_CASE("Names that could leave the plugin directory never reach the disk") {
  const Scratch scratch;
  const Mark mark(scratch);
  const fs::path directory = scratch.directory("plugins");
  install("good", scratch / "good.so");
  for (const std::string name :
       {"../good", "..", ".", "", "/good", "a/b", "good.so", "Good", "good\n", "-good", "1good", "go od"}) {
    CAPTURE(name);
    const Error error = refusal([&] { load_plugin({"good", name, {}}, in(directory), any_edition); });
    CHECK(error.code == ErrorCode::usage);
  }
  CHECK_FALSE(mark.exists());
}

TEST_CASE("A plugin is never unloaded: its exceptions outlive it") {
  const Scratch scratch;
  const fs::path file = install("good", scratch / "good.so");
  std::exception_ptr kept;
  {
    const Plugin plugin = load_plugin(request("good"), in(scratch.path()), any_edition);
    try {
      plugin.driver().connect({});
    } catch (...) {
      kept = std::current_exception();
    }
  }
  CHECK(::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD) != nullptr);
  REQUIRE(kept);
  try {
    std::rethrow_exception(kept);
  } catch (const Error& error) {
    CHECK(error.what() == std::string("said by the plugin's own code"));
    CHECK(error.code == ErrorCode::connection);
  }
}

}  // namespace talos::test
