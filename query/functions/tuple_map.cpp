#include <algorithm>
#include <cmath>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Tuples (also as vectors of numbers) and maps.

namespace hoglet::fn {
namespace {

bool IsTuple(const Type& type) { return type.kind() == TypeKind::kTuple; }
bool IsMap(const Type& type) { return type.kind() == TypeKind::kMap; }

Bound BindTuple(const Call& call) {
  std::vector<Type> types;
  for (size_t i = 0; i < call.size(); ++i) types.push_back(call.type(i));
  const Type type = Type::Tuple(types);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Vector> children;
    for (size_t i = 0; i < batch.args.size(); ++i) {
      Vector child = batch.args[i].Flatten();
      child.set_type(type.children()[i]);
      children.push_back(std::move(child));
    }
    return Vector::TupleOf(type, std::move(children), batch.rows);
  });
}

// The 0-based place of the element that argument 1 names.
absl::StatusOr<size_t> ElementPlace(const Call& call, const Type& tuple) {
  if (call.has_constant(1) && call.type(1).IsStringLike()) {
    const std::string& name = call.constant(1).string();
    const auto& names = tuple.names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      return Error("not_found_column_in_block", "Tuple doesn't have element with name '", name,
                   "'");
    }
    return static_cast<size_t>(found - names.begin());
  }
  HOGLET_ASSIGN_OR_RETURN(int64_t index, call.ConstantInteger(1));
  const auto size = static_cast<int64_t>(tuple.children().size());
  if (index < 0) index += size + 1;
  if (index < 1 || index > size) {
    return Error("argument_out_of_bound", "Tuple doesn't have element with index ", index);
  }
  return static_cast<size_t>(index - 1);
}

Bound BindTupleElement(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  // Arrays of tuples give arrays of elements.
  Type tuple = call.type(0);
  size_t depth = 0;
  for (; IsArray(tuple); ++depth) tuple = Type(tuple.element());
  if (!IsTuple(tuple)) return call.BadType(0);
  const auto place = ElementPlace(call, tuple);
  if (!place.ok()) {
    if (call.size() < 3 || !call.args[2].constant.has_value()) return place.status();
    return MakeFunction(call.type(2),
                        [](const Batch& batch) -> absl::StatusOr<Vector> { return batch.args[2]; });
  }
  Type type = tuple.children()[*place];
  for (size_t i = 0; i < depth; ++i) type = Type::Array(type);
  return MakeFunction(type, [type, place = *place](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[0].Flatten();
    std::vector<Vector> levels{flat};
    while (IsArray(levels.back().type())) levels.push_back(Vector(levels.back().child()));
    Vector out = levels.back().children()[place];
    for (size_t l = levels.size() - 1; l-- > 0;) {
      std::shared_ptr<const uint32_t[]> offsets = levels[l].shared_codes();
      out = Vector::ArrayOf(Type::Array(out.type()), offsets, std::move(out), levels[l].size());
    }
    return out;
  });
}

// Applies a function to each element of a tuple, with the same element of a second tuple or with
// one number.
Bound BindEach(const Call& call, std::string_view name, bool with_number) {
  const Type& a = call.type(0);
  if (!IsTuple(a)) return call.BadType(0);
  const bool binary = call.size() == 2;
  if (binary && !with_number) {
    if (!IsTuple(call.type(1))) return call.BadType(1);
    if (a.children().size() != call.type(1).children().size()) {
      return Error("illegal_type_of_argument",
                   "Expected tuples of the same size as arguments of function ", call.name);
    }
  }
  std::vector<std::shared_ptr<ScalarFunction>> functions;
  std::vector<Type> types;
  for (size_t i = 0; i < a.children().size(); ++i) {
    std::vector<FunctionArgument> args{{a.children()[i]}};
    if (binary) args.push_back({with_number ? call.type(1) : call.type(1).children()[i]});
    HOGLET_ASSIGN_OR_RETURN(auto function, BindOther(call, name, args));
    types.push_back(function->result_type());
    functions.push_back(std::move(function));
  }
  const Type type = Type::Tuple(types);
  return MakeFunction(type, [=](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Vector> children;
    const Vector x = batch.args[0].Flatten();
    const Vector y = binary ? batch.args[1].Flatten() : x;
    for (size_t i = 0; i < functions.size(); ++i) {
      std::vector<Vector> args{x.children()[i]};
      if (binary) args.push_back(with_number ? y : y.children()[i]);
      HOGLET_ASSIGN_OR_RETURN(Vector child,
                              functions[i]->Evaluate(batch.context, args, {}, batch.rows));
      children.push_back(child.Flatten());
    }
    return Vector::TupleOf(type, std::move(children), batch.rows);
  });
}

