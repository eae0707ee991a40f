#include <algorithm>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

namespace hoglet::fn {

bool RowEquality::operator()(size_t i, size_t j) const {
  const bool null = a_.IsNull(i);
  if (null || b_.IsNull(j)) return null && b_.IsNull(j);
  switch (physical_) {
    case Physical::kU8:
      return a_.data<uint8_t>()[i] == b_.data<uint8_t>()[j];
    case Physical::kI64:
      return a_.data<int64_t>()[i] == b_.data<int64_t>()[j];
    case Physical::kF64:
      return a_.data<double>()[i] == b_.data<double>()[j];
    case Physical::kI128:
      return a_.data<Int128>()[i] == b_.data<Int128>()[j];
    case Physical::kString:
      return a_.data<std::string_view>()[i] == b_.data<std::string_view>()[j];
    default:
      return CompareRows(a_, i, b_, j) == 0;
  }
}

absl::StatusOr<Type> ComparisonType(std::span<const Type> types, std::string_view where) {
  auto common = CommonType(types, where);
  if (common.ok()) return common;
  bool numbers = true;
  bool fractions = false;
  bool nullable = false;
  for (const Type& type : types) {
    numbers &= type.IsNumber() || IsNothing(type);
    fractions |= type.IsFloat() || type.kind() == TypeKind::kDecimal;
    nullable |= type.nullable();
  }
  if (!numbers) return common;
  const Type type = fractions ? F64() : Type(TypeKind::kInt128);
  return nullable ? type.Nullable() : type;
}

absl::StatusOr<Vector> WidenElements(const Vector& child, const Type& type) {
  HOGLET_ASSIGN_OR_RETURN(Vector wide, child.type() == type ? child : Widen(child, type));
  return wide.Flatten();
}

size_t AddDefault(Vector* pool) {
  const size_t at = pool->size();
  const Vector parts[] = {*pool, DefaultVector(pool->type(), 1)};
  *pool = Vector::Concat(parts).Flatten();
  return at;
}

absl::Status SizesDiffer(std::string_view function) {
  return Error("sizes_of_arrays_dont_match", "Arrays passed to function ", function,
               " must have equal sizes");
}

absl::Status TooManyElements(std::string_view function) {
  return Error("argument_out_of_bound", "Function ", function, " would make more than ",
               kGeneratedElementsMax, " elements");
}

absl::Status ExpectArray(const Call& call, size_t i) {
  if (i < call.size() && IsArray(call.type(i))) return absl::OkStatus();
  return call.BadType(i);
}

absl::StatusOr<std::vector<Type>> ElementTypes(const Call& call) {
  std::vector<Type> types;
  for (size_t i = 0; i < call.size(); ++i) {
    HOGLET_RETURN_IF_ERROR(ExpectArray(call, i));
    types.push_back(call.type(i).element());
  }
  return types;
}

namespace {

// Rows of several vectors of one type, one after the other; `starts` tells where each begins.
absl::StatusOr<Vector> MakePool(std::span<const Vector> parts, const Type& type,
                                std::vector<size_t>* starts) {
  std::vector<Vector> wide;
  size_t at = 0;
  for (const Vector& part : parts) {
    HOGLET_ASSIGN_OR_RETURN(Vector one, WidenElements(part, type));
    starts->push_back(at);
    at += one.size();
    wide.push_back(std::move(one));
  }
  if (wide.empty()) return Vector::Flat(type, 0);
  return Vector::Concat(wide).Flatten();
}

Bound BindArray(const Call& call) {
  std::vector<Type> types;
  for (size_t i = 0; i < call.size(); ++i) types.push_back(call.type(i));
  Type element(TypeKind::kNothing);
  if (!types.empty()) {
    HOGLET_ASSIGN_OR_RETURN(element, CommonType(types, call.name));
  }
  const Type type = Type::Array(element);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<size_t> starts;
    HOGLET_ASSIGN_OR_RETURN(Vector pool, MakePool(batch.args, type.element(), &starts));
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      for (size_t start : starts) picker.Add(start + i);
      picker.CloseRow();
    }
    return picker.Build(type, pool);
  });
}

