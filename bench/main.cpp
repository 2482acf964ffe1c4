// talos-bench: the figures of docs/performance.md. Timing never decides its exit status.
#include <algorithm>
#include <charconv>
#include <functional>
#include <iostream>
#include <stdexcept>

#include "report.hpp"
#include "rows.hpp"
#include "workspace.hpp"

namespace {

namespace fs = std::filesystem;
using namespace talos::bench;

constexpr const char* usage =
    "usage: talos-bench [--sites SITE,…] [--only ROW,…] [--rounds N] [--size MIB] [--json FILE] [--readme FILE]\n"
    "                   [--plots DIR] [--without TOOL,…] [--source DIR] [--commit TEXT]\n"
    "  --sites    sqlite, postgres, mariadb, mysql (all); servers are started on loopback, those missing left out\n"
    "  --only     the rows to measure: S1 to S8, and what is drawn: number, latency, runners (all)\n"
    "  --rounds   turns of each contender (7)\n"
    "  --size     of the data migration of S6, in MiB (64)\n"
    "  --json     where the samples are written\n"
    "  --readme   the file whose table of these sites is replaced; needs all rows\n"
    "  --plots    where the plots are written\n"
    "  --without  tools that are left out, as if they were not here\n"
    "  --source   where node_modules/@dbmate/linux-x64 is looked for (.)\n"
    "  --commit   what talos was built from, for the report\n"
    "TALOS, TALOS_COMMERCIAL, DBMATE, GOLANG_MIGRATE and GOOSE name programs. Databases lie in TMPDIR.\n";

struct Options {
  std::vector<std::string> sites = site_names();
  std::vector<std::string> only;
  unsigned rounds = 7;
  unsigned size = 64;
  fs::path json;
  fs::path readme;
  fs::path plots;
  std::vector<std::string> without;
  fs::path source = ".";
  std::string commit;
};

class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `known` says whether there is such a word.
std::vector<std::string> words_of(const std::string& text, const std::function<bool(const std::string&)>& known) {
  std::vector<std::string> words;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    words.push_back(text.substr(start, end - start));
    if (!known(words.back())) throw UsageError("there is no '" + words.back() + "'");
    start = end + 1;
  }
  return words;
}

bool is_row(const std::string& id) { return std::ranges::find(row_kinds(), id, &RowKind::id) != row_kinds().end(); }
bool is_site(const std::string& name) { return std::ranges::find(site_names(), name) != site_names().end(); }

unsigned number_of(const std::string& option, const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) {
    throw UsageError(option + " needs a number from 1");
  }
  return number;
}

Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t index = 0; index < arguments.size(); index += 2) {
    const std::string& name = arguments[index];
    if (index + 1 == arguments.size()) throw UsageError(name + " needs a value");
    const std::string& value = arguments[index + 1];
    if (name == "--sites")
      options.sites = words_of(value, is_site);
    else if (name == "--only")
      options.only = words_of(value, is_row);
    else if (name == "--rounds")
      options.rounds = number_of(name, value);
    else if (name == "--size")
      options.size = number_of(name, value);
    else if (name == "--without")
      options.without = words_of(value, [](const std::string&) { return true; });
    else if (name == "--plots")
      options.plots = value;
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
      std::cout << tool.name << ": " << tool.program.string() << " (" << tool.version << ")"
                << (tool.durability.empty() ? "" : "; on SQLite ") << tool.durability << "\n";
    }
  }
  std::cout << "\n" << std::flush;
}

Row measure(const RowKind& kind, const std::string& site, const Plan& plan) {
  Row row;
  row.id = kind.id;
  row.site = site;
  std::cerr << kind.id << ' ' << site << ' ';
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

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

// After each row, so that a run that is interrupted has kept what it measured.
void keep(const Options& options, Report& report) {
  std::ranges::stable_sort(report.rows, {}, &Row::id);
  if (!options.json.empty()) write_file(options.json, as_json(report, options.source));
  if (options.plots.empty()) return;
  fs::create_directories(options.plots);
  for (const Row& row : report.rows)
    for (const Plot& plot : row.plots) write_file(options.plots / (plot.file + ".svg"), as_svg(plot));
}

// One site after the other, so that no other server is there while one is measured.
void measure_all(const Options& options, const Tools& tools, const fs::path& workspace, Report& report) {
  for (const std::string& name : options.sites) {
    const auto site = open_site(name, tools);
    if (!site) {
      std::cout << name << ": not here\n" << std::flush;
      continue;
    }
    for (const RowKind& kind : row_kinds()) {
      if (!has(kind.sites, name) || (!options.only.empty() && !has(options.only, kind.id))) continue;
      const std::uint64_t size = std::uint64_t{options.size} << 20U;
      report.rows.push_back(measure(kind, name, {tools, *site, workspace / kind.id, options.rounds, size}));
      keep(options, report);
    }
  }
}

int bench(const Options& options) {
  catch_interrupts();
  Tools tools(options.source);
  for (const std::string& name : options.without)
    if (!tools.leave_out(name)) throw UsageError("there is no tool '" + name + "'");
  list(tools.all());
  const Workspace workspace;
  Report report{today(), options.commit, this_machine(workspace.path()), options.rounds, tools.all(), {}};
  measure_all(options, tools, workspace.path(), report);
  if (report.rows.empty()) return 0;
  const std::string table = as_markdown(report);
  std::cout << table;
  const bool failed = std::ranges::any_of(report.rows, [](const Row& row) { return !row.failure.empty(); });
  if (!options.readme.empty() && !failed) replace_table(options.readme, joined(options.sites), table);
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
