#pragma once

#include "query/functions/kernel.h"

namespace hoglet::fn {

// Row i of the result is row i of branches[choice[i]]. All branches have the type; any form.
Vector Choose(const Type& type, std::span<const Vector> branches,
              const std::vector<uint16_t>& choice, size_t rows);

}  // namespace hoglet::fn