template <const char* name>
Bound BindPairwise(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  return BindEach(call, name, false);
}

template <const char* name>
Bound BindByNumber(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!call.type(1).IsNumber()) return call.BadType(1);
  return BindEach(call, name, true);
}

Bound BindTupleNegate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  return BindEach(call, "negate", false);
}

constexpr char kPlus[] = "plus";
constexpr char kMinus[] = "minus";
constexpr char kMultiply[] = "multiply";
constexpr char kDivide[] = "divide";
constexpr char kIntDiv[] = "intDiv";
constexpr char kModulo[] = "modulo";

Bound BindTupleConcat(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  std::vector<Type> types;
  for (size_t i = 0; i < call.size(); ++i) {
    if (!IsTuple(call.type(i))) return call.BadType(i);
    types.insert(types.end(), call.type(i).children().begin(), call.type(i).children().end());
  }
  const Type type = Type::Tuple(types);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Vector> children;
    for (const Vector& arg : batch.args) {
      const Vector flat = arg.Flatten();
      children.insert(children.end(), flat.children().begin(), flat.children().end());
    }
    return Vector::TupleOf(type, std::move(children), batch.rows);
  });
}

Bound BindNameValuePairs(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& tuple = call.type(0);
  if (!IsTuple(tuple) || tuple.children().empty()) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(Type value, CommonType(tuple.children(), call.name));
  const Type type = Type::Array(Type::Tuple({StringType(), value}));
  std::vector<std::string> names = tuple.names();
  for (size_t i = names.size(); i < tuple.children().size(); ++i) names.push_back(Cat(i + 1));
  return MakeFunction(type, [type, names, value](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[0].Flatten();
    std::vector<Vector> values;
    for (const Vector& child : flat.children()) {
      HOGLET_ASSIGN_OR_RETURN(Vector wide, WidenElements(child, value));
      values.push_back(std::move(wide));
    }
    ElementPicker picker(batch.rows);
    StringWriter keys(StringType(), batch.rows * names.size());
    for (size_t i = 0; i < batch.rows; ++i) {
      for (size_t n = 0; n < names.size(); ++n) {
        keys.Set(picker.size(), names[n]);
        picker.Add(n * batch.rows + i);
      }
      picker.CloseRow();
    }
    Vector picked =
        Vector::Concat(values).Flatten().Gather(picker.positions().data(), picker.size());
    Vector pairs = Vector::TupleOf(type.element(), {keys.Take(), std::move(picked)}, picker.size());
    return Vector::ArrayOf(type, picker.offsets(), std::move(pairs), batch.rows);
  });
}

// Tuples and arrays of numbers as points in space.

bool IsPoint(const Type& type) {
  if (IsArray(type)) return type.element().IsNumber() && !type.element().nullable();
  if (!IsTuple(type) || type.children().empty()) return false;
  return std::all_of(type.children().begin(), type.children().end(),
                     [](const Type& child) { return child.IsNumber() && !child.nullable(); });
}

class Points {
 public:
  explicit Points(const Vector& vector) : flat_(vector.Flatten()), array_(IsArray(flat_.type())) {
    for (const Vector& child : flat_.children()) children_.emplace_back(child);
  }
  size_t size(size_t row) const {
    return array_ ? flat_.offsets()[row + 1] - flat_.offsets()[row] : children_.size();
  }
  double at(size_t row, size_t k) const {
    return array_ ? children_[0][flat_.offsets()[row] + k] : children_[k][row];
  }

 private:
  Vector flat_;
  bool array_;
  std::vector<Input<double>> children_;
};

enum class Norm { kL1, kL2, kSquaredL2, kLinf, kLp };

template <typename F>
double NormOf(Norm norm, size_t size, double p, F at) {
  double sum = 0;
  for (size_t k = 0; k < size; ++k) {
    const double x = std::abs(at(k));
    switch (norm) {
      case Norm::kL1:
        sum += x;
        break;
      case Norm::kLinf:
        sum = std::max(sum, x);
        break;
      case Norm::kLp:
        sum += std::pow(x, p);
        break;
      default:
        sum += x * x;
    }
  }
  return norm == Norm::kL2 ? std::sqrt(sum) : norm == Norm::kLp ? std::pow(sum, 1 / p) : sum;
}