// The value of a key in a map; the value type's default if there is none.
Bound BindMapElement(const Call& call) {
  const Type key = call.type(0).children()[0];
  const Type value = call.type(0).children()[1];
  const Type both[] = {key, call.type(1)};
  HOGLET_ASSIGN_OR_RETURN(Type common, ComparisonType(both, call.name));
  return MakeFunction(value, [common](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    HOGLET_ASSIGN_OR_RETURN(const Vector keys, WidenElements(rows.child().children()[0], common));
    HOGLET_ASSIGN_OR_RETURN(const Vector wanted, WidenElements(batch.args[1], common));
    Vector pool = rows.child().children()[1];
    const size_t none = AddDefault(&pool);
    const RowEquality equal(keys, wanted);
    std::vector<uint32_t> picks(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      picks[i] = static_cast<uint32_t>(none);
      for (uint32_t e = rows.begin(i); e < rows.end(i); ++e) {
        if (!equal(e, i)) continue;
        picks[i] = e;
        break;
      }
    }
    return pool.Gather(picks.data(), picks.size());
  });
}

Bound BindElement(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (call.type(0).kind() == TypeKind::kMap) return BindMapElement(call);
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  const Type type = call.type(0).element();
  if (type.kind() == TypeKind::kNothing && !type.nullable()) return call.BadType(0);
  if (!call.type(1).IsInteger()) return call.BadType(1);
  if (call.has_constant(1) && call.constant(1) == Datum(0)) {
    return Error("zero_array_or_tuple_index", "Array indices are 1-based");
  }
  const bool is_unsigned = call.type(1).IsUnsigned();
  return MakeFunction(type, [is_unsigned](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    const Input<int64_t> index(batch.args[1]);
    std::vector<uint32_t> picks(batch.rows);
    constexpr uint32_t kNone = UINT32_MAX;
    bool missing = false;
    for (size_t i = 0; i < batch.rows; ++i) {
      const int64_t size = rows.size(i);
      const int64_t at = index[i];
      picks[i] = kNone;
      if (at > 0 && at <= size) {
        picks[i] = rows.begin(i) + static_cast<uint32_t>(at - 1);
      } else if (at < 0 && at >= -size && !is_unsigned) {
        picks[i] = rows.begin(i) + static_cast<uint32_t>(size + at);
      } else {
        missing = true;
      }
    }
    if (!missing) return rows.child().Gather(picks.data(), picks.size());
    Vector pool = rows.child();
    const size_t none = AddDefault(&pool);
    for (uint32_t& pick : picks) {
      if (pick == kNone) pick = static_cast<uint32_t>(none);
    }
    return pool.Gather(picks.data(), picks.size());
  });
}

Bound BindLength(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (call.type(0).IsStringLike()) {
    return MapRows<int64_t, std::string_view>(
        U64(), [](std::string_view text) { return static_cast<int64_t>(text.size()); });
  }
  if (call.type(0).physical() != Physical::kArray) return call.BadType(0);
  return MakeFunction(U64(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    Vector out = Vector::Flat(U64(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) out.mutable_data<int64_t>()[i] = rows.size(i);
    return out;
  });
}

template <bool wanted>
Bound BindEmpty(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& a = call.type(0);
  if (a.kind() == TypeKind::kString) {
    return MapRows<uint8_t, std::string_view>(
        U8(), [](std::string_view text) { return text.empty() == wanted; });
  }
  if (a.kind() == TypeKind::kFixedString) {
    return MapRows<uint8_t, std::string_view>(U8(), [](std::string_view text) {
      return (text.find_first_not_of('\0') == std::string_view::npos) == wanted;
    });
  }
  if (a.kind() == TypeKind::kUuid || a.kind() == TypeKind::kIPv6) {
    return MapRows<uint8_t, Int128>(U8(), [](Int128 value) { return (value == 0) == wanted; });
  }
  if (a.kind() == TypeKind::kIPv4) {
    return MapRows<uint8_t, int64_t>(U8(), [](int64_t value) { return (value == 0) == wanted; });
  }
  if (a.physical() != Physical::kArray) return call.BadType(0);
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i)
      out.mutable_data<uint8_t>()[i] = (rows.size(i) == 0) == wanted;
    return out;
  });
}

