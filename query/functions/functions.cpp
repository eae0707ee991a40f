#include "query/functions/functions.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "query/functions/aggregate.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

namespace hoglet {
namespace {

using fn::Call;
using fn::ScalarEntry;

class Catalog final : public FunctionCatalog {
 public:
  Catalog() {
    for (const auto table : {fn::ArithmeticFunctions(),
                             fn::ComparisonFunctions(),
                             fn::SetFunctions(),
                             fn::LogicFunctions(),
                             fn::ConditionalFunctions(),
                             fn::ConversionFunctions(),
                             fn::StringFunctions(),
                             fn::StringSearchFunctions(),
                             fn::RegexFunctions(),
                             fn::UrlFunctions(),
                             fn::JsonFunctions(),
                             fn::DateTimeFunctions(),
                             fn::DateArithmeticFunctions(),
                             fn::DateFormatFunctions(),
                             fn::DateParseFunctions(),
                             fn::ArrayFunctions(),
                             fn::AlignedArrayFunctions(),
                             fn::ArrayLambdaFunctions(),
                             fn::TupleFunctions(),
                             fn::MapFunctions(),
                             fn::HashFunctions(),
                             fn::IpFunctions(),
                             fn::MathFunctions(),
                             fn::GeoFunctions(),
                             fn::BitFunctions(),
                             fn::EncodingFunctions(),
                             fn::SplitFunctions(),
                             fn::MiscFunctions(),
                             fn::ChannelFunctions()}) {
      for (const ScalarEntry& entry : table) {
        const bool inserted = scalars_.emplace(entry.name, entry).second;
        HOGLET_ASSERT(inserted);
      }
    }
  }

  absl::StatusOr<std::unique_ptr<ScalarFunction>> BindScalar(
      std::string_view name, std::span<const FunctionArgument> arguments,
      const EvalContext& context) const override {
    const auto found = scalars_.find(name);
    if (found == scalars_.end()) {
      return WithErrorCode(
          absl::NotFoundError(fn::Cat("Function with name `", name, "` does not exist")),
          "unknown_function");
    }
    const ScalarEntry& entry = found->second;
    const Call original{name, arguments, context, *this};
    for (size_t i = 0; i < arguments.size() && !(entry.flags & fn::kTakesLambda); ++i) {
      if (arguments[i].lambda != nullptr) return original.BadType(i);
    }
    if (entry.flags & fn::kSeesNulls) {
      return fn::Finish(entry.bind(original), original, entry.flags);
    }
    bool null_constant = false;
    std::vector<FunctionArgument> plain(arguments.begin(), arguments.end());
    for (FunctionArgument& argument : plain) {
      if (fn::IsNothing(argument.type)) return fn::NullResult();
      null_constant |= argument.constant.has_value() && argument.constant->is_null();
      argument.type = argument.type.NotNullable();
    }
    const Call call{name, plain, context, *this};
    auto bound = entry.bind(call);
    // What a binder asks of a constant, a constant NULL does not have; the result is NULL anyway.
    // Types and the number of arguments are wrong all the same.
    if (!bound.ok() && null_constant && ErrorCodeOf(bound.status()) == "illegal_column") {
      return fn::NullResult();
    }
    return fn::Finish(std::move(bound), original, entry.flags);
  }

  absl::StatusOr<std::unique_ptr<AggregateFunction>> BindAggregate(
      std::string_view name, std::span<const Datum> parameters,
      std::span<const FunctionArgument> arguments, bool distinct) const override {
    std::vector<Type> types;
    for (const FunctionArgument& argument : arguments) types.push_back(argument.type);
    return fn::BindAggregateFunction(name, parameters, types, distinct);
  }

  bool IsScalar(std::string_view name) const override { return scalars_.contains(name); }
  bool IsAggregate(std::string_view name) const override { return fn::IsAggregateName(name); }

  std::vector<std::string_view> ScalarNames() const {
    std::vector<std::string_view> names;
    for (const auto& [name, entry] : scalars_) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  absl::flat_hash_map<std::string_view, ScalarEntry> scalars_;
};

}  // namespace

static const Catalog& TheCatalog() {
  static const Catalog* const catalog = new Catalog();
  return *catalog;
}

const FunctionCatalog& BuiltinFunctions() { return TheCatalog(); }

std::vector<std::string_view> BuiltinScalarFunctionNames() { return TheCatalog().ScalarNames(); }

namespace fn {

Bound NullResult() {
  const Type type = Type(TypeKind::kNothing).Nullable();
  auto bound = MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    return Vector::NullConstant(type, batch.rows);
  });
  return bound;
}

Bound Identity(Type type) {
  return MakeFunction(std::move(type),
                      [](const Batch& batch) -> absl::StatusOr<Vector> { return batch.args[0]; });
}

absl::StatusOr<std::shared_ptr<ScalarFunction>> BindOther(const Call& call, std::string_view name,
                                                          std::span<const FunctionArgument> args) {
  HOGLET_ASSIGN_OR_RETURN(std::unique_ptr<ScalarFunction> function,
                          call.catalog.BindScalar(name, args, call.context));
  return std::shared_ptr<ScalarFunction>(std::move(function));
}

}  // namespace fn
}  // namespace hoglet
