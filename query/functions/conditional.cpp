#include "query/functions/conditional.h"

#include <cmath>

#include "query/functions/cast.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

namespace hoglet::fn {
namespace {

template <typename T>
Vector ChooseFlat(const Type& type, std::span<const Vector> branches,
                  const std::vector<uint16_t>& choice, size_t rows) {
  Vector out = Vector::Flat(type, rows);
  T* data = out.mutable_data<T>();
  std::vector<VectorReader<T>> readers(branches.begin(), branches.end());
  bool nulls = false;
  for (const VectorReader<T>& reader : readers) nulls |= !reader.all_valid();
  for (size_t i = 0; i < rows; ++i) {
    const VectorReader<T>& reader = readers[choice[i]];
    if (nulls && !reader.valid(i)) {
      data[i] = T();
      out.SetNull(i);
    } else {
      data[i] = reader.at(i);
    }
  }
  if constexpr (std::is_same_v<T, std::string_view>) {
    for (const Vector& branch : branches) {
      out.KeepAliveFrom(branch);
      if (branch.form() == Vector::Form::kDictionary) out.KeepAliveFrom(*branch.dictionary());
    }
  }
  return out;
}

}  // namespace

Vector Choose(const Type& type, std::span<const Vector> branches,
              const std::vector<uint16_t>& choice, size_t rows) {
  switch (type.physical()) {
    case Physical::kNone:
      return Vector::NullConstant(type, rows);
    case Physical::kU8:
      return ChooseFlat<uint8_t>(type, branches, choice, rows);
    case Physical::kI64:
      return ChooseFlat<int64_t>(type, branches, choice, rows);
    case Physical::kF64:
      return ChooseFlat<double>(type, branches, choice, rows);
    case Physical::kI128:
      return ChooseFlat<Int128>(type, branches, choice, rows);
    case Physical::kString:
      return ChooseFlat<std::string_view>(type, branches, choice, rows);
    default:
      break;
  }
  std::vector<uint32_t> picks(rows);
  std::vector<Vector> flat;
  for (const Vector& branch : branches) flat.push_back(branch.Flatten());
  for (size_t i = 0; i < rows; ++i) picks[i] = static_cast<uint32_t>(choice[i] * rows + i);
  return Vector::Concat(flat).Gather(picks.data(), rows);
}

namespace {

// if and multiIf: condition, value, condition, value, ..., value.
Bound BindMultiIf(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, SIZE_MAX));
  if (call.size() % 2 == 0) {
    return Error("number_of_arguments_doesnt_match", "Invalid number of arguments for function ",
                 call.name);
  }
  std::vector<Type> types;
  for (size_t i = 0; i + 1 < call.size(); i += 2) {
    const Type& condition = call.type(i);
    if (!IsNothing(condition) && !condition.IsInteger() && condition.kind() != TypeKind::kBool)
      return call.BadType(i);
    types.push_back(call.type(i + 1));
  }
  types.push_back(call.type(call.size() - 1));
  HOGLET_ASSIGN_OR_RETURN(const Type type, CommonType(types, call.name));
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const size_t count = batch.args.size();
    const auto last = static_cast<uint16_t>(count / 2);
    std::vector<uint16_t> choice(batch.rows, last);
    for (size_t c = last; c-- > 0;) {
      if (IsNothing(batch.args[2 * c].type())) continue;
      const std::vector<uint8_t> truth = Truth(batch.args[2 * c], batch.rows);
      for (size_t i = 0; i < batch.rows; ++i) {
        if (truth[i]) choice[i] = static_cast<uint16_t>(c);
      }
    }
    std::vector<Vector> branches;
    for (size_t c = 0; c < last; ++c) {
      HOGLET_ASSIGN_OR_RETURN(Vector branch, Widen(batch.args[2 * c + 1], type));
      branches.push_back(std::move(branch));
    }
    HOGLET_ASSIGN_OR_RETURN(Vector otherwise, Widen(batch.args[count - 1], type));
    branches.push_back(std::move(otherwise));
    return Choose(type, branches, choice, batch.rows);
  });
}

Bound BindIf(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(3, 3));
  const TypeKind condition = call.type(0).kind();
  if (condition != TypeKind::kUInt8 && condition != TypeKind::kBool &&
      condition != TypeKind::kNothing) {
    return call.BadType(0);
  }
  return BindMultiIf(call);
}

