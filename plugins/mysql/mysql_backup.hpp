// Backups by mysqldump or mariadb-dump: SQL in a file.
#pragma once

#include <functional>
#include <string>

#include "mysql_bookkeeping.hpp"
#include "mysql_dump.hpp"
#include "talos/backup.hpp"

namespace talos::mysql {

class MySqlBackup : public Backup {
 public:
  /// `check_stop` throws under cancel().
  MySqlBackup(std::function<DumpSource()> source, Ask ask, std::function<void()> check_stop)
      : source_(std::move(source)), ask_(std::move(ask)), check_stop_(std::move(check_stop)) {}

 private:
  bool do_to_file() const override { return true; }
  Report do_write(const std::string& destination, ExecuteObserver& observer) override;
  void warn_of_engines(ExecuteObserver& observer) const;
  void warn_of_semicolons(ExecuteObserver& observer) const;
  void refuse_what_it_cannot(const DumpTool& tool, const DumpSource& source) const;

  std::function<DumpSource()> source_;
  Ask ask_;
  std::function<void()> check_stop_;
};

}  // namespace talos::mysql
