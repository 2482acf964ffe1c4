// SET statements, item by item, and what they say of sql_mode.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mysql_token.hpp"

namespace talos::mysql {

struct Assignment {
  enum class Target : std::uint8_t {
    user_variable,  ///< @name
    session,        ///< name, @@name, SESSION name …
    server          ///< GLOBAL, PERSIST …
  };
  Target target = Target::session;
  bool next_transaction = false;  ///< @@name without a scope: some variables then hold for the next transaction only
  std::string name;               ///< lower case, without quotes
  std::string_view value;
};

/// Of `SET a = 1, @b = 2`. Empty for every other statement, and for what is no list of assignments.
std::vector<Assignment> assignments(std::string_view statement, LexerModes modes);

/// Saying the assignment again in a session of the same history gives the same value: it is made of literals, of
/// variables of the session, and of little else.
bool is_repeatable(std::string_view value, LexerModes modes);

/// The modes that follow from the statements of a text, as far as it says them literally.
class FollowedModes {
 public:
  explicit FollowedModes(LexerModes first) : first_(first), now_(first) {}

  LexerModes now() const { return now_; }
  /// False where nobody can tell, without the server, how it reads what follows.
  bool follow(std::string_view set_statement);

 private:
  struct Value {
    bool known = false;
    bool harmless = false;  ///< not known, but it speaks of no mode that changes how bytes are read
    LexerModes modes;
  };
  Value value_of(std::string_view text) const;

  LexerModes first_;
  LexerModes now_;
  std::map<std::string, LexerModes> saved_;  ///< in variables: SET @old = @@sql_mode
};

}  // namespace talos::mysql
