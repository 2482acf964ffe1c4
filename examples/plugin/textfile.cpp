// A small but honest plugin: its database is one text file that holds tables, which are sets of lines. It shows all
// that a plugin owes the program; docs/plugins.md says why.
//
//   CREATE TABLE name …      the rest is ignored: a table has no columns
//   INSERT INTO name row     the row is any text; none twice
//   DROP TABLE name
//
// A transaction is: read the file, change the tables in memory, write a new file beside it, rename it into place.
// Two byte-range locks on <file>.lock: byte 0 is the run lock, byte 1 is held while one transaction is made.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include "talos/clock.hpp"
#include "talos/plugin.hpp"

namespace {

namespace fs = std::filesystem;
using namespace talos;

using Rows = std::vector<std::string>;
using Tables = std::map<std::string, Rows>;

constexpr std::string_view scheme = "textfile://";
constexpr off_t run_lock_byte = 0;
constexpr off_t transaction_byte = 1;
constexpr off_t holder_record = 16;  // in the lock file, behind the locked bytes

// Failures carry a code that says what the caller can do, the engine's own name of the error, and no secrets.
Error cannot(const std::string& what, const fs::path& file) {
  return Error(ErrorCode::connection,
               "cannot " + what + " " + file.string() + ": " + std::generic_category().message(errno));
}

Error refused(const std::string& native_code, const std::string& message) {
  return Error(ErrorCode::statement, message).with_native_code(native_code);
}

// --- The DSN -------------------------------------------------------------------------------------------------------

fs::path parse_dsn(std::string_view dsn) {
  // Quotes nothing of the DSN: it is not known to be free of secrets until it is understood.
  if (!dsn.starts_with(scheme) || dsn.size() == scheme.size())
    throw Error(ErrorCode::usage, "the DSN is not of the form textfile:///path/to/file");
  return fs::path(dsn.substr(scheme.size()));
}

// --- Statements ----------------------------------------------------------------------------------------------------

bool same_word(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

// Cuts the first word off `text`.
std::string_view take_word(std::string_view& text) {
  constexpr std::string_view blank = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  const auto word = text.substr(0, std::min(text.find_first_of(" \t\r\n("), text.size()));
  text.remove_prefix(word.size());
  text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
  return word;
}

// The class decides how the program runs a file, so an unknown statement must not pass for a harmless one.
Statement classify(std::string_view text, std::size_t offset, std::size_t length) {
  Statement statement;
  statement.offset = offset;
  statement.length = length;
  std::string_view rest = text.substr(offset, length);
  const std::string_view word = take_word(rest);
  if (same_word(word, "INSERT")) statement.kind = StatementClass::dml;
  for (const std::string_view control : {"BEGIN", "COMMIT", "ROLLBACK"}) {
    if (!same_word(word, control)) continue;
    statement.kind = StatementClass::refused;
    statement.why = "text files know no transaction control";
  }
  return statement;
}

// The end of the comment or quoted text that begins at `at`; `at` itself if none does.
std::size_t end_of_span(std::string_view text, std::size_t at) {
  const auto closed = [&](std::string_view close, std::size_t from, const char* what) {
    const auto end = text.find(close, from);
    if (end == std::string_view::npos) throw Error(ErrorCode::usage, std::string("unclosed ") + what).at(at);
    return end + close.size();
  };
  if (text.substr(at).starts_with("--")) return std::min(text.find('\n', at), text.size());
  if (text.substr(at).starts_with("/*")) return closed("*/", at + 2, "comment");
  if (text[at] == '\'') return closed("'", at + 1, "quote");
  return at;
}

void split_text(std::string_view text, const StatementSink& sink) {
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    throw Error(ErrorCode::usage, "the file holds a NUL byte").at(nul);
  std::size_t first = std::string_view::npos;  // of the current statement, once it has begun
  std::size_t last = 0;                        // one past its last byte that is no blank and no comment
  const auto finish = [&] {
    if (first != std::string_view::npos) sink(classify(text, first, last - first));
    first = std::string_view::npos;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::max(end_of_span(text, at), at + 1);
    const bool comment = text[at] != '\'' && end > at + 1;
    if (text[at] == ';') {
      finish();
    } else if (!comment && std::isspace(static_cast<unsigned char>(text[at])) == 0) {
      first = std::min(first, at);
      last = end;
    }
    at = end;
  }
  finish();
}

void run_statement(Tables& tables, std::string_view text) {
  const std::string_view verb = take_word(text);
  const std::string_view noun = take_word(text);
  const std::string name(take_word(text));
  const auto table = tables.find(name);
  if (same_word(verb, "CREATE") && same_word(noun, "TABLE")) {
    if (table != tables.end()) throw refused("TABLE_EXISTS", "there is a table " + name + " already");
    tables[name];
  } else if (same_word(verb, "DROP") && same_word(noun, "TABLE")) {
    if (table == tables.end()) throw refused("NO_TABLE", "there is no table " + name);
    tables.erase(table);
  } else if (same_word(verb, "INSERT") && same_word(noun, "INTO")) {
    if (table == tables.end()) throw refused("NO_TABLE", "there is no table " + name);
    Rows& rows = table->second;
    if (std::find(rows.begin(), rows.end(), text) != rows.end())
      throw refused("DUPLICATE", "the row is in " + name + " already");
    rows.emplace_back(text);
  } else {
    throw refused("SYNTAX", "only CREATE TABLE, DROP TABLE and INSERT INTO are understood");
  }
}

// --- The file ------------------------------------------------------------------------------------------------------

std::string escaped(std::string_view text) {
  std::string result;
  for (char c : text) {
    const auto special = std::string_view("\\\n\t").find(c);
    if (special == std::string_view::npos)
      result += c;
    else
      (result += '\\') += "\\nt"[special];
  }
  return result;
}

std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      result += text[++i] == 'n' ? '\n' : text[i] == 't' ? '\t' : '\\';
    else
      result += text[i];
  }
  return result;
}