// Search for one value.

enum class Search { kHas, kIndex, kCount };

template <Search search>
Bound BindSearch(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (IsNothing(call.type(0))) return NullResult();
  const bool map = call.type(0).kind() == TypeKind::kMap && search == Search::kHas;
  if (!map) HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  const Type both[] = {call.type(0).children()[0], call.type(1)};
  HOGLET_ASSIGN_OR_RETURN(Type common, ComparisonType(both, call.name));
  const Type type = search == Search::kHas ? U8() : U64();
  return MakeFunction(type, [type, common, map](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    HOGLET_ASSIGN_OR_RETURN(const Vector elements,
                            WidenElements(map ? rows.child().children()[0] : rows.child(), common));
    HOGLET_ASSIGN_OR_RETURN(const Vector wanted, WidenElements(batch.args[1], common));
    const RowEquality equal(elements, wanted);
    Vector out = Vector::Flat(type, batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      int64_t found = 0;
      for (uint32_t e = rows.begin(i); e < rows.end(i); ++e) {
        if (!equal(e, i)) continue;
        if (search == Search::kCount) {
          ++found;
          continue;
        }
        found = search == Search::kHas ? 1 : e - rows.begin(i) + 1;
        break;
      }
      if constexpr (search == Search::kHas) {
        out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(found);
      } else {
        out.mutable_data<int64_t>()[i] = found;
      }
    }
    return out;
  });
}

enum class Subset { kAll, kAny, kSubstring };

bool Contains(Subset subset, const ArrayRows& a, const ArrayRows& b, size_t row,
              const RowEquality& equal) {
  if (subset == Subset::kSubstring) {
    if (b.size(row) > a.size(row)) return false;
    for (uint32_t start = 0; start + b.size(row) <= a.size(row); ++start) {
      uint32_t same = 0;
      while (same < b.size(row) && equal(a.begin(row) + start + same, b.begin(row) + same)) ++same;
      if (same == b.size(row)) return true;
    }
    return false;
  }
  for (uint32_t y = b.begin(row); y < b.end(row); ++y) {
    bool found = false;
    for (uint32_t x = a.begin(row); x < a.end(row) && !found; ++x) found = equal(x, y);
    if (found != (subset == Subset::kAll)) return found;
  }
  return subset == Subset::kAll;
}

template <Subset subset>
Bound BindSubset(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_ASSIGN_OR_RETURN(std::vector<Type> types, ElementTypes(call));
  HOGLET_ASSIGN_OR_RETURN(Type common, ComparisonType(types, call.name));
  return MakeFunction(U8(), [common](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows a(batch.args[0]);
    const ArrayRows b(batch.args[1]);
    HOGLET_ASSIGN_OR_RETURN(const Vector x, WidenElements(a.child(), common));
    HOGLET_ASSIGN_OR_RETURN(const Vector y, WidenElements(b.child(), common));
    const RowEquality equal(x, y);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      out.mutable_data<uint8_t>()[i] = Contains(subset, a, b, i, equal);
    }
    return out;
  });
}

// Parts of one array.

using PickRow = void (*)(const ArrayRows&, size_t row, ElementPicker*);

template <PickRow pick>
Bound BindPick(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  const Type type = call.type(0);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      pick(rows, i, &picker);
      picker.CloseRow();
    }
    return picker.Build(type, rows.child());
  });
}

void PickAllButLast(const ArrayRows& rows, size_t row, ElementPicker* picker) {
  if (rows.size(row) > 0) picker->AddRange(rows.begin(row), rows.end(row) - 1);
}

void PickAllButFirst(const ArrayRows& rows, size_t row, ElementPicker* picker) {
  if (rows.size(row) > 0) picker->AddRange(rows.begin(row) + 1, rows.end(row));
}

