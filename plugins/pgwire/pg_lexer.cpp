#include "pg_lexer.hpp"

namespace talos::pg {}
