// The gate for fmt; it provides only fmt::format.
#pragma once

#include <fmt/format.h>
