// Exit statuses, and the one place that maps an error to one.
#pragma once

#include "talos/error.hpp"

namespace talos::app {

enum ExitStatus : int {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_dirty = 3,
  exit_lock_timeout = 4,
  exit_connection = 5,
  exit_plugin = 6,
  exit_pending = 7,
};

constexpr int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return exit_usage;
    case ErrorCode::dirty:
      return exit_dirty;
    case ErrorCode::lock_timeout:
      return exit_lock_timeout;
    case ErrorCode::connection:
    case ErrorCode::busy:
      return exit_connection;
    case ErrorCode::plugin:
      return exit_plugin;
    case ErrorCode::statement:
    case ErrorCode::policy:
    case ErrorCode::unsupported:
    case ErrorCode::cancelled:
    case ErrorCode::claim_lost:
    case ErrorCode::lock_lost:
    case ErrorCode::internal:
      return exit_failed;
  }
  return exit_failed;
}

}  // namespace talos::app
