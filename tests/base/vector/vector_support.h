// Vectors for tests, from lists of values.

#pragma once

#include <utility>
#include <vector>

#include "src/base/vector/vector.h"

namespace hoglet {

// A flat vector of the values; a NULL among them makes the type nullable.
inline Vector BuildVector(Type type, const std::vector<Datum>& values) {
  VectorBuilder builder(std::move(type));
  for (const Datum& value : values) {
    if (value.is_null()) {
      builder.AppendNull();
    } else {
      builder.Append(value);
    }
  }
  return builder.Build();
}

}  // namespace hoglet
