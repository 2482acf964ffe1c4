#include "driver.hpp"

TALOS_PLUGIN(TestDriver, "good", "1.2.3", "good good-alias");
