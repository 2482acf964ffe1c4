// Everything of the SDK that crosses the border between a program and a plugin, for .ci/abi to describe.
#include "talos/backup.hpp"
#include "talos/introspection.hpp"
#include "talos/lock_wait.hpp"
#include "talos/plugin.hpp"
#include "talos/scratch.hpp"
#include "talos/settlement.hpp"
#include "talos/trial.hpp"

namespace talos::abi {

[[gnu::visibility("default")]] const PluginNote* note = nullptr;
[[gnu::visibility("default")]] const talos_plugin_descriptor* descriptor = nullptr;
[[gnu::visibility("default")]] Driver* driver = nullptr;
[[gnu::visibility("default")]] Session* session = nullptr;
[[gnu::visibility("default")]] ExecuteObserver* observer = nullptr;
[[gnu::visibility("default")]] Ability* ability = nullptr;
[[gnu::visibility("default")]] Settlement* settlement = nullptr;
[[gnu::visibility("default")]] Introspection* introspection = nullptr;
[[gnu::visibility("default")]] Scratch* scratch = nullptr;
[[gnu::visibility("default")]] Trial* trial = nullptr;
[[gnu::visibility("default")]] Backup* backup = nullptr;
[[gnu::visibility("default")]] LockWait* lock_wait = nullptr;
[[gnu::visibility("default")]] const Error* error = nullptr;
[[gnu::visibility("default")]] const State* state = nullptr;
[[gnu::visibility("default")]] const Unit* unit = nullptr;
[[gnu::visibility("default")]] const ExecuteResult* result = nullptr;
[[gnu::visibility("default")]] const ConnectRequest* request = nullptr;
[[gnu::visibility("default")]] const Statement* statement = nullptr;

}  // namespace talos::abi
