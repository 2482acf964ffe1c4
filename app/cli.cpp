#include "cli.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>

#include <boost/program_options.hpp>

#include "argv_secrets.hpp"
#include "command_table.hpp"
#include "did_you_mean.hpp"
#include "duration.hpp"
#include "talos/bookkeeping.hpp"
#include "talos/error.hpp"

namespace talos::app {

namespace {

namespace po = boost::program_options;

Error usage(const std::string& message, std::string hint = {}) {
  return Error(ErrorCode::usage, message).with_hint(std::move(hint));
}

// A word of the user's may be a DSN in the wrong place: only what cannot be one is said again.
std::string said_again(std::string_view word) {
  const bool harmless = !word.empty() && word.size() <= 40 && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  return harmless ? " \"" + std::string(word) + "\"" : "";
}

struct Parsed {
  std::vector<std::string> positionals;
  std::vector<std::pair<std::string, std::string>> options;  ///< name, value; in the order given
};

bool is_negative_number(std::string_view token) {
  return token.size() > 1 && token[0] == '-' &&
         std::all_of(token.begin() + 1, token.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `force -1`: a version, not an option.
std::vector<po::option> negative_number_is_positional(std::vector<std::string>& tokens) {
  std::vector<po::option> result;
  if (!is_negative_number(tokens[0])) return result;
  po::option option;
  option.position_key = 0;
  option.value.push_back(tokens[0]);
  option.original_tokens.push_back(tokens[0]);
  tokens.erase(tokens.begin());
  result.push_back(option);
  return result;
}

po::options_description describe_options() {
  po::options_description description;
  auto add = description.add_options();
  for (const OptionSpec& option : all_options()) {
    std::string name(option.name);
    if (option.name == "help") name += ",h";
    if (option.value.empty()) {
      add(name.c_str(), "");
    } else {
      add(name.c_str(), po::value<std::string>(), "");
    }
  }
  return description;
}

[[noreturn]] void unknown_option(std::string name) {
  name = name.substr(0, name.find('='));
  name.erase(0, name.find_first_not_of('-'));
  std::vector<std::string_view> known;
  for (const OptionSpec& option : all_options()) known.push_back(option.name);
  const auto near = nearest(name, known);
  throw usage("unknown option" + (said_again(name).empty() ? std::string() : ": --" + name),
              near ? "did you mean --" + *near + "?" : "see --help");
}

std::string name_without_dashes(std::string name) {
  name.erase(0, std::min(name.find_first_not_of('-'), name.size()));
  return name.substr(0, name.find('='));
}

// golang-migrate's users type them so.
void refuse_single_dashes(const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) {
    if (token == "--") return;
    const bool letter =
        token.size() > 2 && ((token[1] >= 'a' && token[1] <= 'z') || (token[1] >= 'A' && token[1] <= 'Z'));
    if (!letter || token[0] != '-') continue;
    const std::string name = name_without_dashes(token);
    if (find_option(name) != nullptr) throw usage("-" + name + ": options take two dashes", "write --" + name);
    throw usage("unknown option with one dash", "options take two dashes: see --help");
  }
}

Parsed parse_tokens(const std::vector<std::string>& tokens) {
  using namespace po::command_line_style;
  refuse_single_dashes(tokens);
  const po::options_description description = describe_options();
  Parsed parsed;
  try {
    const auto result = po::command_line_parser(tokens)
                            .options(description)
                            .style(allow_long | long_allow_adjacent | long_allow_next | allow_short |
                                   allow_dash_for_short | short_allow_next | short_allow_adjacent)
                            .extra_style_parser(negative_number_is_positional)
                            .allow_unregistered()
                            .run();
    for (const po::option& option : result.options) {
      if (option.unregistered && option.position_key < 0) unknown_option(option.original_tokens.at(0));
      if (option.position_key >= 0) {
        parsed.positionals.insert(parsed.positionals.end(), option.value.begin(), option.value.end());
      } else {
        parsed.options.emplace_back(option.string_key, option.value.empty() ? "" : option.value[0]);
      }
    }
  } catch (const po::invalid_command_line_syntax& error) {
    const std::string name = name_without_dashes(error.get_option_name());
    if (error.kind() == po::invalid_syntax::extra_parameter) throw usage("--" + name + " takes no value");
    throw usage("--" + name + " needs a value");
  } catch (const po::error_with_option_name& error) {
    const std::string name = name_without_dashes(error.get_option_name());
    throw usage(said_again(name).empty() ? "a bad option" : "bad option: --" + name, "see --help");
  } catch (const po::error&) {
    throw usage("the command line cannot be read", "see --help");
  }
  return parsed;
}

std::int64_t parse_number(std::string_view text, const std::string& what, std::int64_t least) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least)
    throw usage(what + " must be a number from " + std::to_string(least) + " up" +
                (said_again(text).empty() ? "" : ", not" + said_again(text)));
  return number;
}

std::chrono::milliseconds parse_limit(const std::string& text, const std::string& option) {
  if (const auto duration = parse_duration(text)) return *duration;
  throw usage("--" + option + " must be a duration, not" + (said_again(text).empty() ? " this" : said_again(text)),
              "write it like 500ms, 30s or 1h30m");
}

template <class T, std::size_t N>
T choose(const std::string& text, const std::string& option, const std::array<std::pair<std::string_view, T>, N>& of) {
  std::string accepted;
  for (const auto& [name, value] : of) {
    if (name == text) return value;
    accepted += (accepted.empty() ? "" : ", ") + std::string(name);
  }
  throw usage("--" + option + " must be one of " + accepted);
}

constexpr std::array formats{std::pair{std::string_view("text"), Format::text},
                             std::pair{std::string_view("json"), Format::json}};
constexpr std::array verify_formats{formats[0], formats[1], std::pair{std::string_view("github"), Format::github}};
constexpr std::array colors{std::pair{std::string_view("auto"), Color::automatic},
                            std::pair{std::string_view("always"), Color::always},
                            std::pair{std::string_view("never"), Color::never}};
constexpr std::array levels{
    std::pair{std::string_view("trace"), LogLevel::trace}, std::pair{std::string_view("debug"), LogLevel::debug},
    std::pair{std::string_view("info"), LogLevel::info},   std::pair{std::string_view("warn"), LogLevel::warn},
    std::pair{std::string_view("error"), LogLevel::error}, std::pair{std::string_view("off"), LogLevel::off}};
constexpr std::array assumptions{std::pair{std::string_view("applied"), Assumption::applied},
                                 std::pair{std::string_view("not-applied"), Assumption::not_applied}};
constexpr std::array durables{std::pair{std::string_view("each"), true}, std::pair{std::string_view("run"), false}};

using Setter = std::function<void(Options&, const std::string& value, const std::string& name)>;

Setter flag(bool Options::*member) {
  return [member](Options& o, const std::string&, const std::string&) { o.*member = true; };
}
Setter limit(std::chrono::milliseconds Options::*member) {
  return
      [member](Options& o, const std::string& value, const std::string& name) { o.*member = parse_limit(value, name); };
}
Setter path(std::optional<std::filesystem::path> Options::*member) {
  return [member](Options& o, const std::string& value, const std::string& name) {
    if (value.empty()) throw usage("--" + name + " is empty");
    if (is_misplaced_dsn(value)) throw usage("--" + name + " takes a path, not a DSN", "a DSN belongs to --database");
    o.*member = value;
  };
}

Setter destination(std::optional<std::string> Options::*member) {
  return [member](Options& o, const std::string& value, const std::string& name) {
    if (value.empty()) throw usage("--" + name + " is empty");
    o.*member = value;
  };
}

const std::map<std::string_view, Setter>& setters() {
  static const std::map<std::string_view, Setter> table{
      {"steps", [](Options& o, const std::string& v,
                   const std::string&) { o.steps = static_cast<std::size_t>(parse_number(v, "--steps", 1)); }},
      {"to", [](Options& o, const std::string& v, const std::string&) { o.to = parse_number(v, "--to", 0); }},
      {"all", flag(&Options::all)},
      {"yes", flag(&Options::yes)},
      {"dry-run", flag(&Options::dry_run)},
      {"block", flag(&Options::block)},
      {"timeout", [](Options& o, const std::string& v, const std::string& n) { o.timeout = parse_limit(v, n); }},
      {"assume", [](Options& o, const std::string& v, const std::string& n) { o.assume = choose(v, n, assumptions); }},
      {"exit-code", flag(&Options::exit_code)},
      {"verify", flag(&Options::verify)},
      {"output", destination(&Options::output)},
      {"backup", destination(&Options::backup)},
      {"scratch", [](Options& o, const std::string& v, const std::string&) { o.scratch = v; }},
      {"from", [](Options& o, const std::string& v, const std::string&) { o.from = v; }},
      {"since", [](Options& o, const std::string& v, const std::string&) { o.since = parse_number(v, "--since", -1); }},
      {"queries", path(&Options::queries)},
      {"write-fingerprints", flag(&Options::write_fingerprints)},
      {"checked", flag(&Options::checked)},
      {"database", [](Options& o, const std::string& v, const std::string&) { o.database = v; }},
      {"database-file", path(&Options::database_file)},
      {"config", path(&Options::config)},
      {"migrations", path(&Options::migrations)},
      {"table",
       [](Options& o, const std::string& v, const std::string&) {
         if (!is_table_name(v))
           throw usage("--table: this cannot be a table's name",
                       "use a letter or _, then letters, digits, _ or $; at most 55 characters");
         o.table = v;
       }},
      {"plugin-dir", path(&Options::plugin_dir)},
      {"lock-timeout", limit(&Options::lock_timeout)},
      {"ddl-lock-timeout", limit(&Options::ddl_lock_timeout)},
      {"ddl-lock-retries",
       [](Options& o, const std::string& v, const std::string&) {
         o.ddl_lock_retries =
             static_cast<int>(std::min<std::int64_t>(parse_number(v, "--ddl-lock-retries", 0), 1'000'000));
       }},
      {"statement-timeout", limit(&Options::statement_timeout)},
      {"connect-timeout", limit(&Options::connect_timeout)},
      {"stall-timeout", limit(&Options::stall_timeout)},
      {"wait", limit(&Options::wait)},
      {"durable",
       [](Options& o, const std::string& v, const std::string& n) { o.durable_each = choose(v, n, durables); }},
      {"allow-out-of-order", flag(&Options::allow_out_of_order)},
      {"allow-missing-down", flag(&Options::allow_missing_down)},
      {"allow-unknown-version", flag(&Options::allow_unknown_version)},
      {"strict", flag(&Options::strict)},
      {"format",
       [](Options& o, const std::string& v, const std::string& n) {
         o.format = o.command == Command::migrate_verify ? choose(v, n, verify_formats) : choose(v, n, formats);
       }},
      {"log-level", [](Options& o, const std::string& v, const std::string& n) { o.log_level = choose(v, n, levels); }},
      {"log-format",
       [](Options& o, const std::string& v, const std::string& n) { o.log_format = choose(v, n, formats); }},
      {"quiet", flag(&Options::quiet)},
      {"color", [](Options& o, const std::string& v, const std::string& n) { o.color = choose(v, n, colors); }},
  };
  return table;
}

// The longest known command at the front of the positionals; takes its words off them.
const CommandSpec& take_command(std::vector<std::string>& positionals) {
  if (positionals.empty()) throw usage("no command given", "see --help");
  const std::string one = positionals[0];
  if (positionals.size() > 1) {
    if (const CommandSpec* found = find_command(one + " " + positionals[1])) {
      positionals.erase(positionals.begin(), positionals.begin() + 2);
      return *found;
    }
  }
  if (const CommandSpec* found = find_command(one)) {
    positionals.erase(positionals.begin());
    return *found;
  }
  const bool migrate = one == "migrate";
  if (migrate && positionals.size() == 1)
    throw usage(
        "migrate needs a command: up, down, status, resume, force, history, schema, verify, diagnose, backup or create",
        "see migrate --help");
  const std::string& unknown = migrate ? positionals[1] : one;
  std::vector<std::string_view> known{"migrate"};
  if (migrate) known.clear();
  for (const CommandSpec& command : all_commands()) {
    const bool sub = command.migrates();
    if (sub) known.push_back(command.words.substr(8));
    if (!sub && !migrate) known.push_back(command.words);
  }
  auto near = nearest(unknown, known);
  if (near && find_command("migrate " + *near) != nullptr) near = "migrate " + *near;
  throw usage("unknown command" + said_again(unknown), near ? "did you mean: " + *near : "see --help");
}

void set_options(Options& options, const CommandSpec& command, const Parsed& parsed) {
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : parsed.options) {
    const OptionSpec* spec = find_option(name);
    if (spec == nullptr) unknown_option(name);
    if (!takes(command, *spec))
      throw usage(std::string(command.words) + " takes no --" + name, "see " + std::string(command.words) + " --help");
    if (std::find(seen.begin(), seen.end(), spec->name) != seen.end()) throw usage("--" + name + " is given twice");
    seen.push_back(spec->name);
    if (const auto setter = setters().find(name); setter != setters().end()) setter->second(options, value, name);
  }
}

