#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "query/functions/functions.h"
#include "query/functions/types.h"
#include "src/base/strings.h"
#include "tests/query/functions/argument_source.h"

// Every scalar function, on random arguments of random types it accepts, must give in a batch what
// it gives for each row alone with constant arguments: flat, constant, dictionary-coded and
// gathered columns, with and without NULLs. A row that fails alone fails its batch, and a
// dictionary entry that no row refers to fails nothing.

namespace hoglet {
namespace {

constexpr uint64_t kSeed = 20240229;
constexpr size_t kRows = 67;  // more than one word of a validity bitmap
constexpr size_t kSignaturesMax = 6;
constexpr size_t kTriesMax = 6000;
constexpr size_t kTrials = 4;

// Functions whose value is not a function of the row, each with the reason.
const std::map<std::string_view, std::string_view>& Nondeterministic() {
  static const auto* const kNames = new std::map<std::string_view, std::string_view>{
      {"now", "the clock of the query"},
      {"now64", "the clock of the query"},
      {"nowInBlock", "the clock of the query"},
      {"today", "the clock of the query"},
      {"yesterday", "the clock of the query"},
      {"rand", "random"},
      {"rand32", "random"},
      {"rand64", "random"},
      {"randCanonical", "random"},
      {"generateUUIDv4", "random"},
      {"generateUUIDv7", "random"},
      {"materialize", "must not be folded, so that constants become columns"},
      {"rowNumberInBlock", "depends on the batch"},
      {"rowNumberInAllBlocks", "depends on the batches before"},
  };
  return *kNames;
}

// Functions that take types no column of this test has, each with the reason.
const std::map<std::string_view, std::string_view>& Unreachable() {
  static const auto* const kNames = new std::map<std::string_view, std::string_view>{
      {"dynamicType", "takes Dynamic only, which no column has"},
  };
  return *kNames;
}

// Argument types that chance would hardly hit upon. Constants are marked: "=Type" is a random value
// of the type, "'text" that text, "#7" that number, "day" an interval of days.
const std::map<std::string_view, std::vector<std::string_view>>& Hints() {
  static const auto* const kHints = new std::map<std::string_view, std::vector<std::string_view>>{
      {"transform", {"Nullable(Int64)", "=Array(Int64)", "=Array(Int64)", "Int64"}},
      {"arrayReduce", {"'sum", "Array(Int64)"}},
      {"makeDateTime", {"Int64", "Int64", "UInt8", "UInt8", "Int32", "Nullable(UInt8)"}},
      {"pointInPolygon", {"Tuple(Float64, Float64)", "=Array(Tuple(Float64, Float64))"}},
      {"pointInEllipses", {"Float64", "Float64", "#1", "#2", "#3", "#4"}},
      {"geohashesInBox", {"Float64", "Float64", "Float64", "Float64", "#2"}},
      {"convertCharset", {"String", "'UTF-8", "'UTF-8"}},
      {"channelType",
       {"String", "Nullable(String)", "String", "String", "String", "String", "String"}},
      {"JSON_VALUE", {"String", "'$.a"}},
      {"JSON_QUERY", {"String", "'$.b"}},
      {"JSON_EXISTS", {"String", "'$.b[0]"}},
      {"IPv4CIDRToRange", {"IPv4", "UInt8"}},
      {"IPv6CIDRToRange", {"IPv6", "UInt8"}},
      {"extractAllGroupsHorizontal", {"String", "'(\\w)(\\d?)"}},
      {"extractAllGroupsVertical", {"String", "'(\\w)(\\d?)"}},
      {"toTimeZone", {"Nullable(DateTime('UTC'))", "'America/New_York"}},
      {"toStartOfInterval", {"DateTime('UTC')", "day"}},
      {"tumble", {"DateTime('UTC')", "day"}},
      {"tumbleStart", {"DateTime('UTC')", "day", "'America/New_York"}},
      {"tumbleEnd", {"DateTime('UTC')", "day", "'America/New_York"}},
      {"hop", {"DateTime('UTC')", "day", "day"}},
      {"hopStart", {"DateTime('UTC')", "day", "day"}},
      {"hopEnd", {"DateTime('UTC')", "day", "day"}},
      {"mapApply", {"lambda", "Map(String, Int64)"}},
      {"mapFilter", {"lambda", "Map(Int64, Float64)"}},
  };
  return *kHints;
}

// Functions that make as many elements or bytes as an argument says: numbers stay small, because
// what is between large and refused only takes long.
bool MakesAsMany(std::string_view name) {
  static const auto* const kNames = new std::set<std::string_view>{
      "range", "timeSlots", "arrayResize", "arrayWithConstant", "repeat",
      "space", "leftPad",   "rightPad",    "mapPopulateSeries"};
  return kNames->contains(name);
}

// A lambda that needs its first parameter and a column of the enclosing batch.
enum class LambdaKind { kFirst, kPredicate, kNumber, kPair };

class TestLambdaBinder final : public LambdaBinder {
 public:
  TestLambdaBinder(LambdaKind kind, size_t parameters) : kind_(kind), parameters_(parameters) {}
  size_t parameter_count() const override { return parameters_; }
  absl::StatusOr<Type> Bind(std::span<const Type> types) override {
    if (types.size() != parameters_) return absl::InvalidArgumentError("parameter count");
    if (kind_ == LambdaKind::kFirst) return types[0];
    if (kind_ == LambdaKind::kPair) return Type::Tuple({types[0], types.back()});
    return Type(kind_ == LambdaKind::kPredicate ? TypeKind::kUInt8 : TypeKind::kInt64);
  }

