#include <algorithm>

#include <sys/stat.h>

#include "support.hpp"

namespace talos::test {

namespace {

PluginListing listing_of(const std::vector<PluginListing>& all, const fs::path& file) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const PluginListing& one) { return one.file == file; });
  REQUIRE(found != all.end());
  return *found;
}

}  // namespace

TEST_CASE("L5: listing reads notes and loads nothing") {
  const Scratch scratch;
  const Mark mark(scratch);
  install("good", scratch / "good.so");
  install("undefined", scratch / "undefined.so");
  const auto all = list_plugins(in(scratch.path()), any_edition);
  REQUIRE(all.size() == 2);
  CHECK_FALSE(mark.exists());
  CHECK(all[0].file == scratch / "good.so");
  CHECK(all[0].name == "good");
  CHECK(all[0].version == "1.2.3");
  CHECK(all[0].abi_version == plugin_abi_version);
  CHECK(all[0].schemes == "good good-alias");
  CHECK(all[0].usable);
  CHECK(all[0].reason.empty());
}

TEST_CASE("L5: an edition marks other plugins \"not usable in this edition\"") {
  const Scratch scratch;
  const Mark mark(scratch);
  install("good", scratch / "good.so");
  install("good", scratch / "sqlite.so");
  const auto all = list_plugins(in(scratch.path()), sqlite_edition);
  REQUIRE(all.size() == 2);
  for (const PluginListing& one : all) {
    CHECK(one.name == "good");
    CHECK_FALSE(one.usable);
    CHECK(one.reason == "not usable in this edition");
  }
  CHECK_FALSE(mark.exists());
}

TEST_CASE("L5: a plugin behind one of the same name is listed as hidden") {
  const Scratch scratch;
  const PluginSearch search{{scratch.directory("one"), scratch / "missing", scratch.directory("two")}};
  install("good", scratch / "one/good.so");
  install("good", scratch / "two/good.so");
  install("good", scratch / "two/other.so");
  const auto all = list_plugins(search, any_edition);
  REQUIRE(all.size() == 3);
  CHECK(listing_of(all, scratch / "one/good.so").usable);
  const PluginListing hidden = listing_of(all, scratch / "two/good.so");
  CHECK_FALSE(hidden.usable);
  CHECK(hidden.reason == "hidden by " + (scratch / "one/good.so").string());
  CHECK(listing_of(all, scratch / "two/other.so").usable);
}

TEST_CASE("L5: a file that cannot be used is listed with the reason") {
  const Scratch scratch;
  write_file(scratch / "text.so", "text");
  write_file(scratch / "readme.txt", "text");
  install("good", scratch / "newer.so", [](PluginNote& note) { note.abi_version = 7; });
  install("good", scratch / "open.so");
  REQUIRE(::chmod((scratch / "open.so").c_str(), 0777) == 0);
  const auto all = list_plugins(in(scratch.path()), any_edition);
  REQUIRE(all.size() == 3);
  for (const PluginListing& one : all) CHECK_FALSE(one.usable);
  CHECK(listing_of(all, scratch / "text.so").reason == "it is not a Talos plugin (no .note.talos)");
  CHECK(listing_of(all, scratch / "newer.so").abi_version == 7);
  CHECK(listing_of(all, scratch / "newer.so").reason.find("plugin ABI 7") != std::string::npos);
  // Nothing is believed of a file that others can write.
  CHECK(listing_of(all, scratch / "open.so").name.empty());
  CHECK(listing_of(all, scratch / "open.so").reason.find("writable by everybody") != std::string::npos);
}

TEST_CASE("L5: a directory that cannot be read is an error, not an empty list") {
  if (!can_test(is_root(), "root")) return;
  const Scratch scratch;
  REQUIRE(::chmod(scratch.directory("closed").c_str(), 0700) == 0);
  const std::string result = as_user(
      1000, [&] { return std::string(refusal([&] { list_plugins(in(scratch / "closed"), any_edition); }).what()); });
  CHECK(result.find("Permission denied") != std::string::npos);
}

}  // namespace talos::test
