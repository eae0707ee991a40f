#include <algorithm>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "query/functions/wrapping.h"

// Functions over arrays whose first argument may be a lambda.

namespace hoglet::fn {
namespace {

// The shape of such a call: an optional lambda, then arrays, then `extra` other arguments.
struct Shape {
  bool lambda = false;
  size_t arrays = 0;
  std::vector<Type> elements;
  Type value;  // the lambda's, or the first array's element
  std::string name;
};

bool HasNullArray(const Call& call) {
  return std::any_of(call.args.begin(), call.args.end(), [](const FunctionArgument& arg) {
    return arg.lambda == nullptr && IsNothing(arg.type);
  });
}

absl::StatusOr<Shape> ShapeOf(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  Shape shape;
  shape.name = call.name;
  LambdaBinder* lambda = call.args[0].lambda;
  shape.lambda = lambda != nullptr;
  for (size_t i = shape.lambda; i < call.size(); ++i) {
    if (!IsArray(call.type(i))) return call.BadType(i);
    shape.elements.push_back(call.type(i).element());
  }
  shape.arrays = shape.elements.size();
  if (shape.arrays == 0) {
    return Error("number_of_arguments_doesnt_match", "Function ", call.name,
                 " needs at least one array");
  }
  if (lambda == nullptr) {
    HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
    shape.value = shape.elements[0];
    return shape;
  }
  if (lambda->parameter_count() != shape.arrays) {
    return Error("type_mismatch", "Function ", call.name, " needs a lambda of ", shape.arrays,
                 " arguments, found ", lambda->parameter_count());
  }
  HOGLET_ASSIGN_OR_RETURN(shape.value, lambda->Bind(shape.elements));
  return shape;
}

// The arrays of a batch with the values of the lambda (or of the only array) for each element. All
// arrays have the ranges `first`.
struct Elements {
  ArrayRows first;
  std::vector<Vector> children;
  Vector values;  // flat, one an element of the first array's child
};

absl::StatusOr<Vector> CallLambda(EvalContext& context, const LambdaBody& body,
                                  std::span<const Vector> parameters,
                                  const std::vector<uint32_t>& outer_rows) {
  const size_t total = outer_rows.size();
  if (total <= kVectorRowsMax) {
    HOGLET_ASSIGN_OR_RETURN(Vector values,
                            body.Evaluate(context, parameters, outer_rows.data(), total));
    return values.Flatten();
  }
  std::vector<Vector> parts;
  for (size_t at = 0; at < total; at += kVectorRowsMax) {
    HOGLET_RETURN_IF_ERROR(context.CheckAlive());
    const size_t count = std::min(kVectorRowsMax, total - at);
    std::vector<Vector> slices;
    for (const Vector& parameter : parameters) slices.push_back(parameter.Slice(at, count));
    HOGLET_ASSIGN_OR_RETURN(Vector values,
                            body.Evaluate(context, slices, outer_rows.data() + at, count));
    parts.push_back(values.Flatten());
  }
  return Vector::Concat(parts).Flatten();
}

// A constant or dictionary of arrays may be small while its rows, laid out one by one, are not.
uint64_t ElementsOf(const Vector& arrays, size_t rows) {
  if (arrays.is_constant()) return rows * uint64_t{ArrayRows(arrays).size(0)};
  if (arrays.form() != Vector::Form::kDictionary) return ArrayRows(arrays).end(rows - 1);
  const ArrayRows values(*arrays.dictionary());
  uint64_t elements = 0;
  for (size_t i = 0; i < rows; ++i) elements += values.size(arrays.Position(i));
  return elements;
}

absl::StatusOr<Elements> Evaluate(const Batch& batch, const Shape& shape) {
  std::vector<ArrayRows> arrays;
  for (size_t a = 0; a < shape.arrays; ++a) {
    const Vector& argument = batch.args[a + shape.lambda];
    if (ElementsOf(argument, batch.rows) > kGeneratedElementsMax) {
      return TooManyElements(shape.name);
    }
    arrays.emplace_back(argument.Flatten());
    for (size_t i = 0; i < batch.rows; ++i) {
      if (arrays[a].size(i) != arrays[0].size(i)) return SizesDiffer(shape.name);
    }
  }
  Elements out{arrays[0], {}, {}};
  const size_t total = arrays[0].end(batch.rows - 1);
  for (const ArrayRows& array : arrays) {
    const Vector& child = array.child();
    out.children.push_back(child.size() == total ? child : child.Slice(0, total));
  }
  if (!shape.lambda) {
    out.values = out.children[0];
    return out;
  }
  std::vector<uint32_t> outer_rows(total);
  for (size_t i = 0; i < batch.rows; ++i) {
    std::fill(outer_rows.begin() + arrays[0].begin(i), outer_rows.begin() + arrays[0].end(i),
              static_cast<uint32_t>(i));
  }
  if (total == 0) {
    out.values = Vector::Flat(shape.value, 0);
    return out;
  }
  HOGLET_ASSIGN_OR_RETURN(out.values,
                          CallLambda(batch.context, *batch.lambdas[0], out.children, outer_rows));
  return out;
}

std::shared_ptr<uint32_t[]> OffsetsOf(const ArrayRows& rows, size_t count) {
  std::shared_ptr<uint32_t[]> offsets(new uint32_t[count + 1]);
  offsets[0] = 0;
  for (size_t i = 0; i < count; ++i) offsets[i + 1] = rows.end(i);
  return offsets;
}

// Binds a function of the elements and their values: `Rule` has Result(shape) and Run(elements,
// shape, batch, type).
template <typename Rule>
Bound Bind(const Call& call) {
  if (HasNullArray(call)) return NullResult();
  HOGLET_ASSIGN_OR_RETURN(Shape shape, ShapeOf(call));
  auto type = Rule::Result(shape);
  if (!type.ok()) return type.status();
  return MakeFunction(
      *type,
      [shape = std::move(shape), type = *type](const Batch& batch) -> absl::StatusOr<Vector> {
        HOGLET_ASSIGN_OR_RETURN(const Elements elements, Evaluate(batch, shape));
        return Rule::Run(elements, batch.rows, type);
      });
}

absl::Status BadElements(const Shape& shape) {
  return Error("illegal_type_of_argument", "Illegal element type ", shape.value.Name(),
               " in function ", shape.name);
}

// Conditions: numbers from a lambda, UInt8 from an array.
absl::Status ExpectCondition(const Shape& shape) {
  const bool fits = shape.lambda
                        ? shape.value.IsNumber() || IsNothing(shape.value)
                        : shape.value.physical() == Physical::kU8 && !shape.value.nullable();
  return fits ? absl::OkStatus() : BadElements(shape);
}

struct Map {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    if (!shape.lambda) return BadElements(shape);
    return Type::Array(shape.value);
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    return Vector::ArrayOf(type, OffsetsOf(in.first, rows), in.values, rows);
  }
};

struct Filter {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    HOGLET_RETURN_IF_ERROR(ExpectCondition(shape));
    return Type::Array(shape.elements[0]);
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const std::vector<uint8_t> keep = Truth(in.values, in.values.size());
    ElementPicker picker(rows);
    for (size_t i = 0; i < rows; ++i) {
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        if (keep[e]) picker.Add(e);
      }
      picker.CloseRow();
    }
    return picker.Build(type, in.children[0]);
  }
};

