#include "sqlite_site.hpp"

#include <sqlite3.h>

#include <stdexcept>

#include "workspace.hpp"

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

class SqliteSite : public Site {
 public:
  explicit SqliteSite(const Tools& tools) : tools_(tools) {}

  std::string dialect() const override { return "sqlite"; }
  std::string name() const override { return std::string("SQLite ") + sqlite3_libversion(); }
  std::string settings() const override { return "synchronous=FULL, talos EXTRA"; }
  std::string talos() const override { return "talos"; }
  std::vector<Way> ways(const test::MessageProxy* /*proxy*/) const override {
    std::vector<Way> ways = sqlite_ways(tools_);
    std::erase_if(ways,
                  [](const Way& way) { return way.tool == "sqlite3" || way.name.find("NORMAL") != std::string::npos; });
    return ways;
  }
  std::optional<Way> client(bool one_transaction, const test::MessageProxy* /*proxy*/) const override {
    for (const Way& way : sqlite_ways(tools_))
      if (way.tool == "sqlite3" && (way.name.find("one transaction") != std::string::npos) == one_transaction)
        return way;
    return std::nullopt;
  }
  void clear(const fs::path& directory) override { clear_database(directory); }
  void expect_tables(const fs::path& directory, unsigned wanted) override {
    expect_count(database_of(directory),
                 "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 't[0-9]*'", wanted);
  }
  void expect_rows(const fs::path& directory, const std::string& table, long long wanted) override {
    expect_count(database_of(directory), "SELECT count(*) FROM " + table, wanted);
  }
  std::unique_ptr<test::MessageProxy> proxy(std::chrono::milliseconds /*round_trip*/) override {
    throw std::logic_error("SQLite has no connection");
  }

 private:
  const Tools& tools_;
};

}  // namespace

std::unique_ptr<Site> sqlite_site(const Tools& tools) { return std::make_unique<SqliteSite>(tools); }

}  // namespace talos::bench
