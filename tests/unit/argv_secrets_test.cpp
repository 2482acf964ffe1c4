#include "argv_secrets.hpp"

#include <doctest/doctest.h>

using talos::app::take_arguments;

namespace {

// A command line in memory of its own, as main() gets one.
struct CommandLine {
  explicit CommandLine(std::vector<std::string> words) : words_(std::move(words)) {
    for (std::string& word : words_) pointers_.push_back(word.data());
    taken = take_arguments(static_cast<int>(pointers_.size()), pointers_.data());
  }
  std::vector<std::string> taken;
  std::string left(std::size_t i) const { return pointers_[i]; }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

}  // namespace

TEST_CASE("G18: the values of DSN options are overwritten in argv, and kept for the program") {
  const CommandLine line({"talos", "migrate", "up", "--database", "postgres://u:secret@h/d"});
  CHECK(line.taken.at(3) == "postgres://u:secret@h/d");
  CHECK(line.left(4) == std::string(23, '*'));
  CHECK(line.left(2) == "up");
  CHECK(line.left(3) == "--database");
}

TEST_CASE("G18: so is the value after an equals sign") {
  const CommandLine line({"talos", "--database=mysql://u:secret@h/d"});
  CHECK(line.taken.at(0) == "--database=mysql://u:secret@h/d");
  CHECK(line.left(1) == "--database=" + std::string(20, '*'));
}

TEST_CASE("G18: so is a DSN in any other place, and an option that is mistyped") {
  const CommandLine line({"talos", "migrate", "postgres://u:secret@h/d", "--databse=mysql://u:s@h/d", "u:s@tcp(h)/d",
                          "host=h password=s"});
  for (const std::size_t i : {2, 3, 4, 5}) CHECK(line.left(i).find_first_not_of('*') == std::string::npos);
}

TEST_CASE("a command line of nothing is taken as it is") { CHECK(take_arguments(0, nullptr).empty()); }
