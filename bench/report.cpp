#include "report.hpp"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace talos::bench {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string number(double value) {
  std::ostringstream text;
  if (value == static_cast<int>(value)) {
    text << static_cast<int>(value);
  } else {
    text << std::fixed << std::setprecision(value < 0.095 ? 3 : 2) << value;
  }
  return text.str();
}

std::string goal(const Figure& figure) {
  if (!figure.limit) return "–";
  return (figure.exact ? "= " : "≤ ") + number(*figure.limit);
}

std::string verdict(const Figure& figure) {
  if (!figure.limit) return "–";
  return figure.reached() ? "yes" : "**no**";
}

Json json_of(const Series& series) {
  Json samples = Json::array();
  for (const double seconds : series.seconds) samples.push_back(seconds * 1000);
  return {{"name", series.name},
          {"command", series.command},
          {"median_ms", series.median() * 1000},
          {"min_ms", series.least() * 1000},
          {"max_ms", series.most() * 1000},
          {"samples_ms", samples}};
}

Json json_of(const Figure& figure) {
  Json result{{"ours", figure.ours}, {"theirs", figure.theirs}, {"value", figure.value}};
  if (figure.limit) {
    result["figure_to_reach"] = *figure.limit;
    result["exactly"] = figure.exact;
    result["reached"] = figure.reached();
  }
  return result;
}

Json json_of(const Row& row) {
  Json result{{"id", row.id}, {"site", row.site}, {"work", row.work}};
  for (const Series& series : row.series) result["series"].push_back(json_of(series));
  for (const Figure& figure : row.figures) result["figures"].push_back(json_of(figure));
  result["notes"] = row.notes;
  if (!row.failure.empty()) result["failure"] = row.failure;
  return result;
}

// A report is for others: of a place that only this machine has it keeps what lies below.
std::string program_for_others(const fs::path& program, const fs::path& source) {
  for (const fs::path& root : {fs::current_path(), fs::canonical(source)}) {
    const fs::path relative = program.lexically_relative(root);
    if (!relative.empty() && *relative.begin() != "..") return relative.string();
  }
  return program.string().starts_with("/usr/") ? program.string() : program.filename().string();
}

Json json_of(const Tool& tool, const fs::path& source) {
  if (tool.program.empty()) return {{"name", tool.name}, {"present", false}};
  return {{"name", tool.name},
          {"present", true},
          {"version", tool.version},
          {"program", program_for_others(tool.program, source)},
          {"durability", tool.durability}};
}

}  // namespace

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[20];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &utc)};
}

std::string as_markdown(const Report& report) {
  std::ostringstream out;
  out << "| # | work | talos | against | ratio | figure | reached |\n|---|---|---|---|---|---|---|\n";
  for (const Row& row : report.rows) {
    for (const Figure& figure : row.figures) {
      out << "| " << row.id << " | " << row.work << " | " << figure.ours << " | " << figure.theirs << " | "
          << number(figure.value) << " | " << goal(figure) << " | " << verdict(figure) << " |\n";
    }
    if (!row.failure.empty()) out << "| " << row.id << " | " << row.work << " | could not be measured | | | | |\n";
  }
  out << "\nMedians (least–most) of " << report.rounds << " rounds in turn; " << report.date;
  for (const Tool& tool : report.tools) {
    if (!tool.program.empty()) out << "; " << tool.name << ": " << tool.version;
  }
  if (!report.commit.empty()) out << "; talos built from " << report.commit;
  out << "; " << report.machine.cores << " cores, " << report.machine.cpu << ", Linux " << report.machine.kernel << ", "
      << report.machine.file_system << ".\n";
  std::vector<std::string> notes;
  for (const Row& row : report.rows) {
    for (const std::string& note : row.notes) {
      const std::string line = row.id + ": " + note;
      if (std::ranges::find(notes, line) == notes.end()) notes.push_back(line);
    }
  }
  for (const std::string& note : notes) out << "\n" << note << ".\n";
  return out.str();
}

std::string as_json(const Report& report, const fs::path& source) {
  Json result{{"format_version", 1},
              {"date", report.date},
              {"commit", report.commit},
              {"machine",
               {{"cores", report.machine.cores},
                {"cpu", report.machine.cpu},
                {"kernel", report.machine.kernel},
                {"file_system", report.machine.file_system}}},
              {"rounds", report.rounds},
              {"tools", Json::array()},
              {"rows", Json::array()}};
  for (const Tool& tool : report.tools) result["tools"].push_back(json_of(tool, source));
  for (const Row& row : report.rows) result["rows"].push_back(json_of(row));
  return result.dump(1) + "\n";
}

void replace_table(const fs::path& file, const std::string& sites, const std::string& table) {
  std::ifstream input(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(input), {}};
  const std::string opening = "<!-- bench " + sites + " -->\n";
  const std::size_t start = text.find(opening);
  const std::size_t end = text.find("<!-- /bench -->", start);
  if (start == std::string::npos || end == std::string::npos) {
    throw std::runtime_error("no bench markers of " + sites + " in " + file.string());
  }
  text.replace(start + opening.size(), end - start - opening.size(), table);
  write_file(file, text);
}

}  // namespace talos::bench
