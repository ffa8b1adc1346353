// The gate for fmt: fmt::format and nothing more.
#pragma once

#include <fmt/format.h>
