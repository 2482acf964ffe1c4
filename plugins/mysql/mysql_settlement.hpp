// What became of a statement that nobody saw the end of, as far as the catalogue tells (G13).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "mysql_catalogue.hpp"
#include "mysql_server.hpp"
#include "talos/settlement.hpp"

namespace talos::mysql {

/// `before` is what to_image() made before the statement, or empty; objects without a schema are in the server's
/// database.
Settlement::Finding settle(std::string_view statement, LexerModes modes, std::string_view before, const Inquiry& ask,
                           const ServerInfo& server);

/// A failed one may have done a part of its work: it takes objects one by one, or runs code.
bool may_leave_a_part(std::string_view statement, const Ddl& ddl, bool atomic_ddl);

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

}  // namespace talos::mysql
