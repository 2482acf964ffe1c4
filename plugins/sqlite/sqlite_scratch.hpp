// A scratch database for SQLite: in memory, or a copy in a directory of its own.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "talos/scratch.hpp"

namespace talos::sqlite {

class SqliteScratch : public Scratch {
 public:
  SqliteScratch() = default;
  ~SqliteScratch() override;
  SqliteScratch(const SqliteScratch&) = delete;
  SqliteScratch& operator=(const SqliteScratch&) = delete;

 private:
  std::string do_create() override { return "sqlite://:memory:"; }
  std::string do_copy(std::string_view from, std::string_view table) override;
  void do_drop() override;

  std::filesystem::path directory_;  ///< empty: none was made
};

}  // namespace talos::sqlite