 private:
  LambdaKind kind_;
  size_t parameters_;
};

class TestLambdaBody final : public LambdaBody {
 public:
  TestLambdaBody(LambdaKind kind, std::vector<uint64_t> column)
      : kind_(kind), column_(std::move(column)) {}
  absl::StatusOr<Vector> Evaluate(EvalContext&, std::span<const Vector> parameters,
                                  const uint32_t* outer_rows, size_t rows) const override {
    if (kind_ == LambdaKind::kFirst) return parameters[0];
    const Vector first = parameters[0].Flatten();
    if (kind_ == LambdaKind::kPair) {
      const Vector last = parameters.back().Flatten();
      return Vector::TupleOf(Type::Tuple({first.type(), last.type()}), {first, last}, rows);
    }
    const bool predicate = kind_ == LambdaKind::kPredicate;
    Vector out = Vector::Flat(Type(predicate ? TypeKind::kUInt8 : TypeKind::kInt64), rows);
    for (size_t i = 0; i < rows; ++i) {
      const uint64_t value = fn::HashRow(first, i) % 7 + column_[outer_rows[i]];
      if (predicate) {
        out.mutable_data<uint8_t>()[i] = value & 1;
      } else {
        out.mutable_data<int64_t>()[i] = static_cast<int64_t>(value);
      }
    }
    return out;
  }

 private:
  LambdaKind kind_;
  std::vector<uint64_t> column_;
};

struct Signature {
  std::vector<FunctionArgument> args;
  std::shared_ptr<TestLambdaBinder> lambda;  // of argument 0, or null
  LambdaKind kind = LambdaKind::kFirst;
  std::shared_ptr<ScalarFunction> function;

  bool HasLambda(size_t i) const { return i == 0 && lambda != nullptr; }
  std::string Describe(std::string_view name) const {
    std::string text = StrCat(name, "(");
    for (size_t i = 0; i < args.size(); ++i) {
      StrAppend(&text, i == 0 ? "" : ", ", HasLambda(i) ? "lambda" : args[i].type.Name());
      if (args[i].constant.has_value()) StrAppend(&text, " constant");
    }
    return text + ")";
  }
};

std::string Show(const Datum& value) {
  switch (value.value.index()) {
    case 0:
      return "NULL";
    case 1:
      return StrCat(value.integer());
    case 2:
      return StrCat(value.number());
    case 3:
      return StrCat(static_cast<double>(value.wide()), " (wide)");
    case 4:
      return StrCat("'", value.string(), "'");
    default: {
      std::string text = "[";
      for (const Datum& item : value.list()) StrAppend(&text, Show(item), " ");
      return text + "]";
    }
  }
}

bool Same(const Datum& a, const Datum& b) {
  if (a.value.index() != b.value.index()) return false;
  if (a.value.index() == 2) {
    return a.number() == b.number() || (std::isnan(a.number()) && std::isnan(b.number()));
  }
  if (a.value.index() != 5) return a == b;
  if (a.list().size() != b.list().size()) return false;
  for (size_t i = 0; i < a.list().size(); ++i) {
    if (!Same(a.list()[i], b.list()[i])) return false;
  }
  return true;
}

uint64_t SeedOf(std::string_view name) { return kSeed ^ FastHash64(name); }

// The values of one argument: a constant has one for all rows.
struct Column {
  Type type;
  Vector::Form form = Vector::Form::kFlat;
  std::vector<Datum> values;

