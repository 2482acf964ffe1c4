#include <doctest/doctest.h>

#include <set>
#include <sstream>

#include "kit.hpp"
#include "migration_source.hpp"
#include "sha256.hpp"

namespace talos::conformance {
namespace {

TEST_SUITE_BEGIN("descriptor");

TEST_CASE("L1: note and descriptor say the same, and the file is called as the plugin") {
  const PluginListing& listing = target().listing;
  const Plugin& plugin = target().plugin;
  CHECK(listing.abi_version == plugin_abi_version);
  CHECK(listing.name == plugin.name());
  CHECK(listing.version == plugin.version());
  CHECK_FALSE(listing.version.empty());
  CHECK(listing.file.filename() == listing.name + ".so");
}

TEST_CASE("The plugin loads under each of its schemes, and under no other") {
  const PluginListing& listing = target().listing;
  const PluginSearch search{{listing.file.parent_path()}};
  std::istringstream schemes(listing.schemes);
  int count = 0;
  for (std::string scheme; schemes >> scheme; ++count) {
    INFO(scheme);
    CHECK(load_plugin({scheme, listing.name, {}}, search, any_plugin()).name() == listing.name);
  }
  CHECK(count > 0);
  const Error error = error_of([&] { load_plugin({"no-such-scheme", listing.name, {}}, search, any_plugin()); });
  CHECK(to_text(error.code) == "plugin");
}

TEST_CASE("G11: the embedded set is well formed, and its hashes are those of its bytes") {
  const auto files = target().plugin.migrations();
  const MigrationSet set = read_embedded(target().plugin.name(), files);
  for (const std::string& warning : set.warnings()) FAIL_CHECK(warning);
  for (const EmbeddedFile& file : files) {
    const std::string name = file.name;
    INFO(name);
    const std::string_view bytes(reinterpret_cast<const char*>(file.data),
                                 static_cast<std::size_t>(file.end - file.data));
    CHECK(std::string(file.sha256) == sha256(bytes));
  }
}

TEST_SUITE_END();

}  // namespace
}  // namespace talos::conformance