// The type of a sum over integers of a tuple; Float64 for everything else.
Type SumOfTuple(std::span<const Type> types, int first_bits_factor, bool is_signed) {
  int bits = 0;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i].IsInteger()) return F64();
    const int own = std::min(64, types[i].IntegerBits() * first_bits_factor);
    bits = i == 0 ? own : std::min(64, std::max(bits, own) * 2);
  }
  return IntegerType(bits, is_signed);
}

// A number computed as a double, under the wanted type.
Bound PointFunction(
    const Type& type,
    std::function<absl::StatusOr<double>(const Batch&, std::span<const Points>, size_t)> f,
    size_t points) {
  return MakeFunction(
      type, [type, f = std::move(f), points](const Batch& batch) -> absl::StatusOr<Vector> {
        std::vector<Points> in;
        for (size_t i = 0; i < points; ++i) in.emplace_back(batch.args[i]);
        Vector out = Vector::Flat(F64(), batch.rows);
        auto* data = out.mutable_data<double>();
        for (size_t i = 0; i < batch.rows; ++i) {
          HOGLET_ASSIGN_OR_RETURN(data[i], f(batch, in, i));
        }
        if (type.IsFloat()) return out;
        return CastVector(out, type, CastMode::kThrow);
      });
}

absl::StatusOr<double> ConstantPower(const Call& call, size_t at, bool wanted) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(wanted ? at + 1 : at, wanted ? at + 1 : at));
  if (!wanted) return 0;
  if (!call.has_constant(at) || !call.type(at).IsNumber()) {
    return Error("illegal_column", "Argument ", at + 1, " of function ", call.name,
                 " must be a constant number");
  }
  HOGLET_ASSIGN_OR_RETURN(Datum p,
                          CastDatum(call.constant(at), call.type(at), F64(), CastMode::kThrow));
  if (!(p.number() >= 1))
    return Error("argument_out_of_bound", "The power of a norm must be at least 1");
  return p.number();
}

template <Norm norm>
Bound BindNorm(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const double p, ConstantPower(call, 1, norm == Norm::kLp));
  if (!IsPoint(call.type(0))) return call.BadType(0);
  const Type type = norm == Norm::kL1 && IsTuple(call.type(0))
                        ? SumOfTuple(call.type(0).children(), 1, false)
                        : F64();
  return PointFunction(
      type,
      [p](const Batch&, std::span<const Points> in, size_t row) -> absl::StatusOr<double> {
        return NormOf(norm, in[0].size(row), p, [&](size_t k) { return in[0].at(row, k); });
      },
      1);
}

absl::Status ExpectSameSize(const Call& call) {
  for (size_t i = 0; i < 2; ++i) {
    if (!IsPoint(call.type(i)) || IsArray(call.type(i)) != IsArray(call.type(0)))
      return call.BadType(i);
  }
  if (IsTuple(call.type(0)) && call.type(0).children().size() != call.type(1).children().size()) {
    return Error("illegal_type_of_argument",
                 "Expected tuples of the same size as arguments of function ", call.name);
  }
  return absl::OkStatus();
}

template <Norm norm>
Bound BindDistance(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const double p, ConstantPower(call, 2, norm == Norm::kLp));
  HOGLET_RETURN_IF_ERROR(ExpectSameSize(call));
  const Type type = norm == Norm::kL1 && IsTuple(call.type(0))
                        ? SumOfTuple(call.type(0).children(), 2, false)
                        : F64();
  return PointFunction(
      type,
      [p, name = std::string(call.name)](const Batch&, std::span<const Points> in,
                                         size_t row) -> absl::StatusOr<double> {
        if (in[0].size(row) != in[1].size(row)) return SizesDiffer(name);
        return NormOf(norm, in[0].size(row), p,
                      [&](size_t k) { return in[0].at(row, k) - in[1].at(row, k); });
      },
      2);
}

double Dot(const Points& a, const Points& b, size_t row) {
  double sum = 0;
  for (size_t k = 0; k < a.size(row); ++k) sum += a.at(row, k) * b.at(row, k);
  return sum;
}

Bound BindCosine(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectSameSize(call));
  return PointFunction(
      F64(),
      [name = std::string(call.name)](const Batch&, std::span<const Points> in,
                                      size_t row) -> absl::StatusOr<double> {
        if (in[0].size(row) != in[1].size(row)) return SizesDiffer(name);
        return 1 -
               Dot(in[0], in[1], row) / std::sqrt(Dot(in[0], in[0], row) * Dot(in[1], in[1], row));
      },
      2);
}

