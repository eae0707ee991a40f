#include "src/base/vector/vector.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hoglet {
namespace {

constexpr size_t kHeapChunkBytes = 64 << 10;

size_t ValueBytes(Physical physical) {
  switch (physical) {
    case Physical::kU8:
      return 1;
    case Physical::kI64:
    case Physical::kF64:
      return 8;
    case Physical::kI128:
      return 16;
    case Physical::kString:
      return sizeof(std::string_view);
    default:
      return 0;
  }
}

std::shared_ptr<const void> AllocateValues(Physical physical, size_t rows) {
  const size_t bytes = ValueBytes(physical) * rows;
  if (bytes == 0) return nullptr;
  // Aligned for vector loads; freed as the same type.
  void* memory = ::operator new (bytes, std::align_val_t{64});
  return std::shared_ptr<const void>(memory, [](const void* p) {
    ::operator delete (const_cast<void*>(p), std::align_val_t{64});
  });
}

template <typename T, typename P>
void GatherValues(const T* __restrict from, const P* __restrict positions, size_t count,
                  T* __restrict to) {
  for (size_t i = 0; i < count; ++i) to[i] = from[positions[i]];
}

template <typename P>
std::shared_ptr<uint64_t[]> GatherBits(const uint64_t* bits, const P* positions, size_t count) {
  auto out = std::make_shared<uint64_t[]>(BitmapWords(count));
  for (size_t i = 0; i < count; ++i)
    out[i >> 6] |= static_cast<uint64_t>(BitIsSet(bits, positions[i])) << (i & 63);
  return out;
}

}  // namespace

std::string_view StringHeap::Add(std::string_view text) {
  char* room = Allocate(text.size());
  if (!text.empty()) std::memcpy(room, text.data(), text.size());
  return {room, text.size()};
}

char* StringHeap::Allocate(size_t bytes) {
  bytes_ += bytes;
  if (bytes > kHeapChunkBytes / 4) {
    // A large string gets a chunk of its own; the current chunk stays in use.
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    return chunks_.back().get();
  }
  if (bytes > left_) {
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(kHeapChunkBytes));
    cursor_ = chunks_.back().get();
    left_ = kHeapChunkBytes;
  }
  char* room = cursor_;
  cursor_ += bytes;
  left_ -= bytes;
  return room;
}

Vector Vector::Flat(Type type, size_t rows) {
  Vector vector;
  vector.form_ = Form::kFlat;
  vector.rows_ = rows;
  vector.data_ = AllocateValues(type.physical(), rows);
  vector.type_ = std::move(type);
  return vector;
}

Vector Vector::Constant(Type type, const Datum& value, size_t rows) {
  VectorBuilder builder(std::move(type));
  builder.Append(value);
  Vector vector = builder.Build();
  vector.form_ = Form::kConstant;
  vector.rows_ = rows;
  return vector;
}

Vector Vector::NullConstant(Type type, size_t rows) {
  return Constant(type.Nullable(), Datum(), rows);
}

Vector Vector::Dictionary(std::shared_ptr<const Vector> dictionary,
                          std::shared_ptr<const uint32_t[]> codes, size_t rows) {
  HOGLET_ASSERT(dictionary->form() == Form::kFlat);
  Vector vector;
  vector.form_ = Form::kDictionary;
  vector.type_ = dictionary->type();
  vector.rows_ = rows;
  vector.codes_ = std::move(codes);
  vector.dictionary_ = std::move(dictionary);
  return vector;
}

Vector Vector::ArrayOf(Type type, std::shared_ptr<const uint32_t[]> offsets, Vector child,
                       size_t rows) {
  HOGLET_ASSERT(type.physical() == Physical::kArray);
  Vector vector;
  vector.type_ = std::move(type);
  vector.rows_ = rows;
  vector.codes_ = std::move(offsets);
  vector.children_.push_back(child.Flatten());
  return vector;
}

Vector Vector::TupleOf(Type type, std::vector<Vector> children, size_t rows) {
  HOGLET_ASSERT(type.physical() == Physical::kTuple);
  Vector vector;
  vector.type_ = std::move(type);
  vector.rows_ = rows;
  for (Vector& child : children) {
    HOGLET_ASSERT(child.size() == rows);
    vector.children_.push_back(child.Flatten());
  }
  return vector;
}

void Vector::set_type(Type type) {
  HOGLET_ASSERT(type.physical() == type_.physical());
  if (form_ == Form::kDictionary) {
    auto copy = std::make_shared<Vector>(*dictionary_);
    copy->type_ = type;
    dictionary_ = std::move(copy);
  }
  type_ = std::move(type);
}

