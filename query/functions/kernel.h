#pragma once

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "query/analyze/function_catalog.h"

// What all scalar functions share. A kernel sees vectors that are flat or constant, and computes
// the rows that are live; MakeFunction wraps it into a ScalarFunction that also takes dictionaries,
// NULLs and all-constant arguments.

namespace hoglet::fn {

// The library's string_view is its own class here, so std::string_view has to be handed over by
// hand.
inline absl::string_view Adapt(std::string_view text) { return {text.data(), text.size()}; }
inline absl::string_view Adapt(const std::string& text) { return text; }
inline absl::string_view Adapt(const char* text) { return text; }
template <typename T>
requires std::is_arithmetic_v<T> T Adapt(T value) { return value; }
template <typename... Parts>
std::string Cat(const Parts&... parts) {
  return absl::StrCat(Adapt(parts)...);
}
template <typename... Parts>
void CatTo(std::string* out, const Parts&... parts) {
  absl::StrAppend(out, Adapt(parts)...);
}

// An error with ClickHouse's code name in lower case.
template <typename... Parts>
absl::Status Error(std::string_view code, const Parts&... parts) {
  return WithErrorCode(absl::InvalidArgumentError(Cat(parts...)), code);
}

// What a binder is told. With NULL propagation (the default, see Flags) the types are not nullable.
struct Call {
  std::string_view name;
  std::span<const FunctionArgument> args;
  const EvalContext& context;
  const FunctionCatalog& catalog;

  size_t size() const { return args.size(); }
  const Type& type(size_t i) const { return args[i].type; }
  bool has_constant(size_t i) const {
    return i < args.size() && args[i].constant.has_value() && !args[i].constant->is_null();
  }
  const Datum& constant(size_t i) const { return *args[i].constant; }

  // number_of_arguments_doesnt_match unless min <= size() <= max.
  absl::Status ExpectCount(size_t min, size_t max) const;
  // illegal_type_of_argument, naming the function, the argument and its type.
  absl::Status BadType(size_t i) const;
  // A constant string argument; an error if it is not one.
  absl::StatusOr<std::string> ConstantString(size_t i) const;
  absl::StatusOr<int64_t> ConstantInteger(size_t i) const;
};

using Bound = absl::StatusOr<std::unique_ptr<ScalarFunction>>;
using Binder = Bound (*)(const Call&);

enum Flags : uint8_t {
  kDefault = 0,
  kSeesNulls = 1,         // the binder and the kernel deal with NULL themselves
  kNondeterministic = 2,  // never folded, never run on dictionaries
  kShortCircuits = 4,
  kTakesLambda = 8,  // all others refuse a lambda as an argument
};

struct ScalarEntry {
  std::string_view name;
  Binder bind;
  uint8_t flags = kDefault;
};

struct Batch {
  EvalContext& context;
  std::span<const Vector> args;  // flat or constant
  std::span<const LambdaBody* const> lambdas;
  size_t rows;
  const uint64_t* valid;  // rows whose arguments are not NULL; null = all

