// Needs a function that no library has.
#include "driver.hpp"

extern "C" int talos_test_function_that_nobody_defines();

namespace {
class NeedyDriver : public TestDriver {
 public:
  int needed = talos_test_function_that_nobody_defines();
};
}  // namespace

TALOS_PLUGIN(NeedyDriver, "undefined", "1", "undefined");
