// A scratch database on the server of a session.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mysql_bookkeeping.hpp"
#include "talos/scratch.hpp"

namespace talos::mysql {

/// All names of scratch databases begin so.
inline constexpr std::string_view scratch_prefix = "talos_scratch_";
/// Of the database beside a scratch database in which Trial tries statements.
inline constexpr std::string_view twin_suffix = "_twin";

class MySqlScratch : public Scratch {
 public:
  /// Fills the empty database `to` with a copy of what the DSN `from` names, where the tracker is called `table` or, if
  /// that is empty, as that DSN says; returns its name there.
  using Fill = std::function<std::string(std::string_view from, std::string_view table, const std::string& to)>;

  /// `dsn` is the session's own; its database's character set is that of the new ones. `ask_firmly` also goes on when a
  /// stop was asked for. All outlive this.
  MySqlScratch(const std::string& dsn, Ask ask, Ask ask_firmly, Fill fill)
      : dsn_(dsn), ask_(std::move(ask)), ask_firmly_(std::move(ask_firmly)), fill_(std::move(fill)) {}
  ~MySqlScratch() override;
  MySqlScratch(const MySqlScratch&) = delete;
  MySqlScratch& operator=(const MySqlScratch&) = delete;

 private:
  std::string do_create() override;
  std::string do_copy(std::string_view from, std::string_view table) override;
  void do_drop() override;
  std::string defaults() const;

  const std::string& dsn_;
  Ask ask_;
  Ask ask_firmly_;
  Fill fill_;
  std::string database_;  ///< empty: none was made
};

}  // namespace talos::mysql