enum class Tally { kExists, kAll, kCount, kFirstIndex, kLastIndex };

template <Tally tally>
struct TallyRule {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    HOGLET_RETURN_IF_ERROR(ExpectCondition(shape));
    return tally == Tally::kExists || tally == Tally::kAll ? U8() : Type(TypeKind::kUInt32);
  }
  static int64_t Row(const std::vector<uint8_t>& truth, uint32_t begin, uint32_t end) {
    int64_t count = 0, first = 0, last = 0;
    for (uint32_t e = begin; e < end; ++e) {
      if (!truth[e]) continue;
      ++count;
      last = e - begin + 1;
      if (first == 0) first = last;
    }
    switch (tally) {
      case Tally::kExists:
        return count > 0;
      case Tally::kAll:
        return count == end - begin;
      case Tally::kCount:
        return count;
      case Tally::kFirstIndex:
        return first;
      default:
        return last;
    }
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const std::vector<uint8_t> truth = Truth(in.values, in.values.size());
    Vector out = Vector::Flat(type, rows);
    for (size_t i = 0; i < rows; ++i) {
      const int64_t value = Row(truth, in.first.begin(i), in.first.end(i));
      if (type.physical() == Physical::kU8) {
        out.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(value);
      } else {
        out.mutable_data<int64_t>()[i] = value;
      }
    }
    return out;
  }
};

