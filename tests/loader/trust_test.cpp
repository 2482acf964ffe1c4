#include "plugin_trust.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.hpp"

namespace talos::test {

namespace {

constexpr uid_t overflow = 65534;
constexpr uid_t somebody = 1000;
constexpr uid_t somebody_else = 1001;

void own(const fs::path& path, uid_t user) { REQUIRE(::lchown(path.c_str(), user, user) == 0); }
void mode(const fs::path& path, mode_t bits) { REQUIRE(::chmod(path.c_str(), bits) == 0); }

// What is wrong with the file for that user; empty if it is trusted.
std::string wrong(const fs::path& file, uid_t user) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  const auto why = distrust(fd, file, user);
  ::close(fd);
  return why.value_or("");
}

bool says(const std::string& text, const fs::path& path, const std::string& what) {
  CAPTURE(text);
  const bool found = text.starts_with(path.string() + " ") && text.find(what) != std::string::npos;
  CHECK(found);
  return found;
}

// <scratch>/dir/file, all trusted by root and by `user`.
struct Tree {
  Scratch scratch;
  fs::path directory = scratch.directory("dir");
  fs::path file = directory / "file";
  Tree() { write_file(file, "x"); }
};

}  // namespace

TEST_CASE("L2: a file of one's own in directories of one's own is trusted") {
  const Tree tree;
  CHECK(wrong(tree.file, ::geteuid()).empty());
}

TEST_CASE("L2: a file that its group or everybody can write is not trusted") {
  const Tree tree;
  for (const mode_t bits : {0664U, 0775U, 0620U}) {
    mode(tree.file, bits);
    CHECK(says(wrong(tree.file, ::geteuid()), tree.file, "writable by its group"));
  }
  for (const mode_t bits : {0646U, 0666U, 0777U, 01777U}) {
    mode(tree.file, bits);
    CHECK(says(wrong(tree.file, ::geteuid()), tree.file, "writable by everybody"));
  }
}

TEST_CASE("L2: a directory above that others can write is not trusted") {
  const Tree tree;
  mode(tree.directory, 0775);
  CHECK(says(wrong(tree.file, ::geteuid()), tree.directory, "writable by its group (mode 0775)"));
  mode(tree.directory, 0757);
  CHECK(says(wrong(tree.file, ::geteuid()), tree.directory, "writable by everybody (mode 0757)"));
  mode(tree.directory, 0755);
  mode(tree.scratch.path(), 0757);
  CHECK(says(wrong(tree.file, ::geteuid()), tree.scratch.path(), "writable by everybody"));
}

TEST_CASE("L2: a sticky directory above is trusted although others can write it") {
  const Tree tree;
  mode(tree.directory, 01777);
  CHECK(wrong(tree.file, ::geteuid()).empty());
}

TEST_CASE("L2: what a link leads through and where it ends are judged as well") {
  const Tree tree;
  const fs::path open = tree.scratch.directory("open");
  write_file(open / "target", "x");
  fs::create_symlink("../open/target", tree.directory / "link");
  CHECK(wrong(tree.directory / "link", ::geteuid()).empty());
  mode(open, 0757);
  CHECK(says(wrong(tree.directory / "link", ::geteuid()), open, "writable by everybody"));
  mode(open, 0755);
  mode(open / "target", 0666);
  CHECK(wrong(tree.directory / "link", ::geteuid()).find("writable by everybody") != std::string::npos);
  // The directory of a link in the middle of a path.
  mode(open / "target", 0644);
  const fs::path middle = tree.scratch.directory("middle");
  fs::create_directory_symlink(open, middle / "to-open");
  CHECK(wrong(middle / "to-open/target", ::geteuid()).empty());
  mode(middle, 0757);
  CHECK(says(wrong(middle / "to-open/target", ::geteuid()), middle, "writable by everybody"));
}

