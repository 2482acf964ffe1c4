// Several transactions in one message: what a round trip costs is paid once for all of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "postgres_message.hpp"

namespace talos::postgres {

class Batch {
 public:
  /// One transaction: it ends in COMMIT.
  void add(Message message);

  const std::string& sql() const { return sql_; }
  std::size_t size() const { return parts_.size(); }
  const Message& message(std::size_t index) const { return parts_[index].message; }

  /// The answer that the message at `index` would have got alone; `before` statements of those before it succeeded.
  pg::Reply reply_to(std::size_t index, const pg::Reply& whole, std::size_t before) const;

 private:
  struct Part {
    Message message;
    std::size_t begin;  ///< byte of sql_
  };

  std::string sql_;
  std::vector<Part> parts_;
};

}  // namespace talos::postgres