Bound BindDot(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  HOGLET_RETURN_IF_ERROR(ExpectSameSize(call));
  std::vector<Type> types;
  for (size_t i = 0; i < 2; ++i) {
    const Type& type = call.type(i);
    types.insert(types.end(), type.children().begin(), type.children().end());
  }
  const bool is_signed = std::any_of(types.begin(), types.end(), IsSigned);
  Type type = SumOfTuple(types, 2, is_signed);
  if (!type.IsFloat()) {
    type = IsArray(call.type(0)) ? IntegerType(64, is_signed)
                                 : SumOfTuple(call.type(0).children(), 2, is_signed);
  }
  return PointFunction(
      type,
      [name = std::string(call.name)](const Batch&, std::span<const Points> in,
                                      size_t row) -> absl::StatusOr<double> {
        if (in[0].size(row) != in[1].size(row)) return SizesDiffer(name);
        return Dot(in[0], in[1], row);
      },
      2);
}

Bound BindHamming(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsTuple(call.type(i))) return call.BadType(i);
  }
  const size_t size = call.type(0).children().size();
  if (size != call.type(1).children().size()) {
    return Error("illegal_type_of_argument",
                 "Expected tuples of the same size as arguments of function ", call.name);
  }
  std::vector<Type> commons;
  for (size_t k = 0; k < size; ++k) {
    const Type both[] = {call.type(0).children()[k], call.type(1).children()[k]};
    HOGLET_ASSIGN_OR_RETURN(Type common, ComparisonType(both, call.name));
    commons.push_back(std::move(common));
  }
  const Type type = IntegerType(size <= 1 ? 8 : size == 2 ? 16 : size == 3 ? 32 : 64, false);
  return MakeFunction(type, [type, commons](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector a = batch.args[0].Flatten();
    const Vector b = batch.args[1].Flatten();
    Vector counts = Vector::Flat(I64(), batch.rows);
    std::fill_n(counts.mutable_data<int64_t>(), batch.rows, 0);
    for (size_t k = 0; k < commons.size(); ++k) {
      HOGLET_ASSIGN_OR_RETURN(const Vector x, WidenElements(a.children()[k], commons[k]));
      HOGLET_ASSIGN_OR_RETURN(const Vector y, WidenElements(b.children()[k], commons[k]));
      const RowEquality equal(x, y);
      for (size_t i = 0; i < batch.rows; ++i) counts.mutable_data<int64_t>()[i] += !equal(i, i);
    }
    return CastVector(counts, type, CastMode::kThrow);
  });
}

template <Norm norm>
Bound BindNormalize(const Call& call) {
  HOGLET_ASSIGN_OR_RETURN(const double p, ConstantPower(call, 1, norm == Norm::kLp));
  if (!IsPoint(call.type(0)) || !IsTuple(call.type(0))) return call.BadType(0);
  const size_t size = call.type(0).children().size();
  const Type type = Type::Tuple(std::vector<Type>(size, F64()));
  return MakeFunction(type, [type, size, p](const Batch& batch) -> absl::StatusOr<Vector> {
    const Points in(batch.args[0]);
    std::vector<Vector> children;
    for (size_t k = 0; k < size; ++k) children.push_back(Vector::Flat(F64(), batch.rows));
    for (size_t i = 0; i < batch.rows; ++i) {
      const double length = NormOf(norm, size, p, [&](size_t k) { return in.at(i, k); });
      for (size_t k = 0; k < size; ++k)
        children[k].mutable_data<double>()[i] = in.at(i, k) / length;
    }
    return Vector::TupleOf(type, std::move(children), batch.rows);
  });
}

// Maps.

Vector MapOf(const Type& type, std::shared_ptr<const uint32_t[]> offsets, Vector keys,
             Vector values, size_t rows) {
  keys.set_type(type.children()[0]);
  values.set_type(type.children()[1]);
  const size_t size = keys.size();
  Vector pairs =
      Vector::TupleOf(Type::Tuple(type.children()), {std::move(keys), std::move(values)}, size);
  return Vector::ArrayOf(type, std::move(offsets), std::move(pairs), rows);
}