void PickReversed(const ArrayRows& rows, size_t row, ElementPicker* picker) {
  for (uint32_t e = rows.end(row); e > rows.begin(row); --e) picker->Add(e - 1);
}

void PickDistinct(const ArrayRows& rows, size_t row, ElementPicker* picker) {
  StringSet seen;
  std::string key;
  for (uint32_t e = rows.begin(row); e < rows.end(row); ++e) {
    if (rows.child().IsNull(e)) continue;
    key.clear();
    AppendKey(rows.child(), e, &key);
    if (seen.insert(key).second) picker->Add(e);
  }
}

// [begin, end) of a slice by a 1-based offset (negative: from the end) and an optional length
// (negative: up to that many before the end).
std::pair<int64_t, int64_t> SliceOf(int64_t size, int64_t offset, std::optional<int64_t> length) {
  if (offset == 0) return {0, 0};
  offset = std::clamp(offset, -size - 1'000'000'000, size + 1);
  int64_t begin = offset > 0 ? offset - 1 : size + offset;
  int64_t end = size;
  if (length.has_value()) {
    const int64_t bounded = std::clamp<int64_t>(*length, -size - 2, int64_t{1} << 40);
    end = bounded >= 0 ? std::min(size, begin + bounded) : size + bounded;
  }
  begin = std::max<int64_t>(begin, 0);
  return {begin, std::max(begin, end)};
}

Bound BindSlice(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  for (size_t i = 1; i < call.size(); ++i) {
    if (!call.type(i).IsInteger() && !IsNothing(call.type(i))) return call.BadType(i);
  }
  const Type type = call.type(0);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    const Input<int64_t> offset(batch.args[1]);
    const bool with_length = batch.args.size() == 3;
    const Input<int64_t> length(batch.args[with_length ? 2 : 1]);
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      // A NULL offset is the beginning, a NULL length no limit.
      const int64_t from = batch.args[1].IsNull(i) ? 1 : offset[i];
      std::optional<int64_t> count;
      if (with_length && !batch.args[2].IsNull(i)) count = length[i];
      const auto [begin, end] = SliceOf(rows.size(i), from, count);
      picker.AddRange(rows.begin(i) + static_cast<size_t>(begin),
                      rows.begin(i) + static_cast<size_t>(end));
      picker.CloseRow();
    }
    return picker.Build(type, rows.child());
  });
}

template <int direction>
Bound BindRotate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  if (!call.type(1).IsInteger()) return call.BadType(1);
  const Type type = call.type(0);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    const Input<int64_t> by(batch.args[1]);
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      const int64_t size = rows.size(i);
      if (size > 0) {
        const int64_t shift = ((by[i] % size) * direction + size) % size;
        for (int64_t e = 0; e < size; ++e)
          picker.Add(rows.begin(i) + static_cast<size_t>((e + shift) % size));
      }
      picker.CloseRow();
    }
    return picker.Build(type, rows.child());
  });
}

// More elements.

template <bool front>
Bound BindPush(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (IsNothing(call.type(0))) return NullResult();
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  const Type both[] = {call.type(0).element(), call.type(1)};
  HOGLET_ASSIGN_OR_RETURN(Type element, CommonType(both, call.name));
  const Type type = Type::Array(element);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const ArrayRows rows(batch.args[0]);
    const Vector parts[] = {rows.child(), batch.args[1]};
    std::vector<size_t> starts;
    HOGLET_ASSIGN_OR_RETURN(Vector pool, MakePool(parts, type.element(), &starts));
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      if (front) picker.Add(starts[1] + i);
      picker.AddRange(rows.begin(i), rows.end(i));
      if (!front) picker.Add(starts[1] + i);
      picker.CloseRow();
    }
    return picker.Build(type, pool);
  });
}