// The first value that is not NULL. Arguments after one that is never NULL do not count, not even
// for the type.
Bound BindCoalesce(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  std::vector<size_t> used;
  std::vector<Type> types;
  bool certain = false;
  for (size_t i = 0; i < call.size() && !certain; ++i) {
    const Type& type = call.type(i);
    if (IsNothing(type)) continue;
    used.push_back(i);
    certain = !type.nullable();
    types.push_back(type.NotNullable());
  }
  if (used.empty()) return NullResult();
  HOGLET_ASSIGN_OR_RETURN(Type type, CommonType(types, call.name));
  if (!certain) type = type.Nullable();
  return MakeFunction(type, [type, used](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Vector> branches;
    std::vector<uint16_t> choice(batch.rows, static_cast<uint16_t>(used.size() - 1));
    for (const size_t at : used) {
      HOGLET_ASSIGN_OR_RETURN(Vector branch, Widen(batch.args[at], type.Nullable()));
      branches.push_back(std::move(branch));
    }
    for (size_t b = used.size() - 1; b-- > 0;) {
      const Vector& branch = branches[b];
      for (size_t i = 0; i < batch.rows; ++i) {
        if (!branch.IsNull(i)) choice[i] = static_cast<uint16_t>(b);
      }
    }
    if (used.size() == 1) return branches[0];
    return Choose(type, branches, choice, batch.rows);
  });
}

Bound BindIfNull(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (IsNothing(call.type(0))) {
    return MakeFunction(call.type(1),
                        [](const Batch& batch) -> absl::StatusOr<Vector> { return batch.args[1]; });
  }
  if (!call.type(0).nullable()) return Identity(call.type(0));
  const Type first = call.type(0).NotNullable();
  if (IsNothing(call.type(1))) return Identity(call.type(0));
  const Type types[] = {first, call.type(1)};
  HOGLET_ASSIGN_OR_RETURN(const Type type, CommonType(types, call.name));
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector& x = batch.args[0];
    if (!x.MayHaveNulls() && x.type().SameBase(type)) return x;
    HOGLET_ASSIGN_OR_RETURN(Vector first, Widen(x, type.Nullable()));
    HOGLET_ASSIGN_OR_RETURN(Vector second, Widen(batch.args[1], type));
    std::vector<uint16_t> choice(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) choice[i] = first.IsNull(i);
    const Vector branches[] = {first, second};
    return Choose(type, branches, choice, batch.rows);
  });
}

Bound BindNullIf(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (IsNothing(call.type(0))) return NullResult();
  const Type type = CanBeNullable(call.type(0)) ? call.type(0).Nullable() : call.type(0);
  if (IsNothing(call.type(1))) return Identity(type);
  if (!CanBeNullable(call.type(0))) return call.BadType(0);
  HOGLET_ASSIGN_OR_RETURN(auto equals, BindOther(call, "equals", call.args));
  return MakeFunction(type, [type, equals](const Batch& batch) -> absl::StatusOr<Vector> {
    HOGLET_ASSIGN_OR_RETURN(Vector same,
                            equals->Evaluate(batch.context, batch.args, {}, batch.rows));
    const std::vector<uint8_t> truth = Truth(same, batch.rows);
    bool any = false;
    for (size_t i = 0; i < batch.rows; ++i) any |= truth[i] != 0;
    if (!any) return batch.args[0];
    const std::vector<uint16_t> choice(truth.begin(), truth.end());
    Vector value = batch.args[0];
    value.set_type(type);
    const Vector branches[] = {value, Vector::NullConstant(type, batch.rows)};
    return Choose(type, branches, choice, batch.rows);
  });
}

template <bool negate>
Bound BindIsNull(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector& x = batch.args[0];
    if (IsNothing(x.type())) return Vector::Constant(U8(), Datum(int64_t{!negate}), batch.rows);
    if (x.validity() == nullptr) return Vector::Constant(U8(), Datum(int64_t{negate}), batch.rows);
    if (x.is_constant())
      return Vector::Constant(U8(), Datum(int64_t{x.IsNull(0) != negate}), batch.rows);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      out.mutable_data<uint8_t>()[i] = BitIsSet(x.validity(), i) == negate;
    }
    return out;
  });
}

Bound BindAssumeNotNull(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (IsNothing(call.type(0))) return NullResult();
  const Type type = call.type(0).NotNullable();
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    Vector x = batch.args[0];
    if (x.validity() == nullptr) {
      x.set_type(type);
      return x;
    }
    std::vector<uint16_t> choice(batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) choice[i] = x.IsNull(i);
    const Vector branches[] = {x, DefaultVector(type, batch.rows)};
    return Choose(type, branches, choice, batch.rows);
  });
}

Bound BindToNullable(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (IsNothing(call.type(0))) return NullResult();
  if (!CanBeNullable(call.type(0))) return call.BadType(0);
  return Identity(call.type(0).Nullable());
}