Vector Vector::WithRows(size_t rows) const {
  HOGLET_ASSERT(form_ == Form::kConstant);
  Vector vector = *this;
  vector.rows_ = rows;
  return vector;
}

uint64_t* Vector::mutable_validity() {
  if (!validity_) {
    const size_t words = BitmapWords(form_ == Form::kConstant ? 1 : rows_);
    validity_ = std::make_shared<uint64_t[]>(words);
    std::fill_n(validity_.get(), words, ~uint64_t{0});
  }
  type_ = type_.Nullable();
  return validity_.get();
}

void Vector::SetNull(size_t row) { ClearBit(mutable_validity(), row); }

bool Vector::IsNull(size_t row) const {
  if (type_.physical() == Physical::kNone) return true;
  if (form_ == Form::kDictionary) return dictionary_->IsNull(codes_[row]);
  return validity_ && !BitIsSet(validity_.get(), form_ == Form::kConstant ? 0 : row);
}

bool Vector::MayHaveNulls() const {
  if (type_.physical() == Physical::kNone) return true;
  return form_ == Form::kDictionary ? dictionary_->validity() != nullptr : validity_ != nullptr;
}

Datum Vector::Get(size_t row) const {
  if (IsNull(row)) return Datum();
  if (form_ == Form::kDictionary) return dictionary_->Get(codes_[row]);
  const size_t at = form_ == Form::kConstant ? 0 : row;
  switch (type_.physical()) {
    case Physical::kU8:
      return Datum(static_cast<int64_t>(data<uint8_t>()[at]));
    case Physical::kI64:
      return Datum(data<int64_t>()[at]);
    case Physical::kF64:
      return Datum(data<double>()[at]);
    case Physical::kI128:
      return Datum(data<Int128>()[at]);
    case Physical::kString:
      return Datum(std::string(data<std::string_view>()[at]));
    case Physical::kArray: {
      std::vector<Datum> list;
      for (uint32_t i = codes_[at]; i < codes_[at + 1]; ++i) list.push_back(children_[0].Get(i));
      return Datum(std::move(list));
    }
    case Physical::kTuple: {
      std::vector<Datum> list;
      for (const Vector& child : children_) list.push_back(child.Get(at));
      return Datum(std::move(list));
    }
    case Physical::kNone:
      break;
  }
  return Datum();
}

Vector Vector::Flatten() const {
  if (form_ == Form::kFlat) return *this;
  if (form_ == Form::kDictionary) {
    Vector flat = dictionary_->Gather(codes_.get(), rows_);
    flat.owners_.insert(flat.owners_.end(), owners_.begin(), owners_.end());
    return flat;
  }
  Vector one = *this;
  one.form_ = Form::kFlat;
  one.rows_ = 1;
  const std::vector<uint32_t> zeros(rows_, 0);
  return one.Gather(zeros.data(), rows_);
}

template <typename P>
Vector Vector::GatherImpl(const P* positions, size_t count) const {
  if (form_ == Form::kConstant) return WithRows(count);
  if (form_ == Form::kDictionary) {
    auto codes = std::shared_ptr<uint32_t[]>(new uint32_t[count]);
    GatherValues(codes_.get(), positions, count, codes.get());
    Vector out = *this;
    out.codes_ = std::move(codes);
    out.rows_ = count;
    return out;
  }
  Vector out = Flat(type_, count);
  out.owners_ = owners_;
  if (validity_) out.validity_ = GatherBits(validity_.get(), positions, count);
  switch (type_.physical()) {
    case Physical::kU8:
      GatherValues(data<uint8_t>(), positions, count, out.mutable_data<uint8_t>());
      break;
    case Physical::kI64:
      GatherValues(data<int64_t>(), positions, count, out.mutable_data<int64_t>());
      break;
    case Physical::kF64:
      GatherValues(data<double>(), positions, count, out.mutable_data<double>());
      break;
    case Physical::kI128:
      GatherValues(data<Int128>(), positions, count, out.mutable_data<Int128>());
      break;
    case Physical::kString:
      GatherValues(data<std::string_view>(), positions, count,
                   out.mutable_data<std::string_view>());
      break;
    case Physical::kArray: {
      auto offsets = std::shared_ptr<uint32_t[]>(new uint32_t[count + 1]);
      std::vector<uint32_t> elements;
      offsets[0] = 0;
      for (size_t i = 0; i < count; ++i) {
        for (uint32_t e = codes_[positions[i]]; e < codes_[positions[i] + 1]; ++e)
          elements.push_back(e);
        offsets[i + 1] = static_cast<uint32_t>(elements.size());
      }
      out.codes_ = std::move(offsets);
      out.children_.push_back(children_[0].Gather(elements.data(), elements.size()));
      break;
    }
    case Physical::kTuple:
      for (const Vector& child : children_) out.children_.push_back(child.Gather(positions, count));
      break;
    case Physical::kNone:
      break;
  }
  return out;
}

