// Objects of a catalogue as they are at one moment, and what two such moments tell of the statement between them (G13).
// For the dialects whose schema changes cannot be rolled back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/checksum.hpp"
#include "talos/settlement.hpp"

namespace talos::common {

/// One object, as it is at one moment.
struct Sight {
  enum class State : unsigned char { absent, present, hidden };
  std::string title;  ///< "table `app`.`t`"
  State state = State::hidden;
  std::string definition;  ///< of one that is present

  bool operator==(const Sight&) const = default;
};

namespace detail {
inline constexpr std::size_t longest_definition = 16U << 10U;
inline constexpr std::string_view absent_mark = "(absent)";
inline constexpr std::string_view hidden_mark = "(hidden)";
inline constexpr std::string_view title_mark = "== ";
}  // namespace detail

/// The definition, or a checksum of a long one.
inline std::string shortened(std::string definition) {
  if (definition.size() <= detail::longest_definition) return definition;
  return "(checksum " + std::to_string(fnv1a(definition)) + " of " + std::to_string(definition.size()) + " bytes)";
}

/// As JournalRow::before keeps it, and back. Long definitions are kept as a checksum.
inline std::string to_image(const std::vector<Sight>& sights) {
  std::string image;
  for (const Sight& sight : sights) {
    image.append(detail::title_mark).append(sight.title).append("\n");
    image.append(sight.state == Sight::State::absent   ? detail::absent_mark
                 : sight.state == Sight::State::hidden ? detail::hidden_mark
                                                       : std::string_view(sight.definition));
    image += '\n';
  }
  return image;
}

/// Those of `wanted`, as the image has them; one that it lacks is hidden.
inline std::vector<Sight> from_image(std::string_view image, const std::vector<Sight>& wanted) {
  std::vector<Sight> sights;
  for (const Sight& one : wanted) {
    Sight sight;
    sight.title = one.title;
    const std::string title = std::string(detail::title_mark) + one.title + "\n";
    auto at = image.find(title);
    if (at != std::string_view::npos && (at == 0 || image[at - 1] == '\n')) {
      at += title.size();
      auto end = image.find("\n" + std::string(detail::title_mark), at);
      if (end == std::string_view::npos) end = image.empty() ? 0 : image.size() - 1;
      sight.definition = std::string(image.substr(at, end - at));
      sight.state = sight.definition == detail::absent_mark   ? Sight::State::absent
                    : sight.definition == detail::hidden_mark ? Sight::State::hidden
                                                              : Sight::State::present;
      if (sight.state != Sight::State::present) sight.definition.clear();
    }
    sights.push_back(std::move(sight));
  }
  return sights;
}

/// "table `app`.`t` is gone, table `app`.`u` is new": the differences, in words; empty if there are none.
inline std::string differences(const std::vector<Sight>& before, const std::vector<Sight>& after) {
  std::string text;
  for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
    if (before[i] == after[i]) continue;
    const char* what = after[i].state == Sight::State::absent    ? " is gone"
                       : before[i].state == Sight::State::absent ? " is new"
                                                                 : " has changed";
    text += (text.empty() ? "" : ", ") + after[i].title + what;
  }
  return text;
}

/// What a statement does to the objects it names.
enum class Act : std::uint8_t { create, drop, alter, rename, truncate, other };

struct Change {
  Act act = Act::other;
  bool in_table = false;  ///< of an index: it is seen in its table, which is there before and after
  /// One act, whole or not at all, that shows in the definitions.
  bool single = false;
  bool conditional = false;  ///< IF EXISTS, IF NOT EXISTS: it may change nothing and be content
};

inline bool all_are(const std::vector<Sight>& sights, Sight::State state) {
  return std::all_of(sights.begin(), sights.end(), [&](const Sight& sight) { return sight.state == state; });
}

inline bool none_is(const std::vector<Sight>& sights, Sight::State state) {
  return std::none_of(sights.begin(), sights.end(), [&](const Sight& sight) { return sight.state == state; });
}

inline std::string titles(const std::vector<Sight>& sights) {
  std::string text;
  for (const Sight& sight : sights) text += (text.empty() ? "" : ", ") + sight.title;
  return text;
}

/// The change is the one that such a statement makes.
inline bool fits(const Change& change, const std::vector<Sight>& before, const std::vector<Sight>& now) {
  using State = Sight::State;
  const bool stays = all_are(before, State::present) && all_are(now, State::present);
  switch (change.act) {
    case Act::create:
      return change.in_table ? stays : all_are(before, State::absent) && all_are(now, State::present);
    case Act::drop:
      return change.in_table ? stays : all_are(before, State::present) && all_are(now, State::absent);
    case Act::alter:
    case Act::rename:
      return before.size() == 1 ? stays
                                : before.front().state == State::present && now.front().state == State::absent &&
                                      before.back().state == State::absent && now.back().state == State::present;
    case Act::truncate:
    case Act::other:
      break;
  }
  return false;
}

/// What became of the statement, if nobody else touched these objects; the one that was sent and not answered.
inline Settlement::Finding judge(const Change& change, const std::vector<Sight>& then, const std::vector<Sight>& now) {
  using Verdict = Settlement::Verdict;
  using State = Sight::State;
  const auto finding = [](Verdict verdict, std::string reason) {
    return Settlement::Finding{verdict, std::move(reason), {}};
  };
  if (!none_is(now, State::hidden) || !none_is(then, State::hidden))
    return finding(Verdict::unknown, "this user cannot see all of " + titles(now));
  if (now == then) {
    const std::string same = titles(now) + (now.size() == 1 ? " is as it was" : " are as they were");
    if (change.conditional) return finding(Verdict::repeatable, same + ", and the statement allows for that");
    // What a statement that shows nowhere in the definitions has done cannot be seen.
    const bool would_show = change.single || change.act == Act::create || change.act == Act::drop;
    if (would_show) return finding(Verdict::not_applied, same);
    return finding(Verdict::unknown, same + ", but the statement may change rows only");
  }
  const std::string changed = differences(then, now);
  const bool all_dropped = change.act == Act::drop && none_is(now, State::present);
  if ((change.single && fits(change, then, now)) || all_dropped) return finding(Verdict::applied, changed);
  if (change.single) return finding(Verdict::unknown, changed + ", which is not what it does");
  return finding(Verdict::unknown, changed + ", but the statement is not one act");
}

}  // namespace talos::common
