#include "migration_source.hpp"

#include <array>

#include <doctest/doctest.h>

#include "fixtures.hpp"
#include "sha256.hpp"

using namespace talos;
using namespace talos::test;

namespace {

std::vector<Version> versions(const MigrationSet& set) {
  std::vector<Version> result;
  for (const Migration& migration : set.migrations()) result.push_back(migration.version);
  return result;
}

}  // namespace

TEST_CASE("a file name is golang-migrate's: digits, underscore, title, direction") {
  const auto up = parse_file_name("000012_add_users.up.sql");
  REQUIRE(up);
  CHECK(up->version == 12);
  CHECK(up->title == "add_users");
  CHECK(up->direction == Direction::up);
  const auto down = parse_file_name("0_x.y.down.sql");
  REQUIRE(down);
  CHECK(down->version == 0);
  CHECK(down->title == "x.y");
  CHECK(down->direction == Direction::down);
}

TEST_CASE("a name without version, underscore, direction or .sql is no migration's") {
  for (const char* name : {"", "_", "README.md", "x.up.sql", "1.up.sql", "_x.up.sql", "1_x.sql", "a1_x.up.sql",
                           "-1_x.up.sql", "+1_x.up.sql", "1_x.up.sql.bak", "1_xup.sql", "V1__x.sql"})
    CHECK_MESSAGE(!parse_file_name(name), name);
}

TEST_CASE("the highest version is 2^63-1, and one above it is an error") {
  const auto highest = parse_file_name("9223372036854775807_x.up.sql");
  REQUIRE(highest);
  CHECK(highest->version == INT64_MAX);
  CHECK(parse_file_name("00000000000000000000000000000000000007_x.up.sql")->version == 7);
  for (const char* name : {"9223372036854775808_x.up.sql", "99999999999999999999999999_x.down.sql"}) {
    const Error error = error_of([&] { parse_file_name(name); });
    CHECK(error.code == ErrorCode::usage);
    CHECK(contains(error.what(), name));
  }
}

TEST_CASE("migrations are ordered by number, whatever the length of their names") {
  const TemporaryDirectory directory;
  for (const char* name : {"10_c", "9_b", "0100_d", "1_a"}) {
    directory.write(std::string(name) + ".up.sql", "SELECT 1;");
    directory.write(std::string(name) + ".down.sql", "SELECT 2;");
  }
  const MigrationSet set = read_directory(directory.path());
  CHECK(versions(set) == std::vector<Version>{1, 9, 10, 100});
  CHECK(set.highest() == 100);
  CHECK(set.warnings().empty());
  CHECK(set.origin() == directory.path().string());
  REQUIRE(set.find(9) != nullptr);
  CHECK(set.find(9)->title == "b");
  CHECK(set.find(9)->file(Direction::down)->load().bytes() == "SELECT 2;");
  CHECK(set.find(8) == nullptr);
  CHECK(set.find(101) == nullptr);
}

TEST_CASE("an empty directory is an empty set") {
  const TemporaryDirectory directory;
  const MigrationSet set = read_directory(directory.path());
  CHECK(set.migrations().empty());
  CHECK(set.highest() == no_version);
}

TEST_CASE("two files of one version and direction are refused by name") {
  const TemporaryDirectory directory;
  directory.write("1_a.up.sql", "");
  directory.write("001_b.up.sql", "");
  const Error error = error_of([&] { read_directory(directory.path()); });
  CHECK(error.code == ErrorCode::usage);
  CHECK(contains(error.what(), "001_b.up.sql and 1_a.up.sql"));
  CHECK_FALSE(error.hint.empty());
}

TEST_CASE("a file that its author may have meant as a migration is reported, not passed over") {
  for (const char* name :
       {"foo.up.sql", "1.up.sql", "1_x.sql", "V1__x.sql", "U2__x.sql", "1_x.up.sql.bak", "1_x.down.SQL", "1_x.UP.SQL",
        "1_x.Up.sql", "v1__x.sql", "x_1.up", "9223372036854775808_x.up.sql"}) {
    CAPTURE(name);
    const TemporaryDirectory directory;
    directory.write(name, "");
    const Error error = error_of([&] { read_directory(directory.path()); });
    CHECK(error.code == ErrorCode::usage);
    CHECK(contains(error.what(), name));
  }
}

