#include "query/exec/spill_codec.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace hoglet {
namespace {

constexpr uint8_t kNullable = 1;
constexpr uint8_t kHasValidity = 2;
// Elements of the arrays of one batch: offsets have 32 bits.
constexpr uint64_t kElementsMax = UINT32_MAX;

// Elements, in the order in which a vector has its children.
std::vector<Type> ChildTypes(const Type& type) {
  if (type.kind() == TypeKind::kMap) return {Type::Tuple(type.children())};
  if (type.physical() == Physical::kArray) return {type.element()};
  if (type.physical() == Physical::kTuple) return type.children();
  return {};
}

// Bytes of a value; lengths for strings and arrays. What has no value takes a byte all the same, so
// that no count of rows is free.
size_t FixedBytes(Physical physical) {
  switch (physical) {
    case Physical::kNone:
    case Physical::kTuple:
    case Physical::kU8:
      return 1;
    case Physical::kString:
    case Physical::kArray:
      return 4;
    case Physical::kI64:
    case Physical::kF64:
      return 8;
    case Physical::kI128:
      return 16;
  }
  return 1;
}

}  // namespace

class RowBuffer::Column {
 public:
  explicit Column(const Type& type) : physical_(type.physical()) {
    for (const Type& child : ChildTypes(type)) children_.emplace_back(child);
  }

  void Add(const Vector& vector, const uint32_t* positions, size_t count) {
    if (vector.form() == Vector::Form::kFlat) return AddFlat(vector, positions, count);
    std::vector<uint32_t> places(count);
    for (size_t i = 0; i < count; ++i)
      places[i] = static_cast<uint32_t>(vector.Position(positions[i]));
    const bool coded = vector.form() == Vector::Form::kDictionary;
    AddFlat(coded ? *vector.dictionary() : vector, places.data(), count);
  }

  size_t bytes() const {
    size_t bytes = fixed_.size() + text_.size();
    for (const Column& child : children_) bytes += child.bytes();
    return bytes;
  }

  void Flush(std::string* out) {
    out->push_back(
        static_cast<char>((nullable_ ? kNullable : 0) | (validity_.empty() ? 0 : kHasValidity)));
    out->append(reinterpret_cast<const char*>(validity_.data()), validity_.size() * 8);
    out->append(fixed_);
    out->append(text_);
    for (Column& child : children_) child.Flush(out);
    fixed_.clear();
    text_.clear();
    validity_.clear();
    nullable_ = false;
    rows_ = 0;
  }

 private:
  // Of a flat or constant vector.
  void AddFlat(const Vector& vector, const uint32_t* places, size_t count) {
    AddValidity(vector, places, count);
    rows_ += count;
    switch (physical_) {
      case Physical::kU8:
        return AddFixed<uint8_t>(vector, places, count);
      case Physical::kI64:
      case Physical::kF64:
        return AddFixed<uint64_t>(vector, places, count);
      case Physical::kI128:
        return AddFixed<Int128>(vector, places, count);
      case Physical::kString:
        return AddTexts(vector, places, count);
      case Physical::kArray: {
        std::vector<uint32_t> elements;
        const uint32_t* offsets = vector.offsets();
        for (size_t i = 0; i < count; ++i) {
          PutLittle(&fixed_, offsets[places[i] + 1] - offsets[places[i]]);
          for (uint32_t e = offsets[places[i]]; e < offsets[places[i] + 1]; ++e)
            elements.push_back(e);
        }
        return children_[0].Add(vector.child(), elements.data(), elements.size());
      }
      case Physical::kTuple:
        fixed_.append(count, '\0');
        for (size_t c = 0; c < children_.size(); ++c)
          children_[c].Add(vector.children()[c], places, count);
        return;
      case Physical::kNone:
        fixed_.append(count, '\0');
        return;
    }
  }

  void AddValidity(const Vector& vector, const uint32_t* places, size_t count) {
    nullable_ |= vector.type().nullable();
    const uint64_t* bits = vector.validity();
    if (bits == nullptr && validity_.empty()) return;
    if (validity_.empty()) validity_.resize(BitmapWords(rows_), ~uint64_t{0});
    validity_.resize(BitmapWords(rows_ + count), ~uint64_t{0});
    for (size_t i = 0; i < count; ++i) {
      if (bits != nullptr && !BitIsSet(bits, places[i])) ClearBit(validity_.data(), rows_ + i);
    }
  }

  template <typename T>
  void AddFixed(const Vector& vector, const uint32_t* places, size_t count) {
    const size_t before = fixed_.size();
    fixed_.resize(before + count * sizeof(T));
    const T* values = vector.data<T>();
    char* to = fixed_.data() + before;
    for (size_t i = 0; i < count; ++i) StoreLittle(to + i * sizeof(T), values[places[i]]);
  }

  void AddTexts(const Vector& vector, const uint32_t* places, size_t count) {
    const auto* texts = vector.data<std::string_view>();
    const uint64_t* bits = vector.validity();
    for (size_t i = 0; i < count; ++i) {
      const bool valid = bits == nullptr || BitIsSet(bits, places[i]);
      const std::string_view text = valid ? texts[places[i]] : std::string_view();
      PutLittle(&fixed_, static_cast<uint32_t>(text.size()));
      text_.append(text);
    }
  }

