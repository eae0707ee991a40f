#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/vector/type.h"

// Columns of values in memory: what the memtable holds, what parts decode to, and what the executor
// computes on.
//
// A Vector has one of three forms. Flat: one value a row. Constant: one value for all rows.
// Dictionary: a 32-bit code a row into a shared flat vector; NULL is then a dictionary entry, so a
// function of one column can run on the dictionary alone and keep the codes. Flat and constant
// forms carry NULLs in a validity bitmap (absent = all valid). A filter's result is a Selection
// beside the vectors; Gather() makes vectors dense again when an operator wants them so.
//
// Buffers are shared and immutable once a Vector has been handed on; whoever builds one owns it
// alone until then. Copying a Vector copies pointers. Safe to read from several threads.

namespace hoglet {

// Rows an operator handles at a time; also the rows of a granule.
inline constexpr size_t kVectorRowsMax = 8192;

// Positions of the rows that passed, ascending, each < kVectorRowsMax.
using Selection = std::vector<uint16_t>;

// A single value, for constants, literals, tests and output. Integers, dates, times, Interval,
// IPv4, Enum and Decimal(<=18) as int64_t (UInt64 by its bits), Bool and UInt8 as int64_t too;
// Float as double; 128-bit forms as Int128; arrays and tuples as lists.
struct Datum {
  std::variant<std::monostate, int64_t, double, Int128, std::string, std::vector<Datum>> value;

  Datum() = default;
  Datum(int64_t v) : value(v) {}                        // NOLINT(google-explicit-constructor)
  Datum(int v) : value(int64_t{v}) {}                   // NOLINT
  Datum(double v) : value(v) {}                         // NOLINT
  Datum(Int128 v) : value(v) {}                         // NOLINT
  Datum(std::string v) : value(std::move(v)) {}         // NOLINT
  Datum(std::vector<Datum> v) : value(std::move(v)) {}  // NOLINT
  bool is_null() const { return value.index() == 0; }
  int64_t integer() const { return std::get<int64_t>(value); }
  double number() const { return std::get<double>(value); }
  Int128 wide() const { return std::get<Int128>(value); }
  const std::string& string() const { return std::get<std::string>(value); }
  const std::vector<Datum>& list() const { return std::get<std::vector<Datum>>(value); }
  friend bool operator==(const Datum&, const Datum&) = default;
};

// Owns string bytes of one or more vectors: chunks that never move. Not thread-safe while it grows.
class StringHeap {
 public:
  // Copies and returns a view that lives as long as the heap.
  std::string_view Add(std::string_view text);
  // Room for `bytes`, to be filled by the caller.
  char* Allocate(size_t bytes);
  size_t bytes() const { return bytes_; }

 private:
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* cursor_ = nullptr;
  size_t left_ = 0;
  size_t bytes_ = 0;
};

class Vector {
 public:
  enum class Form : uint8_t { kFlat, kConstant, kDictionary };

  Vector() = default;

  // `rows` values of unspecified content, all valid, to be written through mutable_data().
  static Vector Flat(Type type, size_t rows);
  static Vector Constant(Type type, const Datum& value, size_t rows);
  static Vector NullConstant(Type type, size_t rows);  // type is made nullable
  // `dictionary` must be flat (it may hold NULLs). Codes are < dictionary->size().
  static Vector Dictionary(std::shared_ptr<const Vector> dictionary,
                           std::shared_ptr<const uint32_t[]> codes, size_t rows);
  // Flat array vector from offsets (rows + 1 entries, first 0) and a flat child.
  static Vector ArrayOf(Type type, std::shared_ptr<const uint32_t[]> offsets, Vector child,
                        size_t rows);
  static Vector TupleOf(Type type, std::vector<Vector> children, size_t rows);

  const Type& type() const { return type_; }
  // Re-labels without touching data; the physical form must be the same.
  void set_type(Type type);
  Form form() const { return form_; }
  size_t size() const { return rows_; }
  // Constant only: the same value for another number of rows.
  Vector WithRows(size_t rows) const;

  // Flat: size() values. Constant: one value. T must match type().physical(): uint8_t, int64_t,
  // double, Int128, std::string_view.
  template <typename T>
  const T* data() const {
    return static_cast<const T*>(data_.get());
  }
  template <typename T>
  T* mutable_data() {
    return static_cast<T*>(const_cast<void*>(data_.get()));
  }

  // Bit i set = row i valid; null = all valid. Flat and constant (bit 0) forms only.
  const uint64_t* validity() const { return validity_.get(); }
  // Allocates an all-valid bitmap if there is none yet, and marks the type nullable.
  uint64_t* mutable_validity();
  void SetNull(size_t row);  // flat; row < size()
  void clear_validity() { validity_.reset(); }
  void ShareValidity(const Vector& other) { validity_ = other.validity_; }

  // Dictionary form.
  const uint32_t* codes() const { return codes_.get(); }
  const std::shared_ptr<const uint32_t[]>& shared_codes() const { return codes_; }
  const std::shared_ptr<const Vector>& dictionary() const { return dictionary_; }