Vector Vector::Gather(const uint16_t* positions, size_t count) const {
  return GatherImpl(positions, count);
}
Vector Vector::Gather(const uint32_t* positions, size_t count) const {
  return GatherImpl(positions, count);
}

Vector Vector::Slice(size_t begin, size_t count) const {
  HOGLET_ASSERT(begin + count <= rows_);
  if (form_ == Form::kConstant) return WithRows(count);
  if (begin == 0 && count == rows_) return *this;
  std::vector<uint32_t> positions(count);
  for (size_t i = 0; i < count; ++i) positions[i] = static_cast<uint32_t>(begin + i);
  return Gather(positions.data(), count);
}

namespace {

// One dictionary serves all parts: only the codes need to be joined.
bool ShareDictionary(std::span<const Vector> parts) {
  return std::all_of(parts.begin(), parts.end(), [&](const Vector& part) {
    return part.form() == Vector::Form::kDictionary && part.dictionary() == parts[0].dictionary();
  });
}

template <typename T>
void CopyValues(const Vector& from, T* to) {
  if (from.form() == Vector::Form::kConstant) {
    std::fill_n(to, from.size(), from.data<T>()[0]);
  } else if (from.form() == Vector::Form::kFlat) {
    std::copy_n(from.data<T>(), from.size(), to);
  } else {
    GatherValues(from.dictionary()->data<T>(), from.codes(), from.size(), to);
  }
}

template <typename T>
void ConcatValues(std::span<const Vector> parts, Vector* out) {
  T* to = out->mutable_data<T>();
  for (const Vector& part : parts) {
    CopyValues(part, to);
    to += part.size();
  }
}

}  // namespace

Vector Vector::Concat(std::span<const Vector> parts) {
  HOGLET_ASSERT(!parts.empty());
  if (parts.size() == 1) return parts[0];
  size_t rows = 0;
  bool nullable = false;
  bool nulls = false;
  for (const Vector& part : parts) {
    rows += part.size();
    nullable |= part.type().nullable();
    nulls |= part.MayHaveNulls();
  }
  if (ShareDictionary(parts)) {
    auto codes = std::shared_ptr<uint32_t[]>(new uint32_t[rows]);
    uint32_t* to = codes.get();
    for (const Vector& part : parts) to = std::copy_n(part.codes(), part.size(), to);
    Vector out = parts[0];
    out.codes_ = std::move(codes);
    out.rows_ = rows;
    return out;
  }
  const Type type = nullable ? parts[0].type().Nullable() : parts[0].type();
  const Physical physical = type.physical();
  if (physical == Physical::kArray || physical == Physical::kTuple) {
    VectorBuilder builder(type);
    for (const Vector& part : parts) {
      for (size_t i = 0; i < part.size(); ++i) builder.AppendFrom(part, i);
    }
    return builder.Build();
  }
  Vector out = Flat(type, rows);
  switch (physical) {
    case Physical::kU8:
      ConcatValues<uint8_t>(parts, &out);
      break;
    case Physical::kI64:
      ConcatValues<int64_t>(parts, &out);
      break;
    case Physical::kF64:
      ConcatValues<double>(parts, &out);
      break;
    case Physical::kI128:
      ConcatValues<Int128>(parts, &out);
      break;
    case Physical::kString:
      ConcatValues<std::string_view>(parts, &out);
      break;
    default:
      break;
  }
  size_t row = 0;
  for (const Vector& part : parts) {
    out.KeepAliveFrom(part);
    if (part.form() == Form::kDictionary) out.KeepAlive(part.dictionary());
    if (nulls) {
      for (size_t i = 0; i < part.size(); ++i) {
        if (part.IsNull(i)) out.SetNull(row + i);
      }
    }
    row += part.size();
  }
  return out;
}

size_t Vector::MemoryBytes() const {
  const size_t rows = form_ == Form::kConstant ? 1 : rows_;
  size_t bytes = sizeof(Vector);
  if (validity_) bytes += BitmapWords(rows) * 8;
  if (form_ == Form::kDictionary) return bytes + rows * 4;
  if (codes_) bytes += (rows + 1) * 4;
  bytes += ValueBytes(type_.physical()) * rows;
  if (type_.physical() == Physical::kString && data_) {
    for (size_t i = 0; i < rows; ++i) {
      if (!validity_ || BitIsSet(validity_.get(), i)) bytes += data<std::string_view>()[i].size();
    }
  }
  for (const Vector& child : children_) bytes += child.MemoryBytes();
  return bytes;
}

}  // namespace hoglet