  bool live(size_t i) const { return valid == nullptr || BitIsSet(valid, i); }
};

using Kernel = std::function<absl::StatusOr<Vector>(const Batch&)>;

// A function with that kernel. The kernel's vectors have `result`'s physical form; their exact type
// is set by the wrapper.
Bound MakeFunction(Type result, Kernel kernel);

// Wraps what a binder made with the treatment its flags ask for. `original` holds the argument
// types with their nullability.
Bound Finish(Bound bound, const Call& original, uint8_t flags);
// Whether a value of the type can be NULL: not so for arrays, maps, tuples and states.
bool CanBeNullable(const Type& type);

// Values of a flat or constant vector by row.
template <typename T>
struct Column {
  const T* data;
  size_t mask;
  const T& operator[](size_t i) const { return data[i & mask]; }
};

template <typename T>
Column<T> ColumnOf(const Vector& vector) {
  return {vector.data<T>(), vector.is_constant() ? 0 : ~size_t{0}};
}

// The same values in another physical form: u8 and i64 widen, integers and decimals become doubles,
// doubles are cut to integers.
Vector ToPhysical(const Vector& vector, Physical target);

template <typename T>
constexpr Physical PhysicalOf() {
  if constexpr (std::is_same_v<T, uint8_t>) return Physical::kU8;
  if constexpr (std::is_same_v<T, int64_t>) return Physical::kI64;
  if constexpr (std::is_same_v<T, double>) return Physical::kF64;
  if constexpr (std::is_same_v<T, Int128>) return Physical::kI128;
  return Physical::kString;
}

// A numeric or string argument brought to form T.
template <typename T>
class Input {
 public:
  explicit Input(const Vector& vector)
      : vector_(vector.type().physical() == PhysicalOf<T>() ? vector
                                                            : ToPhysical(vector, PhysicalOf<T>())),
        column_(ColumnOf<T>(vector_)) {}
  const T& operator[](size_t i) const { return column_[i]; }
  const Vector& vector() const { return vector_; }

 private:
  Vector vector_;
  Column<T> column_;
};

// Writes a column of strings whose bytes are copied into a heap of its own.
class StringWriter {
 public:
  StringWriter(Type type, size_t rows)
      : vector_(Vector::Flat(std::move(type), rows)),
        heap_(std::make_shared<StringHeap>()),
        data_(vector_.mutable_data<std::string_view>()) {
    std::fill(data_, data_ + rows, std::string_view());
  }
  void Set(size_t row, std::string_view text) { data_[row] = heap_->Add(text); }
  // `text` lives as long as something given to vector().KeepAlive().
  void SetView(size_t row, std::string_view text) { data_[row] = text; }
  Vector& vector() { return vector_; }
  Vector Take() {
    vector_.KeepAlive(heap_);
    return std::move(vector_);
  }