Bound BindResize(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  if (IsNothing(call.type(0))) return NullResult();
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  if (!call.type(1).IsInteger() || call.type(1).nullable()) return call.BadType(1);
  Type element = call.type(0).element();
  if (call.size() == 3) {
    const Type both[] = {element, call.type(2)};
    HOGLET_ASSIGN_OR_RETURN(element, CommonType(both, call.name));
  }
  const Type type = Type::Array(element);
  return MakeFunction(
      type, [type, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        const ArrayRows rows(batch.args[0]);
        const Input<int64_t> wanted(batch.args[1]);
        const bool filled = batch.args.size() == 3;
        const Vector parts[] = {rows.child(),
                                filled ? batch.args[2] : DefaultVector(type.element(), batch.rows)};
        std::vector<size_t> starts;
        HOGLET_ASSIGN_OR_RETURN(Vector pool, MakePool(parts, type.element(), &starts));
        ElementPicker picker(batch.rows);
        for (size_t i = 0; i < batch.rows; ++i) {
          const bool left = wanted[i] < 0;
          const uint64_t count =
              left ? -static_cast<uint64_t>(wanted[i]) : static_cast<uint64_t>(wanted[i]);
          if (count + picker.size() > kGeneratedElementsMax) return TooManyElements(name);
          const uint64_t kept = std::min<uint64_t>(count, rows.size(i));
          for (uint64_t f = kept; left && f < count; ++f) picker.Add(starts[1] + i);
          const size_t begin = left ? rows.end(i) - kept : rows.begin(i);
          picker.AddRange(begin, begin + kept);
          for (uint64_t f = kept; !left && f < count; ++f) picker.Add(starts[1] + i);
          picker.CloseRow();
        }
        return picker.Build(type, pool);
      });
}

Bound BindWithConstant(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(0).IsInteger() || call.type(0).nullable()) return call.BadType(0);
  const Type type = Type::Array(call.type(1));
  return MakeFunction(
      type, [type, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        const Input<int64_t> count(batch.args[0]);
        ElementPicker picker(batch.rows);
        for (size_t i = 0; i < batch.rows; ++i) {
          if (count[i] < 0 ||
              static_cast<uint64_t>(count[i]) + picker.size() > kGeneratedElementsMax) {
            return Error("too_large_array_size", "Array size ", count[i],
                         " is out of range in function ", name);
          }
          picker.positions().insert(picker.positions().end(), static_cast<size_t>(count[i]),
                                    static_cast<uint32_t>(i));
          picker.CloseRow();
        }
        return picker.Build(type, batch.args[1].Flatten());
      });
}

// Elements of a range; nullopt if the step is 0.
std::optional<uint64_t> RangeSize(Int128 start, Int128 end, Int128 step) {
  if (step == 0) return std::nullopt;
  const Int128 span = step > 0 ? end - start : start - end;
  const Int128 by = step > 0 ? step : -step;
  return span <= 0 ? 0 : static_cast<uint64_t>((span + by - 1) / by);
}

Bound BindRange(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  std::vector<Type> types;
  for (size_t i = 0; i < call.size(); ++i) {
    if (!call.type(i).IsInteger() || call.type(i).physical() == Physical::kI128)
      return call.BadType(i);
    types.push_back(call.type(i));
  }
  HOGLET_ASSIGN_OR_RETURN(Type element, CommonType(types, call.name));
  const Type type = Type::Array(element);
  return MakeFunction(
      type, [type, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        const size_t args = batch.args.size();
        const Vector zero = Vector::Constant(I64(), Datum(0), batch.rows);
        const Vector one = Vector::Constant(I64(), Datum(1), batch.rows);
        const Input<Int128> start(args > 1 ? batch.args[0] : zero);
        const Input<Int128> end(batch.args[args > 1 ? 1 : 0]);
        const Input<Int128> step(args > 2 ? batch.args[2] : one);
        std::shared_ptr<uint32_t[]> offsets(new uint32_t[batch.rows + 1]);
        offsets[0] = 0;
        for (size_t i = 0; i < batch.rows; ++i) {
          const auto size = RangeSize(start[i], end[i], step[i]);
          if (!size.has_value()) {
            return Error("argument_out_of_bound", "The step of function ", name, " cannot be 0");
          }
          // The size alone may be near 2^64.
          if (*size > kGeneratedElementsMax - offsets[i]) return TooManyElements(name);
          offsets[i + 1] = offsets[i] + static_cast<uint32_t>(*size);
        }
        Vector child = Vector::Flat(type.element(), offsets[batch.rows]);
        const bool small = type.element().physical() == Physical::kU8;
        for (size_t i = 0; i < batch.rows; ++i) {
          Int128 value = start[i];
          for (uint32_t e = offsets[i]; e < offsets[i + 1]; ++e, value += step[i]) {
            if (small) {
              child.mutable_data<uint8_t>()[e] = static_cast<uint8_t>(value);
            } else {
              child.mutable_data<int64_t>()[e] = static_cast<int64_t>(value);
            }
          }
        }
        return Vector::ArrayOf(type, offsets, std::move(child), batch.rows);
      });
}

