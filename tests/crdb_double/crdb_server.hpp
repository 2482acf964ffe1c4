// What the double's connections share.
#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "crdb_backend.hpp"
#include "crdb_double.hpp"
#include "crdb_jobs.hpp"
#include "crdb_sql.hpp"
#include "crdb_wire.hpp"

namespace talos::test::crdb {

/// A connection as the others see it; all but `wake` under Server::mutex.
struct Client {
  int number = 0;
  std::string id;  ///< session_id
  std::string user;
  std::string database;
  std::string application;
  std::string started;
  int pid = 0;  ///< of the PostgreSQL backend, told as BackendKeyData
  int secret = 0;
  std::string query_id;  ///< while it runs one
  std::string active_query;
  std::string last_query;
  std::string query_started;
  bool in_transaction = false;
  bool stalled = false;
  bool cancel_query = false;
  bool over = false;  ///< cut, or CANCEL SESSION
  bool canceled = false;
  Tables writes;   ///< of its open transaction
  Tables awaited;  ///< what a read of it waits for
  Descriptor wake;
};

struct StoredBackup {
  std::string path;  ///< in its collection
  std::string database;
  std::vector<std::pair<std::string, std::string>> tables;  ///< schema and name
  std::string end_time;
};

class Server {
 public:
  Server(PostgresServer& postgres, CrdbProfile profile);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return port_; }
  CrdbProfile profile() const { return profile_; }
  PostgresServer& postgres() { return postgres_; }
  Jobs& jobs() { return jobs_; }
  const Jobs& jobs() const { return jobs_; }

  std::shared_ptr<Client> join();
  void leave(const Client& client);
  std::vector<std::shared_ptr<Client>> clients() const;
  void wake_all() const;
  void cut_all();
  void cancel_by_key(int pid, int secret);

  /// What is to happen at this statement, which is numbered here.
  std::optional<CrdbFault> take_up(CrdbStatement& statement);
  std::optional<std::string> refusal();
  int release_count() const;

  void note_not_modelled(const std::string& sql);
  /// Makes the functions that CockroachDB has, and its stubs, in that database; once.
  void prepare(const std::string& database);

  bool privileged(const std::string& user, CrdbPrivilege privilege) const;
  bool admin(const std::string& user) const { return user == "root"; }

  /// `database.schema.table`.
  bool schema_locked(const std::string& table) const;
  void lock_schema(const std::string& table, bool lock);
  /// Since it was made here; very long for one that was not.
  std::chrono::milliseconds age(const std::string& table) const;
  void made(const std::string& table);

  /// The others whose open transaction has written to one of them.
  std::vector<std::shared_ptr<Client>> writers(const Client& client, const Tables& tables) const;
  /// A read of `one` waits for what `other` has written.
  bool waits_for(const Client& one, const Client& other) const;

  mutable std::mutex mutex;
  std::list<std::pair<CrdbFault, int>> faults;  // and how often still
  int happened = 0;
  std::vector<CrdbStatement> statements;
  std::vector<std::string> unknown;
  std::deque<std::string> refusals;
  int releases = 0;
  std::map<std::string, std::set<CrdbPrivilege>> privileges;
  std::map<std::string, std::string> passwords;
  bool cancel_forbidden = false;
  SchemaLockReading lock_reading = SchemaLockReading::golden;
  BusyTable busy_table = BusyTable::wait;
  std::map<std::string, std::vector<StoredBackup>> backups;  // by collection
  bool backup_files_lost = false;

 private:
  void accept_all();
  void reap();

  struct Running {
    std::shared_ptr<bool> done;
    std::thread thread;
  };

  PostgresServer& postgres_;
  CrdbProfile profile_;
  Descriptor listener_;
  Descriptor stop_;
  int port_ = 0;
  std::list<std::shared_ptr<Client>> clients_;
  int joined_ = 0;
  std::set<std::string> locked_tables_;
  std::map<std::string, std::chrono::steady_clock::time_point> made_;
  std::mutex prepare_mutex_;
  std::set<std::string> prepared_;
  bool stopping_ = false;
  Jobs jobs_;
  std::list<Running> running_;  // of the accepting thread alone
  std::thread accepting_;
};

/// Now, as CockroachDB prints a timestamptz.
std::string timestamp();

}  // namespace talos::test::crdb