  // A flat vector of those rows; below a NULL lies some other value, not a default.
  Vector Flat(const std::vector<uint32_t>& rows, Random& random) const {
    VectorBuilder builder(type);
    bool nulls = false;
    for (uint32_t row : rows) {
      nulls |= values[row].is_null();
      builder.Append(values[row].is_null() ? RandomValue(random, type.NotNullable()) : values[row]);
    }
    Vector out = builder.Build();
    for (size_t i = 0; nulls && i < rows.size(); ++i) {
      if (values[rows[i]].is_null()) out.SetNull(i);
    }
    return out;
  }

  Vector Build(const std::vector<uint32_t>& rows, Random& random) const {
    if (form == Vector::Form::kConstant) return Vector::Constant(type, values[0], rows.size());
    if (form == Vector::Form::kFlat) return Flat(rows, random);
    // All values are entries, in another order, also those that no row refers to.
    std::vector<uint32_t> order(values.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
    std::shuffle(order.begin(), order.end(), random);
    std::vector<uint32_t> code_of(values.size());
    for (size_t i = 0; i < order.size(); ++i) code_of[order[i]] = static_cast<uint32_t>(i);
    std::shared_ptr<uint32_t[]> codes(new uint32_t[rows.size()]);
    for (size_t i = 0; i < rows.size(); ++i) codes[i] = code_of[rows[i]];
    return Vector::Dictionary(std::make_shared<const Vector>(Flat(order, random)), codes,
                              rows.size());
  }
};

class KernelForms : public testing::TestWithParam<std::string> {
 protected:
  KernelForms() : random_(SeedOf(GetParam())) {
    context_.now_us = 1'700'000'000'000'000;
    context_.random_state = &random_state_;
  }

  Signature HintedSignature(const std::vector<std::string_view>& types);
  Signature RandomSignature();
  std::optional<Signature> TrySignature();
  Datum Value(const Type& type);
  std::vector<Signature> FindSignatures();
  void CheckTrial(const Signature& signature);
  absl::StatusOr<Vector> Evaluate(const Signature& signature, const std::vector<Vector>& args,
                                  const std::vector<uint64_t>& outer, size_t rows);
  void ExpectRows(const Signature& signature, const absl::StatusOr<Vector>& result,
                  const std::vector<uint32_t>& rows, const std::vector<Column>& columns,
                  std::string_view form);