Bound BindMap(const Call& call) {
  if (call.size() % 2 != 0) {
    return Error("number_of_arguments_doesnt_match", "Function ", call.name,
                 " needs an even number of arguments");
  }
  std::vector<Type> keys, values;
  for (size_t i = 0; i < call.size(); i += 2) {
    keys.push_back(call.type(i));
    values.push_back(call.type(i + 1));
  }
  Type key(TypeKind::kNothing), value(TypeKind::kNothing);
  if (!keys.empty()) {
    HOGLET_ASSIGN_OR_RETURN(key, CommonType(keys, call.name));
    HOGLET_ASSIGN_OR_RETURN(value, CommonType(values, call.name));
    if (key.nullable() || IsNothing(key)) {
      return Error("bad_arguments", "Type of Map key must be a type that is not nullable, but ",
                   key.Name(), " is given");
    }
  }
  const Type type = Type::Map(key, value);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const size_t pairs = batch.args.size() / 2;
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      for (size_t p = 0; p < pairs; ++p) picker.Add(p * batch.rows + i);
      picker.CloseRow();
    }
    Vector sides[2];
    for (size_t side = 0; side < 2; ++side) {
      std::vector<Vector> parts;
      for (size_t p = 0; p < pairs; ++p) {
        HOGLET_ASSIGN_OR_RETURN(Vector wide,
                                WidenElements(batch.args[2 * p + side], type.children()[side]));
        parts.push_back(std::move(wide));
      }
      const Vector pool =
          parts.empty() ? Vector::Flat(type.children()[side], 0) : Vector::Concat(parts).Flatten();
      sides[side] = pool.Gather(picker.positions().data(), picker.size());
    }
    return MapOf(type, picker.offsets(), std::move(sides[0]), std::move(sides[1]), batch.rows);
  });
}

Bound BindMapFromArrays(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsArray(call.type(i))) return call.BadType(i);
  }
  const Type type = Type::Map(call.type(0).element(), call.type(1).element());
  return MakeFunction(
      type, [type, name = std::string(call.name)](const Batch& batch) -> absl::StatusOr<Vector> {
        const ArrayRows keys(batch.args[0]);
        const ArrayRows values(batch.args[1]);
        ElementPicker key_picker(batch.rows);
        ElementPicker value_picker(batch.rows);
        for (size_t i = 0; i < batch.rows; ++i) {
          if (keys.size(i) != values.size(i)) return SizesDiffer(name);
          key_picker.AddRange(keys.begin(i), keys.end(i));
          value_picker.AddRange(values.begin(i), values.end(i));
          key_picker.CloseRow();
        }
        return MapOf(type, key_picker.offsets(),
                     keys.child().Gather(key_picker.positions().data(), key_picker.size()),
                     values.child().Gather(value_picker.positions().data(), value_picker.size()),
                     batch.rows);
      });
}

template <size_t side>
Bound BindMapSide(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!IsMap(call.type(0))) return call.BadType(0);
  const Type type = Type::Array(call.type(0).children()[side]);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[0].Flatten();
    return Vector::ArrayOf(type, flat.shared_codes(), flat.child().children()[side], batch.rows);
  });
}

Bound BindMapContains(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!IsMap(call.type(0))) return call.BadType(0);
  return call.catalog.BindScalar("has", call.args, call.context);
}

// mapContainsKeyLike and mapExtractKeyLike.
template <bool extract>
Bound BindKeyLike(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!IsMap(call.type(0)) || !call.type(0).children()[0].IsStringLike()) return call.BadType(0);
  if (!call.type(1).IsStringLike()) return call.BadType(1);
  const FunctionArgument args[] = {{call.type(0).children()[0]}, call.args[1]};
  HOGLET_ASSIGN_OR_RETURN(auto like, BindOther(call, "like", args));
  const Type type = extract ? call.type(0) : U8();
  return MakeFunction(type, [type, like](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[0].Flatten();
    const ArrayRows rows(flat);
    const Vector& keys = rows.child().children()[0];
    std::vector<uint32_t> owner(keys.size(), 0);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::fill(owner.begin() + rows.begin(i), owner.begin() + rows.end(i),
                static_cast<uint32_t>(i));
    }
    std::vector<uint8_t> fits;
    if (!owner.empty()) {
      const Vector in[] = {keys, batch.args[1].Gather(owner.data(), owner.size())};
      HOGLET_ASSIGN_OR_RETURN(Vector matches, like->Evaluate(batch.context, in, {}, owner.size()));
      fits = Truth(matches.Flatten(), owner.size());
    }
    ElementPicker picker(batch.rows);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      const size_t before = picker.size();
      for (uint32_t e = rows.begin(i); e < rows.end(i); ++e) {
        if (fits[e]) picker.Add(e);
      }
      out.mutable_data<uint8_t>()[i] = picker.size() > before;
      picker.CloseRow();
    }
    if (extract) return picker.Build(type, rows.child());
    return out;
  });
}