// caseWithExpression(x, value, result, ..., otherwise).
Bound BindCase(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(4, SIZE_MAX));
  std::vector<std::shared_ptr<ScalarFunction>> equals;
  std::vector<FunctionArgument> branches;
  for (size_t i = 1; i + 1 < call.size(); i += 2) {
    const FunctionArgument pair[] = {call.args[0], call.args[i]};
    HOGLET_ASSIGN_OR_RETURN(auto function, BindOther(call, "equals", pair));
    branches.push_back({function->result_type()});
    branches.push_back(call.args[i + 1]);
    equals.push_back(std::move(function));
  }
  branches.push_back(call.args.back());
  HOGLET_ASSIGN_OR_RETURN(auto choose, BindOther(call, "multiIf", branches));
  return MakeFunction(
      choose->result_type(), [equals, choose](const Batch& batch) -> absl::StatusOr<Vector> {
        std::vector<Vector> args;
        for (size_t c = 0; c < equals.size(); ++c) {
          const Vector pair[] = {batch.args[0], batch.args[1 + 2 * c]};
          HOGLET_ASSIGN_OR_RETURN(Vector same,
                                  equals[c]->Evaluate(batch.context, pair, {}, batch.rows));
          // NULL meets NULL.
          if (pair[0].MayHaveNulls() && pair[1].MayHaveNulls()) {
            Vector both = Vector::Flat(U8(), batch.rows);
            const std::vector<uint8_t> truth = Truth(same, batch.rows);
            for (size_t i = 0; i < batch.rows; ++i) {
              both.mutable_data<uint8_t>()[i] =
                  truth[i] || (pair[0].IsNull(i) && pair[1].IsNull(i));
            }
            same = std::move(both);
          }
          args.push_back(std::move(same));
          args.push_back(batch.args[2 + 2 * c]);
        }
        args.push_back(batch.args.back());
        return choose->Evaluate(batch.context, args, {}, batch.rows);
      });
}

template <bool greatest>
Bound BindExtreme(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  std::vector<Type> types;
  for (const FunctionArgument& arg : call.args) types.push_back(arg.type);
  HOGLET_ASSIGN_OR_RETURN(Type type, CommonType(types, call.name));
  // Of two plain numbers the first has to win, which it never does where one of them is NaN.
  const bool pair = types.size() == 2 && type.IsFloat() && !type.nullable();
  return MakeFunction(type, [type, pair](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Vector> branches;
    for (const Vector& arg : batch.args) {
      HOGLET_ASSIGN_OR_RETURN(Vector branch, Widen(arg, type));
      branches.push_back(std::move(branch));
    }
    std::vector<uint16_t> choice(batch.rows, 0);
    if (pair) {
      const Input<double> a(branches[0]), b(branches[1]);
      for (size_t i = 0; i < batch.rows; ++i) choice[i] = !(greatest ? a[i] > b[i] : a[i] < b[i]);
      return Choose(type, branches, choice, batch.rows);
    }
    for (size_t b = 1; b < branches.size(); ++b) {
      for (size_t i = 0; i < batch.rows; ++i) {
        const Vector& best = branches[choice[i]];
        if (branches[b].IsNull(i)) continue;
        if (best.IsNull(i)) {
          choice[i] = static_cast<uint16_t>(b);
          continue;
        }
        if (greatest && best.type().physical() == Physical::kF64) {
          // NaN is no candidate as long as there is a number.
          const double value = branches[b].data<double>()[branches[b].Position(i)];
          const double top = best.data<double>()[best.Position(i)];
          if (value > top || std::isnan(top)) choice[i] = static_cast<uint16_t>(b);
          continue;
        }
        const int order = CompareRows(branches[b], i, best, i);
        if (greatest ? order > 0 : order < 0) choice[i] = static_cast<uint16_t>(b);
      }
    }
    return Choose(type, branches, choice, batch.rows);
  });
}

Bound BindThrowIf(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 3));
  std::string message = "Value passed to 'throwIf' function is non-zero";
  if (call.size() > 1) {
    HOGLET_ASSIGN_OR_RETURN(message, call.ConstantString(1));
  }
  if (!call.type(0).IsNumber()) return call.BadType(0);
  return MakeFunction(U8(), [message](const Batch& batch) -> absl::StatusOr<Vector> {
    const std::vector<uint8_t> truth = Truth(batch.args[0], batch.rows);
    for (const uint8_t value : truth) {
      if (value) return Error("function_throw_if_value_is_non_zero", message);
    }
    return Vector::Constant(U8(), Datum(int64_t{0}), batch.rows);
  });
}

constexpr ScalarEntry kTable[] = {
    {"if", BindIf, kSeesNulls | kShortCircuits},
    {"multiIf", BindMultiIf, kSeesNulls | kShortCircuits},
    {"coalesce", BindCoalesce, kSeesNulls | kShortCircuits},
    {"ifNull", BindIfNull, kSeesNulls | kShortCircuits},
    {"nullIf", BindNullIf, kSeesNulls},
    {"isNull", BindIsNull<false>, kSeesNulls},
    {"isNotNull", BindIsNull<true>, kSeesNulls},
    {"assumeNotNull", BindAssumeNotNull, kSeesNulls},
    {"toNullable", BindToNullable, kSeesNulls},
    {"caseWithExpression", BindCase, kSeesNulls},
    {"greatest", BindExtreme<true>, kSeesNulls},
    {"least", BindExtreme<false>, kSeesNulls},
    {"throwIf", BindThrowIf, kSeesNulls},
};

}  // namespace

std::span<const ScalarEntry> ConditionalFunctions() { return kTable; }

}  // namespace hoglet::fn
