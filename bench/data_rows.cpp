// S6.
#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "rows.hpp"

namespace talos::bench {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mebibyte = 1U << 20U;
const std::string make_table = "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(40), note TEXT);\n";

// INSERTs of 100 rows, some 11 KB each, until the file has `size` bytes; how many rows they are.
std::uint64_t write_inserts(const fs::path& file, std::uint64_t size, const std::string& before,
                            const std::string& after) {
  constexpr int rows_each = 100;
  std::ofstream stream(file, std::ios::binary);
  stream << before;
  std::uint64_t rows = 0;
  for (std::uint64_t written = 0; written < size;) {
    std::string statement = "INSERT INTO items (id, name, note) VALUES\n";
    for (int number = 0; number < rows_each; ++number) {
      const std::string id = std::to_string(++rows);
      statement += "(" + id + ", 'item " + id + "', 'a row of a data migration; it says little, but it has as many " +
                   "bytes as such rows often have')" + (number + 1 < rows_each ? ",\n" : ";\n");
    }
    stream << statement;
    written += statement.size();
  }
  stream << after;
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
  return rows;
}

Figure memory(const Row& row, const std::string& who, std::uint64_t peak, std::optional<double> limit) {
  const auto rounded = static_cast<double>((peak + mebibyte / 2) / mebibyte);
  return {row.work, who + ": peak anonymous memory", "MiB", rounded, limit};
}

}  // namespace

void large_data(const Plan& plan, Row& row) {
  row.work = "one migration of " + std::to_string(plan.data_size / mebibyte) + " MiB of INSERTs, " + plan.site.name();
  Site& site = plan.site;
  const fs::path ours = made(plan, "talos");
  fs::create_directories(ours / "migrations");
  write_file(ours / "migrations" / "000001_items.up.sql", make_table);
  const std::uint64_t rows = write_inserts(ours / "migrations" / "000002_rows.up.sql", plan.data_size, "", "");
  const auto client = site.client(true);
  if (!client) throw std::runtime_error("the client is not here");
  const fs::path theirs = made(plan, "client");
  client->write(theirs, {});
  write_inserts(theirs / "batch.sql", plan.data_size, make_table + "BEGIN;\n", "COMMIT;\n");

  std::vector<Contender> contenders{{.name = site.talos(), .command = site.ways().front().up(ours)},
                                    {.name = "client", .command = client->up(theirs)}};
  contenders[1].name = client->tool + ", one transaction";
  std::vector<std::uint64_t> peaks(contenders.size());
  for (std::size_t index = 0; index < contenders.size(); ++index) {
    Contender& contender = contenders[index];
    contender.command.watch_memory = true;
    contender.prepare = [&site, directory = contender.command.directory] { site.clear(directory); };
    contender.check = [&, index, directory = contender.command.directory](const Finished& finished) {
      site.expect_rows(directory, "items", static_cast<long long>(rows));
      peaks[index] = std::max<std::uint64_t>(peaks[index], finished.peak_anonymous);
    };
  }
  row.series = take_turns(contenders, plan.rounds, plan.workspace);
  row.figures.push_back(memory(row, contenders[0].name, peaks[0], 64));
  row.figures.push_back(memory(row, contenders[1].name, peaks[1], std::nullopt));
  compare(row, contenders[0].name, contenders[1].name, 1 / 0.9);
  row.notes.push_back("anonymous memory is the most RssAnon seen, every 5 ms; " + std::to_string(rows) +
                      " rows, 100 a statement");
}

}  // namespace talos::bench
