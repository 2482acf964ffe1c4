// Running a command beside a server.
#pragma once

#include <string>
#include <vector>

namespace talos::test {

/// ctest's SKIP_RETURN_CODE.
constexpr int skip_status = 77;

/// Runs it with our own descriptors and environment, `dsn` standing in for {dsn} in its arguments; its exit status.
int run_beside(std::vector<std::string> command, const std::string& dsn);

}  // namespace talos::test
