#include "common/polled_lock_wait.hpp"

#include <chrono>

#include <doctest/doctest.h>

#include "talos/error.hpp"

using talos::Error;
using talos::ErrorCode;
using talos::common::PolledLockWait;

namespace {

using std::chrono::milliseconds;

bool never() { return false; }

}  // namespace

TEST_CASE("whoever waits is told by the first look that finds the lock free") {
  int looks = 0;
  PolledLockWait wait(
      milliseconds(1), [&] { return ++looks == 3; }, never);
  CHECK(wait.await(std::chrono::minutes(10)));
  CHECK(looks == 3);
}

// The shortest pauses that there can be, half of 1 ms and a twentieth more each time, come to 400 ms after 76.
TEST_CASE("a lock that stays held is looked at ever more seldom") {
  int looks = 0;
  const auto held = [&] {
    ++looks;
    return false;
  };
  PolledLockWait wait(milliseconds(1), held, never);
  CHECK_FALSE(wait.await(milliseconds(400)));
  CHECK(looks >= 1);
  CHECK(looks <= 76);
}

TEST_CASE("a lock that seems free and cannot be had is waited for ever longer") {
  PolledLockWait wait(
      milliseconds(1), [] { return true; }, never);
  int times = 0;
  for (const auto start = std::chrono::steady_clock::now();
       std::chrono::steady_clock::now() - start < milliseconds(400); ++times)
    CHECK(wait.await(std::chrono::minutes(10)));
  CHECK(times <= 77);
}

TEST_CASE("a stop ends the wait for a lock") {
  int asked = 0;
  PolledLockWait wait(milliseconds(1), never, [&] { return ++asked == 2; });
  try {
    wait.await(std::chrono::minutes(10));
    FAIL("it went on");
  } catch (const Error& error) {
    CHECK(error.code == ErrorCode::cancelled);
  }
}
