#include "cockroach_settlement.hpp"

#include "cockroach_catalogue.hpp"
#include "cockroach_lexer.hpp"

namespace talos::cockroach {

namespace {

using Verdict = Settlement::Verdict;
using Finding = Settlement::Finding;

Finding by_catalogue(const Ddl& ddl, std::string_view before, const pg::Ask& ask, const std::string& schema) {
  if (ddl.repeatable) return {Verdict::repeatable, "it can be run again without harm", {}};
  if (ddl.objects.empty()) return {Verdict::unknown, "nothing in the catalogue tells what it did", {}};
  if (before.empty()) return {Verdict::unknown, "the catalogue was not looked at before it", {}};
  const auto now = look_at(ask, ddl.objects, schema);
  return common::judge(ddl.change, common::from_image(before, now), now);
}

// The query tells of the file as a whole: that it has been applied says so of each of its statements, that it has not
// says so of the only one.
Finding by_author(const ScriptPart& statement, const pg::Ask& ask) {
  const std::string query = verify_query(statement.script->text);
  std::size_t statements = 0;
  split_sql(statement.script->text, [&](const Statement&) { ++statements; });
  const auto answers = ask("BEGIN READ ONLY; " + query + "; ROLLBACK");
  const std::string value = answers.at(1).value();
  if (value == "t" || value == "true") return {Verdict::applied, "the file's talos:verify query says so", {}};
  if (statements == 1) return {Verdict::not_applied, "the file's talos:verify query says so", {}};
  return {Verdict::unknown, "the file's talos:verify query says that not all of it has been applied", {}};
}

}  // namespace

std::string verify_query(std::string_view text) {
  constexpr std::string_view directive = "talos:verify";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const auto trim = [&line] {
      while (!line.empty() && std::string_view(" \t\r").find(line.front()) != std::string_view::npos)
        line.remove_prefix(1);
      while (!line.empty() && std::string_view(" \t\r;").find(line.back()) != std::string_view::npos)
        line.remove_suffix(1);
    };
    trim();
    if (line.empty()) continue;
    // Directives stand before the first statement.
    if (!line.starts_with("--")) break;
    line.remove_prefix(2);
    trim();
    if (!line.starts_with(directive)) continue;
    line.remove_prefix(directive.size());
    trim();
    return std::string(line);
  }
  return {};
}

Settlement::Finding settle(const ScriptPart& statement, std::string_view before, const pg::Ask& ask,
                           const std::string& schema) {
  const Finding finding = by_catalogue(read_ddl(statement.text()), before, ask, schema);
  if (finding.verdict != Verdict::unknown || verify_query(statement.script->text).empty()) return finding;
  return by_author(statement, ask);
}

}  // namespace talos::cockroach