TEST_CASE("files that are clearly something else are left alone") {
  const TemporaryDirectory directory;
  for (const char* name : {"README.md", ".gitkeep", ".1_x.up.sql.swp", "1_x.up.sql~", "Makefile", "Vagrantfile"})
    directory.write(name, "");
  directory.write("1_x.up.sql", "");
  directory.write("1_x.down.sql", "");
  CHECK(versions(read_directory(directory.path())) == std::vector<Version>{1});
}

TEST_CASE("an up file without its down is a warning that names it, and so is a down without its up") {
  const TemporaryDirectory directory;
  directory.write("1_x.up.sql", "");
  directory.write("2_y.down.sql", "");
  const MigrationSet set = read_directory(directory.path());
  REQUIRE(set.warnings().size() == 2);
  CHECK(contains(set.warnings()[0], "1_x.up.sql has no down file"));
  CHECK(contains(set.warnings()[1], "2_y.down.sql has no up file"));
  CHECK(set.find(2)->title == "y");
}

TEST_CASE("the title is the up file's where up and down differ") {
  const TemporaryDirectory directory;
  directory.write("1_down_title.down.sql", "");
  directory.write("1_up_title.up.sql", "");
  CHECK(read_directory(directory.path()).find(1)->title == "up_title");
}

TEST_CASE("a directory that is missing or no directory is an error that names it") {
  const TemporaryDirectory directory;
  const Error missing = error_of([&] { read_directory(directory.path() / "none"); });
  CHECK(missing.code == ErrorCode::usage);
  CHECK(contains(missing.what(), "none"));
  directory.write("file", "");
  CHECK(error_of([&] { read_directory(directory.path() / "file"); }).code == ErrorCode::usage);
}

TEST_CASE("a migration file that is no regular file, or a broken link, is an error") {
  const TemporaryDirectory directory;
  SUBCASE("a directory") { std::filesystem::create_directory(directory.path() / "1_x.up.sql"); }
  SUBCASE("a link to nowhere") { std::filesystem::create_symlink("nowhere", directory.path() / "1_x.up.sql"); }
  const Error error = error_of([&] { read_directory(directory.path()); });
  CHECK(error.code == ErrorCode::usage);
  CHECK(contains(error.what(), "1_x.up.sql"));
}

TEST_CASE("a body is loaded byte for byte, whether it is copied or mapped") {
  const TemporaryDirectory directory;
  std::string text;
  SUBCASE("empty") {}
  SUBCASE("with CR, NUL and bytes that are no UTF-8") { text = std::string("a\r\n\0\xFF\n", 6); }
  SUBCASE("one byte below the limit of copying") { text.assign((1 << 20) - 1, 'x'); }
  SUBCASE("at the limit") { text.assign(1 << 20, 'y'); }
  SUBCASE("mapped") { text.assign((3 << 20) + 17, 'z'); }
  directory.write("1_x.up.sql", text);
  const MigrationSet set = read_directory(directory.path());
  CHECK(set.find(1)->up->size() == static_cast<std::int64_t>(text.size()));
  CHECK((set.find(1)->up->load().bytes() == text));
}

TEST_CASE("a body that went away since the directory was read is an error") {
  const TemporaryDirectory directory;
  directory.write("1_x.up.sql", "SELECT 1;");
  const MigrationSet set = read_directory(directory.path());
  std::filesystem::remove(directory.path() / "1_x.up.sql");
  const Error error = error_of([&] { set.find(1)->up->load(); });
  CHECK(error.code == ErrorCode::usage);
  CHECK(contains(error.what(), "1_x.up.sql"));
}

TEST_CASE("an embedded set gives its bytes and the hashes that the build took") {
  const MemorySet set{{"000002_b.up.sql", "B"}, {"000001_a.up.sql", "A"}, {"000001_a.down.sql", "-A"}};
  CHECK(versions(*set) == std::vector<Version>{1, 2});
  CHECK(set->find(1)->down->load().bytes() == "-A");
  CHECK(set->find(1)->up->known_sha256 == sha256("A"));
  CHECK(set->find(1)->up->size() == 1);
  CHECK(contains(set->origin(), "fake"));
  CHECK(set->warnings().size() == 1);
}

TEST_CASE("a plugin that embeds a file that is no migration is refused by name") {
  const unsigned char byte = 'x';
  const std::array<EmbeddedFile, 1> files{{{"readme.txt", &byte, &byte + 1, ""}}};
  const Error error = error_of([&] { read_embedded("mydb", files); });
  CHECK(error.code == ErrorCode::plugin);
  CHECK(contains(error.what(), "mydb"));
  CHECK(contains(error.what(), "readme.txt"));
}
