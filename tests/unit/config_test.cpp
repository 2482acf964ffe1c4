#include "config.hpp"

#include <doctest/doctest.h>

#include "talos/error.hpp"

using talos::Error;
using talos::ErrorCode;
using talos::app::parse_config;

namespace {

Error refusal(const std::string& text) {
  try {
    parse_config(text, "talos.yaml");
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::internal, "accepted");
}

}  // namespace

TEST_CASE("the configuration file's db.dsn is read, and its other keys are left alone") {
  CHECK(parse_config("log: {level: debug}\ndb:\n  dsn: sqlite://./a.db\n  pool: 3\n", "f").dsn == "sqlite://./a.db");
  CHECK(parse_config("db: {dsn: \"sqlite://./with space.db\"}", "f").dsn == "sqlite://./with space.db");
}

TEST_CASE("a configuration file without db.dsn gives none") {
  for (const char* text : {"", "# nothing\n", "log: {}", "db:", "db: {}", "db: {dsn: }"})
    CHECK_MESSAGE(!parse_config(text, "f").dsn, text);
}

TEST_CASE("a configuration file of another shape is refused by name") {
  for (const char* text : {"[1, 2]", "db: 3", "db: [1]", "db: {dsn: [a]}", "just text"}) {
    const Error error = refusal(text);
    CHECK_MESSAGE(error.code == ErrorCode::usage, text);
    CHECK(std::string(error.what()).find("talos.yaml") != std::string::npos);
  }
}

TEST_CASE("G18: an error of the configuration file names the line and quotes nothing") {
  const Error error = refusal("db:\n  dsn: {\"postgres://u:hunter2secret@h/d\n");
  CHECK(error.code == ErrorCode::usage);
  CHECK(std::string(error.what()).find("line") != std::string::npos);
  CHECK(std::string(error.what()).find("hunter2") == std::string::npos);
}

TEST_CASE("a configuration file nested without end is refused, not followed") {
  CHECK(refusal(std::string(100'000, '[')).code == ErrorCode::usage);
  CHECK(refusal(std::string(100'000, '{')).code == ErrorCode::usage);
  std::string dashes;
  for (int i = 0; i < 10'000; ++i) dashes += "- ";
  CHECK(refusal(dashes).code == ErrorCode::usage);
}