void check_arguments(const CommandSpec& command, const std::vector<std::string>& arguments) {
  if (command.command == Command::help) return;
  const std::size_t wanted = command.arguments.empty() ? 0 : 1;
  if (arguments.size() < wanted)
    throw usage(std::string(command.words) + " needs " + std::string(command.arguments),
                "see " + std::string(command.words) + " --help");
  if (arguments.size() > wanted)
    throw usage(std::string(command.words) + ": unexpected argument" + said_again(arguments[wanted]),
                "see " + std::string(command.words) + " --help");
  if (command.command == Command::migrate_force) parse_number(arguments[0], "the version", no_version);
}

void check_combinations(const Options& options) {
  if (options.steps && options.to) throw usage("--steps and --to exclude each other");
  if (options.all && (options.steps || options.to)) throw usage("--all excludes --steps and --to");
  if (options.yes && !options.all) throw usage("--yes belongs to --all");
  if (options.timeout && !options.block) throw usage("--timeout belongs to --block");
  if (options.database && options.database_file) throw usage("--database and --database-file exclude each other");
  if (options.command == Command::migrate_verify && (options.database || options.database_file || options.config))
    throw usage("verify works on a database of its own, on the server of --scratch",
                "write --scratch DSN; to begin from a copy of a live database, add --from DSN");
  if (options.command == Command::migrate_backup && !options.output) throw usage("migrate backup needs --output FILE");
  if (options.write_fingerprints && !options.migrations)
    throw usage("--write-fingerprints needs --migrations DIR: it writes DIR/fingerprints");
  if (options.write_fingerprints && options.from)
    throw usage("--write-fingerprints and --from exclude each other: the file holds every version");
  if (options.backup && options.dry_run) throw usage("--backup and --dry-run exclude each other");
  if (options.command == Command::migrate_create && !options.migrations)
    throw usage("migrate create needs --migrations DIR");
}

bool has(const Parsed& parsed, std::string_view option) {
  return std::any_of(parsed.options.begin(), parsed.options.end(), [&](const auto& o) { return o.first == option; });
}

Options help_for(std::vector<std::string> words) {
  Options options;
  options.command = Command::help;
  options.arguments = std::move(words);
  return options;
}

}  // namespace

Options parse_command_line(const std::vector<std::string>& arguments) {
  Parsed parsed = parse_tokens(arguments);
  if (has(parsed, "help")) return help_for(std::move(parsed.positionals));
  Options options;
  if (has(parsed, "version")) parsed.positionals = {"version"};
  const CommandSpec& command = take_command(parsed.positionals);
  options.command = command.command;
  set_options(options, command, parsed);
  check_arguments(command, parsed.positionals);
  options.arguments = std::move(parsed.positionals);
  check_combinations(options);
  return options;
}

}  // namespace talos::app
