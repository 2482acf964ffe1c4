#include "support.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace talos::test {

namespace {

constexpr std::string_view sqlite_only[] = {"sqlite"};

constexpr auto mode_0755 = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                           fs::perms::others_read | fs::perms::others_exec;

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t got = ::read(fd, buffer, sizeof buffer); got > 0; got = ::read(fd, buffer, sizeof buffer))
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

[[noreturn]] void run_child(int fd, uid_t user, const std::function<std::string()>& work) {
  bool changed = true;
  if (user != ::geteuid())
    changed = ::setgroups(0, nullptr) == 0 && ::setresgid(user, user, user) == 0 && ::setresuid(user, user, user) == 0;
  const std::string result = changed ? work() : "cannot become another user";
  const bool written = ::write(fd, result.data(), result.size()) == static_cast<ssize_t>(result.size());
  ::_exit(written ? 0 : 1);
}

}  // namespace

const Edition sqlite_edition{"talos", "Talos (open source)", sqlite_only, "this edition supports SQLite only",
                             "use another edition"};

Scratch::Scratch() {
  std::string name = (fs::canonical(fs::temp_directory_path()) / "talos-loader-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
  fs::permissions(path_, mode_0755);
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path Scratch::directory(const fs::path& name) const {
  fs::create_directory(path_ / name);
  fs::permissions(path_ / name, mode_0755);
  return path_ / name;
}

Mark::Mark(const Scratch& scratch) : file_(scratch / "mark") { ::setenv("TALOS_TEST_MARK", file_.c_str(), 1); }
Mark::~Mark() { ::unsetenv("TALOS_TEST_MARK"); }

Variable::Variable(std::string name, const char* value) : name_(std::move(name)) {
  if (const char* before = std::getenv(name_.c_str()); before != nullptr) before_ = before;
  if (value != nullptr)
    ::setenv(name_.c_str(), value, 1);
  else
    ::unsetenv(name_.c_str());
}

Variable::~Variable() {
  if (before_)
    ::setenv(name_.c_str(), before_->c_str(), 1);
  else
    ::unsetenv(name_.c_str());
}

fs::path install(const std::string& plugin, const fs::path& file) {
  fs::copy_file(fs::path(TEST_PLUGIN_DIRECTORY) / (plugin + ".so"), file);
  fs::permissions(file, mode_0755);
  return file;
}

fs::path install(const std::string& plugin, const fs::path& file, const std::function<void(PluginNote&)>& change) {
  install(plugin, file);
  std::string bytes = bytes_of(file);
  PluginNote note("x", "x", "x");
  // The note's first twenty bytes are the same in every plugin. Debug information may repeat them, behind the note.
  const std::size_t head = offsetof(PluginNote, abi_version);
  std::string wanted(head, '\0');
  std::memcpy(wanted.data(), &note, head);
  const auto at = bytes.find(wanted);
  REQUIRE(at != std::string::npos);
  std::memcpy(&note, bytes.data() + at, sizeof note);
  change(note);
  std::memcpy(bytes.data() + at, &note, sizeof note);
  write_file(file, bytes);
  return file;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  REQUIRE(stream);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const fs::path& file, std::string_view bytes) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  REQUIRE(stream);
  fs::permissions(file, mode_0755);
}

Error refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("it was not refused");
  return {ErrorCode::internal, "never reached"};
}

std::string as_user(uid_t user, const std::function<std::string()>& work) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) run_child(ends[1], user, work);
  ::close(ends[1]);
  std::string result = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  INFO("wait status of the child: ", status);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return result;
}

std::string load_as(uid_t user, const PluginRequest& request, const PluginSearch& search) {
  return as_user(user, [&]() -> std::string {
    try {
      load_plugin(request, search, any_edition);
      return "loaded";
    } catch (const Error& error) {
      return error.what();
    }
  });
}

bool can_test(bool possible, const std::string& needed) {
  if (possible) return true;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string_view(ci) == "true")
    FAIL("this test needs " << needed);
  else
    MESSAGE("skipped: needs " << needed);
  return false;
}

bool is_root() { return ::geteuid() == 0; }

}  // namespace talos::test
