#include <algorithm>
#include <cmath>

#include "query/functions/arrays.h"
#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Tuples, also as vectors of numbers.

namespace hoglet::fn {
namespace {

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
};

}  // namespace

std::span<const ScalarEntry> TupleFunctions() { return kTable; }

}  // namespace hoglet::fn
