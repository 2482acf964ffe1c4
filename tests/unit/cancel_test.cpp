#include "cancel.hpp"

#include <thread>

#include <doctest/doctest.h>

#include "fake_session.hpp"
#include "fixtures.hpp"

using namespace talos;
using namespace talos::test;
using namespace std::chrono_literals;

TEST_CASE("a token that nobody asked to stop lets work go on and sleeps its time out") {
  CancelToken token;
  CHECK_NOTHROW(token.check());
  CHECK_FALSE(token.requested());
  CHECK(token.wait_for(1ms));
}

TEST_CASE("after a request check() throws, the flag is set, and no wait sleeps") {
  CancelToken token;
  token.request();
  CHECK(token.requested());
  CHECK(token.flag().load());
  CHECK(error_of([&] { token.check(); }).code == ErrorCode::cancelled);
  CHECK_FALSE(token.wait_for(1h));
}

TEST_CASE("a request from another thread wakes a waiter") {
  CancelToken token;
  std::thread other([&] { token.request(); });
  CHECK_FALSE(token.wait_for(1h));
  other.join();
}

TEST_CASE("a request cancels the attached session, and no other") {
  FakeDatabase database;
  FakeSession session(database);
  CancelToken token;
  { const CancelToken::Attachment earlier(token, session); }
  SUBCASE("while it is attached") {
    const CancelToken::Attachment attachment(token, session);
    token.request();
    CHECK(database.cancels == 1);
  }
  SUBCASE("when it is attached after the request") {
    token.request();
    CHECK(database.cancels == 0);
    const CancelToken::Attachment attachment(token, session);
    CHECK(database.cancels == 1);
  }
  SUBCASE("not after it was detached") {
    token.request();
    CHECK(database.cancels == 0);
  }
}
