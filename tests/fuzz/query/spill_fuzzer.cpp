#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "include/hoglet/status.h"
#include "query/exec/spill.h"
#include "query/exec/spill_codec.h"
#include "src/base/strings.h"

// Any bytes as a block of a temporary file, and as the rows in one: reading ends with rows or a
// Status, and rows write themselves back as they were read.

namespace {

using namespace hoglet;  // NOLINT(build/namespaces)

const std::vector<Type>& Types() {
  static const auto* const types = new std::vector<Type>{
      Type(TypeKind::kString),
      Type(TypeKind::kUInt8),
      Type(TypeKind::kInt64).Nullable(),
      Type(TypeKind::kUuid),
      Type(TypeKind::kNothing).Nullable(),
      Type::Array(Type::Array(Type(TypeKind::kString).Nullable())),
      Type::Map(Type(TypeKind::kString), Type(TypeKind::kFloat64)),
      Type::Tuple({Type(TypeKind::kString), Type::Array(Type(TypeKind::kInt64))})};
  return *types;
}

void ReadRows(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto batch = DecodeBatch(reader, Types());
  if (!batch.ok()) return;
  std::vector<uint32_t> all(batch->rows);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint32_t>(i);
  RowBuffer buffer(Types());
  buffer.Add(*batch, all.data(), all.size());
  std::string written;
  buffer.Flush(&written);
  ByteReader again(written);
  const auto second = DecodeBatch(again, Types());
  HOGLET_ASSERT(second.ok() && second->rows == batch->rows && again.empty());
  for (size_t c = 0; c < Types().size(); ++c) {
    for (size_t i = 0; i < all.size(); ++i) {
      HOGLET_ASSERT(second->columns[c].IsNull(i) == batch->columns[c].IsNull(i));
      (void)batch->columns[c].Get(i);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReadRows(bytes);
  if (size >= 8)
    UnpackSpillBlock(bytes, LoadLittle<uint32_t>(bytes.data() + 4)).status().IgnoreError();
  HOGLET_ASSERT(*UnpackSpillBlock(PackSpillBlock(bytes), static_cast<uint32_t>(size)) == bytes);
  return 0;
}