// A line "[name]" begins a table; its rows follow, indented by one blank.
Tables load(const fs::path& file) {
  std::ifstream input(file, std::ios::binary);
  if (!input) throw cannot("read", file);
  Tables tables;
  Rows* rows = nullptr;
  for (std::string line; std::getline(input, line);) {
    if (line.starts_with('[') && line.ends_with(']'))
      rows = &tables[line.substr(1, line.size() - 2)];
    else if (rows != nullptr && line.starts_with(' '))
      rows->push_back(unescaped(std::string_view(line).substr(1)));
    else
      throw Error(ErrorCode::connection, file.string() + " is no file of tables");
  }
  if (input.bad()) throw cannot("read", file);
  return tables;
}

class File {
 public:
  File(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0666)) {}
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

// Whole or not at all, and on the disk when it returns: that is what a commit promises.
void save(const fs::path& file, const Tables& tables) {
  std::string text;
  for (const auto& [name, rows] : tables) {
    text += "[" + name + "]\n";
    for (const std::string& row : rows) text += " " + escaped(row) + "\n";
  }
  fs::path next = file;
  next += ".new";
  File output(next, O_WRONLY | O_CREAT | O_TRUNC);
  if (!output.is_open()) throw cannot("write", next);
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t count = ::write(output.fd(), rest.data(), rest.size());
    if (count < 0) throw cannot("write", next);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(output.fd()) != 0 || !output.close()) throw cannot("write", next);
  if (::rename(next.c_str(), file.c_str()) != 0) throw cannot("replace", file);
  const File directory(file.has_parent_path() ? file.parent_path() : ".", O_RDONLY);
  if (!directory.is_open() || ::fsync(directory.fd()) != 0) throw cannot("sync the directory of", file);
}

