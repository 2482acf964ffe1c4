// Which program this is: the only difference between `talos` and `talos-commercial`.
#pragma once

#include <span>
#include <string_view>

namespace talos {

struct Edition {
  std::string_view program;                   ///< "talos"
  std::string_view title;                     ///< "Talos (open source)"
  std::span<const std::string_view> plugins;  ///< names of the plugins it accepts; empty: any
  std::string_view refusal;                   ///< said when a plugin is not among them: one sentence …
  std::string_view remedy;                    ///< … and what to do

  bool accepts(std::string_view plugin) const {
    if (plugins.empty()) return true;
    for (std::string_view name : plugins)
      if (name == plugin) return true;
    return false;
  }
};

}  // namespace talos
