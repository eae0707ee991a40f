#include "query/exec/spill_codec.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace hoglet {
namespace {

constexpr uint8_t kFormMask = 3;
constexpr uint8_t kNullable = 4;
constexpr uint8_t kHasValidity = 8;
// Elements of the arrays of one batch: offsets have 32 bits.
constexpr uint64_t kElementsMax = UINT32_MAX;

Type ElementType(const Type& type) {
  return type.kind() == TypeKind::kMap ? Type::Tuple(type.children()) : type.element();
}

// What has no value takes a byte all the same, so that no count of rows is free.
size_t FixedBytes(Physical physical) {
  switch (physical) {
    case Physical::kNone:
    case Physical::kU8:
      return 1;
    case Physical::kI64:
    case Physical::kF64:
      return 8;
    case Physical::kI128:
      return 16;
    default:
      return 0;
  }
}

void AppendRaw(const void* from, size_t bytes, std::string* out) {
  if (bytes > 0) out->append(static_cast<const char*>(from), bytes);
}

void EncodeStrings(const Vector& flat, size_t rows, std::string* out) {
  const VectorReader<std::string_view> texts(flat);
  for (size_t i = 0; i < rows; ++i)
    PutLittle(out, static_cast<uint64_t>(texts.valid(i) ? texts.at(i).size() : 0));
  for (size_t i = 0; i < rows; ++i) {
    if (texts.valid(i)) out->append(texts.at(i));
  }
}

// `rows` values of a flat or constant vector.
void EncodeValues(const Vector& flat, size_t rows, Vector::Form form, std::string* out) {
  const uint64_t* validity = flat.validity();
  out->push_back(static_cast<char>(static_cast<uint8_t>(form) |
                                   (flat.type().nullable() ? kNullable : 0) |
                                   (validity != nullptr ? kHasValidity : 0)));
  if (validity != nullptr) AppendRaw(validity, BitmapWords(rows) * 8, out);
  const Physical physical = flat.type().physical();
  switch (physical) {
    case Physical::kString:
      return EncodeStrings(flat, rows, out);
    case Physical::kArray: {
      const uint32_t* offsets = flat.offsets();
      for (size_t i = 0; i < rows; ++i) PutLittle(out, offsets[i + 1] - offsets[i]);
      const size_t elements = offsets[rows];
      const Vector child = flat.child().Flatten();
      return EncodeValues(child, elements, Vector::Form::kFlat, out);
    }
    case Physical::kTuple:
      out->append(rows, '\0');
      for (const Vector& child : flat.children())
        EncodeValues(child.Flatten(), rows, Vector::Form::kFlat, out);
      return;
    case Physical::kNone:
      out->append(rows, '\0');
      return;
    default:
      return AppendRaw(flat.data<char>(), rows * FixedBytes(physical), out);
  }
}

// False if the values are better written one by one.
bool EncodeDictionary(const Vector& column, std::string* out) {
  if (FixedBytes(column.type().physical()) > 0 && FixedBytes(column.type().physical()) <= 8)
    return false;
  const size_t rows = column.size();
  absl::flat_hash_map<uint32_t, uint16_t> place;
  std::vector<uint32_t> used;
  std::vector<uint16_t> codes(rows);
  for (size_t i = 0; i < rows; ++i) {
    const auto [found, is_new] =
        place.try_emplace(column.codes()[i], static_cast<uint16_t>(used.size()));
    if (is_new) used.push_back(column.codes()[i]);
    codes[i] = found->second;
    if (used.size() * 2 > rows + 1) return false;
  }
  out->push_back(static_cast<char>(Vector::Form::kDictionary));
  PutVarint(out, used.size());
  EncodeValues(column.dictionary()->Gather(used.data(), used.size()), used.size(),
               Vector::Form::kFlat, out);
  AppendRaw(codes.data(), rows * sizeof(codes[0]), out);
  return true;
}

void EncodeColumn(const Vector& column, std::string* out) {
  if (column.form() == Vector::Form::kConstant)
    return EncodeValues(column, 1, Vector::Form::kConstant, out);
  if (column.form() == Vector::Form::kDictionary && EncodeDictionary(column, out)) return;
  EncodeValues(column.Flatten(), column.size(), Vector::Form::kFlat, out);
}

absl::Status Damaged() { return absl::DataLossError("damaged rows in a temporary file"); }

class Decoder {
 public:
  Decoder(ByteReader& reader, bool flat) : reader_(reader), flat_(flat) {}

  absl::StatusOr<Vector> Column(const Type& type, size_t rows) {
    uint8_t flags = 0;
    if (!reader_.GetLittle(&flags)) return Damaged();
    if ((flags & kFormMask) == static_cast<uint8_t>(Vector::Form::kDictionary)) {
      return flags == static_cast<uint8_t>(Vector::Form::kDictionary) ? Dictionary(type, rows)
                                                                      : Damaged();
    }
    if ((flags & kFormMask) == static_cast<uint8_t>(Vector::Form::kConstant)) {
      HOGLET_ASSIGN_OR_RETURN(Vector one, Values(type, 1, flags));
      return Vector::Constant(one.type(), one.Get(0), rows);
    }
    return Values(type, rows, flags);
  }

