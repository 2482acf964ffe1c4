// What `migrate schema` prints.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "introspect.hpp"

namespace talos::app {

std::string schema_text(const SchemaReport& report);
nlohmann::ordered_json schema_json(const SchemaReport& report);

}  // namespace talos::app
