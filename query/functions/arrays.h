#pragma once

#include <memory>
#include <vector>

#include "query/functions/kernel.h"

// What array functions share: rows as ranges of elements, and results made by picking elements from
// a pool.

namespace hoglet::fn {

// Elements that one batch may generate (range, arrayResize, ...).
inline constexpr uint64_t kGeneratedElementsMax = 50'000'000;

inline bool IsTuple(const Type& type) { return type.kind() == TypeKind::kTuple; }
inline bool IsArray(const Type& type) { return type.kind() == TypeKind::kArray; }

// The ranges of a flat or constant array or map vector. Keeps the vector.
class ArrayRows {
 public:
  explicit ArrayRows(Vector vector)
      : vector_(std::move(vector)), mask_(vector_.is_constant() ? 0 : ~size_t{0}) {}
  uint32_t begin(size_t row) const { return vector_.offsets()[row & mask_]; }
  uint32_t end(size_t row) const { return vector_.offsets()[(row & mask_) + 1]; }
  uint32_t size(size_t row) const { return end(row) - begin(row); }
  const Vector& child() const { return vector_.child(); }

 private:
  Vector vector_;
  size_t mask_;
};

// An array vector whose elements are rows of a pool.
class ElementPicker {
 public:
  explicit ElementPicker(size_t rows) : offsets_(new uint32_t[rows + 1]) { offsets_[0] = 0; }
  void Add(size_t position) { positions_.push_back(static_cast<uint32_t>(position)); }
  void AddRange(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) Add(i);
  }
  void CloseRow() { offsets_[++row_] = static_cast<uint32_t>(positions_.size()); }
  size_t size() const { return positions_.size(); }
  std::vector<uint32_t>& positions() { return positions_; }
  const std::shared_ptr<uint32_t[]>& offsets() const { return offsets_; }
  Vector Build(const Type& array_type, const Vector& pool) const {
    Vector child = pool.Gather(positions_.data(), positions_.size());
    return Vector::ArrayOf(array_type, offsets_, std::move(child), row_);
  }

 private:
  std::shared_ptr<uint32_t[]> offsets_;
  std::vector<uint32_t> positions_;
  size_t row_ = 0;
};

// Whether rows of two vectors of one type are equal; NULLs are equal to each other.
class RowEquality {
 public:
  RowEquality(const Vector& a, const Vector& b) : a_(a), b_(b), physical_(a.type().physical()) {}
  bool operator()(size_t i, size_t j) const;

 private:
  const Vector& a_;
  const Vector& b_;
  Physical physical_;
};

// An error unless argument `i` is an array.
absl::Status ExpectArray(const Call& call, size_t i);
// The element types of all arguments, which must be arrays.
absl::StatusOr<std::vector<Type>> ElementTypes(const Call& call);

// The common type of elements that are only compared: numbers without one meet in Float64 or
// Int128.
absl::StatusOr<Type> ComparisonType(std::span<const Type> types, std::string_view where);

// The child widened to `type`, flat.
absl::StatusOr<Vector> WidenElements(const Vector& child, const Type& type);

// Appends a row of defaults to the pool; gives its position.
size_t AddDefault(Vector* pool);

absl::Status SizesDiffer(std::string_view function);
absl::Status TooManyElements(std::string_view function);

// For functions that take strings as well.
Bound BindArrayReverse(const Call& call);
Bound BindArrayConcat(const Call& call);

}  // namespace hoglet::fn
