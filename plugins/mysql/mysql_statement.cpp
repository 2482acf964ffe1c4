#include "mysql_statement.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "mysql_lexer.hpp"
#include "mysql_set.hpp"

namespace talos::mysql {

namespace {

using Kind = Token::Kind;
using Target = Assignment::Target;

constexpr std::string_view client_why =
    "this is a command of the mysql client, not SQL: take it out of the file, or write SQL that does the same";

template <class List>
bool is_one_of(std::string_view text, const List& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

class Classifier {
 public:
  Classifier(std::string_view text, const Seen& seen, LexerModes modes, Statement& statement)
      : text_(text), words_(text, modes), modes_(modes), seen_(seen), statement_(statement) {}

  std::uint64_t run() {
    as(StatementClass::ddl);
    judge();
    if (seen_.backslash)
      refuse("a backslash here is a command of the mysql client (\\G, \\g …): end statements with ;");
    if (seen_.needs_delimiter)
      refuse(
          "only a DELIMITER shows where this program ends: put DELIMITER $$ before it, $$ and DELIMITER ; behind it");
    if (statement_.kind == StatementClass::refused) return traits_;
    if ((seen_.assigns && !judged_) || seen_.session_lock) leaves(false);
    return traits_;
  }

 private:
  using Rule = void (Classifier::*)();
  struct Entry {
    std::string_view word;
    Rule rule;
  };
  static const std::array<Entry, 31> rules;

  void judge() {
    const Token first = words_.next();
    if (seen_.compound) return runs_code();
    if (words_.symbol(first) == '(') return query();
    if (first.kind != Kind::word) return;
    const std::string_view word = words_.text(first);
    const auto* entry =
        std::find_if(rules.begin(), rules.end(), [&](const Entry& e) { return equal_word(word, e.word); });
    if (entry != rules.end()) (this->*entry->rule)();
  }

  void as(StatementClass kind) { statement_.kind = kind; }
  void refuse(std::string_view why) {
    statement_.kind = StatementClass::refused;
    statement_.why = why;
  }
  void leaves(bool replayable) {
    traits_ |= trait_session_state;
    statement_.session_only = true;
    statement_.replayable = statement_.replayable && replayable;
  }
  bool at_end() const { return words_.peek().kind == Kind::end; }

  void rows() { as(StatementClass::dml); }
  void query() {
    // A file stays where the transaction goes back.
    if (!seen_.into_file) rows();
    if (seen_.into_variable) leaves(false);
  }
  void runs_code() { traits_ |= trait_session_state; }
  void call() { traits_ |= trait_session_state | trait_call; }
  void session_object() { leaves(false); }
  void xa() {
    refuse("XA makes a transaction that nobody may ever finish, around the program's own: no migrator can record it");
  }

  void use() {
    rows();
    leaves(true);
    traits_ |= trait_default_database;
  }

  void begin() {
    words_.take("WORK");
    if (at_end()) as(StatementClass::begin);
  }
  void start() {
    if (words_.take("TRANSACTION")) as(at_end() ? StatementClass::begin : StatementClass::begin_with_options);
  }
  void commit() { end(StatementClass::commit); }
  void rollback() {
    const Tokens before = words_;
    words_.take("WORK");
    if (words_.take("TO")) return savepoint();
    words_ = before;
    end(StatementClass::rollback);
  }
  void end(StatementClass kind) {
    as(kind);
    words_.take("WORK");
    if (words_.take("AND")) {
      const bool no = words_.take("NO");
      if (words_.take("CHAIN") && !no)
        return refuse(
            "AND CHAIN opens another transaction behind the program's back: write COMMIT or ROLLBACK, then BEGIN");
    }
    const bool no = words_.take("NO");
    if (words_.take("RELEASE") && !no) refuse("RELEASE ends the program's connection: take it out");
  }
  void release() {
    if (words_.take("SAVEPOINT")) savepoint();
  }
  void savepoint() {
    words_.take("SAVEPOINT");
    if (starts_with_word(identifier(words_.text(words_.next())), "TALOS_"))
      return refuse("savepoint names that begin with talos_ belong to the program");
    as(StatementClass::savepoint);
  }

  void create_or_drop() {
    if (words_.take("OR")) words_.take("REPLACE");
    if (words_.take("TEMPORARY") || words_.take("PREPARE")) leaves(false);
  }
  void flush() {
    if (!words_.take("NO_WRITE_TO_BINLOG")) words_.take("LOCAL");
    if (!words_.take("TABLES") && !words_.take("TABLE")) return;
    for (Token token = words_.next(); token.kind != Kind::end; token = words_.next())
      if ((words_.is(token, "READ") && words_.take("LOCK")) || (words_.is(token, "FOR") && words_.take("EXPORT")))
        return leaves(false);
  }

  void set() {
    if (words_.take("PASSWORD") || words_.take("RESOURCE") || words_.take("STATEMENT")) return;
    if (words_.take("DEFAULT") && words_.take("ROLE")) return;
    // What follows may lack the privileges to write the program's rows: it does not travel with them.
    if (words_.take("ROLE")) return leaves(true);
    if (words_.take("NAMES") || words_.take("CHARSET") ||
        ((words_.take("CHARACTER") || words_.take("CHAR")) && words_.take("SET")))
      return names();
    const Tokens before = words_;
    const bool server = words_.take("GLOBAL");
    const bool session = !server && (words_.take("SESSION") || words_.take("LOCAL"));
    if (words_.take("TRANSACTION")) {
      if (!server) leaves(session);
      if (session) rows();
      return;
    }
    words_ = before;
    variables();
  }
  void names() {
    rows();
    leaves(true);
    traits_ |= trait_names;
  }

  void variables() {
    const std::vector<Assignment> items = assignments(text_, modes_);
    if (items.empty()) return;
    judged_ = true;
    rows();
    for (const Assignment& item : items) variable(item);
    // Not twice the same: GLOBAL and its kin stay, whatever the session does.
    if (std::any_of(items.begin(), items.end(), [](const Assignment& i) { return i.target == Target::server; }))
      as(StatementClass::ddl);
  }

  void variable(const Assignment& item) {
    constexpr std::array<std::string_view, 4> for_transaction{"transaction_isolation", "tx_isolation",
                                                              "transaction_read_only", "tx_read_only"};
    // Refused inside a transaction, or ending one.
    constexpr std::array<std::string_view, 6> alone{"autocommit",    "sql_log_bin",    "gtid_next",
                                                    "binlog_format", "gtid_domain_id", "pseudo_slave_mode"};
    if (item.target == Target::server) return;
    leaves(is_repeatable(item.value, modes_));
    if (item.target == Target::user_variable) return;
    if (item.next_transaction && is_one_of(item.name, for_transaction)) {
      as(StatementClass::ddl);
      leaves(false);
    }
    if (is_one_of(item.name, alone)) as(StatementClass::ddl);
    if (item.name == "autocommit") traits_ |= trait_autocommit;
    if (item.name == "sql_mode") traits_ |= trait_sql_mode;
    if (item.name == "foreign_key_checks" || item.name == "unique_checks") traits_ |= trait_foreign_key_checks;
    if (item.name.starts_with("character_set_") || item.name.starts_with("collation_")) traits_ |= trait_names;
  }

  std::string_view text_;
  Tokens words_;
  LexerModes modes_;
  const Seen& seen_;
  Statement& statement_;
  std::uint64_t traits_ = 0;
  bool judged_ = false;  ///< what its := assign is known one by one
};

const std::array<Classifier::Entry, 31> Classifier::rules = {{
    {"INSERT", &Classifier::rows},
    {"UPDATE", &Classifier::rows},
    {"DELETE", &Classifier::rows},
    {"REPLACE", &Classifier::rows},
    {"SELECT", &Classifier::query},
    {"CREATE", &Classifier::create_or_drop},
    {"DROP", &Classifier::create_or_drop},
    {"SET", &Classifier::set},
    {"WITH", &Classifier::query},
    {"TABLE", &Classifier::query},
    {"VALUES", &Classifier::query},
    {"DO", &Classifier::rows},
    {"USE", &Classifier::use},
    {"BEGIN", &Classifier::begin},
    {"START", &Classifier::start},
    {"COMMIT", &Classifier::commit},
    {"ROLLBACK", &Classifier::rollback},
    {"SAVEPOINT", &Classifier::savepoint},
    {"RELEASE", &Classifier::release},
    {"LOCK", &Classifier::session_object},
    {"UNLOCK", &Classifier::session_object},
    {"FLUSH", &Classifier::flush},
    {"PREPARE", &Classifier::session_object},
    {"DEALLOCATE", &Classifier::session_object},
    {"HANDLER", &Classifier::session_object},
    {"XA", &Classifier::xa},
    {"CALL", &Classifier::call},
    {"EXECUTE", &Classifier::runs_code},
    {"LOAD", &Classifier::runs_code},
    {"BINLOG", &Classifier::runs_code},
    {"RESET", &Classifier::runs_code},
}};

}  // namespace

std::uint64_t classify(std::string_view text, const Seen& seen, LexerModes modes, Statement& statement) {
  return Classifier(text, seen, modes, statement).run();
}

std::string_view client_command(std::string_view word) {
  constexpr std::array<std::string_view, 24> commands{"CHARSET",
                                                      "CLEAR",
                                                      "CONNECT",
                                                      "EDIT",
                                                      "EGO",
                                                      "EXIT",
                                                      "GO",
                                                      "NOPAGER",
                                                      "NOTEE",
                                                      "NOWARNING",
                                                      "PAGER",
                                                      "PRINT",
                                                      "PROMPT",
                                                      "QUERY_ATTRIBUTES",
                                                      "QUIT",
                                                      "REHASH",
                                                      "RESETCONNECTION",
                                                      "SANDBOX",
                                                      "SOURCE",
                                                      "SSL_SESSION_DATA_PRINT",
                                                      "STATUS",
                                                      "SYSTEM",
                                                      "TEE",
                                                      "WARNINGS"};
  const bool found =
      std::any_of(commands.begin(), commands.end(), [&](std::string_view c) { return equal_word(word, c); });
  return found || word == "\\" ? client_why : std::string_view();
}

}  // namespace talos::mysql
