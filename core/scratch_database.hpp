// A scratch database, and a session on it, for as long as this lives.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "migrate.hpp"
#include "talos/scratch.hpp"

namespace talos {

class ScratchDatabase {
 public:
  /// Connects to the server that `options.connect.dsn` names; makes nothing yet. Throws ErrorCode::unsupported where
  /// the plugin has no such ability.
  ScratchDatabase(Driver& driver, const RunOptions& options, Reporter& reporter, CancelToken& cancel);
  ~ScratchDatabase();
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  /// A new one in place of any before it: empty, or a copy of the database `from`.
  void make(std::string_view from);
  Session& session() { return *session_; }
  /// Throws what stood in the way.
  void drop();

 private:
  Driver& driver_;
  RunOptions options_;
  Reporter& reporter_;
  CancelToken& cancel_;
  std::unique_ptr<Session> host_;
  Scratch* scratch_;
  bool made_ = false;
  std::string dsn_;
  std::unique_ptr<Session> session_;
  std::optional<CancelToken::Attachment> attachment_;
};

}  // namespace talos