  // Arrays and maps, flat or constant: element positions of row i are [offsets[i], offsets[i + 1]).
  const uint32_t* offsets() const { return codes_.get(); }
  const Vector& child() const { return children_[0]; }
  const std::vector<Vector>& children() const { return children_; }
  std::vector<Vector>& mutable_children() { return children_; }

  // Keeps `owner` (string bytes, a mapped file) alive as long as this vector or a copy.
  void KeepAlive(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }
  void KeepAliveFrom(const Vector& other) {
    owners_.insert(owners_.end(), other.owners_.begin(), other.owners_.end());
  }

  bool IsNull(size_t row) const;
  bool MayHaveNulls() const;
  bool is_constant() const { return form_ == Form::kConstant; }
  Datum Get(size_t row) const;
  // Position of the row's value in data(): the row itself, 0, or its code.
  size_t Position(size_t row) const {
    return form_ == Form::kFlat ? row : form_ == Form::kConstant ? 0 : codes_[row];
  }

  // The same rows in flat form (shares when it already is).
  Vector Flatten() const;
  // Rows at the given positions, in that order. Dictionary and constant forms are kept.
  Vector Gather(const uint16_t* positions, size_t count) const;
  Vector Gather(const uint32_t* positions, size_t count) const;
  Vector Gather(const Selection& selection) const {
    return Gather(selection.data(), selection.size());
  }
  Vector Slice(size_t begin, size_t count) const;
  // All rows of all parts, of one type; flat unless every part shares one dictionary or it is one
  // part.
  static Vector Concat(std::span<const Vector> parts);

  // Heap bytes referenced, string bytes counted by length; for memory budgets.
  size_t MemoryBytes() const;

 private:
  friend class VectorBuilder;
  template <typename P>
  Vector GatherImpl(const P* positions, size_t count) const;

  Type type_;
  Form form_ = Form::kFlat;
  size_t rows_ = 0;
  std::shared_ptr<const void> data_;
  std::shared_ptr<uint64_t[]> validity_;
  std::shared_ptr<const uint32_t[]> codes_;  // dictionary codes, or offsets of an array
  std::shared_ptr<const Vector> dictionary_;
  std::vector<Vector> children_;
  std::vector<std::shared_ptr<const void>> owners_;
};

inline bool BitIsSet(const uint64_t* bits, size_t i) { return (bits[i >> 6] >> (i & 63)) & 1; }
inline void SetBit(uint64_t* bits, size_t i) { bits[i >> 6] |= uint64_t{1} << (i & 63); }
inline void ClearBit(uint64_t* bits, size_t i) { bits[i >> 6] &= ~(uint64_t{1} << (i & 63)); }
inline size_t BitmapWords(size_t rows) { return (rows + 63) / 64; }

// Reads any form row by row with one indexing rule. `at(i)` is unspecified where `valid(i)` is
// false. For hot loops, branch on form() and use data() directly.
template <typename T>
class VectorReader {
 public:
  explicit VectorReader(const Vector& vector)
      : values_(vector.form() == Vector::Form::kDictionary ? vector.dictionary()->data<T>()
                                                           : vector.data<T>()),
        validity_(vector.form() == Vector::Form::kDictionary ? vector.dictionary()->validity()
                                                             : vector.validity()),
        codes_(vector.form() == Vector::Form::kDictionary ? vector.codes() : nullptr),
        mask_(vector.form() == Vector::Form::kConstant ? 0 : ~size_t{0}),
        none_(vector.type().physical() == Physical::kNone) {}

  size_t position(size_t row) const { return codes_ != nullptr ? codes_[row] : row & mask_; }
  bool valid(size_t row) const {
    return !none_ && (validity_ == nullptr || BitIsSet(validity_, position(row)));
  }
  const T& at(size_t row) const { return values_[position(row)]; }
  bool all_valid() const { return !none_ && validity_ == nullptr; }

 private:
  const T* values_;
  const uint64_t* validity_;
  const uint32_t* codes_;
  size_t mask_;
  bool none_;
};

// Builds a flat vector row by row; strings are copied into its heap. Slow path: constants, results
// of odd functions, tests.
class VectorBuilder {
 public:
  explicit VectorBuilder(Type type);
  ~VectorBuilder();
  VectorBuilder(VectorBuilder&&) noexcept;
  VectorBuilder& operator=(VectorBuilder&&) noexcept;

  const Type& type() const { return type_; }
  size_t size() const { return rows_; }
  void AppendNull();                  // the type becomes nullable
  void AppendDefault();               // 0, '', [], epoch
  void AppendInteger(int64_t value);  // kU8 and kI64
  void AppendDouble(double value);
  void AppendWide(Int128 value);
  void AppendString(std::string_view value);
  void Append(const Datum& value);
  // Row of a vector with the same base type.
  void AppendFrom(const Vector& vector, size_t row);
  // Arrays and maps: append to the child, then close the row. Tuples: append to every child, then
  // CloseTuple().
  VectorBuilder& child(size_t i = 0) { return *children_[i]; }
  void CloseArray();
  void CloseTuple();
  // Leaves the builder empty.
  Vector Build();

 private:
  struct Rep;
  Type type_;
  size_t rows_ = 0;
  std::unique_ptr<Rep> rep_;
  std::vector<std::unique_ptr<VectorBuilder>> children_;
};

}  // namespace hoglet
