// Backups that the cluster itself writes: BACKUP INTO a storage URL, as a job.
#pragma once

#include <functional>
#include <string>

#include "cockroach_server.hpp"
#include "cockroach_storage.hpp"
#include "pg_dsn.hpp"
#include "pg_side.hpp"
#include "talos/backup.hpp"

namespace talos::cockroach {

class CockroachBackup : public Backup {
 public:
  /// What is referred to outlives this. `stop`: the user's wish.
  CockroachBackup(const pg::Parameters& parameters, const pg::PgDsn& dsn, const ServerInfo& server,
                  std::function<bool()> stop)
      : parameters_(parameters), dsn_(dsn), server_(server), stop_(std::move(stop)) {}

 private:
  bool do_to_file() const override { return false; }
  Report do_write(const std::string& destination, ExecuteObserver& observer) override;

  pg::SideConnection connect(std::function<bool()> stop) const;
  std::string start(pg::SideConnection& connection, const StorageUrl& url) const;
  std::string follow(pg::SideConnection& connection, const std::string& job, ExecuteObserver& observer) const;
  void check(pg::SideConnection& connection, const StorageUrl& url, const std::string& place,
             const std::string& since) const;
  std::string after(const std::string& job, bool cancelled) const;

  const pg::Parameters& parameters_;
  const pg::PgDsn& dsn_;
  const ServerInfo& server_;
  std::function<bool()> stop_;
};

}  // namespace talos::cockroach
