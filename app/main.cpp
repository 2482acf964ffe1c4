#include <cstdio>
#include <exception>
#include <optional>

#include <fcntl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include "argv_secrets.hpp"
#include "cli.hpp"
#include "commands.hpp"
#include "error_output.hpp"
#include "exit_status.hpp"
#include "help.hpp"
#include "output_json.hpp"
#include "signals.hpp"
#include "stdout.hpp"
#include "this_edition.hpp"

namespace talos::app {

namespace {

// A missing standard descriptor would be given to the next file opened: a database, say, that messages are then
// written into.
// Read-only: an answer that nobody can get must not look like success.
void open_standard_descriptors() {
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::dup(fd)) {
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return;
  }
}

LogLevel log_level(const Options& options) {
  if (options.quiet && options.log_level < LogLevel::warn) return LogLevel::warn;
  return options.log_level;
}

int run(const Options& options, CancelToken& cancel) {
  const bool json_log = options.log_format == Format::json;
  const LogLevel level = log_level(options);
  Console console(is_terminal(STDERR_FILENO) && !json_log && level <= LogLevel::info);
  const Palette error_palette = json_log ? Palette{} : palette(options.color, STDERR_FILENO);
  Log log(console, level, options.log_format, error_palette);
  try {
    return run_command(
        {options, this_edition, cancel, console, log, error_palette, palette(options.color, STDOUT_FILENO)});
  } catch (const Error& error) {
    console.clear();
    if (options.format == Format::json) print_json(error_json(options.command, error));
    show_error(error, console, log, error_palette);
    return exit_status(error.code);
  }
}

bool asks_for_json(const std::vector<std::string>& arguments, const std::string& option) {
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i] == option + "=json" ||
        (arguments[i] == option && i + 1 < arguments.size() && arguments[i + 1] == "json"))
      return true;
  return false;
}

// The command line could not be read as a whole: what it says of formats is looked up by itself.
int refuse(const Error& error, const std::vector<std::string>& arguments) {
  Console console(false);
  const bool json_log = asks_for_json(arguments, "--log-format");
  const Palette colours = json_log ? Palette{} : palette(Color::automatic, STDERR_FILENO);
  Log log(console, LogLevel::info, json_log ? Format::json : Format::text, colours);
  if (asks_for_json(arguments, "--format")) print_json(error_json(std::nullopt, error));
  show_error(error, console, log, colours);
  return exit_status(error.code);
}

int main_without_exceptions(int argc, char** argv) {
  std::vector<std::string> arguments = take_arguments(argc, argv);
  open_standard_descriptors();
  try {
    if (arguments.empty()) {
      std::fputs(help_text({}, this_edition).c_str(), stderr);
      return exit_usage;
    }
    std::optional<Options> options;
    try {
      options = parse_command_line(arguments);
    } catch (const Error& error) {
      return refuse(error, arguments);
    }
    CancelToken cancel;
    SignalWatch signals(cancel);
    const int status = run(*options, cancel);
    if (signals.received() != 0 && status != exit_done) exit_for_signal(signals.received());
    return status;
  } catch (const Error& error) {
    return refuse(error, {});
  } catch (const std::exception& error) {
    return refuse(Error(ErrorCode::internal, std::string("internal error: ") + error.what()), {});
  }
}

}  // namespace

}  // namespace talos::app

int main(int argc, char** argv) { return talos::app::main_without_exceptions(argc, argv); }
