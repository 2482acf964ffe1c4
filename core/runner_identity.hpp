// Who this process is, as others see it when they wait for its lock or read its history rows.
#pragma once

#include <string>
#include <string_view>

#include "talos/driver.hpp"

namespace talos {

Runner current_runner(std::string_view program);
/// pid@host
std::string runner_name(const Runner& runner);

}  // namespace talos
