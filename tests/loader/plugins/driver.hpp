// What the test plugins share: they say that their code ran, and throw what only they know.
#pragma once

#include <cstdlib>
#include <fstream>

#include "talos/plugin.hpp"

namespace {

// Writes the file that TALOS_TEST_MARK names, as soon as the plugin is loaded.
struct Mark {
  Mark() {
    if (const char* file = std::getenv("TALOS_TEST_MARK"); file != nullptr) std::ofstream(file) << "loaded\n";
  }
};
const Mark mark;

// Its destructor and what() are code of the plugin.
class OwnError : public talos::Error {
 public:
  OwnError() : Error(talos::ErrorCode::connection, "base") {}
  const char* what() const noexcept override { return "said by the plugin's own code"; }
};

class TestDriver : public talos::Driver {
  std::string do_describe(std::string_view /*dsn*/) const override { return "test database"; }
  std::unique_ptr<talos::Session> do_connect(const talos::ConnectRequest& /*request*/) override { throw OwnError(); }
};

}  // namespace
