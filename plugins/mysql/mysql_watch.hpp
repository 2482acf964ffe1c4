// What a second connection sees of the one that works: how far a long statement is, who blocks it, whether the server
// still runs it at all (G16). It also stops it.
//
// No thread: the second connection, which has nothing else to do meanwhile, is asked in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "mysql_connection.hpp"
#include "mysql_server.hpp"

namespace talos::mysql {

/// What is known now.
struct Findings {
  double fraction = -1;  ///< of the running statement, 0 … 1; negative if unknown
  std::string phase;     ///< of it, in the server's words
  std::string
      blockers;      ///< "connection 812 (user bob from host:4711): SELECT …"; empty if nothing is known to block it
  std::string lost;  ///< the work connection is not to be waited for any longer: why
};

class Watch {
 public:
  Watch(Connection& watching, std::uint64_t worker, const ServerInfo& server, std::chrono::milliseconds stall_timeout);

  /// Asks and listens as far as that goes without waiting.
  void step();
  const Findings& findings() const { return findings_; }
  /// Another message was sent: what was seen before it says nothing of it.
  void restart();
  /// Another statement of the message runs.
  void forget_blockers() { findings_.blockers.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Question : unsigned char { none, process, progress, blockers };

  void ask_next();
  void answered(const Reply& reply);
  void see_process(const Reply& reply);
  void see_progress(const Table& table);
  void see_blockers(const Table& table);
  std::string question_sql(Question question) const;
  std::string phase() const;
  std::chrono::milliseconds check_interval() const;

  Connection& watching_;
  std::string worker_;
  const ServerInfo& server_;
  std::chrono::milliseconds stall_timeout_;
  Findings findings_;
  Question question_ = Question::none;
  bool may_ask_progress_ = true;  ///< the server lets this user see it
  bool may_ask_blockers_ = true;
  std::string state_;  ///< of the work connection
  std::string stage_;
  Clock::time_point next_look_ = Clock::now();
  Clock::time_point asked_;
  Clock::time_point last_check_ = Clock::now();
  int idle_answers_ = 0;
};

}  // namespace talos::mysql
