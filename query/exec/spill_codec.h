#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "query/exec/batch.h"
#include "src/base/bytes.h"

// Batches as bytes, for temporary files. Both sides know the columns' types; what a vector may be
// besides its type (nullable after all, constant, a dictionary) is in the bytes.

namespace hoglet {

// Appends at most kVectorRowsMax rows. Of a dictionary only the entries in use are written.
void EncodeBatch(const Batch& batch, std::string* out);

// Reads one batch. `flat`: dictionaries are unfolded, for who would keep them all alive. kDataLoss
// for anything that EncodeBatch() does not write for columns of these types; what it allocates is
// bounded by the bytes that are left.
absl::StatusOr<Batch> DecodeBatch(ByteReader& reader, const std::vector<Type>& types, bool flat);

}  // namespace hoglet