  Physical physical_;
  bool nullable_ = false;
  size_t rows_ = 0;
  std::vector<uint64_t> validity_;  // empty: all valid
  std::string fixed_;               // values, or lengths
  std::string text_;
  std::vector<Column> children_;
};

RowBuffer::RowBuffer(const std::vector<Type>& types) {
  for (const Type& type : types) columns_.emplace_back(type);
}
RowBuffer::RowBuffer(RowBuffer&&) noexcept = default;
RowBuffer& RowBuffer::operator=(RowBuffer&&) noexcept = default;
RowBuffer::~RowBuffer() = default;

void RowBuffer::Add(const Batch& batch, const uint32_t* positions, size_t count) {
  HOGLET_ASSERT(batch.columns.size() == columns_.size() && rows_ + count <= kVectorRowsMax);
  for (size_t c = 0; c < columns_.size(); ++c) columns_[c].Add(batch.columns[c], positions, count);
  rows_ += count;
}

size_t RowBuffer::bytes() const {
  size_t bytes = 0;
  for (const Column& column : columns_) bytes += column.bytes();
  return bytes;
}

void RowBuffer::Flush(std::string* out) {
  PutVarint(out, rows_);
  for (Column& column : columns_) column.Flush(out);
  rows_ = 0;
}

namespace {

absl::Status Damaged() { return absl::DataLossError("damaged rows in a temporary file"); }

absl::StatusOr<Vector> Decode(ByteReader& reader, const Type& type, size_t rows);

absl::StatusOr<Vector> DecodeTexts(ByteReader& reader, std::string_view lengths, const Type& type,
                                   size_t rows) {
  uint64_t total = 0;
  for (size_t i = 0; i < rows; ++i) total += LoadLittle<uint32_t>(lengths.data() + 4 * i);
  std::string_view bytes;
  if (!reader.GetBytes(total, &bytes)) return Damaged();
  auto heap = std::make_shared<StringHeap>();
  const char* at = heap->Add(bytes).data();
  Vector out = Vector::Flat(type, rows);
  auto* texts = out.mutable_data<std::string_view>();
  for (size_t i = 0; i < rows; ++i) {
    const auto length = LoadLittle<uint32_t>(lengths.data() + 4 * i);
    texts[i] = {at, length};
    at += length;
  }
  out.KeepAlive(std::move(heap));
  return out;
}

absl::StatusOr<Vector> DecodeArrays(ByteReader& reader, std::string_view lengths, const Type& type,
                                    size_t rows) {
  auto offsets = std::shared_ptr<uint32_t[]>(new uint32_t[rows + 1]);
  uint64_t elements = 0;
  offsets[0] = 0;
  for (size_t i = 0; i < rows; ++i) {
    elements += LoadLittle<uint32_t>(lengths.data() + 4 * i);
    if (elements > kElementsMax) return Damaged();
    offsets[i + 1] = static_cast<uint32_t>(elements);
  }
  HOGLET_ASSIGN_OR_RETURN(Vector child, Decode(reader, ChildTypes(type)[0], elements));
  return Vector::ArrayOf(type, std::move(offsets), std::move(child), rows);
}

absl::StatusOr<Vector> DecodeValues(ByteReader& reader, const Type& type, size_t rows) {
  std::string_view fixed;
  if (!reader.GetBytes(rows * FixedBytes(type.physical()), &fixed)) return Damaged();
  switch (type.physical()) {
    case Physical::kString:
      return DecodeTexts(reader, fixed, type, rows);
    case Physical::kArray:
      return DecodeArrays(reader, fixed, type, rows);
    case Physical::kTuple: {
      std::vector<Vector> children;
      for (const Type& child : ChildTypes(type)) {
        HOGLET_ASSIGN_OR_RETURN(Vector values, Decode(reader, child, rows));
        children.push_back(std::move(values));
      }
      return Vector::TupleOf(type, std::move(children), rows);
    }
    default: {
      Vector out = Vector::Flat(type, rows);
      if (type.physical() != Physical::kNone && rows > 0)
        std::memcpy(out.mutable_data<char>(), fixed.data(), fixed.size());
      return out;
    }
  }
}

absl::StatusOr<Vector> Decode(ByteReader& reader, const Type& type, size_t rows) {
  uint8_t flags = 0;
  if (!reader.GetLittle(&flags) || (flags & ~(kNullable | kHasValidity)) != 0) return Damaged();
  std::string_view validity;
  if ((flags & kHasValidity) != 0 && !reader.GetBytes(BitmapWords(rows) * 8, &validity))
    return Damaged();
  const Type plain = (flags & kNullable) != 0 ? type.Nullable() : type.NotNullable();
  HOGLET_ASSIGN_OR_RETURN(Vector out, DecodeValues(reader, plain, rows));
  if (!validity.empty()) std::memcpy(out.mutable_validity(), validity.data(), validity.size());
  return out;
}

}  // namespace

absl::StatusOr<Batch> DecodeBatch(ByteReader& reader, const std::vector<Type>& types) {
  uint64_t rows = 0;
  if (!reader.GetVarint(&rows) || rows > kVectorRowsMax) return Damaged();
  Batch out{.columns = {}, .rows = rows};
  for (const Type& type : types) {
    HOGLET_ASSIGN_OR_RETURN(Vector column, Decode(reader, type, rows));
    out.columns.push_back(std::move(column));
  }
  return out;
}

}  // namespace hoglet
