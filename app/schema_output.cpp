#include "schema_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "output_json.hpp"
#include "printable.hpp"

namespace talos::app {

using nlohmann::ordered_json;

namespace {

ordered_json column_json(const SchemaColumn& column) {
  ordered_json object{{"name", column.name}, {"type", column.type}, {"not_null", column.not_null}};
  if (!column.default_value.empty()) object["default"] = column.default_value;
  if (column.supplied) object["supplied"] = true;
  if (!column.attributes.empty()) object["attributes"] = column.attributes;
  return object;
}

ordered_json object_json(const SchemaObject& schema_object) {
  ordered_json object{{"kind", schema_object.word}, {"name", schema_object.name}};
  if (!schema_object.table.empty()) object["table"] = schema_object.table;
  if (!schema_object.definition.empty()) object["definition"] = schema_object.definition;
  if (!schema_object.on.empty()) object["on"] = schema_object.on;
  for (const SchemaColumn& column : schema_object.columns) object["columns"].push_back(column_json(column));
  return object;
}

}  // namespace

std::string schema_text(const SchemaReport& report) {
  std::string text;
  for (const SchemaObject& object : report.schema.objects()) {
    std::string lines = text_of(object);
    // Line by line: a name may hold anything.
    for (std::size_t at = 0; at < lines.size();) {
      const auto end = lines.find('\n', at);
      text += printable(lines.substr(at, end - at)) + '\n';
      at = end + 1;
    }
  }
  return text + fmt::format("Fingerprint: {} ({})\n", fingerprint(report.schema), report.flavour);
}

ordered_json schema_json(const SchemaReport& report) {
  ordered_json object = json_head(Command::migrate_schema, true);
  object["database"] = database_json(report.info);
  object["flavour"] = report.flavour;
  object["fingerprint"] = fingerprint(report.schema);
  object["objects"] = ordered_json::array();
  for (const SchemaObject& one : report.schema.objects()) object["objects"].push_back(object_json(one));
  return object;
}

}  // namespace talos::app