// Open-file-description locks: they end with the process, however it ends.
struct flock range(short type, off_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

// --- The bookkeeping: rows of text fields --------------------------------------------------------------------------

constexpr std::string_view log_head = "talos log, layout ";
constexpr std::string_view journal_head = "talos journal, layout ";

std::string join(const std::vector<std::string>& fields) {
  std::string row;
  for (const std::string& field : fields) row += (row.empty() ? "" : "\t") + escaped(field) + ".";
  return row;
}

// Reads one row field by field. Each field ends in a dot, so that none is empty.
class Fields {
 public:
  explicit Fields(std::string_view row) : rest_(row) {}
  std::string text() {
    const auto end = std::min(rest_.find('\t'), rest_.size());
    const std::string_view field = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (!field.ends_with('.')) throw Error(ErrorCode::policy, "a row of the migrator's tables is damaged");
    return unescaped(field.substr(0, field.size() - 1));
  }
  std::optional<std::int64_t> optional_number() {
    const std::string field = text();
    std::int64_t value = 0;
    if (field.empty()) return std::nullopt;
    if (std::from_chars(field.data(), field.data() + field.size(), value).ec != std::errc())
      throw Error(ErrorCode::policy, "a row of the migrator's tables is damaged");
    return value;
  }
  std::int64_t number() { return optional_number().value_or(0); }

 private:
  std::string_view rest_;
};

std::string text_of(const std::optional<std::int64_t>& number) { return number ? std::to_string(*number) : ""; }
std::string text_of(std::int64_t number) { return std::to_string(number); }

std::string to_row(const TrackerRow& row) { return join({text_of(row.version), row.dirty ? "1" : "0"}); }

TrackerRow tracker_row(const std::string& row) {
  Fields fields(row);
  const Version version = fields.number();
  return {version, fields.text() == "1"};
}

std::string to_row(const LogRow& row) {
  return join({text_of(static_cast<std::int64_t>(row.action)), row.failed ? "1" : "0", text_of(row.version),
               text_of(row.current), row.title, row.file, text_of(row.size), row.sha256, row.started_at,
               text_of(row.duration_us), row.program, row.runner, row.user, row.error, row.error_code,
               text_of(row.line), text_of(row.statement)});
}

LogRow log_row(const std::string& text, std::int64_t id) {
  Fields fields(text);
  LogRow row;
  row.id = id;
  row.action = static_cast<LogAction>(fields.number());
  row.failed = fields.text() == "1";
  row.version = fields.number();
  row.current = fields.number();
  row.title = fields.text();
  row.file = fields.text();
  row.size = fields.optional_number();
  row.sha256 = fields.text();
  row.started_at = fields.text();
  row.duration_us = fields.number();
  row.program = fields.text();
  row.runner = fields.text();
  row.user = fields.text();
  row.error = fields.text();
  row.error_code = fields.text();
  row.line = fields.optional_number();
  row.statement = fields.optional_number();
  return row;
}

std::string to_row(const JournalRow& row) {
  return join({row.run, text_of(row.version), std::string(to_string(row.direction)), text_of(row.statement),
               text_of(row.statements), text_of(static_cast<std::int64_t>(row.state)), row.file, row.sha256, row.text,
               text_of(row.line), row.before, row.started_at, row.finished_at, row.runner, row.error, row.error_code});
}

JournalRow journal_row(const std::string& text) {
  Fields fields(text);
  JournalRow row;
  row.run = fields.text();
  row.version = fields.number();
  row.direction = fields.text() == "down" ? Direction::down : Direction::up;
  row.statement = fields.number();
  row.statements = fields.number();
  row.state = static_cast<JournalState>(fields.number());
  row.file = fields.text();
  row.sha256 = fields.text();
  row.text = fields.text();
  row.line = fields.optional_number();
  row.before = fields.text();
  row.started_at = fields.text();
  row.finished_at = fields.text();
  row.runner = fields.text();
  row.error = fields.text();
  row.error_code = fields.text();
  return row;
}

// --- The session ---------------------------------------------------------------------------------------------------

class TextfileSession : public Session {
 public:
  explicit TextfileSession(const ConnectRequest& request)
      : file_(parse_dsn(request.dsn)),
        lock_path_(file_.string() + ".lock"),
        table_(request.table.empty() ? "schema_migrations" : request.table),
        runner_(request.runner) {
    if (request.access == Access::create) {
      // Never truncated: another runner may just have made it. An empty file is a database without tables.
      const File file(file_, O_RDWR | O_CREAT);
      if (!file.is_open()) throw cannot("create", file_);
    }
    std::error_code error;
    if (fs::exists(file_, error)) load(file_);  // is it one of ours?
  }

 private:
  SessionInfo do_info() const override { return {file_.string(), "text file", table_, false}; }

  // Only what is true: cancel and the timeouts are not declared, because no statement here runs long enough.
  Capabilities do_capabilities() const override {
    Capabilities can;
    can.transactional_ddl = true;
    can.atomic_statements = true;
    can.run_lock = true;
    return can;
  }

  // Needs no lock: a rename shows the old file or the new one, never half of each.
  State do_read_state(LogDepth depth) override {
    State state;
    std::error_code error;
    state.database_exists = fs::exists(file_, error);
    if (!state.database_exists) return state;
    const Tables tables = load(file_);
    if (const auto tracker = tables.find(table_); tracker != tables.end()) {
      state.tracker_exists = true;
      for (const std::string& row : tracker->second) state.tracker.push_back(tracker_row(row));
    }
    if (const Rows* rows = side_table(tables, "_log", log_head)) {
      state.log_exists = true;
      for (std::size_t i = 1; i < rows->size(); ++i) {
        LogRow row = log_row((*rows)[i], static_cast<std::int64_t>(i));
        const bool begins = !row.failed && (row.action == LogAction::baseline || row.action == LogAction::force);
        if (depth == LogDepth::current && begins) state.log.clear();
        state.log.push_back(std::move(row));
      }
    }
    if (const Rows* rows = side_table(tables, "_journal", journal_head)) {
      state.journal_exists = true;
      for (std::size_t i = 1; i < rows->size(); ++i) state.journal.push_back(journal_row((*rows)[i]));
      std::sort(state.journal.begin(), state.journal.end(),
                [](const JournalRow& a, const JournalRow& b) { return a.statement < b.statement; });
    }
    return state;
  }

  // Its first row names the owner and the layout. A table without it is somebody else's.
  const Rows* side_table(const Tables& tables, const std::string& suffix, std::string_view head) const {
    const auto table = tables.find(table_ + suffix);
    if (table == tables.end()) return nullptr;
    if (table->second.empty() || !table->second.front().starts_with(head))
      throw Error(ErrorCode::policy, "the table " + table->first + " is not this program's")
          .with_hint("choose another tracker table with --table");
    if (std::stoi(table->second.front().substr(head.size())) > bookkeeping_layout)
      throw Error(ErrorCode::policy, "a newer release made the table " + table->first).with_hint("use that release");
    return &table->second;
  }

  int lock_fd() {
    if (!lock_file_) {
      auto opened = std::make_unique<File>(lock_path_, O_RDWR | O_CREAT);
      if (!opened->is_open()) throw cannot("open the lock file", lock_path_);
      lock_file_ = std::move(opened);
    }
    return lock_file_->fd();
  }

  bool do_try_lock() override {
    struct flock lock = range(F_WRLCK, run_lock_byte);
    if (::fcntl(lock_fd(), F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES) return false;
      throw cannot("lock", lock_path_);
    }
    holds_lock_ = true;
    holds_lock_ = true;
    std::string record = std::to_string(runner_.pid) + "\n" + runner_.host + "\n" + runner_.started_at + "\n";
    record.resize(256, ' ');
    if (::pwrite(lock_fd(), record.data(), record.size(), holder_record) < 0) throw cannot("write", lock_path_);
    return true;
  }

  void do_unlock() override {
    struct flock lock = range(F_UNLCK, run_lock_byte);
    if (lock_file_) ::fcntl(lock_fd(), F_OFD_SETLK, &lock);
    holds_lock_ = false;
  }

  LockStatus do_observe_lock() override {
    const File file(lock_path_, O_RDONLY);
    if (!file.is_open()) return {};  // nobody ever locked
    // Asks without taking. Open-file-description locks of another descriptor count, also of this process.
    struct flock lock = range(F_WRLCK, run_lock_byte);
    if (::fcntl(file.fd(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return {};
    std::array<char, 256> record{};
    const ssize_t length = ::pread(file.fd(), record.data(), record.size(), holder_record);
    std::istringstream text(std::string(record.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))));
    LockHolder holder;
    text >> holder.pid >> holder.host >> holder.since;
    return {true, holder, holds_lock_};
  }

  std::uint64_t do_split(std::string_view text, const StatementSink& sink) override {
    split_text(text, sink);
    return 0;
  }

  ExecuteResult do_execute(std::span<const Unit> units, ExecuteObserver& observer) override {
    ExecuteResult result;
    try {
      for (const Unit& unit : units) {
        observer.unit_started(result.completed);
        const auto start = std::chrono::steady_clock::now();
        commit(unit, start);
        ++result.completed;
        observer.unit_committed(result.completed - 1, since(start), true);
      }
    } catch (const Error& error) {
      result.error = error;  // Outcome::not_applied: the file is as it was
    }
    return result;
  }

  static std::chrono::microseconds since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  }

  // One unit is one transaction, also where it need not be: then it is atomic all the same.
  void commit(const Unit& unit, std::chrono::steady_clock::time_point start) {
    std::error_code error;
    if (!fs::exists(file_, error)) throw Error(ErrorCode::connection, "there is no file " + file_.string());
    struct flock lock = range(F_WRLCK, transaction_byte);
    if (::fcntl(lock_fd(), F_OFD_SETLKW, &lock) != 0) throw cannot("lock", lock_path_);
    const std::string started_at = utc_now();
    try {
      Tables tables = load(file_);
      if (unit.create_tables) create_tables(tables, unit);
      if (unit.claim) claim(tables, *unit.claim);  // before the body: two runners may be here
      if (unit.script != nullptr) run_body(tables, unit);
      for (const JournalWrite& write : unit.journal) write_journal(tables, write);
      if (unit.log) write_log(tables, *unit.log, started_at, since(start));
      save(file_, tables);
    } catch (...) {
      end_transaction();
      throw;
    }
    end_transaction();
  }

  void end_transaction() {
    struct flock lock = range(F_UNLCK, transaction_byte);
    ::fcntl(lock_fd(), F_OFD_SETLK, &lock);
  }

  void create_tables(Tables& tables, const Unit& unit) const {
    const auto layout = std::to_string(bookkeeping_layout);
    tables.try_emplace(table_);
    tables.try_emplace(table_ + "_log", Rows{std::string(log_head) + layout});
    const bool adds = std::any_of(unit.journal.begin(), unit.journal.end(),
                                  [](const JournalWrite& write) { return write.kind != JournalWriteKind::close; });
    if (adds) tables.try_emplace(table_ + "_journal", Rows{std::string(journal_head) + layout});
  }

  void claim(Tables& tables, const Claim& claim) const {
    Rows& tracker = tables[table_];
    const Rows wanted = claim.from ? Rows{to_row(*claim.from)} : Rows{};
    if (tracker != wanted)
      throw Error(ErrorCode::claim_lost, "the tracker no longer holds what the plan was made from");
    tracker = claim.to ? Rows{to_row(*claim.to)} : Rows{};
  }

  void run_body(Tables& tables, const Unit& unit) const {
    const std::string_view body = unit.script->text.substr(unit.begin, unit.end - unit.begin);
    split_text(body, [&](const Statement& statement) {
      try {
        const std::string_view text = body.substr(statement.offset, statement.length);
        refuse_our_tables(text);
        run_statement(tables, text);
      } catch (Error& error) {
        error.offset = unit.begin + statement.offset;  // in the whole text, not in the body
        throw;
      }
    });
  }

  void refuse_our_tables(std::string_view text) const {
    take_word(text);
    take_word(text);
    if (const std::string_view name = take_word(text); name == table_)
      throw refused("RESERVED", "the table " + table_ + " is the migrator's");
  }

  void write_log(Tables& tables, LogRow row, const std::string& started_at, std::chrono::microseconds took) const {
    if (row.started_at.empty()) row.started_at = started_at;
    if (row.duration_us < 0) row.duration_us = took.count();
    tables[table_ + "_log"].push_back(to_row(row));
  }

  void write_journal(Tables& tables, const JournalWrite& write) const {
    const auto table = tables.find(table_ + "_journal");
    if (table == tables.end()) return;  // closing where there is none
    Rows& rows = table->second;
    if (write.kind == JournalWriteKind::close) return rows.resize(1);
    JournalRow row = write.row;
    if (write.kind == JournalWriteKind::finish) {
      const auto settled = [&](const std::string& text) {
        const JournalRow old = journal_row(text);
        return old.run == row.run && old.version == row.version && old.direction == row.direction;
      };
      rows.erase(std::remove_if(rows.begin() + 1, rows.end(), settled), rows.end());
      return;
    }
    if (write.kind == JournalWriteKind::supersede) {
      const auto replaced = [&](const std::string& text) {
        const JournalRow old = journal_row(text);
        return old.version == row.version && old.direction == row.direction && old.statement >= row.statement;
      };
      rows.erase(std::remove_if(rows.begin() + 1, rows.end(), replaced), rows.end());
      return;
    }
    if (write.kind == JournalWriteKind::add) {
      if (row.started_at.empty()) row.started_at = utc_now();
      rows.push_back(to_row(row));
      return;
    }
    for (std::size_t i = 1; i < rows.size(); ++i) {
      JournalRow old = journal_row(rows[i]);
      if (old.run != row.run || old.version != row.version || old.direction != row.direction ||
          old.statement != row.statement)
        continue;
      old.state = row.state;
      old.finished_at = row.finished_at.empty() ? utc_now() : row.finished_at;
      old.error = row.error;
      old.error_code = row.error_code;
      rows[i] = to_row(old);
    }
  }

  void do_cancel() noexcept override {}
  void do_resume() override {}

  fs::path file_;
  fs::path lock_path_;
  std::string table_;
  Runner runner_;
  bool holds_lock_ = false;
  std::unique_ptr<File> lock_file_;
};

class TextfileDriver : public Driver {
  std::string do_describe(std::string_view dsn) const override { return parse_dsn(dsn).string(); }
  std::unique_ptr<Session> do_connect(const ConnectRequest& request) override {
    return std::make_unique<TextfileSession>(request);
  }
};

}  // namespace

TALOS_PLUGIN(TextfileDriver, "textfile", "1.0.0", "textfile");
