// What `migrate verify` printed, read back.
#pragma once

#include <string>
#include <vector>

namespace talos::test {

/// The rules of what was found of one file, by this severity.
std::vector<std::string> rules_at(const std::string& report, const std::string& file, const std::string& severity);

}  // namespace talos::test
