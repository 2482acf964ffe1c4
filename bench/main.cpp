// talos-bench: the figures of docs/performance.md. Timing never decides its exit status.
#include <algorithm>
#include <charconv>
#include <iostream>
#include <stdexcept>

#include "report.hpp"
#include "rows.hpp"
#include "workspace.hpp"

namespace {

namespace fs = std::filesystem;
using namespace talos::bench;

constexpr const char* usage =
    "usage: talos-bench [--only S1,S2,…] [--rounds N] [--json FILE] [--readme FILE] [--source DIR] [--commit TEXT]\n"
    "  --only     the rows to measure: S1, S2, S5, S7, S8 (all)\n"
    "  --rounds   turns of each contender (7)\n"
    "  --json     where the samples are written\n"
    "  --readme   the file whose table is replaced; needs all rows\n"
    "  --source   where node_modules/@dbmate/linux-x64 is looked for (.)\n"
    "  --commit   what talos was built from, for the report\n"
    "TALOS, DBMATE, GOLANG_MIGRATE and GOOSE name programs.\n";

struct Options {
  std::vector<std::string> only;
  unsigned rounds = 7;
  fs::path json;
  fs::path readme;
  fs::path source = ".";
  std::string commit;
};

class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> ids;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    ids.push_back(text.substr(start, end - start));
    if (std::ranges::find(row_kinds(), ids.back(), &RowKind::id) == row_kinds().end()) {
      throw UsageError("no row '" + ids.back() + "'");
    }
    start = end + 1;
  }
  return ids;
}

unsigned rounds_of(const std::string& text) {
  unsigned rounds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rounds);
  if (error != std::errc() || end != text.data() + text.size() || rounds == 0) {
    throw UsageError("--rounds needs a number from 1");
  }
  return rounds;
}

Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t index = 0; index < arguments.size(); index += 2) {
    const std::string& name = arguments[index];
    if (index + 1 == arguments.size()) throw UsageError(name + " needs a value");
    const std::string& value = arguments[index + 1];
    if (name == "--only")
      options.only = rows_of(value);
    else if (name == "--rounds")
      options.rounds = rounds_of(value);
    else if (name == "--json")
      options.json = value;
    else if (name == "--readme")
      options.readme = value;
    else if (name == "--source")
      options.source = value;
    else if (name == "--commit")
      options.commit = value;
    else
      throw UsageError("unknown option " + name);
  }
  if (!options.readme.empty() && !options.only.empty()) throw UsageError("--readme needs all rows");
  return options;
}

void list(const std::vector<Tool>& tools) {
  for (const Tool& tool : tools) {
    if (tool.program.empty()) {
      std::cout << tool.name << ": not here\n";
    } else {
      std::cout << tool.name << ": " << tool.program.string() << " (" << tool.version << "); " << tool.durability
                << "\n";
    }
  }
  std::cout << "\n" << std::flush;
}

Row measure(const RowKind& kind, const Plan& plan) {
  Row row;
  row.id = kind.id;
  std::cerr << kind.id << ' ';
  try {
    fs::create_directory(plan.workspace);
    kind.measure(plan, row);
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    row.failure = error.what();
    std::cerr << " failed: " << row.failure;
  }
  fs::remove_all(plan.workspace);
  std::cerr << '\n';
  return row;
}

int bench(const Options& options) {
  catch_interrupts();
  const Tools tools(options.source);
  list(tools.all());
  const Workspace workspace;
  Report report{today(), options.commit, this_machine(workspace.path()), options.rounds, tools.all(), {}};
  for (const RowKind& kind : row_kinds()) {
    const bool wanted = options.only.empty() || std::ranges::find(options.only, kind.id) != options.only.end();
    if (wanted) report.rows.push_back(measure(kind, {tools, workspace.path() / kind.id, options.rounds}));
  }
  const std::string table = as_markdown(report);
  std::cout << table;
  if (!options.json.empty()) write_file(options.json, as_json(report, options.source));
  const bool failed = std::ranges::any_of(report.rows, [](const Row& row) { return !row.failure.empty(); });
  if (!options.readme.empty() && !failed) replace_table(options.readme, table);
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments == std::vector<std::string>{"--help"}) {
      std::cout << usage;
      return 0;
    }
    return bench(parse(arguments));
  } catch (const Interrupted& error) {
    std::cerr << "Error: " << error.what() << "\n";
    return 130;
  } catch (const UsageError& error) {
    std::cerr << "Error: " << error.what() << "\n" << usage;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "Error: " << error.what() << "\n";
    return 1;
  }
}
