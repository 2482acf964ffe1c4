// Seeded faults, read from a file: small migration sets with something wrong, and what is to be found.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace talos::test {

/// In the file:  @case NAME, then @up N and @down N with the file's text below it, and one of
///   @expect RULE N       verify finds RULE in migration N (or `nothing`: neither errors nor warnings)
///   @drift TEXT          the SQL below runs on the migrated database; diagnose tells TEXT of the newest version
///   @dirty N             migration N, whose statements end in ";\n", is broken off at each of them but the first
///                        (which leaves nothing behind) in turn
/// and any number of @args WORDS for verify, and @queries old|new with statements.
struct FaultCase {
  struct File {
    long version = 0;
    bool up = true;
    std::string text;
  };
  std::string name;
  std::vector<File> files;
  std::string rule;  ///< of @expect
  long version = 0;
  std::string difference;  ///< of @drift
  std::string drift;
  long dirty = 0;  ///< of @dirty
  std::vector<std::string> arguments;
  std::string old_queries;
  std::string new_queries;
};

/// Throws std::runtime_error with the line that cannot be read.
std::vector<FaultCase> read_fault_cases(const std::filesystem::path& file);

}  // namespace talos::test
