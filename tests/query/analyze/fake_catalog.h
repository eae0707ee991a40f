#pragma once

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "query/analyze/function_catalog.h"
#include "src/base/strings.h"
#include "src/base/time.h"

// Functions that know their types only, roughly: enough to see what the analyzer makes of a query
// without the function library.

namespace hoglet {

class FakeFunction : public ScalarFunction {
 public:
  FakeFunction(std::string name, Type type) : name_(std::move(name)) {
    result_type_ = std::move(type);
  }
  bool deterministic() const override {
    return name_ != "now64" && name_ != "today" && name_ != "rand";
  }

  // Only moments written as days are ever computed.
  absl::StatusOr<Vector> Evaluate(EvalContext& context, std::span<const Vector> arguments,
                                  std::span<const LambdaBody* const>, size_t rows) const override {
    if (name_ == "now64") return Vector::Constant(result_type_, context.now_us, rows);
    const bool moment = name_ == "toDateTime" || name_ == "toDateTime64" || name_ == "toDate";
    if (!moment || !arguments[0].type().IsStringLike()) return absl::UnimplementedError(name_);
    const Datum text = arguments[0].Get(0);
    int year = 0, month = 0, day = 0;
    if (std::sscanf(text.string().c_str(), "%d-%d-%d", &year, &month, &day) != 3)
      return absl::InvalidArgumentError("no day");
    const int64_t number = DayNumberOf(year, month, day);
    if (name_ == "toDate") return Vector::Constant(result_type_, number, rows);
    const auto zone = TimeZone::Load(result_type_.zone().empty() ? "UTC" : result_type_.zone());
    const int64_t us = StartOfDayNumber(number, *zone);
    return Vector::Constant(result_type_, name_ == "toDateTime" ? us / kMicrosPerSecond : us, rows);
  }

 private:
  std::string name_;
};

class FakeAggregate : public AggregateFunction {
 public:
  explicit FakeAggregate(Type type) { result_type_ = std::move(type); }
  size_t state_bytes() const override { return 16; }
  void Create(char*) const override {}
  void Destroy(char*) const override {}
  absl::Status Update(EvalContext&, char* const*, std::span<const Vector>, size_t) const override {
    return absl::OkStatus();
  }
  absl::Status UpdateAll(EvalContext&, char*, std::span<const Vector>, size_t) const override {
    return absl::OkStatus();
  }
  absl::Status Merge(char*, const char*) const override { return absl::OkStatus(); }
  absl::Status Finalize(const char*, VectorBuilder*) const override { return absl::OkStatus(); }
  absl::Status Serialize(const char*, std::string*) const override { return absl::OkStatus(); }
  absl::Status Deserialize(std::string_view, char*) const override { return absl::OkStatus(); }
};

class FakeCatalog : public FunctionCatalog {
 public:
  absl::StatusOr<std::unique_ptr<ScalarFunction>> BindScalar(
      std::string_view name, std::span<const FunctionArgument> arguments,
      const EvalContext&) const override {
    std::vector<Type> types;
    for (const FunctionArgument& argument : arguments) {
      Type type = argument.type;
      if (argument.lambda != nullptr) {
        Type element = types.empty() ? Type(TypeKind::kInt64).Nullable() : types[0];
        for (const FunctionArgument& other : arguments) {
          if (other.type.kind() == TypeKind::kArray) element = other.type.element();
        }
        const std::vector<Type> parameters(argument.lambda->parameter_count(), element);
        auto body = argument.lambda->Bind(parameters);
        if (!body.ok()) return body.status();
        type = *body;
      }
      types.push_back(std::move(type));
    }
    return std::make_unique<FakeFunction>(std::string(name),
                                          ResultType(std::string(name), arguments, types));
  }

  absl::StatusOr<std::unique_ptr<AggregateFunction>> BindAggregate(
      std::string_view name, std::span<const Datum>, std::span<const FunctionArgument> arguments,
      bool) const override {
    Type type(TypeKind::kUInt64);
    if (name.starts_with("avg") || name.starts_with("quantile")) type = Type(TypeKind::kFloat64);
    if (name == "groupArray" || name == "groupUniqArray")
      type = Type::Array(arguments[0].type.NotNullable());
    if (name == "min" || name == "max" || name == "any" || name == "argMax" || name == "argMin")
      type = arguments[0].type;
    if (name.ends_with("OrNull")) type = type.Nullable();
    return std::make_unique<FakeAggregate>(type);
  }

  bool IsScalar(std::string_view name) const override {
    return !IsAggregate(name) && name != "geohashEncode";
  }
  bool IsAggregate(std::string_view name) const override {
    for (std::string_view stem : {"count", "sum", "avg", "min", "max", "any", "uniq", "quantile",
                                  "median", "argM", "group", "topK"}) {
      if (name.starts_with(stem) && name != "max2" && name != "min2" && !name.starts_with("minus"))
        return true;
    }
    return false;
  }