// mapFilter and mapApply.
template <bool filter>
Bound BindMapLambda(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  LambdaBinder* lambda = call.args[0].lambda;
  if (lambda == nullptr) return call.BadType(0);
  if (IsNothing(call.type(1))) return NullResult();
  if (!IsMap(call.type(1))) return call.BadType(1);
  if (lambda->parameter_count() != 2) {
    return Error("type_mismatch", "Function ", call.name, " needs a lambda of a key and a value");
  }
  HOGLET_ASSIGN_OR_RETURN(const Type body, lambda->Bind(call.type(1).children()));
  if (filter ? !body.IsNumber() && !IsNothing(body)
             : !IsTuple(body) || body.children().size() != 2) {
    return Error("illegal_type_of_argument", "Illegal type ", body.Name(),
                 " of the lambda of function ", call.name);
  }
  const Type type = filter ? call.type(1) : Type::Map(body.children()[0], body.children()[1]);
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector flat = batch.args[1].Flatten();
    const ArrayRows rows(flat);
    const size_t total = rows.end(batch.rows - 1);
    if (total == 0 && filter) return flat;
    std::vector<uint32_t> owner(total);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::fill(owner.begin() + rows.begin(i), owner.begin() + rows.end(i),
                static_cast<uint32_t>(i));
    }
    std::vector<Vector> parts;
    for (size_t at = 0; at < total; at += kVectorRowsMax) {
      const size_t count = std::min(kVectorRowsMax, total - at);
      const Vector in[] = {rows.child().children()[0].Slice(at, count),
                           rows.child().children()[1].Slice(at, count)};
      HOGLET_ASSIGN_OR_RETURN(
          Vector part, batch.lambdas[0]->Evaluate(batch.context, in, owner.data() + at, count));
      parts.push_back(part.Flatten());
    }
    if (!filter) {
      if (parts.empty()) return DefaultVector(type, batch.rows).Flatten();
      const Vector pairs = Vector::Concat(parts).Flatten();
      return MapOf(type, flat.shared_codes(), pairs.children()[0], pairs.children()[1], batch.rows);
    }
    const std::vector<uint8_t> keep = Truth(Vector::Concat(parts).Flatten(), total);
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      for (uint32_t e = rows.begin(i); e < rows.end(i); ++e) {
        if (keep[e]) picker.Add(e);
      }
      picker.CloseRow();
    }
    return picker.Build(type, rows.child());
  });
}

Bound BindMapUpdate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!IsMap(call.type(i))) return call.BadType(i);
  }
  const Type both[] = {call.type(0), call.type(1)};
  HOGLET_ASSIGN_OR_RETURN(Type type, CommonType(both, call.name));
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    HOGLET_ASSIGN_OR_RETURN(const Vector a, WidenElements(batch.args[0], type));
    HOGLET_ASSIGN_OR_RETURN(const Vector b, WidenElements(batch.args[1], type));
    const ArrayRows x(a), y(b);
    const Vector& old_keys = x.child().children()[0];
    const Vector& new_keys = y.child().children()[0];
    const RowEquality equal(old_keys, new_keys);
    const size_t start = x.child().size();
    ElementPicker picker(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      std::vector<bool> used(y.size(i));
      for (uint32_t e = x.begin(i); e < x.end(i); ++e) {
        size_t at = e;
        for (uint32_t n = y.begin(i); n < y.end(i); ++n) {
          if (!equal(e, n)) continue;
          at = start + n;
          used[n - y.begin(i)] = true;
        }
        picker.Add(at);
      }
      for (uint32_t n = y.begin(i); n < y.end(i); ++n) {
        if (!used[n - y.begin(i)]) picker.Add(start + n);
      }
      picker.CloseRow();
    }
    const Vector parts[] = {x.child(), y.child()};
    return picker.Build(type, Vector::Concat(parts).Flatten());
  });
}

// Maps and pairs of arrays as lists of (key, value).

struct Series {
  bool map = true;  // otherwise a tuple of two arrays
  Type key;
  Type value;

