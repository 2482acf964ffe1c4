// A build-time program, one for each edition: writes the manual pages and completions that are installed with its
// program.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>

#include "completion.hpp"
#include "manual.hpp"
#include "this_edition.hpp"

namespace {

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream.exceptions(std::ios::failbit | std::ios::badbit);
  stream << text;
  stream.close();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace talos::app;
  if (argc != 3) {
    std::fputs("usage: PROGRAM DIRECTORY PLUGIN_DIRECTORY\n", stderr);
    return 2;
  }
  try {
    const std::filesystem::path directory(argv[1]);
    const std::string program(this_edition.program);
    std::filesystem::create_directories(directory);
    write(directory / (program + ".1"), program_manual(this_edition));
    write(directory / (program + "-migrate.1"), migrate_manual(this_edition));
    write(directory / "talos-plugin.7", plugin_manual(argv[2]));
    write(directory / program, completion_script("bash", program));
    write(directory / ("_" + program), completion_script("zsh", program));
    write(directory / (program + ".fish"), completion_script("fish", program));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
