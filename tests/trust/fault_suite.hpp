// Runs seeded faults through the built program, and counts what it finds.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fault_cases.hpp"

namespace talos::test {

/// A database of a case's own, and a server for scratch databases.
class TrustPlace {
 public:
  TrustPlace() = default;
  TrustPlace(const TrustPlace&) = delete;
  TrustPlace& operator=(const TrustPlace&) = delete;
  virtual ~TrustPlace() = default;

  virtual std::string dsn() const = 0;           ///< of the case's database, empty at first
  virtual std::string scratch() const = 0;       ///< for --scratch
  virtual void run(const std::string& sql) = 0;  ///< on the case's database, past the program
};

struct FaultTally {
  std::size_t faults = 0;
  std::vector<std::string> missed;        ///< "case: what was said instead"
  std::vector<std::string> false_alarms;  ///< of cases that expect nothing, and of the Talos set
};

/// What `program migrate verify` finds in a case, notes too, each once: "rule@version".
std::vector<std::string> verify_findings(const FaultCase& fault, const std::filesystem::path& program,
                                         std::unique_ptr<TrustPlace> place);

/// `program` on each case in a place of its own, and on the dialect's Talos set. Prints a line for each.
FaultTally run_fault_suite(const std::string& dialect, const std::filesystem::path& program,
                           const std::filesystem::path& cases, const std::filesystem::path& talos_set,
                           const std::function<std::unique_ptr<TrustPlace>()>& make);

}  // namespace talos::test