  Type ResultType() const {
    return map ? Type::Map(key, value) : Type::Tuple({Type::Array(key), Type::Array(value)});
  }
  Datum Make(std::vector<Datum> keys, std::vector<Datum> values) const {
    if (!map) return Datum(std::vector<Datum>{Datum(std::move(keys)), Datum(std::move(values))});
    std::vector<Datum> pairs;
    for (size_t i = 0; i < keys.size(); ++i) {
      pairs.push_back(Datum(std::vector<Datum>{std::move(keys[i]), std::move(values[i])}));
    }
    return Datum(std::move(pairs));
  }
  absl::StatusOr<std::vector<std::pair<Datum, Datum>>> Read(const Datum& in) const {
    std::vector<std::pair<Datum, Datum>> out;
    if (map) {
      for (const Datum& pair : in.list()) out.emplace_back(pair.list()[0], pair.list()[1]);
      return out;
    }
    const auto& keys = in.list()[0].list();
    const auto& values = in.list()[1].list();
    if (keys.size() != values.size()) return SizesDiffer("mapAdd");
    for (size_t i = 0; i < keys.size(); ++i) out.emplace_back(keys[i], values[i]);
    return out;
  }
};

absl::StatusOr<Series> SeriesOf(const Call& call, size_t i) {
  const Type& type = call.type(i);
  if (IsMap(type)) return Series{true, type.children()[0], type.children()[1]};
  if (IsTuple(type) && type.children().size() == 2 && IsArray(type.children()[0]) &&
      IsArray(type.children()[1])) {
    return Series{false, type.children()[0].element(), type.children()[1].element()};
  }
  return call.BadType(i);
}

Datum AddDatums(const Datum& a, const Datum& b, int sign) {
  if (a.value.index() == 2) return Datum(a.number() + sign * b.number());
  if (a.value.index() == 3) return Datum(static_cast<Int128>(a.wide() + sign * b.wide()));
  const auto x = static_cast<uint64_t>(a.integer());
  const auto y = static_cast<uint64_t>(b.integer());
  return Datum(static_cast<int64_t>(sign < 0 ? x - y : x + y));
}

template <int sign>
Bound BindMapSum(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, SIZE_MAX));
  std::vector<Series> series;
  std::vector<Type> keys, values;
  for (size_t i = 0; i < call.size(); ++i) {
    HOGLET_ASSIGN_OR_RETURN(Series one, SeriesOf(call, i));
    if (one.map != (i == 0 ? one.map : series[0].map)) return call.BadType(i);
    keys.push_back(one.key);
    values.push_back(one.value);
    series.push_back(std::move(one));
  }
  HOGLET_ASSIGN_OR_RETURN(const Type key, CommonType(keys, call.name));
  HOGLET_ASSIGN_OR_RETURN(const Type common, CommonType(values, call.name));
  if (!common.IsNumber() || common.nullable()) return call.BadType(0);
  const Type value = common.IsFloat()                       ? F64()
                     : common.kind() == TypeKind::kDecimal  ? common
                     : common.physical() == Physical::kI128 ? common
                                                            : IntegerType(64, IsSigned(common));
  const Series out{series[0].map, key, value};
  return MapDatums(
      out.ResultType(), [series, out](std::span<const Datum> in) -> absl::StatusOr<Datum> {
        std::vector<std::pair<Datum, Datum>> sums;
        for (size_t a = 0; a < in.size(); ++a) {
          HOGLET_ASSIGN_OR_RETURN(auto pairs, series[a].Read(in[a]));
          for (auto& [key, value] : pairs) {
            HOGLET_ASSIGN_OR_RETURN(Datum k,
                                    CastDatum(key, series[a].key, out.key, CastMode::kThrow));
            HOGLET_ASSIGN_OR_RETURN(Datum v,
                                    CastDatum(value, series[a].value, out.value, CastMode::kThrow));
            auto at = std::lower_bound(sums.begin(), sums.end(), k,
                                       [&](const auto& pair, const Datum& wanted) {
                                         return CompareDatums(out.key, pair.first, wanted) < 0;
                                       });
            if (at == sums.end() || CompareDatums(out.key, at->first, k) != 0) {
              at = sums.emplace(at, k, DefaultOf(out.value));
            }
            at->second = AddDatums(at->second, v, a == 0 ? 1 : sign);
          }
        }
        std::vector<Datum> keys, values;
        for (auto& [key, value] : sums) {
          keys.push_back(std::move(key));
          values.push_back(std::move(value));
        }
        return out.Make(std::move(keys), std::move(values));
      });
}

