#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

#include "report.hpp"

namespace talos::bench {

namespace {

std::string cpu_model() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  }
  return "unknown CPU";
}

std::string file_system_of(const std::filesystem::path& directory) {
  static const std::map<unsigned long, std::string> names{{0xEF53, "ext4"},          {0x01021994, "tmpfs"},
                                                          {0x58465342, "xfs"},       {0x9123683E, "btrfs"},
                                                          {0x794C7630, "overlayfs"}, {0x2FC12FC1, "zfs"}};
  struct statfs info {};
  if (statfs(directory.c_str(), &info) != 0) return "unknown file system";
  const auto type = static_cast<unsigned long>(info.f_type) & 0xFFFFFFFFUL;
  const auto found = names.find(type);
  if (found != names.end()) return found->second;
  std::ostringstream text;
  text << "file system 0x" << std::hex << type;
  return text.str();
}

}  // namespace

Machine this_machine(const std::filesystem::path& directory) {
  utsname names{};
  uname(&names);
  return {sysconf(_SC_NPROCESSORS_ONLN), cpu_model(), names.release, file_system_of(directory)};
}

}  // namespace talos::bench