Bound BindFlatten(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  HOGLET_RETURN_IF_ERROR(ExpectArray(call, 0));
  Type type = call.type(0);
  while (IsArray(type.element())) type = type.element();
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[0].Flatten();
    std::shared_ptr<uint32_t[]> offsets(new uint32_t[batch.rows + 1]);
    std::copy_n(flat.offsets(), batch.rows + 1, offsets.get());
    Vector child = flat.child();
    while (child.type().kind() == TypeKind::kArray) {
      for (size_t i = 0; i <= batch.rows; ++i) offsets[i] = child.offsets()[offsets[i]];
      Vector inner = child.child();
      child = std::move(inner);
    }
    return Vector::ArrayOf(type, offsets, std::move(child), batch.rows);
  });
}

constexpr ScalarEntry kTable[] = {
    {"array", BindArray, kSeesNulls},
    {"arrayElement", BindElement},
    {"length", BindLength},
    {"empty", BindEmpty<true>},
    {"notEmpty", BindEmpty<false>},
    {"has", BindSearch<Search::kHas>, kSeesNulls},
    {"indexOf", BindSearch<Search::kIndex>, kSeesNulls},
    {"countEqual", BindSearch<Search::kCount>, kSeesNulls},
    {"hasAll", BindSubset<Subset::kAll>},
    {"hasAny", BindSubset<Subset::kAny>},
    {"hasSubstr", BindSubset<Subset::kSubstring>},
    {"arrayPopBack", BindPick<PickAllButLast>},
    {"arrayPopFront", BindPick<PickAllButFirst>},
    {"arrayReverse", BindArrayReverse},
    {"arrayDistinct", BindPick<PickDistinct>},
    {"arraySlice", BindSlice, kSeesNulls},
    {"arrayRotateLeft", BindRotate<1>},
    {"arrayRotateRight", BindRotate<-1>},
    {"arrayConcat", BindArrayConcat},
    {"arrayPushBack", BindPush<false>, kSeesNulls},
    {"arrayPushFront", BindPush<true>, kSeesNulls},
    {"arrayResize", BindResize, kSeesNulls},
    {"arrayWithConstant", BindWithConstant, kSeesNulls},
    {"range", BindRange},
    {"arrayFlatten", BindFlatten},
};

}  // namespace

Bound BindArrayReverse(const Call& call) { return BindPick<PickReversed>(call); }

Bound BindArrayConcat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  HOGLET_ASSIGN_OR_RETURN(std::vector<Type> types, ElementTypes(call));
  HOGLET_ASSIGN_OR_RETURN(Type element, CommonType(types, call.name));
  const Type type = Type::Array(element);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<ArrayRows> arrays;
    std::vector<Vector> children;
    for (const Vector& arg : batch.args) {
      arrays.emplace_back(arg);
      children.push_back(arrays.back().child());
    }
    std::vector<size_t> starts;
    HOGLET_ASSIGN_OR_RETURN(Vector pool, MakePool(children, type.element(), &starts));
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      for (size_t a = 0; a < arrays.size(); ++a) {
        picker.AddRange(starts[a] + arrays[a].begin(i), starts[a] + arrays[a].end(i));
      }
      picker.CloseRow();
    }
    return picker.Build(type, pool);
  });
}

std::span<const ScalarEntry> ArrayFunctions() { return kTable; }

}  // namespace hoglet::fn
