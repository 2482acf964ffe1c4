// What a server answers to one message of SQL, message by message.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "pg_client.hpp"

namespace talos::test {

class Transcript {
 public:
  explicit Transcript(const std::string& libpq_dsn);

  /// In order: a command's tag; `error SQLSTATE`; `notice TEXT`; `row`; `NAME=VALUE` of a ParameterStatus; and last the
  /// TxStatus of ReadyForQuery.
  std::vector<std::string> run(const std::string& sql);

  PgClient& client() { return client_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> trace_;  // the client writes to it to its end
  PgClient client_;
};

}  // namespace talos::test