template <bool last, bool or_null>
struct FirstRule {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    HOGLET_RETURN_IF_ERROR(ExpectCondition(shape));
    const Type& type = shape.elements[0];
    if (IsNothing(type) && !type.nullable()) return BadElements(shape);
    return or_null && CanBeNullable(type) ? type.Nullable() : type;
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const std::vector<uint8_t> truth = Truth(in.values, in.values.size());
    Vector pool = in.children[0];
    if (pool.type() != type) {
      HOGLET_ASSIGN_OR_RETURN(pool, WidenElements(pool, type));
    }
    const size_t none = AddDefault(&pool);
    std::vector<uint32_t> picks(rows, static_cast<uint32_t>(none));
    for (size_t i = 0; i < rows; ++i) {
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        if (!truth[e]) continue;
        picks[i] = e;
        if (!last) break;
      }
    }
    return pool.Gather(picks.data(), rows);
  }
};

// The type sums of such numbers have; an error if they cannot be added.
absl::StatusOr<Type> SumType(const Shape& shape) {
  const Type& type = shape.value;
  if (type.nullable() || !type.IsNumber()) return BadElements(shape);
  if (type.IsFloat()) return F64();
  if (type.kind() == TypeKind::kDecimal) return Type::Decimal(38, type.scale());
  if (type.physical() == Physical::kI128) return type;
  return type.IsUnsigned() || type.kind() == TypeKind::kBool ? U64() : I64();
}

struct Sum {
  static absl::StatusOr<Type> Result(const Shape& shape) { return SumType(shape); }
  template <typename T>
  static Vector Typed(const Elements& in, size_t rows, const Type& type) {
    const Input<T> values(in.values);
    Vector out = Vector::Flat(type, rows);
    for (size_t i = 0; i < rows; ++i) {
      T sum = 0;
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e)
        sum = WrappingAdd<T>(sum, values[e]);
      out.mutable_data<T>()[i] = sum;
    }
    return out;
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    switch (type.physical()) {
      case Physical::kF64:
        return Typed<double>(in, rows, type);
      case Physical::kI128:
        return Typed<Int128>(in, rows, type);
      default:
        return Typed<int64_t>(in, rows, type);
    }
  }
};

template <bool product>
struct FloatRule {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    HOGLET_RETURN_IF_ERROR(SumType(shape).status());
    return F64();
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const Input<double> values(in.values);
    Vector out = Vector::Flat(type, rows);
    for (size_t i = 0; i < rows; ++i) {
      double total = product ? 1 : 0;
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        total = product ? total * values[e] : total + values[e];
      }
      const uint32_t size = in.first.size(i);
      // The product of nothing is 0, like every other default; its average is nan.
      out.mutable_data<double>()[i] = !product ? total / size : size == 0 ? 0 : total;
    }
    return out;
  }
};

template <bool max>
struct Extreme {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    if (IsNothing(shape.value)) return BadElements(shape);
    return shape.value;
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type&) {
    Vector pool = in.values;
    const size_t none = AddDefault(&pool);
    std::vector<uint32_t> picks(rows, static_cast<uint32_t>(none));
    for (size_t i = 0; i < rows; ++i) {
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        if (pool.IsNull(e)) continue;
        if (picks[i] == none) {
          picks[i] = e;
          continue;
        }
        const int order = CompareRows(pool, e, pool, picks[i]);
        if (max ? order > 0 : order < 0) picks[i] = e;
      }
    }
    return pool.Gather(picks.data(), rows);
  }
};