 private:
  absl::StatusOr<Vector> Dictionary(const Type& type, size_t rows) {
    uint64_t entries = 0;
    if (!reader_.GetVarint(&entries) || entries > rows) return Damaged();
    HOGLET_ASSIGN_OR_RETURN(Vector dictionary, Flat(type, entries));
    std::string_view bytes;
    if (!reader_.GetBytes(rows * 2, &bytes)) return Damaged();
    auto codes = std::shared_ptr<uint32_t[]>(new uint32_t[rows]);
    for (size_t i = 0; i < rows; ++i) {
      codes[i] = LoadLittle<uint16_t>(bytes.data() + 2 * i);
      if (codes[i] >= entries) return Damaged();
    }
    if (flat_) return dictionary.Gather(codes.get(), rows);
    return Vector::Dictionary(std::make_shared<const Vector>(std::move(dictionary)),
                              std::move(codes), rows);
  }

  // What lies inside another vector is always flat, and so no longer than its bytes.
  absl::StatusOr<Vector> Flat(const Type& type, size_t rows) {
    uint8_t flags = 0;
    if (!reader_.GetLittle(&flags) || (flags & kFormMask) != 0) return Damaged();
    return Values(type, rows, flags);
  }

  absl::StatusOr<Vector> Values(const Type& type, size_t rows, uint8_t flags) {
    if ((flags & ~(kFormMask | kNullable | kHasValidity)) != 0) return Damaged();
    std::string_view validity;
    if ((flags & kHasValidity) != 0 && !reader_.GetBytes(BitmapWords(rows) * 8, &validity))
      return Damaged();
    const Type plain = (flags & kNullable) != 0 ? type.Nullable() : type.NotNullable();
    auto vector = Plain(plain, rows);
    if (vector.ok() && !validity.empty())
      std::memcpy(vector->mutable_validity(), validity.data(), validity.size());
    return vector;
  }

  absl::StatusOr<Vector> Plain(const Type& type, size_t rows) {
    switch (type.physical()) {
      case Physical::kString:
        return Strings(type, rows);
      case Physical::kArray:
        return Arrays(type, rows);
      case Physical::kTuple: {
        std::string_view places;
        if (!reader_.GetBytes(rows, &places)) return Damaged();
        std::vector<Vector> children;
        for (const Type& child : type.children()) {
          HOGLET_ASSIGN_OR_RETURN(Vector values, Flat(child, rows));
          children.push_back(std::move(values));
        }
        return Vector::TupleOf(type, std::move(children), rows);
      }
      default: {
        std::string_view bytes;
        if (!reader_.GetBytes(rows * FixedBytes(type.physical()), &bytes)) return Damaged();
        Vector out = Vector::Flat(type, rows);
        if (type.physical() != Physical::kNone && !bytes.empty())
          std::memcpy(out.mutable_data<char>(), bytes.data(), bytes.size());
        return out;
      }
    }
  }

  absl::StatusOr<Vector> Strings(const Type& type, size_t rows) {
    std::string_view lengths;
    if (!reader_.GetBytes(rows * 8, &lengths)) return Damaged();
    uint64_t total = 0;
    for (size_t i = 0; i < rows; ++i) {
      const auto length = LoadLittle<uint64_t>(lengths.data() + 8 * i);
      if (length > reader_.left().size() - total) return Damaged();
      total += length;
    }
    std::string_view bytes;
    if (!reader_.GetBytes(total, &bytes)) return Damaged();
    auto heap = std::make_shared<StringHeap>();
    const char* at = heap->Add(bytes).data();
    Vector out = Vector::Flat(type, rows);
    for (size_t i = 0; i < rows; ++i) {
      const auto length = LoadLittle<uint64_t>(lengths.data() + 8 * i);
      out.mutable_data<std::string_view>()[i] = {at, length};
      at += length;
    }
    out.KeepAlive(std::move(heap));
    return out;
  }

  absl::StatusOr<Vector> Arrays(const Type& type, size_t rows) {
    std::string_view lengths;
    if (!reader_.GetBytes(rows * 4, &lengths)) return Damaged();
    auto offsets = std::shared_ptr<uint32_t[]>(new uint32_t[rows + 1]);
    uint64_t elements = 0;
    offsets[0] = 0;
    for (size_t i = 0; i < rows; ++i) {
      elements += LoadLittle<uint32_t>(lengths.data() + 4 * i);
      if (elements > kElementsMax) return Damaged();
      offsets[i + 1] = static_cast<uint32_t>(elements);
    }
    HOGLET_ASSIGN_OR_RETURN(Vector child, Flat(ElementType(type), elements));
    return Vector::ArrayOf(type, std::move(offsets), std::move(child), rows);
  }

  ByteReader& reader_;
  const bool flat_;
};

}  // namespace

void EncodeBatch(const Batch& batch, std::string* out) {
  HOGLET_ASSERT(batch.rows <= kVectorRowsMax);
  PutVarint(out, batch.rows);
  for (const Vector& column : batch.columns) EncodeColumn(column, out);
}

absl::StatusOr<Batch> DecodeBatch(ByteReader& reader, const std::vector<Type>& types, bool flat) {
  uint64_t rows = 0;
  if (!reader.GetVarint(&rows) || rows > kVectorRowsMax) return Damaged();
  Batch out{.columns = {}, .rows = rows};
  for (const Type& type : types) {
    HOGLET_ASSIGN_OR_RETURN(Vector column, Decoder(reader, flat).Column(type, rows));
    out.columns.push_back(std::move(column));
  }
  return out;
}

}  // namespace hoglet