  std::atomic<uint64_t> random_state_{1};
  EvalContext context_;
  Random random_;
  std::vector<absl::StatusOr<Datum>> expected_;
};

Signature KernelForms::HintedSignature(const std::vector<std::string_view>& types) {
  Signature signature;
  for (const std::string_view type : types) {
    FunctionArgument argument;
    if (type == "lambda") {
      signature.kind = static_cast<LambdaKind>(Pick(random_, 4));
      signature.lambda = std::make_shared<TestLambdaBinder>(signature.kind, 2);
      argument.type = Type(TypeKind::kFunction);
      argument.lambda = signature.lambda.get();
    } else if (type.starts_with('\'')) {
      argument.type = Type(TypeKind::kString);
      argument.constant = Datum(std::string(type.substr(1)));
    } else if (type.starts_with('#')) {
      argument.type = Type(TypeKind::kUInt8);
      argument.constant = Datum(static_cast<int64_t>(type[1] - '0'));
    } else if (type == "day") {
      argument.type = Type::Interval(IntervalUnit::kDay);
      argument.constant = Datum(int64_t{1});
    } else {
      argument.type = *Type::Parse(type.substr(type.starts_with('=') ? 1 : 0));
      if (type.starts_with('=')) argument.constant = RandomValue(random_, argument.type);
    }
    signature.args.push_back(std::move(argument));
  }
  return signature;
}

Signature KernelForms::RandomSignature() {
  Signature signature;
  const size_t count = Pick(random_, 5);
  const bool takes_lambda = count >= 2 && Pick(random_, 4) == 0;
  for (size_t i = 0; i < count; ++i) {
    FunctionArgument argument;
    if (i == 0 && takes_lambda) {
      signature.kind = static_cast<LambdaKind>(Pick(random_, 4));
      signature.lambda =
          std::make_shared<TestLambdaBinder>(signature.kind, 1 + Pick(random_, count));
      argument.type = Type(TypeKind::kFunction);
      argument.lambda = signature.lambda.get();
    } else if (Pick(random_, i > 0 ? 3 : 10) == 0) {
      argument = RandomConstant(random_);
    } else if (i > 0 && Pick(random_, 3) == 0) {
      argument.type = signature.args.back().type;
      if (argument.type.kind() == TypeKind::kFunction) argument.type = RandomType(random_);
    } else {
      argument.type = RandomType(random_);
      if (Pick(random_, 12) == 0) argument.constant = RandomValue(random_, argument.type);
    }
    signature.args.push_back(std::move(argument));
  }
  return signature;
}

std::optional<Signature> KernelForms::TrySignature() {
  const auto hint = Hints().find(GetParam());
  Signature signature =
      hint != Hints().end() ? HintedSignature(hint->second)
      // These give arrays, which cannot be NULL.
      : GetParam().starts_with("multiSearchAll") || GetParam() == "multiMatchAllIndices"
          ? HintedSignature({"String", "=Array(String)"})
      : GetParam().starts_with("multiSearch") || GetParam().starts_with("multiMatch")
          ? HintedSignature({"Nullable(String)", "=Array(String)"})
      : GetParam().starts_with("multiFuzzy") ? HintedSignature({"String", "#1", "=Array(String)"})
                                             : RandomSignature();
  auto bound = BuiltinFunctions().BindScalar(GetParam(), signature.args, context_);
  if (!bound.ok()) return std::nullopt;
  signature.function = std::move(*bound);
  return signature;
}

std::vector<Signature> KernelForms::FindSignatures() {
  std::vector<Signature> found;
  std::set<std::string> seen;
  for (size_t i = 0; i < (found.empty() ? 10 * kTriesMax : kTriesMax); ++i) {
    if (found.size() == kSignaturesMax) break;
    std::optional<Signature> signature = TrySignature();
    if (!signature.has_value()) continue;
    if (seen.insert(signature->Describe(GetParam())).second) found.push_back(std::move(*signature));
  }
  return found;
}

absl::StatusOr<Vector> KernelForms::Evaluate(const Signature& signature,
                                             const std::vector<Vector>& args,
                                             const std::vector<uint64_t>& outer, size_t rows) {
  const TestLambdaBody body(signature.kind, outer);
  std::vector<const LambdaBody*> bodies(args.size(), nullptr);
  if (signature.lambda != nullptr) bodies[0] = &body;
  return signature.function->Evaluate(context_, args, bodies, rows);
}

void KernelForms::ExpectRows(const Signature& signature, const absl::StatusOr<Vector>& result,
                             const std::vector<uint32_t>& rows, const std::vector<Column>& columns,
                             std::string_view form) {
  ASSERT_TRUE(result.ok()) << form << ": " << result.status().message();
  ASSERT_EQ(result->size(), rows.size()) << form;
  EXPECT_EQ(result->type().Name(), signature.function->result_type().Name()) << form;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Datum got = result->Get(i);
    if (got.is_null()) {
      EXPECT_TRUE(result->type().nullable() || result->type().physical() == Physical::kNone)
          << form << ": NULL in " << result->type().Name();
    }
    if (Same(got, *expected_[rows[i]])) continue;
    std::string args;
    for (const Column& column : columns) {
      StrAppend(&args, static_cast<int>(column.form), ":",
                column.values.empty() ? "lambda" : Show(column.values[rows[i]]), " ");
    }
    FAIL() << form << ", row " << i << " of " << rows.size() << ": " << Show(got) << ", alone "
           << Show(*expected_[rows[i]]) << "; arguments " << args;
  }
}

// The value with small integers at every depth.
Datum Small(const Datum& value) {
  if (value.value.index() == 1) return value.integer() % 100;
  if (value.value.index() != 5) return value;
  std::vector<Datum> list;
  for (const Datum& item : value.list()) list.push_back(Small(item));
  return Datum(std::move(list));
}

Datum KernelForms::Value(const Type& type) {
  Datum value = RandomValue(random_, type);
  return MakesAsMany(GetParam()) ? Small(value) : value;
}

void KernelForms::CheckTrial(const Signature& signature) {
  std::vector<Column> columns(signature.args.size());
  for (size_t a = 0; a < columns.size(); ++a) {
    if (signature.HasLambda(a)) continue;
    Column& column = columns[a];
    column.type = signature.args[a].type;
    column.form = static_cast<Vector::Form>(Pick(random_, 3));
    if (signature.args[a].constant.has_value()) {
      column.form = Vector::Form::kConstant;
      column.values.assign(kRows, *signature.args[a].constant);
    } else if (column.form == Vector::Form::kConstant) {
      column.values.assign(kRows, Value(column.type));
    } else {
      const Type type = Pick(random_, 3) == 0 ? column.type.NotNullable() : column.type;
      for (size_t i = 0; i < kRows; ++i) column.values.push_back(Value(type));
    }
  }
  std::vector<uint64_t> outer(kRows);
  for (uint64_t& value : outer) value = Pick(random_, 3);

  // Row by row, everything constant.
  expected_.clear();
  std::vector<uint32_t> good;
  std::vector<uint32_t> all;
  for (uint32_t row = 0; row < kRows; ++row) {
    std::vector<Vector> args;
    for (const Column& column : columns) {
      args.push_back(column.values.empty() ? Vector()
                                           : Vector::Constant(column.type, column.values[row], 1));
    }
    const absl::StatusOr<Vector> alone = Evaluate(signature, args, {outer[row]}, 1);
    if (alone.ok()) {
      ASSERT_EQ(alone->size(), 1u);
      expected_.push_back(alone->Get(0));
      good.push_back(row);
    } else {
      expected_.push_back(alone.status());
    }
    all.push_back(row);
  }

  const auto build = [&](const std::vector<uint32_t>& rows) {
    std::vector<Vector> args;
    for (const Column& column : columns) {
      args.push_back(column.values.empty() ? Vector() : column.Build(rows, random_));
    }
    return args;
  };
  const auto outer_of = [&](const std::vector<uint32_t>& rows) {
    std::vector<uint64_t> values;
    for (uint32_t row : rows) values.push_back(outer[row]);
    return values;
  };

  const std::vector<Vector> args = build(good);
  ExpectRows(signature, Evaluate(signature, args, outer_of(good), good.size()), good, columns,
             "batch");
  if (HasFatalFailure()) return;

  const std::vector<Vector> whole = build(all);
  if (good.size() < all.size()) {
    EXPECT_FALSE(Evaluate(signature, whole, outer, kRows).ok())
        << all.size() - good.size() << " rows fail alone";
  }

  // What a filter lets through, still in the form the column had.
  Selection selection;
  std::vector<uint32_t> chosen;
  for (uint32_t row : good) {
    if (Pick(random_, 2) == 0) continue;
    selection.push_back(static_cast<uint16_t>(row));
    chosen.push_back(row);
  }
  std::vector<Vector> gathered;
  for (const Vector& arg : whole) {
    gathered.push_back(arg.size() == 0 ? Vector() : arg.Gather(selection));
  }
  ExpectRows(signature, Evaluate(signature, gathered, outer_of(chosen), chosen.size()), chosen,
             columns, "selection");
}

TEST_P(KernelForms, BatchEqualsRows) {
  const std::vector<Signature> signatures = FindSignatures();
  if (Unreachable().contains(GetParam())) {
    EXPECT_TRUE(signatures.empty()) << "can be tested: " << signatures[0].Describe(GetParam());
    return;
  }
  ASSERT_FALSE(signatures.empty()) << "no argument types found that it takes";
  const bool deterministic = !Nondeterministic().contains(GetParam());
  for (const Signature& signature : signatures) {
    SCOPED_TRACE(StrCat("seed ", kSeed, ", ", signature.Describe(GetParam())));
    // With a NULL constant the call is NULL, whatever the function.
    if (signature.function->result_type().kind() == TypeKind::kNothing) continue;
    EXPECT_EQ(signature.function->deterministic(), deterministic);
    if (!deterministic) continue;
    for (size_t trial = 0; trial < kTrials; ++trial) {
      CheckTrial(signature);
      if (HasFailure()) return;
    }
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (std::string_view name : BuiltinScalarFunctionNames()) names.emplace_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Functions, KernelForms, testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace hoglet
