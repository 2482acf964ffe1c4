#include "pg_detach.hpp"

namespace talos::pg {

std::optional<QualifiedName> concurrent_detach(std::string_view statement) {
  Tokens words(statement);
  if (!words.take("ALTER") || !words.take("TABLE")) return std::nullopt;
  if (words.take("IF")) words.take("EXISTS");
  words.take("ONLY");
  take_qualified_name(words);
  words.take_symbol('*');
  if (!words.take("DETACH") || !words.take("PARTITION")) return std::nullopt;
  QualifiedName partition = take_qualified_name(words);
  if (!words.take("CONCURRENTLY")) return std::nullopt;
  return partition;
}

}  // namespace talos::pg
