#include "script.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "sha256.hpp"

namespace talos {

namespace {

// Enough to see a place by; a dump's line can be megabytes.
constexpr std::size_t longest_source_line = 400;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
// Above this, statements are counted but not kept: a file that is one transaction runs in bounded memory.
constexpr std::size_t most_kept_statements = 500'000;

Body load_or_empty(const MigrationFile* file) { return file != nullptr ? file->load() : Body({}, nullptr); }

std::string_view without_mark(std::string_view bytes) {
  if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
  return bytes;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

Error directive_error(std::size_t offset, const std::string& message) {
  return Error(ErrorCode::usage, message)
      .at(offset)
      .with_hint("known directives: -- talos:no-transaction, -- talos:breaking REASON, -- talos:verify QUERY");
}

void apply_directive(Directives& directives, std::string_view text, std::size_t offset) {
  const auto word_end = std::min(text.find_first_of(" \t"), text.size());
  const std::string word(text.substr(0, word_end));
  const std::string argument(trim(text.substr(word_end)));
  if (word == "no-transaction") {
    if (!argument.empty()) throw directive_error(offset, "directive talos:no-transaction takes no argument");
    directives.no_transaction = true;
  } else if (word == "breaking" || word == "verify") {
    if (argument.empty())
      throw directive_error(offset, "directive talos:" + word + " needs a " + (word == "verify" ? "query" : "reason"));
    (word == "verify" ? directives.verify : directives.breaking) = argument;
  } else {
    throw directive_error(offset, "unknown directive talos:" + word);
  }
}

// The end of the comment that starts at `at`, or nothing if none does. Line comments end before their newline.
std::optional<std::size_t> comment_end(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("--") || rest.starts_with("#")) return at + std::min(rest.find('\n'), rest.size());
  // A version comment (/*! … */) is code.
  if (rest.starts_with("/*") && !rest.starts_with("/*!") && !rest.starts_with("/*M!")) {
    const auto close = rest.find("*/", 2);
    return at + (close == std::string_view::npos ? rest.size() : close + 2);
  }
  return std::nullopt;
}

// A slip here would silently change how the file runs.
bool is_near_directive(std::string_view words) {
  constexpr std::string_view name = "talos";
  for (std::size_t i = 0; i < name.size(); ++i)
    if (i >= words.size() || (words[i] | 0x20) != name[i]) return false;
  return trim(words.substr(name.size())).starts_with(':');
}

}  // namespace

bool speaks_of_credentials(std::string_view text) {
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; };
  for (const std::string_view word : {"PASSWORD", "IDENTIFIED"})
    if (std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end()) return true;
  return false;
}

