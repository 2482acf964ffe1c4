// Whether a plugin file may be loaded (L2): nobody but root and the user who runs this may be able to change it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <sys/types.h>

namespace talos {

/// Nothing if the open file `fd`, found under the absolute path `file`, is a regular file which only root and
/// `user` (the effective uid) can change or replace: it, and every directory from / to it, of the link and of its
/// target. Otherwise the rule that failed, a sentence that names the path.
std::optional<std::string> distrust(int fd, const std::filesystem::path& file, uid_t user);

}  // namespace talos