template <bool non_negative>
struct Cumulative {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    HOGLET_ASSIGN_OR_RETURN(Type type, SumType(shape));
    return Type::Array(type);
  }
  template <typename T>
  static Vector Typed(const Elements& in, size_t rows, const Type& type) {
    const Input<T> values(in.values);
    Vector out = Vector::Flat(type, in.values.size());
    const bool floor = non_negative && type.kind() != TypeKind::kUInt64;
    for (size_t i = 0; i < rows; ++i) {
      T sum = 0;
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        sum = WrappingAdd<T>(sum, values[e]);
        if (floor && sum < 0) sum = 0;
        out.mutable_data<T>()[e] = sum;
      }
    }
    return out;
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const Type& element = type.element();
    Vector child = element.physical() == Physical::kF64    ? Typed<double>(in, rows, element)
                   : element.physical() == Physical::kI128 ? Typed<Int128>(in, rows, element)
                                                           : Typed<int64_t>(in, rows, element);
    return Vector::ArrayOf(type, OffsetsOf(in.first, rows), std::move(child), rows);
  }
};

struct Difference {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    const Type& type = shape.value;
    if (type.nullable() || (!type.IsNumber() && !type.IsDateOrTime())) return BadElements(shape);
    if (type.kind() == TypeKind::kDecimal || type.physical() == Physical::kI128)
      return Type::Array(type);
    if (type.IsFloat()) return Type::Array(F64());
    if (type.IsDateOrTime()) return Type::Array(Type(TypeKind::kInt32));
    const int bits = type.kind() == TypeKind::kBool ? 8 : type.IntegerBits();
    return Type::Array(IntegerType(std::min(64, bits * 2), true));
  }
  template <typename T>
  static Vector Typed(const Elements& in, size_t rows, const Type& type) {
    const Input<T> values(in.values);
    Vector out = Vector::Flat(type, in.values.size());
    for (size_t i = 0; i < rows; ++i) {
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        out.mutable_data<T>()[e] =
            e == in.first.begin(i) ? T{0} : WrappingSubtract<T>(values[e], values[e - 1]);
      }
    }
    return out;
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const Type& element = type.element();
    Vector child = element.physical() == Physical::kF64    ? Typed<double>(in, rows, element)
                   : element.physical() == Physical::kI128 ? Typed<Int128>(in, rows, element)
                                                           : Typed<int64_t>(in, rows, element);
    return Vector::ArrayOf(type, OffsetsOf(in.first, rows), std::move(child), rows);
  }
};

// Elements whose condition fails are replaced by the nearest earlier (or later) one whose condition
// holds.
template <bool reverse>
struct Fill {
  static absl::StatusOr<Type> Result(const Shape& shape) { return Filter::Result(shape); }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const std::vector<uint8_t> keep = Truth(in.values, in.values.size());
    ElementPicker picker(rows);
    for (size_t i = 0; i < rows; ++i) {
      const uint32_t begin = in.first.begin(i);
      const uint32_t end = in.first.end(i);
      picker.AddRange(begin, end);
      uint32_t* picks = picker.positions().data() + (picker.size() - (end - begin));
      const uint32_t size = end - begin;
      for (uint32_t e = 1; e < size; ++e) {
        const uint32_t at = reverse ? size - 1 - e : e;
        if (!keep[begin + at]) picks[at] = picks[reverse ? at + 1 : at - 1];
      }
      picker.CloseRow();
    }
    return picker.Build(type, in.children[0]);
  }
};

// Cuts before (or after) the elements whose condition holds.
template <bool reverse>
struct Split {
  static absl::StatusOr<Type> Result(const Shape& shape) {
    HOGLET_ASSIGN_OR_RETURN(Type type, Filter::Result(shape));
    return Type::Array(type);
  }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const std::vector<uint8_t> cut = Truth(in.values, in.values.size());
    std::shared_ptr<uint32_t[]> offsets(new uint32_t[rows + 1]);
    std::vector<uint32_t> ends;
    offsets[0] = 0;
    for (size_t i = 0; i < rows; ++i) {
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        const bool last = e + 1 == in.first.end(i);
        if (last || cut[reverse ? e : e + 1]) ends.push_back(e + 1);
      }
      offsets[i + 1] = static_cast<uint32_t>(ends.size());
    }
    std::shared_ptr<uint32_t[]> inner(new uint32_t[ends.size() + 1]);
    inner[0] = 0;
    std::copy(ends.begin(), ends.end(), inner.get() + 1);
    Vector parts = Vector::ArrayOf(type.element(), inner, in.children[0], ends.size());
    return Vector::ArrayOf(type, offsets, std::move(parts), rows);
  }
};

