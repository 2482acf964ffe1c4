// Read by LeakSanitizer, in sanitizer builds only.
extern "C" const char* __lsan_default_suppressions();

// libpqxx 6.4 loses the result of a query whose connection ends under it.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpqxx\n"; }