 private:
  static Type ResultType(const std::string& name, std::span<const FunctionArgument> arguments,
                         const std::vector<Type>& types) {
    bool nullable = false;
    for (const Type& type : types) nullable = nullable || type.nullable();
    auto lifted = [&](Type type) { return nullable ? type.Nullable() : type; };
    static const std::set<std::string> kTruths = {
        "equals", "notEquals", "less",    "greater",  "lessOrEquals", "greaterOrEquals",
        "like",   "ilike",     "notLike", "notILike", "match",        "and",
        "or",     "not",       "empty",   "notEmpty"};
    static const std::set<std::string> kFirm = {"isNull", "isNotNull",   "in",      "notIn",
                                                "has",    "arrayExists", "arrayAll"};
    if (kTruths.contains(name)) return lifted(Type(TypeKind::kUInt8));
    if (kFirm.contains(name)) return Type(TypeKind::kUInt8);
    if (name == "ifNull" || name == "coalesce")
      return types.back().nullable() ? types[0] : types[0].NotNullable();
    if (name == "nullIf" || name == "toNullable" || name.ends_with("OrNull")) {
      return (name == "accurateCastOrNull" ? CastTarget(arguments[1]) : types[0]).Nullable();
    }
    if (name == "assumeNotNull") return types[0].NotNullable();
    if (name == "CAST" || name == "accurateCast") return CastTarget(arguments[1]);
    if ((name == "if" || name == "multiIf") && types.size() > 1)
      return types[1].nullable() || types.back().nullable() ? types[1].Nullable() : types[1];
    if (name == "array") return Type::Array(types.empty() ? Type() : Wider(types));
    if (name == "tuple") return Type::Tuple(types);
    if (name == "arrayElement" && types[0].kind() == TypeKind::kArray) return types[0].element();
    if (name == "tupleElement" && types[0].kind() == TypeKind::kTuple && types[1].IsInteger()) {
      const auto element = static_cast<size_t>(arguments[1].constant->integer() - 1);
      if (element < types[0].children().size()) return types[0].children()[element];
    }
    if (name == "arrayMap") return Type::Array(types[0]);
    if (name == "concat") return Type(TypeKind::kString);
    if (name == "toTimeZone") return types[0].WithZone(Zone(arguments));
    if (name == "now64") return Type::DateTime64(6, Zone(arguments));
    if (name == "toDate" || name == "today") return lifted(Type(TypeKind::kDate));
    if (name == "toDateTime") return lifted(Type::DateTime(Zone(arguments)));
    if (name.starts_with("toDateTime64") || name.starts_with("parseDateTime64"))
      return lifted(Type::DateTime64(6, Zone(arguments)));
    if (name.starts_with("toStartOf"))
      return lifted(types[0].kind() == TypeKind::kDateTime64 ? Type::DateTime(types[0].zone())
                                                             : types[0]);
    if (name == "toUUID") return lifted(Type(TypeKind::kUuid));
    if (name.starts_with("toInterval")) return Type::Interval(IntervalUnit::kDay);
    if (name == "extractAll" || name == "splitByChar" || name == "splitByString" ||
        name == "JSONExtractArrayRaw") {
      return Type::Array(Type(TypeKind::kString));
    }
    if (name == "toString" || name.starts_with("JSONExtract") || name == "transform")
      return lifted(Type(TypeKind::kString));
    if (name == "length") return lifted(Type(TypeKind::kUInt64));
    if (name == "divide") return lifted(Type(TypeKind::kFloat64));
    return types.empty() ? Type(TypeKind::kFloat64) : lifted(types[0]);
  }

  static std::string Zone(std::span<const FunctionArgument> arguments) {
    const auto& last = arguments.back().constant;
    return arguments.size() > 1 && last.has_value() &&
                   std::holds_alternative<std::string>(last->value)
               ? last->string()
               : "";
  }
  static Type CastTarget(const FunctionArgument& name) {
    if (!name.constant.has_value() || !std::holds_alternative<std::string>(name.constant->value)) {
      return Type(TypeKind::kInt64);
    }
    auto parsed = Type::Parse(name.constant->string());
    return parsed.ok() ? *parsed : Type(TypeKind::kInt64);
  }
  static Type Wider(const std::vector<Type>& types) {
    Type type = types[0];
    bool nullable = false;
    for (const Type& other : types) {
      nullable = nullable || other.nullable();
      if (type.kind() == TypeKind::kNothing || other.IsFloat()) type = other;
      if (type.IsInteger() && other.IsInteger() && other.IntegerBits() > type.IntegerBits())
        type = other;
    }
    return nullable ? type.Nullable() : type.NotNullable();
  }
};

}  // namespace hoglet