// NULL and NaN come last in both directions.
bool SortsLast(const Vector& keys, size_t row) {
  if (keys.IsNull(row)) return true;
  return keys.type().physical() == Physical::kF64 && std::isnan(keys.data<double>()[row]);
}

template <bool reverse>
struct Sort {
  static absl::StatusOr<Type> Result(const Shape& shape) { return Type::Array(shape.elements[0]); }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const Vector& keys = in.values;
    ElementPicker picker(rows);
    for (size_t i = 0; i < rows; ++i) {
      picker.AddRange(in.first.begin(i), in.first.end(i));
      const auto begin = picker.positions().end() - in.first.size(i);
      std::stable_sort(begin, picker.positions().end(), [&](uint32_t a, uint32_t b) {
        if (!reverse) return CompareRows(keys, a, keys, b) < 0;
        const bool a_last = SortsLast(keys, a);
        const bool b_last = SortsLast(keys, b);
        if (a_last || b_last) return a_last && b_last ? CompareRows(keys, a, keys, b) < 0 : b_last;
        return CompareRows(keys, a, keys, b) > 0;
      });
      picker.CloseRow();
    }
    return picker.Build(type, in.children[0]);
  }
};

struct Compact {
  static absl::StatusOr<Type> Result(const Shape& shape) { return Type::Array(shape.elements[0]); }
  static absl::StatusOr<Vector> Run(const Elements& in, size_t rows, const Type& type) {
    const RowEquality equal(in.values, in.values);
    ElementPicker picker(rows);
    for (size_t i = 0; i < rows; ++i) {
      for (uint32_t e = in.first.begin(i); e < in.first.end(i); ++e) {
        if (e == in.first.begin(i) || !equal(e, e - 1)) picker.Add(e);
      }
      picker.CloseRow();
    }
    return picker.Build(type, in.children[0]);
  }
};

// One step of a fold: the k-th elements of the rows that have them.
absl::Status FoldStep(const Batch& batch, const std::vector<ArrayRows>& arrays, uint32_t k,
                      const Type& type, Vector* state) {
  std::vector<uint32_t> live;
  for (size_t i = 0; i < batch.rows; ++i) {
    if (k < arrays[0].size(i)) live.push_back(static_cast<uint32_t>(i));
  }
  std::vector<Vector> parameters{state->Gather(live.data(), live.size())};
  for (const ArrayRows& array : arrays) {
    std::vector<uint32_t> at;
    for (uint32_t row : live) at.push_back(array.begin(row) + k);
    parameters.push_back(array.child().Gather(at.data(), at.size()));
  }
  HOGLET_ASSIGN_OR_RETURN(Vector next,
                          CallLambda(batch.context, *batch.lambdas[0], parameters, live));
  next.set_type(type);
  const Vector both[] = {*state, next};
  std::vector<uint32_t> picks(batch.rows);
  for (size_t i = 0; i < batch.rows; ++i) picks[i] = static_cast<uint32_t>(i);
  for (size_t n = 0; n < live.size(); ++n) picks[live[n]] = static_cast<uint32_t>(batch.rows + n);
  *state = Vector::Concat(both).Flatten().Gather(picks.data(), picks.size());
  return absl::OkStatus();
}

