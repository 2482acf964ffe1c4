// Statements of an application, prepared against the schema.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sqlite_db.hpp"
#include "talos/trial.hpp"

namespace talos::sqlite {

class SqliteTrial : public Trial {
 public:
  /// `db` outlives this.
  explicit SqliteTrial(std::optional<Database>& db) : db_(db) {}

 private:
  /// A writer locks the whole file here, whatever it does.
  std::vector<Effect> do_effects(const ScriptPart& /*body*/) override { return {}; }
  std::optional<Error> do_prepare(std::string_view statement) override;

  std::optional<Database>& db_;
};

}  // namespace talos::sqlite
