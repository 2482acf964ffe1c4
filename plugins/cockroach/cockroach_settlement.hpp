// What became of a schema change that nobody saw the end of, as far as the catalogue tells, or the author's query
// (G13).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "cockroach_server.hpp"
#include "talos/settlement.hpp"

namespace talos::cockroach {

/// `before` is what common::to_image() made before the statement, or empty; objects without a schema are in `schema`.
Settlement::Finding settle(const ScriptPart& statement, std::string_view before, const pg::Ask& ask,
                           const std::string& schema);

/// The query of the file's line -- talos:verify; empty without one.
std::string verify_query(std::string_view text);

/// The ability of a session that knows how to settle.
class SessionSettlement : public Settlement {
 public:
  using Settle = std::function<Finding(const ScriptPart& statement, std::string_view before)>;
  explicit SessionSettlement(Settle settle) : settle_(std::move(settle)) {}

 private:
  Finding do_settle(const ScriptPart& statement, std::string_view before) override {
    return settle_(statement, before);
  }

  Settle settle_;
};

}  // namespace talos::cockroach