std::size_t line_of(std::string_view text, std::size_t offset) {
  return 1 +
         static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

Directives parse_directives(std::string_view text) {
  Directives directives;
  for (std::size_t at = 0; at < text.size();) {
    if (std::string_view(" \t\r\n\f\v").find(text[at]) != std::string_view::npos) {
      ++at;
      continue;
    }
    const auto end = comment_end(text, at);
    if (!end) break;
    const std::string_view comment = text.substr(at, *end - at);
    if (comment.starts_with("--")) {
      const std::string_view words = trim(comment.substr(2));
      if (words.starts_with("talos:"))
        apply_directive(directives, words.substr(6), at);
      else if (is_near_directive(words))
        throw directive_error(at, "this is nearly a directive: write it -- talos:<word>");
    }
    at = *end;
  }
  return directives;
}

/// Reads the statements one by one and decides how the file runs.
class PreparedScript::Analysis {
 public:
  Analysis(PreparedScript& prepared, const Capabilities& capabilities, bool no_transaction)
      : prepared_(prepared), capabilities_(capabilities), no_transaction_(no_transaction) {}

  void add(const Statement& statement) {
    if (statement.kind == StatementClass::refused) fail(statement, std::string(statement.why));
    ++count_;
    if (!first_)
      first_ = statement;
    else if (!second_)
      second_ = statement;
    // What was last until now is inside: only a trailing COMMIT may close the outer pair.
    if (count_ > 1 && is_control(last_) && !(count_ == 2 && last_.kind == StatementClass::begin)) inner_control(last_);
    last_ = statement;
    if (statement.kind == StatementClass::no_transaction && !bare_) bare_ = statement;
    if (statement.kind == StatementClass::ddl) has_ddl_ = true;
    keep(statement);
  }

  void finish() {
    prepared_.statement_count_ = count_;
    prepared_.begin_ = 0;
    prepared_.end_ = prepared_.script_.text.size();
    if (count_ == 0) return;
    if (no_transaction_ || !(capabilities_.transactional_ddl || !has_ddl_)) return run_by_statements();
    if (bare_) return run_lone_statement();
    run_as_transaction();
  }

 private:
  static bool is_control(const Statement& s) {
    return s.kind == StatementClass::begin || s.kind == StatementClass::begin_with_options ||
           s.kind == StatementClass::commit || s.kind == StatementClass::rollback;
  }

  [[noreturn]] static void fail(const Statement& statement, const std::string& message, std::string hint = {}) {
    throw Error(ErrorCode::usage, message).at(statement.offset).with_hint(std::move(hint));
  }

  void keep(const Statement& statement) {
    if (count_ > most_kept_statements) {
      statements_.clear();
      prepared_.statement_starts_.clear();
      return;
    }
    statements_.push_back(statement);
    prepared_.statement_starts_.push_back(statement.offset);
  }

  void inner_control(const Statement& statement) {
    if (!stray_) stray_ = statement;
  }

  [[noreturn]] static void refuse_control(const Statement& statement) {
    fail(statement, "transaction control is not allowed here: the migration already runs in a transaction of its own",
         "remove it, or add the line -- talos:no-transaction at the head of the file");
  }

  void run_as_transaction() {
    prepared_.mode_ = RunMode::transaction;
    if (stray_) refuse_control(*stray_);
    const bool opens = first_->kind == StatementClass::begin;
    const bool closes = count_ > 1 && last_.kind == StatementClass::commit;
    if (opens && closes) {
      // The outer pair is dropped; what it encloses is the body.
      prepared_.begin_ = second_->offset;
      prepared_.end_ = last_.offset;
      prepared_.statement_count_ -= 2;
      if (!prepared_.statement_starts_.empty()) {
        prepared_.statement_starts_.pop_back();
        prepared_.statement_starts_.erase(prepared_.statement_starts_.begin());
      }
      return;
    }
    if (is_control(*first_)) refuse_control(*first_);
    if (is_control(last_)) refuse_control(last_);
  }

  void run_lone_statement() {
    if (count_ != 1)
      fail(*bare_, "this statement cannot run inside a transaction, and the file has others",
           "move it to a migration of its own, or add the line -- talos:no-transaction at the head of the file");
    prepared_.notes_.push_back(prepared_.file_ + " runs without a transaction: its only statement cannot run in one");
    run_by_statements();
  }

  void run_by_statements() {
    prepared_.mode_ = RunMode::statements;
    if (count_ > most_kept_statements)
      fail(*first_,
           "the file has more than " + std::to_string(most_kept_statements) +
               " statements, too many to run outside of one transaction",
           "split it into several migrations");
    for (std::size_t i = 0; i < statements_.size(); ++i) {
      const Statement& statement = statements_[i];
      switch (statement.kind) {
        case StatementClass::begin:
        case StatementClass::begin_with_options:
          i = add_group(i);
          break;
        case StatementClass::commit:
        case StatementClass::rollback:
          fail(statement, "there is no BEGIN for this", "remove it");
        case StatementClass::savepoint:
          fail(statement, "a savepoint needs a transaction", "put BEGIN before it and COMMIT after what it guards");
        case StatementClass::no_transaction:
          add_unit(statement, false);
          break;
        case StatementClass::ddl:
          add_unit(statement, capabilities_.transactional_ddl);
          break;
        case StatementClass::dml:
          add_unit(statement, true);
          break;
        case StatementClass::refused:
          break;  // add() threw
      }
    }
    prepared_.statement_count_ = prepared_.units_.size();
    prepared_.statement_starts_.clear();
    if (prepared_.units_.empty()) {
      // Nothing but empty groups: there is nothing that could be left half-way, and nothing to run.
      prepared_.mode_ = RunMode::transaction;
      prepared_.end_ = prepared_.begin_;
    }
    for (const JournalUnit& unit : prepared_.units_) prepared_.statement_starts_.push_back(unit.begin);
  }

  void add_unit(const Statement& statement, bool transaction) {
    prepared_.units_.push_back({statement.offset, statement.offset + statement.length, transaction});
    add_session_effect(statement);
  }

  // Of a statement of the last unit.
  void add_session_effect(const Statement& statement) {
    JournalUnit& unit = prepared_.units_.back();
    const ScriptPart part{&prepared_.script_, statement.offset, statement.offset + statement.length};
    if (!statement.replayable && !unit.unrepeatable) unit.unrepeatable = part;
    if (statement.session_only && statement.replayable) unit.session.push_back(part);
  }

  // One BEGIN … COMMIT group is one journal unit. Returns the index of its COMMIT.
  std::size_t add_group(std::size_t opening) {
    const Statement& begin = statements_[opening];
    for (std::size_t i = opening + 1; i < statements_.size(); ++i) {
      const Statement& statement = statements_[i];
      if (statement.kind == StatementClass::commit) {
        if (i > opening + 1) {
          const auto text = begin.kind == StatementClass::begin_with_options
                                ? prepared_.script_.text.substr(begin.offset, begin.length)
                                : std::string_view{};
          prepared_.units_.push_back({statements_[opening + 1].offset, statement.offset, true, text});
          for (std::size_t inner = opening + 1; inner < i; ++inner) add_session_effect(statements_[inner]);
        }
        return i;
      }
      if (statement.kind == StatementClass::rollback)
        fail(statement, "a transaction that ends in ROLLBACK cannot be recorded", "end it with COMMIT, or remove it");
      if (statement.kind == StatementClass::begin || statement.kind == StatementClass::begin_with_options)
        fail(statement, "a transaction is already open here", "put COMMIT before it");
      if (statement.kind == StatementClass::no_transaction)
        fail(statement, "this statement cannot run inside a transaction", "move it out of BEGIN … COMMIT");
      if (statement.kind == StatementClass::ddl && !capabilities_.transactional_ddl)
        fail(statement, "this server commits schema changes by themselves: it cannot run inside a transaction",
             "move it out of BEGIN … COMMIT");
    }
    fail(begin, "this transaction is never committed", "put COMMIT at its end");
  }

  PreparedScript& prepared_;
  const Capabilities& capabilities_;
  bool no_transaction_;
  bool has_ddl_ = false;
  std::size_t count_ = 0;
  std::optional<Statement> first_, second_, bare_, stray_;
  Statement last_;
  std::vector<Statement> statements_;
};

PreparedScript::PreparedScript(const Migration& migration, Direction direction, const MigrationFile* file,
                               Session& session)
    : body_(load_or_empty(file)), file_(file != nullptr ? file->name : std::string()) {
  script_.version = migration.version;
  script_.direction = direction;
  script_.file = file_;
  script_.text = without_mark(body_.bytes());
  // The hash the build took of an embedded file is of these very bytes.
  sha256_ = file == nullptr              ? ""
            : file->known_sha256.empty() ? talos::sha256(body_.bytes())
                                         : std::string(file->known_sha256);
  try {
    directives_ = parse_directives(script_.text);
    const Capabilities capabilities = session.capabilities();
    Analysis analysis(*this, capabilities, directives_.no_transaction || session.info().no_transaction_default);
    script_.traits = session.split(script_.text, [&](const Statement& statement) { analysis.add(statement); });
    analysis.finish();
  } catch (const Error& error) {
    throw locate(error);
  }
}

Error PreparedScript::locate(Error error) const {
  error.file = file_;
  if (!error.offset) return error;
  const std::size_t offset = std::min(*error.offset, script_.text.size());
  error.line = line_of(script_.text, offset);
  const auto newline = offset == 0 ? std::string_view::npos : script_.text.rfind('\n', offset - 1);
  const std::size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
  error.column = offset - line_begin + 1;
  const std::string_view rest = script_.text.substr(line_begin, longest_source_line);
  const std::string_view line = rest.substr(0, rest.find_first_of("\r\n"));
  if (!speaks_of_credentials(line)) error.source_line = line;
  const auto after = std::upper_bound(statement_starts_.begin(), statement_starts_.end(), offset);
  if (after != statement_starts_.begin()) {
    error.statement = static_cast<std::size_t>(after - statement_starts_.begin());
    error.statements = statement_starts_.size();
  }
  return error;
}

}  // namespace talos
