#include "introspect.hpp"

#include "operation.hpp"

namespace talos {

Introspection& introspection_of(Session& session) {
  if (auto* ability = session.ability<Introspection>()) return *ability;
  throw Error(ErrorCode::unsupported, "the plugin for " + session.info().server + " cannot describe a schema");
}

Schema read_schema(Session& session) { return Schema(introspection_of(session).read_schema()); }

SchemaReport report_schema(Driver& driver, const RunOptions& options, Reporter& reporter, CancelToken& cancel) {
  const auto session = connect_to_look(driver, options, reporter, cancel);
  const CancelToken::Attachment attachment(cancel, *session);
  SchemaReport report;
  report.info = session->info();
  report.flavour = introspection_of(*session).flavour();
  report.schema = read_schema(*session);
  return report;
}

}  // namespace talos