// All integer keys from the least to the greatest (or a given one), the missing ones with a default
// value.
Bound BindPopulate(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  Series series;
  size_t own = 1;  // arguments that hold the series
  if (IsArray(call.type(0))) {
    HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
    if (!IsArray(call.type(1))) return call.BadType(1);
    series = {false, call.type(0).element(), call.type(1).element()};
    own = 2;
  } else {
    HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 2));
    HOGLET_ASSIGN_OR_RETURN(series, SeriesOf(call, 0));
  }
  if (!series.key.IsInteger() || series.key.physical() == Physical::kI128) return call.BadType(0);
  if (call.size() > own &&
      (!call.type(own).IsInteger() || call.type(own).physical() == Physical::kI128)) {
    return call.BadType(own);
  }
  return MapDatums(
      series.ResultType(),
      [=, name = std::string(call.name)](std::span<const Datum> in) -> absl::StatusOr<Datum> {
        const Datum whole = own == 2 ? Datum(std::vector<Datum>{in[0], in[1]}) : in[0];
        HOGLET_ASSIGN_OR_RETURN(auto pairs, series.Read(whole));
        std::vector<Datum> keys, values;
        if (pairs.empty()) return series.Make({}, {});
        int64_t least = pairs[0].first.integer(), greatest = least;
        for (const auto& [key, value] : pairs) {
          least = std::min(least, key.integer());
          greatest = std::max(greatest, key.integer());
        }
        if (in.size() > own) greatest = in[own].integer();
        if (greatest < least) return series.Make({}, {});
        if (static_cast<uint64_t>(greatest) - static_cast<uint64_t>(least) > 1'000'000)
          return TooManyElements(name);
        for (int64_t k = least; k <= greatest; ++k) {
          keys.push_back(Datum(k));
          values.push_back(DefaultOf(series.value));
        }
        for (auto& [key, value] : pairs) {
          if (key.integer() <= greatest) values[static_cast<size_t>(key.integer() - least)] = value;
        }
        return series.Make(std::move(keys), std::move(values));
      });
}

constexpr ScalarEntry kTable[] = {
    {"tuple", BindTuple, kSeesNulls},
    {"tupleElement", BindTupleElement},
    {"tupleConcat", BindTupleConcat},
    {"tuplePlus", BindPairwise<kPlus>},
    {"vectorSum", BindPairwise<kPlus>},
    {"tupleMinus", BindPairwise<kMinus>},
    {"vectorDifference", BindPairwise<kMinus>},
    {"tupleMultiply", BindPairwise<kMultiply>},
    {"tupleDivide", BindPairwise<kDivide>},
    {"tupleIntDiv", BindPairwise<kIntDiv>},
    {"tupleModulo", BindPairwise<kModulo>},
    {"tupleNegate", BindTupleNegate},
    {"tupleMultiplyByNumber", BindByNumber<kMultiply>},
    {"tupleDivideByNumber", BindByNumber<kDivide>},
    {"tupleToNameValuePairs", BindNameValuePairs},
    {"tupleHammingDistance", BindHamming},
    {"dotProduct", BindDot},
    {"scalarProduct", BindDot},
    {"L1Norm", BindNorm<Norm::kL1>},
    {"L2Norm", BindNorm<Norm::kL2>},
    {"L2SquaredNorm", BindNorm<Norm::kSquaredL2>},
    {"LinfNorm", BindNorm<Norm::kLinf>},
    {"LpNorm", BindNorm<Norm::kLp>},
    {"L1Distance", BindDistance<Norm::kL1>},
    {"L2Distance", BindDistance<Norm::kL2>},
    {"L2SquaredDistance", BindDistance<Norm::kSquaredL2>},
    {"LinfDistance", BindDistance<Norm::kLinf>},
    {"LpDistance", BindDistance<Norm::kLp>},
    {"L1Normalize", BindNormalize<Norm::kL1>},
    {"L2Normalize", BindNormalize<Norm::kL2>},
    {"LinfNormalize", BindNormalize<Norm::kLinf>},
    {"LpNormalize", BindNormalize<Norm::kLp>},
    {"cosineDistance", BindCosine},
    {"map", BindMap, kSeesNulls},
    {"mapFromArrays", BindMapFromArrays},
    {"mapKeys", BindMapSide<0>},
    {"mapValues", BindMapSide<1>},
    {"mapContains", BindMapContains},
    {"mapContainsKey", BindMapContains},
    {"mapContainsKeyLike", BindKeyLike<false>},
    {"mapExtractKeyLike", BindKeyLike<true>},
    {"mapFilter", BindMapLambda<true>, kSeesNulls | kTakesLambda},
    {"mapApply", BindMapLambda<false>, kSeesNulls | kTakesLambda},
    {"mapUpdate", BindMapUpdate},
    {"mapAdd", BindMapSum<1>},
    {"mapSubtract", BindMapSum<-1>},
    {"mapPopulateSeries", BindPopulate},
};

}  // namespace

std::span<const ScalarEntry> TupleMapFunctions() { return kTable; }

}  // namespace hoglet::fn