 private:
  Vector vector_;
  std::shared_ptr<StringHeap> heap_;
  std::string_view* data_;
};

namespace internal {

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsStatusOr : std::false_type {};
template <typename T>
struct IsStatusOr<absl::StatusOr<T>> : std::true_type {};

template <typename R, typename... A, typename F, size_t... I>
absl::StatusOr<Vector> RunRows(const Type& type, const F& f, const Batch& batch,
                               std::index_sequence<I...>) {
  std::tuple<Input<A>...> in(Input<A>(batch.args[I])...);
  Vector out = Vector::Flat(type, batch.rows);
  R* data = out.mutable_data<R>();
  using Result = std::invoke_result_t<F, const A&...>;
  for (size_t i = 0; i < batch.rows; ++i) {
    if (!batch.live(i)) {
      data[i] = R();
      continue;
    }
    if constexpr (IsStatusOr<Result>::value) {
      Result value = f(std::get<I>(in)[i]...);
      if (!value.ok()) return std::move(value).status();
      data[i] = static_cast<R>(*value);
    } else if constexpr (IsOptional<Result>::value) {
      Result value = f(std::get<I>(in)[i]...);
      data[i] = value.has_value() ? static_cast<R>(*value) : R();
      if (!value.has_value()) out.SetNull(i);
    } else {
      data[i] = static_cast<R>(f(std::get<I>(in)[i]...));
    }
  }
  return out;
}

template <typename... A, typename F, size_t... I>
absl::StatusOr<Vector> RunStrings(const Type& type, const F& f, const Batch& batch,
                                  std::index_sequence<I...>) {
  std::tuple<Input<A>...> in(Input<A>(batch.args[I])...);
  StringWriter writer(type, batch.rows);
  std::string scratch;
  using Result = std::invoke_result_t<F, const A&..., std::string*>;
  for (size_t i = 0; i < batch.rows; ++i) {
    if (!batch.live(i)) continue;
    scratch.clear();
    if constexpr (std::is_same_v<Result, absl::Status>) {
      absl::Status status = f(std::get<I>(in)[i]..., &scratch);
      if (!status.ok()) return status;
    } else if constexpr (std::is_same_v<Result, bool>) {
      if (!f(std::get<I>(in)[i]..., &scratch)) {
        writer.vector().SetNull(i);
        continue;
      }
    } else {
      f(std::get<I>(in)[i]..., &scratch);
    }
    writer.Set(i, scratch);
  }
  return writer.Take();
}

template <typename... A, typename F, size_t... I>
absl::StatusOr<Vector> RunViews(const Type& type, const F& f, const Batch& batch,
                                std::index_sequence<I...>) {
  std::tuple<Input<A>...> in(Input<A>(batch.args[I])...);
  Vector out = Vector::Flat(type, batch.rows);
  auto* data = out.mutable_data<std::string_view>();
  for (size_t i = 0; i < batch.rows; ++i) {
    data[i] = batch.live(i) ? std::string_view(f(std::get<I>(in)[i]...)) : std::string_view();
  }
  for (const Vector& arg : batch.args) out.KeepAliveFrom(arg);
  return out;
}

}  // namespace internal

// One value a row: f(A...) gives R, std::optional<R> (nullopt: NULL; `type` is then nullable) or
// absl::StatusOr<R>.
template <typename R, typename... A, typename F>
Bound MapRows(const Type& type, F f) {
  return MakeFunction(type, [type, f = std::move(f)](const Batch& batch) {
    return internal::RunRows<R, A...>(type.NotNullable(), f, batch,
                                      std::make_index_sequence<sizeof...(A)>());
  });
}

// One string a row: f(A..., std::string* out) appends to an empty `out` and returns nothing, bool
// (false: NULL) or absl::Status.
template <typename... A, typename F>
Bound MapStrings(const Type& type, F f) {
  return MakeFunction(type, [type, f = std::move(f)](const Batch& batch) {
    return internal::RunStrings<A...>(type.NotNullable(), f, batch,
                                      std::make_index_sequence<sizeof...(A)>());
  });
}

// One string a row that is part of an argument or static: f(A...) gives a std::string_view. Nothing
// is copied.
template <typename... A, typename F>
Bound MapViews(const Type& type, F f) {
  return MakeFunction(type, [type, f = std::move(f)](const Batch& batch) {
    return internal::RunViews<A...>(type.NotNullable(), f, batch,
                                    std::make_index_sequence<sizeof...(A)>());
  });
}

// The strings of one row of an Array(String) result.
class StringList {
 public:
  void AddView(std::string_view text) { views_.push_back(text); }
  void AddCopy(std::string_view text) { views_.push_back(heap_->Add(text)); }
  size_t size() const { return views_.size(); }
  Vector Build(const Type& array_type, std::shared_ptr<const uint32_t[]> offsets, size_t rows,
               std::span<const Vector> keep_alive);

 private:
  std::vector<std::string_view> views_;
  std::shared_ptr<StringHeap> heap_ = std::make_shared<StringHeap>();
};

// Arrays of strings: f(row, StringList*) returns absl::Status.
using StringListRow = std::function<absl::Status(size_t, StringList*)>;
absl::StatusOr<Vector> BuildStringLists(const Type& array_type, const Batch& batch,
                                        const StringListRow& row);

// The slow and easy way, for rarely used functions: values as Datums. Arguments may be NULL only
// under kSeesNulls.
using DatumRow = std::function<absl::StatusOr<Datum>(std::span<const Datum>)>;
Bound MapDatums(const Type& type, DatumRow row);

// A vector of the one value.
inline const Type& StringType() {
  static const Type* const kType = new Type(TypeKind::kString);
  return *kType;
}
inline Type U8() { return Type(TypeKind::kUInt8); }
inline Type U64() { return Type(TypeKind::kUInt64); }
inline Type I64() { return Type(TypeKind::kInt64); }
inline Type F64() { return Type(TypeKind::kFloat64); }

}  // namespace hoglet::fn