TEST_CASE("L2: a file replaced between opening and judging is not trusted") {
  const Tree tree;
  const int fd = ::open(tree.file.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  write_file(tree.directory / "other", "y");
  fs::rename(tree.directory / "other", tree.file);
  const auto why = distrust(fd, tree.file, ::geteuid());
  ::close(fd);
  REQUIRE(why);
  CHECK(why->find("was replaced while it was checked") != std::string::npos);
}

TEST_CASE("L2: only root and oneself are acceptable owners of the file") {
  if (!can_test(is_root(), "root")) return;
  const Tree tree;
  CHECK(wrong(tree.file, 0).empty());
  CHECK(wrong(tree.file, somebody).empty());
  own(tree.file, somebody);
  CHECK(wrong(tree.file, somebody).empty());
  // Root on a user's build tree.
  CHECK(says(wrong(tree.file, 0), tree.file, "is owned by uid 1000"));
  CHECK(says(wrong(tree.file, somebody_else), tree.file, "is owned by uid 1000"));
}

TEST_CASE("L2: the overflow uid is never an acceptable owner, not even to itself") {
  if (!can_test(is_root(), "root")) return;
  const Tree tree;
  own(tree.file, overflow);
  for (const uid_t user : {uid_t{0}, somebody, overflow})
    CHECK(says(wrong(tree.file, user), tree.file, "is owned by uid 65534"));
  own(tree.file, 0);
  own(tree.directory, overflow);
  for (const uid_t user : {uid_t{0}, somebody, overflow})
    CHECK(says(wrong(tree.file, user), tree.directory, "is owned by uid 65534"));
}

TEST_CASE("L2: a directory above owned by another is not trusted, sticky or not") {
  if (!can_test(is_root(), "root")) return;
  const Tree tree;
  own(tree.directory, somebody);
  CHECK(wrong(tree.file, somebody).empty());
  CHECK(says(wrong(tree.file, 0), tree.directory, "is owned by uid 1000"));
  mode(tree.directory, 01777);
  CHECK(says(wrong(tree.file, 0), tree.directory, "is owned by uid 1000"));
}

TEST_CASE("L2: a link owned by another is not trusted, whatever it leads to") {
  if (!can_test(is_root(), "root")) return;
  const Tree tree;
  const fs::path link = tree.scratch / "link";
  fs::create_symlink(tree.file, link);
  CHECK(wrong(link, 0).empty());
  own(link, somebody);
  CHECK(wrong(link, somebody).empty());
  CHECK(says(wrong(link, 0), link, "is owned by uid 1000"));
}

TEST_CASE("L2: a user loads plugins of their own and of root, nobody else's") {
  if (!can_test(is_root(), "root")) return;
  const Scratch scratch;
  const fs::path roots = scratch.directory("roots");
  const fs::path own_directory = scratch.directory("own");
  install("good", roots / "good.so");
  own(install("good", own_directory / "good.so"), somebody);
  own(own_directory, somebody);
  CHECK(load_as(somebody, request("good"), in(roots)) == "loaded");
  CHECK(load_as(somebody, request("good"), in(own_directory)) == "loaded");
  CHECK(load_as(somebody_else, request("good"), in(own_directory)).find("is owned by uid 1000") != std::string::npos);
  CHECK(load_as(0, request("good"), in(own_directory)).find("is owned by uid 1000") != std::string::npos);
}

TEST_CASE("L2: root does not load from a user's build tree, and none of it runs") {
  if (!can_test(is_root(), "root")) return;
  const Scratch scratch;
  const Mark mark(scratch);
  const fs::path tree = scratch.directory("build");
  own(install("good", tree / "good.so"), 0);
  own(tree, somebody);
  const Error error = refusal([&] { load_plugin(request("good"), in(tree), any_edition); });
  CHECK(error.code == ErrorCode::plugin);
  CHECK_FALSE(error.hint.empty());
  CHECK_FALSE(mark.exists());
}

TEST_CASE("L2: a directory that may not be searched decides too: no later plugin is taken in its place") {
  if (!can_test(is_root(), "root")) return;
  const Scratch scratch;
  mode(scratch.directory("closed"), 0700);
  install("good", scratch.directory("good") / "good.so");
  const std::string result = load_as(somebody, request("good"), {{scratch / "closed", scratch / "good"}});
  CHECK(result.find("closed/good.so") != std::string::npos);
  CHECK(result.find("Permission denied") != std::string::npos);
}

}  // namespace talos::test
