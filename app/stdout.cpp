#include "stdout.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include "talos/error.hpp"

namespace talos::app {

void print_text(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  throw Error(ErrorCode::internal, "cannot write to stdout: " + std::generic_category().message(errno));
}

void print_json(const nlohmann::ordered_json& object) {
  print_text(object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n');
}

}  // namespace talos::app
