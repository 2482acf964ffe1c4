#include "plugin_loader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <system_error>

#define BOOST_DLL_USE_STD_FS  // or Boost.DLL pulls in libboost_filesystem
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/dll/shared_library.hpp>

#include "dsn.hpp"
#include "plugin_note.hpp"
#include "plugin_trust.hpp"

namespace talos {

namespace {

namespace fs = std::filesystem;

std::string system_message(int error) { return std::generic_category().message(error); }

Error refusal(const fs::path& file, const std::string& why) {
  return Error(ErrorCode::plugin, "plugin " + file.string() + " is refused: " + why);
}

// An open plugin file, judged from what can be seen without running any of it.
class Candidate {
 public:
  // O_NONBLOCK: a FIFO of this name must not hang us.
  explicit Candidate(fs::path file)
      : file_(std::move(file)), fd_(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
    if (fd_ < 0) throw refusal(file_, system_message(errno));
  }
  ~Candidate() { ::close(fd_); }
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;

  // Trust first: nothing is believed of a file that others can write.
  void check_trust() const {
    if (const auto why = distrust(fd_, file_, ::geteuid()))
      throw refusal(file_, *why)
          .with_hint(
              "a plugin and all directories above it must belong to root or to you, and be "
              "writable by nobody else");
  }

  PluginFacts read_facts() const {
    const ReadAt read = file_reader(fd_);
    auto facts = read_plugin_note(read);
    if (!facts) throw refusal(file_, "it is not a Talos plugin (no .note.talos)");
    if (!has_all_segments(read)) throw refusal(file_, "the file is cut short").with_hint("install the plugin again");
    return std::move(*facts);
  }

 private:
  fs::path file_;
  int fd_;
};

void check_abi(const fs::path& file, const PluginFacts& facts) {
  if (facts.abi_version != plugin_abi_version)
    throw refusal(file, "it was built for plugin ABI " + std::to_string(facts.abi_version) + ", this program has ABI " +
                            std::to_string(plugin_abi_version))
        .with_hint("install the version of the plugin that belongs to this program");
  if (facts.abi_tag != plugin_abi_tag.data)
    throw refusal(file, "it was built for " + facts.abi_tag + ", this program for " + plugin_abi_tag.data)
        .with_hint("build the plugin with a compiler and options that match");
}

void check_edition(const Edition& edition, std::string_view plugin, const std::string& what) {
  if (edition.accepts(plugin)) return;
  throw Error(ErrorCode::plugin, what + ": " + std::string(edition.refusal)).with_hint(std::string(edition.remedy));
}

bool exists(const fs::path& path, int& error) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  error = errno;
  // A directory that cannot be searched may hold the plugin that should be used: that is no reason to take another.
  return error != ENOENT && error != ENOTDIR;
}

fs::path find_file(const PluginRequest& request, const PluginSearch& search) {
  std::string tried;
  for (const fs::path& directory : search.directories) {
    fs::path file = directory / (request.name + ".so");
    int error = 0;
    if (exists(file, error)) return file;
    tried += "\n  " + file.string() + ": " + system_message(error);
  }
  Error error(ErrorCode::plugin, "no plugin for the scheme \"" + request.scheme + "\" is installed");
  error.detail = "tried:" + tried;
  if (!request.package.empty()) error.hint = "install the package " + request.package;
  throw Error(error);
}

const talos_plugin_descriptor& load_descriptor(const fs::path& file) {
  std::error_code error;
  boost::dll::shared_library library(file, boost::dll::load_mode::rtld_now, error);
  if (error) {
    // Boost.DLL reports every failure as "Bad file descriptor"; the loader's own words tell more.
    const char* words = ::dlerror();
    throw refusal(file, "it cannot be loaded: " + std::string(words != nullptr ? words : error.message()));
  }
  // Pinned for the life of the process: an exception or object of a plugin must never outlive its code.
  if (::dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE) == nullptr)
    throw refusal(file, "it cannot be kept loaded");
  if (!library.has("talos_plugin_v1")) throw refusal(file, "it has no symbol talos_plugin_v1");
  return library.get<const talos_plugin_descriptor>("talos_plugin_v1");
}

void compare(const fs::path& file, const talos_plugin_descriptor& descriptor, const PluginFacts& facts) {
  const bool same = descriptor.struct_size == sizeof(talos_plugin_descriptor) &&
                    descriptor.abi_version == facts.abi_version && descriptor.abi_tag == facts.abi_tag &&
                    descriptor.name == facts.name && descriptor.version == facts.version &&
                    descriptor.schemes == facts.schemes;
  if (!same) throw refusal(file, "its descriptor does not say what its note says");
}

PluginListing inspect_file(const fs::path& file, const Edition& edition) {
  PluginListing listing;
  listing.file = file;
  try {
    const Candidate candidate(file);
    candidate.check_trust();
    const PluginFacts facts = candidate.read_facts();
    listing.name = facts.name;
    listing.version = facts.version;
    listing.abi_version = facts.abi_version;
    listing.schemes = facts.schemes;
    check_abi(file, facts);
    listing.usable = edition.accepts(facts.name);
    if (!listing.usable) listing.reason = "not usable in this edition";
  } catch (const Error& error) {
    const std::string prefix = "plugin " + file.string() + " is refused: ";
    listing.reason =
        std::string(error.what()).substr(std::string_view(error.what()).starts_with(prefix) ? prefix.size() : 0);
  }
  return listing;
}

std::vector<fs::path> shared_objects(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (entry->path().extension() == ".so") files.push_back(entry->path());
  if (error && error != std::errc::no_such_file_or_directory)
    throw Error(ErrorCode::plugin, "cannot list " + directory.string() + ": " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Plugin::Plugin(const talos_plugin_descriptor& descriptor, fs::path file)
    : descriptor_(&descriptor),
      file_(std::move(file)),
      driver_(detail::guarded("create", [&] { return descriptor.create(); }), descriptor.destroy) {}

std::span<const EmbeddedFile> Plugin::migrations() const {
  return {descriptor_->migrations, *descriptor_->migration_count};
}

Plugin load_plugin(const PluginRequest& request, const PluginSearch& search, const Edition& edition) {
  if (!is_plugin_word(request.name)) throw Error(ErrorCode::usage, "the DSN does not begin with a valid scheme");
  check_edition(edition, request.name, "the scheme \"" + request.scheme + "\" is refused");
  const fs::path file = find_file(request, search);
  const Candidate candidate(file);
  candidate.check_trust();
  const PluginFacts facts = candidate.read_facts();
  check_abi(file, facts);
  // Again on the name that the file itself gives: another plugin under an accepted name is still another.
  check_edition(edition, facts.name, "plugin " + file.string() + " (" + facts.name + ") is refused");
  if (!facts.serves(request.scheme))
    throw refusal(file, "it serves \"" + facts.schemes + "\", not \"" + request.scheme + "\"");
  const talos_plugin_descriptor& descriptor = load_descriptor(file);
  compare(file, descriptor, facts);
  return Plugin(descriptor, file);
}

std::vector<PluginListing> list_plugins(const PluginSearch& search, const Edition& edition) {
  std::vector<PluginListing> listings;
  std::map<std::string, fs::path> first;
  for (const fs::path& directory : search.directories) {
    for (const fs::path& file : shared_objects(directory)) {
      PluginListing listing = inspect_file(file, edition);
      const auto [earlier, is_first] = first.emplace(file.filename().string(), file);
      if (!is_first) {
        listing.usable = false;
        listing.reason = "hidden by " + earlier->second.string();
      }
      listings.push_back(std::move(listing));
    }
  }
  return listings;
}

}  // namespace talos
