#include "tests/query/functions/aggregates/aggregate_runner.h"

#include <cmath>

#include "src/base/strings.h"

namespace hoglet {
namespace {

std::vector<Vector> Vectors(const TestColumns& columns) {
  std::vector<Vector> out;
  for (const TestColumn& column : columns) {
    VectorBuilder builder(column.type);
    for (const Datum& value : column.values) {
      if (value.is_null()) {
        builder.AppendNull();
      } else {
        builder.Append(value);
      }
    }
    out.push_back(builder.Build());
  }
  return out;
}

// The same rows as codes into a dictionary that holds them in another order.
Vector AsDictionary(const Vector& flat) {
  const size_t rows = flat.size();
  std::vector<uint32_t> reversed(rows);
  const std::shared_ptr<uint32_t[]> codes(new uint32_t[rows + 1]);
  for (size_t i = 0; i < rows; ++i) reversed[i] = codes[i] = static_cast<uint32_t>(rows - 1 - i);
  auto dictionary = std::make_shared<const Vector>(flat.Gather(reversed.data(), rows).Flatten());
  return Vector::Dictionary(std::move(dictionary), codes, rows);
}

class State {
 public:
  explicit State(const AggregateFunction& function)
      : function_(function), memory_(new std::max_align_t[function.state_bytes() / 16 + 2]) {
    function_.Create(get());
  }
  ~State() { function_.Destroy(get()); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  char* get() const { return reinterpret_cast<char*>(memory_.get()); }

 private:
  const AggregateFunction& function_;
  std::unique_ptr<std::max_align_t[]> memory_;
};

RunResult Finish(const AggregateFunction& function, const char* state, absl::Status status) {
  VectorBuilder out(function.result_type());
  if (status.ok()) status = function.Finalize(state, &out);
  if (!status.ok()) return {status, {}, function.result_type()};
  return {status, out.Build().Get(0), function.result_type()};
}

RunResult RunAll(const AggregateFunction& function, const std::vector<Vector>& columns,
                 size_t rows) {
  const State state(function);
  EvalContext context;
  return Finish(function, state.get(), function.UpdateAll(context, state.get(), columns, rows));
}

RunResult RunByRow(const AggregateFunction& function, const std::vector<Vector>& columns,
                   size_t rows) {
  const State state(function);
  EvalContext context;
  const std::vector<char*> states(rows, state.get());
  return Finish(function, state.get(), function.Update(context, states.data(), columns, rows));
}

RunResult RunParts(const AggregateFunction& function, const std::vector<Vector>& columns,
                   size_t rows, std::mt19937_64& random) {
  const State whole(function);
  EvalContext context;
  absl::Status status;
  for (size_t begin = 0; begin < rows && status.ok();) {
    const size_t count = 1 + random() % (rows - begin);
    std::vector<Vector> slice;
    for (const Vector& column : columns) slice.push_back(column.Slice(begin, count));
    const State part(function);
    const State read(function);
    status = function.UpdateAll(context, part.get(), slice, count);
    std::string bytes;
    if (status.ok()) status = function.Serialize(part.get(), &bytes);
    if (status.ok()) status = function.Deserialize(bytes, read.get());
    if (status.ok()) status = function.Merge(whole.get(), read.get());
    begin += count;
  }
  return Finish(function, whole.get(), status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AggregateFunction>> BindTest(const std::string& name,
                                                            const std::vector<Datum>& parameters,
                                                            const std::vector<Type>& types,
                                                            bool distinct) {
  std::vector<FunctionArgument> arguments;
  for (const Type& type : types) {
    arguments.emplace_back();
    arguments.back().type = type;
  }
  return BuiltinFunctions().BindAggregate(name, parameters, arguments, distinct);
}

RunResult RunWhole(const std::string& name, const std::vector<Datum>& parameters,
                   const TestColumns& columns) {
  std::vector<Type> types;
  for (const TestColumn& column : columns) types.push_back(column.type);
  auto function = BindTest(name, parameters, types);
  if (!function.ok()) return {function.status(), {}, {}};
  return RunAll(**function, Vectors(columns), columns[0].values.size());
}

std::string CheckAllWays(const std::string& name, const std::vector<Datum>& parameters,
                         const TestColumns& columns, std::mt19937_64& random) {
  std::vector<Type> types;
  for (const TestColumn& column : columns) types.push_back(column.type);
  auto function = BindTest(name, parameters, types);
  if (!function.ok()) return std::string(FromAbsl(function.status().message()));
  const size_t rows = columns[0].values.size();
  const std::vector<Vector> flat = Vectors(columns);
  std::vector<Vector> coded;
  for (const Vector& column : flat) coded.push_back(AsDictionary(column));
  const RunResult whole = RunAll(**function, flat, rows);
  const std::pair<const char*, RunResult> others[] = {
      {"row by row", RunByRow(**function, flat, rows)},
      {"in parts", RunParts(**function, flat, rows, random)},
      {"in other parts", RunParts(**function, flat, rows, random)},
      {"dictionary", RunAll(**function, coded, rows)},
      {"dictionary in parts", RunParts(**function, coded, rows, random)},
  };
  for (const auto& [way, result] : others) {
    if (!result.status.ok()) return StrCat(way, ": ", FromAbsl(result.status.message()));
    if (!AboutEqual(whole.value, result.value))
      return StrCat(way, ": ", DatumText(result.value), ", not ", DatumText(whole.value));
  }
  return "";
}

bool AboutEqual(const Datum& a, const Datum& b) {
  if (a.value.index() != b.value.index()) return false;
  if (std::holds_alternative<double>(a.value)) {
    if (std::isnan(a.number()) || std::isnan(b.number()))
      return std::isnan(a.number()) && std::isnan(b.number());
    return std::fabs(a.number() - b.number()) <=
           1e-9 * std::max({1.0, std::fabs(a.number()), std::fabs(b.number())});
  }
  if (!std::holds_alternative<std::vector<Datum>>(a.value)) return a == b;
  if (a.list().size() != b.list().size()) return false;
  for (size_t i = 0; i < a.list().size(); ++i) {
    if (!AboutEqual(a.list()[i], b.list()[i])) return false;
  }
  return true;
}

std::string DatumText(const Datum& value) {
  switch (value.value.index()) {
    case 1:
      return StrCat(value.integer());
    case 2:
      return StrCat(value.number());
    case 3:
      return StrCat("wide ", static_cast<int64_t>(value.wide()));
    case 4:
      return StrCat("'", value.string(), "'");
    case 5: {
      std::string out = "[";
      for (const Datum& element : value.list()) StrAppend(&out, DatumText(element), " ");
      return out + "]";
    }
    default:
      return "NULL";
  }
}

}  // namespace hoglet
