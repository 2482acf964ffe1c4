#include "cockroach_lease.hpp"

#include <doctest/doctest.h>

namespace talos::cockroach {
namespace {

Lease a_lease() {
  Runner runner;
  runner.program = "talos 1";
  runner.pid = 7;
  runner.host = "h";
  return Lease("\"d\".\"s\".\"t_lock\"", runner, "us", std::chrono::seconds(30));
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("C3: every write of ours depends on owner, epoch and, where it is short, on the time that is left") {
  Lease lease = a_lease();
  CHECK(lease.fence() == "true");
  lease.set_epoch(5);
  CHECK(has(lease.fence(), "owner = '" + lease.owner() + "' AND epoch = 5"));
  CHECK_FALSE(has(lease.fence(), "expires_at"));
  CHECK(has(lease.fence_now(), lease.fence()));
  CHECK(has(lease.fence_now(), "expires_at > clock_timestamp()"));
}

TEST_CASE("C4: the poison moves the epoch, only if it is still the one that the attempt relied on") {
  Lease lease = a_lease();
  lease.set_epoch(5);
  CHECK(
      has(lease.poison_sql(), "SET epoch = epoch + 1 WHERE id = 1 AND owner = '" + lease.owner() + "' AND epoch = 5"));
}

TEST_CASE("Renewing touches none of what a long transaction depends on") {
  Lease lease = a_lease();
  lease.set_epoch(5);
  CHECK(has(lease.renew_sql(), "WHERE id = 2"));
  CHECK_FALSE(has(lease.renew_sql(), "id = 1"));
}

TEST_CASE("No two runners have the same owner") { CHECK(a_lease().owner() != a_lease().owner()); }

TEST_CASE("C3: what the one before left at work stays known to the next, and to the one after") {
  LeaseRows rows;
  rows.owner = "dead";
  rows.epoch = 4;
  rows.since = "2026-01-01T00:00:00.000Z";
  rows.sessions = {"s1"};
  rows.users = {"them"};
  const auto take = a_lease().take_sql(rows, {1, 2});
  CHECK(has(take.front(), "jobs_since = '2026-01-01T00:00:00.000Z'"));
  CHECK(has(take.front(), "WHERE id = 1 AND owner = 'dead' AND epoch = 4"));
  CHECK(has(take.front(), "foreign_locks = '1 2'"));
  CHECK_FALSE(has(take.front(), "sessions ="));
  CHECK(has(take.front(), "users = 'them us'"));
  rows.jobs_since = "2025-01-01T00:00:00.000Z";
  CHECK(has(a_lease().take_sql(rows, {}).front(), "jobs_since = '2025-01-01T00:00:00.000Z'"));
  rows.sessions.clear();
  CHECK(has(a_lease().take_sql(rows, {}).front(), "users = 'us'"));
}

TEST_CASE("The two rows are read as they were written") {
  pg::Table table;
  table.rows.push_back({"o", "3", "talos 1 7@h", "1000", "a b", std::nullopt, "12 34", "t", "f", "us them"});
  const auto rows = Lease::read(table);
  REQUIRE(rows);
  CHECK(rows->epoch == 3);
  CHECK(rows->since == "1970-01-01T00:00:01.000Z");
  CHECK(rows->sessions == std::vector<std::string>{"a", "b"});
  CHECK(rows->foreign == std::vector<std::int64_t>{12, 34});
  CHECK(rows->users == std::vector<std::string>{"us", "them"});
  CHECK(rows->running);
  CHECK_FALSE(rows->claimable);
  CHECK_FALSE(Lease::read(pg::Table{}));
}

}  // namespace talos::cockroach