Bound BindFold(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, SIZE_MAX));
  LambdaBinder* lambda = call.args[0].lambda;
  if (lambda == nullptr) return call.BadType(0);
  const size_t last = call.size() - 1;
  std::vector<Type> parameters{call.type(last)};
  for (size_t i = 1; i < last; ++i) {
    if (IsNothing(call.type(i))) return NullResult();
    if (!IsArray(call.type(i))) return call.BadType(i);
    parameters.push_back(call.type(i).element());
  }
  if (lambda->parameter_count() != parameters.size()) {
    return Error("type_mismatch", "Function ", call.name, " needs a lambda of ", parameters.size(),
                 " arguments");
  }
  HOGLET_ASSIGN_OR_RETURN(const Type body, lambda->Bind(parameters));
  const Type type = call.type(last);
  if (body != type) {
    return Error("type_mismatch", "The lambda of function ", call.name, " gives ", body.Name(),
                 " but the accumulator is ", type.Name());
  }
  return MakeFunction(
      type, [type, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        std::vector<ArrayRows> arrays;
        uint32_t longest = 0;
        for (size_t a = 1; a + 1 < batch.args.size(); ++a) {
          if (ElementsOf(batch.args[a], batch.rows) > kGeneratedElementsMax) {
            return TooManyElements(name);
          }
          arrays.emplace_back(batch.args[a].Flatten());
          for (size_t i = 0; i < batch.rows; ++i) {
            if (arrays.back().size(i) != arrays[0].size(i)) return SizesDiffer(name);
            longest = std::max(longest, arrays[0].size(i));
          }
        }
        Vector state = batch.args.back().Flatten();
        for (uint32_t k = 0; k < longest; ++k) {
          HOGLET_RETURN_IF_ERROR(batch.context.CheckAlive());
          HOGLET_RETURN_IF_ERROR(FoldStep(batch, arrays, k, type, &state));
        }
        return state;
      });
}

constexpr ScalarEntry kTable[] = {
    {"arrayMap", Bind<Map>, kSeesNulls | kTakesLambda},
    {"arrayFilter", Bind<Filter>, kSeesNulls | kTakesLambda},
    {"arrayExists", Bind<TallyRule<Tally::kExists>>, kSeesNulls | kTakesLambda},
    {"arrayAll", Bind<TallyRule<Tally::kAll>>, kSeesNulls | kTakesLambda},
    {"arrayCount", Bind<TallyRule<Tally::kCount>>, kSeesNulls | kTakesLambda},
    {"arrayFirstIndex", Bind<TallyRule<Tally::kFirstIndex>>, kSeesNulls | kTakesLambda},
    {"arrayLastIndex", Bind<TallyRule<Tally::kLastIndex>>, kSeesNulls | kTakesLambda},
    {"arrayFirst", Bind<FirstRule<false, false>>, kSeesNulls | kTakesLambda},
    {"arrayLast", Bind<FirstRule<true, false>>, kSeesNulls | kTakesLambda},
    {"arrayFirstOrNull", Bind<FirstRule<false, true>>, kSeesNulls | kTakesLambda},
    {"arrayLastOrNull", Bind<FirstRule<true, true>>, kSeesNulls | kTakesLambda},
    {"arraySum", Bind<Sum>, kSeesNulls | kTakesLambda},
    {"arrayAvg", Bind<FloatRule<false>>, kSeesNulls | kTakesLambda},
    {"arrayProduct", Bind<FloatRule<true>>, kSeesNulls | kTakesLambda},
    {"arrayMin", Bind<Extreme<false>>, kSeesNulls | kTakesLambda},
    {"arrayMax", Bind<Extreme<true>>, kSeesNulls | kTakesLambda},
    {"arrayCumSum", Bind<Cumulative<false>>, kSeesNulls | kTakesLambda},
    {"arrayCumSumNonNegative", Bind<Cumulative<true>>, kSeesNulls | kTakesLambda},
    {"arrayDifference", Bind<Difference>, kSeesNulls | kTakesLambda},
    {"arrayFill", Bind<Fill<false>>, kSeesNulls | kTakesLambda},
    {"arrayReverseFill", Bind<Fill<true>>, kSeesNulls | kTakesLambda},
    {"arraySplit", Bind<Split<false>>, kSeesNulls | kTakesLambda},
    {"arrayReverseSplit", Bind<Split<true>>, kSeesNulls | kTakesLambda},
    {"arraySort", Bind<Sort<false>>, kSeesNulls | kTakesLambda},
    {"arrayReverseSort", Bind<Sort<true>>, kSeesNulls | kTakesLambda},
    {"arrayCompact", Bind<Compact>, kSeesNulls | kTakesLambda},
    {"arrayFold", BindFold, kSeesNulls | kTakesLambda},
};

}  // namespace

std::span<const ScalarEntry> ArrayLambdaFunctions() { return kTable; }

}  // namespace hoglet::fn
