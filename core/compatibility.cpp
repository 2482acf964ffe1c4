#include "compatibility.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace talos {

namespace {

const SchemaColumn* find(const SchemaObject* object, std::string_view name) {
  if (object == nullptr) return nullptr;
  const auto& columns = object->columns;
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

// What it refers to by name, as whole words.
bool mentions(std::string_view text, std::string_view word) {
  const auto part_of_word = [&](std::size_t at) {
    return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_');
  };
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    if ((at == 0 || !part_of_word(at - 1)) && !part_of_word(at + word.size())) return true;
  return false;
}

std::string type_of(const SchemaColumn& column) { return column.type.empty() ? "no type" : column.type; }

std::string default_of(const SchemaColumn& column) {
  return column.default_value.empty() ? "no default" : column.default_value;
}

bool left_null(const SchemaColumn& column) {
  return !column.not_null && column.default_value.empty() && !column.supplied;
}

class Judge {
 public:
  explicit Judge(const Comparison& comparison) : c_(comparison) {}

  std::vector<Judgement> operator()() {
    for (const SchemaChange& change : compare(c_.before, c_.after)) {
      // What the release before does not know, it does not use.
      if (change.before != nullptr && c_.release.find_same(*change.before) == nullptr) continue;
      if (change.before == nullptr)
        added(*change.after);
      else if (change.after == nullptr)
        gone(*change.before);
      else
        changed(*change.before, *change.after);
    }
    return std::move(result_);
  }

 private:
  void say(const SchemaObject& object, const std::string& name, Severity severity, std::string_view rule,
           std::string message, std::string reason, std::string help) {
    const std::string& table = object.table.empty() ? object.name : object.table;
    result_.push_back({severity, rule, std::move(message), std::move(reason), std::move(help), table, name});
  }
  void breaking(const SchemaObject& object, const std::string& name, std::string_view rule, std::string message,
                std::string reason, std::string help) {
    say(object, name, Severity::error, rule, std::move(message), std::move(reason), std::move(help));
  }

  // ---- What is gone

  void gone(const SchemaObject& object) {
    const std::string what = "drops or renames " + display_name(object);
    switch (object.kind) {
      case SchemaKind::table:
        return breaking(object, object.name, "dropped-table", what, "the release before reads and writes it",
                        "drop it in the release after the one that stops using it");
      case SchemaKind::view:
        return breaking(object, object.name, "dropped-view", what, "the release before reads it",
                        "drop it in the release after the one that stops using it");
      case SchemaKind::routine:
      case SchemaKind::sequence:
      case SchemaKind::type:
        return breaking(object, object.name, "dropped-object", what, "the release before may use it",
                        "drop it in the release after the one that stops using it");
      case SchemaKind::primary_key:
      case SchemaKind::unique:
        if (!replaced(object))
          say(object, object.name, Severity::warning, "dropped-unique", what,
              "an upsert of the release before that relies on it fails, and rows may repeat", "");
        return;
      case SchemaKind::trigger:
        return say(object, object.name, Severity::warning, "dropped-trigger", what,
                   "what it did for the release before is no longer done", "");
      default:
        return;
    }
  }

  // Another key on the same columns takes its place.
  bool replaced(const SchemaObject& key) const {
    return std::any_of(c_.after.objects().begin(), c_.after.objects().end(), [&](const SchemaObject& other) {
      return (other.kind == SchemaKind::unique || other.kind == SchemaKind::primary_key) && other.table == key.table &&
             other.on == key.on && !other.on.empty();
    });
  }

  // ---- What is new

  void added(const SchemaObject& object) {
    if (object.table.empty()) return;
    const SchemaObject* known = c_.release.find(SchemaKind::table, {}, object.table);
    if (known == nullptr) return;
    const std::string what = "adds " + display_name(object);
    switch (object.kind) {
      case SchemaKind::primary_key:
      case SchemaKind::unique:
        return added_unique(object, *known, what);
      case SchemaKind::check:
        if (!only_new_columns(object, *known))
          breaking(object, object.name, "added-check", what, "a row that the release before writes may be refused",
                   "let the release before keep to it first");
        return;
      case SchemaKind::foreign_key:
        if (!only_new_columns(object, *known))
          breaking(object, object.name, "added-foreign-key", what,
                   "a row that the release before writes or deletes may be refused",
                   "let the release before keep to it first");
        return;
      case SchemaKind::trigger:
        return say(object, object.name, Severity::warning, "added-trigger", what,
                   "it runs on what the release before writes, too", "");
      default:
        return;
    }
  }

  void added_unique(const SchemaObject& key, const SchemaObject& known, const std::string& what) {
    if (implied_by_another(key)) return;
    const SchemaObject* table = c_.after.find(SchemaKind::table, {}, key.table);
    const Version* since = nullptr;
    for (const std::string& name : key.on) {
      const SchemaColumn* column = find(table, name);
      if (column == nullptr || !left_null(*column) || key.kind == SchemaKind::primary_key) continue;
      // Rows of the release before have NULL there, and NULLs do not repeat.
      if (find(&known, name) == nullptr) return;
      const auto late = c_.late.find({key.table, name});
      if (late != c_.late.end()) since = &late->second;
    }
    if (since != nullptr)
      return say(key, key.name, Severity::note, "added-unique", what,
                 "releases from before version " + std::to_string(*since) +
                     " leave a column of it NULL; one that has that version may write a row that is refused",
                 "say where the release before ends: --since V");
    breaking(key, key.name, "added-unique", what, "a row that the release before writes may be refused",
             "let the release before keep to it first");
  }

  // A key on some of its columns says as much already.
  bool implied_by_another(const SchemaObject& key) const {
    return !key.on.empty() &&
           std::any_of(c_.before.objects().begin(), c_.before.objects().end(), [&](const SchemaObject& other) {
             const bool is_key = other.kind == SchemaKind::unique || other.kind == SchemaKind::primary_key;
             return is_key && other.table == key.table && !other.on.empty() && is_whole(other) &&
                    std::all_of(other.on.begin(), other.on.end(), [&](const std::string& name) {
                      return !name.empty() && std::find(key.on.begin(), key.on.end(), name) != key.on.end();
                    });
           });
  }

  // Not for a part of the rows only.
  static bool is_whole(const SchemaObject& key) {
    return !mentions(key.definition, "where") && !mentions(key.definition, "WHERE");
  }

  // Old rows and old writers leave them NULL, or with a default that was chosen with it.
  bool only_new_columns(const SchemaObject& object, const SchemaObject& known) const {
    std::vector<std::string> names = object.on;
    const SchemaObject* table = c_.after.find(SchemaKind::table, {}, object.table);
    if (names.empty() && table != nullptr)
      for (const SchemaColumn& column : table->columns)
        if (mentions(object.definition, column.name)) names.push_back(column.name);
    return !names.empty() && std::all_of(names.begin(), names.end(),
                                         [&](const std::string& name) { return find(&known, name) == nullptr; });
  }

  // ---- What is not as it was

  void changed(const SchemaObject& before, const SchemaObject& after) {
    columns(before, after);
    if (before.definition == after.definition && before.word == after.word && before.on == after.on) return;
    const std::string what = "changes " + display_name(after);
    switch (after.kind) {
      case SchemaKind::primary_key:
      case SchemaKind::unique:
        if (!implied_by_another(after))
          breaking(after, after.name, "added-unique", what, "a row that the release before writes may be refused",
                   "let the release before keep to it first");
        return;
      case SchemaKind::check:
        return breaking(after, after.name, "added-check", what, "a row that the release before writes may be refused",
                        "let the release before keep to it first");
      case SchemaKind::foreign_key:
        return breaking(after, after.name, "added-foreign-key", what,
                        "a row that the release before writes or deletes may be refused",
                        "let the release before keep to it first");
      case SchemaKind::index:
      case SchemaKind::other:
        return;
      default:
        return say(after, after.name, Severity::warning, "changed-definition", what,
                   "the release before uses it as it was", "");
    }
  }

  void columns(const SchemaObject& before, const SchemaObject& after) {
    const bool of_type = after.kind == SchemaKind::type;
    const SchemaObject* known = c_.release.find_same(before);
    for (const SchemaColumn& column : before.columns)
      if (find(&after, column.name) == nullptr && find(known, column.name) != nullptr)
        breaking(after, column.name, of_type ? "dropped-value" : "dropped-column",
                 "drops or renames " + name_of(after, column), "the release before reads and writes it",
                 "drop it in the release after the one that stops using it");
    for (const SchemaColumn& column : after.columns) {
      const SchemaColumn* old = find(&before, column.name);
      if (old == nullptr)
        added_column(after, column);
      else if (find(known, column.name) != nullptr)
        changed_column(after, *old, column);
    }
  }

  static std::string name_of(const SchemaObject& object, const SchemaColumn& column) {
    return (object.kind == SchemaKind::type ? "value " : "column ") + object.name + "." + column.name;
  }

  void added_column(const SchemaObject& object, const SchemaColumn& column) {
    if (object.kind != SchemaKind::table || !column.not_null || column.supplied || !column.default_value.empty())
      return;
    breaking(object, column.name, "not-null-without-default",
             "adds " + name_of(object, column) + ", NOT NULL without a default",
             "an INSERT of the release before does not name it, and fails",
             "give it a default, or make it NOT NULL in a later release");
  }

  void changed_column(const SchemaObject& object, const SchemaColumn& before, const SchemaColumn& after) {
    const std::string name = name_of(object, after);
    if (before.type != after.type) changed_type(object, before, after);
    if (!before.not_null && after.not_null)
      breaking(object, after.name, "not-null-added", "makes " + name + " NOT NULL",
               "a row that the release before writes may have NULL there",
               "let the release before always fill it first");
    // A note: nothing fails before somebody writes one.
    if (before.not_null && !after.not_null)
      say(object, after.name, Severity::note, "dropped-not-null", "lets " + name + " be NULL",
          "the release before may read a NULL there as soon as a newer one writes it",
          "write none before the release before is gone");
    if (before.default_value != after.default_value) changed_default(object, before, after);
    if (before.attributes != after.attributes || (before.supplied && !after.supplied))
      breaking(object, after.name, "changed-column",
               "changes what " + name + " is: " + (after.attributes.empty() ? "nothing of its own" : after.attributes) +
                   "; before: " + (before.attributes.empty() ? "nothing of its own" : before.attributes),
               "the release before writes and compares it as it was",
               "add a new column, and fill both for one release");
  }

  void changed_type(const SchemaObject& object, const SchemaColumn& before, const SchemaColumn& after) {
    const TypeChange change = c_.types.compare_types(before.type, after.type);
    if (change == TypeChange::same || change == TypeChange::wider) return;
    const bool narrower = change == TypeChange::narrower;
    breaking(object, after.name, narrower ? "narrowed-type" : "changed-type",
             std::string(narrower ? "narrows " : "changes the type of ") + name_of(object, after) + " from " +
                 type_of(before) + " to " + type_of(after),
             narrower ? "a value that the release before writes may be refused or cut"
                      : "the release before reads and writes the old type",
             "add a new column, and fill both for one release");
  }

  // One more default only helps who left a NOT NULL column out.
  void changed_default(const SchemaObject& object, const SchemaColumn& before, const SchemaColumn& after) {
    if (before.default_value.empty() && before.not_null) return;
    breaking(
        object, after.name, "changed-default",
        "changes the default of " + name_of(object, after) + " from " + default_of(before) + " to " + default_of(after),
        "an INSERT of the release before that leaves it out means the old one",
        "let the new release write the new value itself");
  }

  const Comparison& c_;
  std::vector<Judgement> result_;
};

}  // namespace

std::vector<Judgement> judge(const Comparison& comparison) { return Judge(comparison)(); }

void note_late_columns(const Schema& before, const Schema& after, Version version, LateColumns& late) {
  for (const SchemaObject& table : after.objects()) {
    const SchemaObject* old = table.kind == SchemaKind::table ? before.find_same(table) : nullptr;
    if (old == nullptr) continue;
    for (const SchemaColumn& column : table.columns)
      if (find(old, column.name) == nullptr && left_null(column))
        late.emplace(std::pair(table.name, column.name), version);
  }
}

}  // namespace talos
