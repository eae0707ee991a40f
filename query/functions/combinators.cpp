#include "query/functions/combinators.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "query/functions/types.h"
#include "src/base/json.h"

// From a name with suffixes to an aggregate.

namespace hoglet::fn {
namespace {

const AggregateEntry* FindEntry(std::string_view name) {
  static const auto* const entries = [] {
    auto* map = new absl::flat_hash_map<std::string_view, const AggregateEntry*>();
    for (const auto table :
         {ArrayAggregates(), BasicAggregates(), BitAggregates(), CrossTabAggregates(),
          FunnelAggregates(), MappedArrayAggregates(), QuantileAggregates(), SeriesAggregates(),
          SetAggregates(), SketchQuantiles(), StatisticAggregates()}) {
      for (const AggregateEntry& entry : table) {
        const bool inserted = map->emplace(entry.name, &entry).second;
        HOGLET_ASSERT(inserted);
      }
    }
    return map;
  }();
  const auto found = entries->find(name);
  return found == entries->end() ? nullptr : found->second;
}

struct Request {
  std::string_view name;
  std::span<const Datum> parameters;
  std::span<const Type> types;
};

// An aggregate and how ClickHouse names it, which is how its states are typed.
struct Binding {
  BoundAggregate function;
  std::string name;  // aliases resolved
  std::vector<Type> types;
};

absl::StatusOr<Binding> BindWithNulls(const Request& request);

// `inner` is the request under the suffix, with all arguments of the outer one.
using CombinatorBinder = absl::StatusOr<Binding> (*)(const Request& inner);
struct Combinator {
  std::string_view suffix;
  CombinatorBinder bind;
};
std::span<const Combinator> Combinators();

// The suffix the name ends in, or null if it is a base aggregate or none at all.
const Combinator* Outermost(std::string_view name) {
  if (FindEntry(name) != nullptr) return nullptr;
  for (const Combinator& combinator : Combinators()) {
    if (name.size() > combinator.suffix.size() && name.ends_with(combinator.suffix) &&
        IsAggregateName(name.substr(0, name.size() - combinator.suffix.size()))) {
      return &combinator;
    }
  }
  return nullptr;
}

std::string_view Without(std::string_view name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

// The aggregate at the heart of the name.
const AggregateEntry* BaseEntry(std::string_view name) {
  while (const Combinator* combinator = Outermost(name)) name = Without(name, combinator->suffix);
  return FindEntry(name);
}

Binding Named(BoundAggregate function, const Binding& inner, std::string_view suffix,
              std::span<const Type> types) {
  return {std::move(function), StrCat(inner.name, suffix), {types.begin(), types.end()}};
}

absl::Status NeedsArguments(std::string_view name, std::string_view suffix) {
  return WrongAggregateArguments(
      name, StrCat("cannot be used with suffix ", suffix, ": too few arguments"));
}

absl::StatusOr<Binding> BindIf(const Request& inner) {
  if (inner.types.empty()) return NeedsArguments(inner.name, "If");
  const Type& condition = inner.types.back();
  if (!condition.IsNumber() && condition.kind() != TypeKind::kNothing)
    return IllegalAggregateArgument(StrCat(inner.name, "If"), condition);
  const auto values = inner.types.first(inner.types.size() - 1);
  HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls({inner.name, inner.parameters, values}));
  auto function = MakeIf(std::move(bound.function), nullptr);
  return Named(std::move(function), bound, "If", inner.types);
}

template <bool kNull>
absl::StatusOr<Binding> BindOrEmpty(const Request& inner) {
  HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls(inner));
  auto function = MakeOrEmpty(std::move(bound.function), kNull);
  return Named(std::move(function), bound, kNull ? "OrNull" : "OrDefault", inner.types);
}

// Element types of arguments that must all be arrays.
absl::StatusOr<std::vector<Type>> ElementTypes(const Request& inner, std::string_view suffix) {
  std::vector<Type> elements;
  for (const Type& type : inner.types) {
    if (type.kind() != TypeKind::kArray) {
      return WithErrorCode(absl::InvalidArgumentError(StrCat(
                               "Illegal type ", type.Name(), " of argument for ",
                               "aggregate function with ", suffix, " suffix. Must be array.")),
                           "illegal_type_of_argument");
    }
    elements.push_back(type.element());
  }
  if (elements.empty()) return NeedsArguments(inner.name, suffix);
  return elements;
}

absl::StatusOr<Binding> BindElements(const Request& inner) {
  HOGLET_ASSIGN_OR_RETURN(std::vector<Type> elements, ElementTypes(inner, "Array"));
  HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls({inner.name, inner.parameters, elements}));
  auto function = MakeElements(std::move(bound.function));
  return Named(std::move(function), bound, "Array", inner.types);
}

absl::StatusOr<Binding> BindForEach(const Request& inner) {
  HOGLET_ASSIGN_OR_RETURN(std::vector<Type> elements, ElementTypes(inner, "ForEach"));
  HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls({inner.name, inner.parameters, elements}));
  auto function = MakeForEach(std::move(bound.function));
  return Named(std::move(function), bound, "ForEach", inner.types);
}

absl::StatusOr<Binding> BindMap(const Request& inner) {
  if (inner.types.empty()) return NeedsArguments(inner.name, "Map");
  const Type& map = inner.types[0];
  if (map.kind() == TypeKind::kMap) {
    if (inner.types.size() > 1)
      return WrongAggregateArguments(StrCat(inner.name, "Map"), "takes only one map argument");
    HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls({inner.name, inner.parameters,
                                                          std::span(&map.children()[1], 1)}));
    auto function = MakeMapOf(std::move(bound.function), map.children()[0]);
    return Named(std::move(function), bound, "Map", inner.types);
  }
  // The older form: arrays of keys and of values.
  const auto arrays =
      map.kind() == TypeKind::kTuple ? std::span<const Type>(map.children()) : inner.types;
  if (!std::all_of(arrays.begin(), arrays.end(),
                   [](const Type& type) { return type.kind() == TypeKind::kArray; })) {
    return WithErrorCode(absl::InvalidArgumentError(StrCat("Aggregate function ", inner.name,
                                                           "Map requires map as argument")),
                         "illegal_type_of_argument");
  }
  const std::string mapped = StrCat(inner.name, "MappedArrays");
  if (FindEntry(mapped) == nullptr) {
    return WithErrorCode(
        absl::InvalidArgumentError(
            StrCat("Aggregation '", inner.name, "Map' is not implemented for mapped arrays")),
        "bad_arguments");
  }
  return BindWithNulls({mapped, inner.parameters, inner.types});
}

absl::StatusOr<Binding> BindDistinct(const Request& inner) {
  if (inner.types.empty()) return NeedsArguments(inner.name, "Distinct");
  HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls(inner));
  auto function = MakeDistinct(std::move(bound.function), {inner.types.begin(), inner.types.end()});
  return Named(std::move(function), bound, "Distinct", inner.types);
}

template <bool kMax>
absl::StatusOr<Binding> BindArgExtreme(const Request& inner) {
  constexpr std::string_view kSuffix = kMax ? "ArgMax" : "ArgMin";
  if (inner.types.empty()) return NeedsArguments(inner.name, kSuffix);
  const auto values = inner.types.first(inner.types.size() - 1);
  HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls({inner.name, inner.parameters, values}));
  auto function = MakeArgExtremeOf(std::move(bound.function), inner.types.back(), kMax);
  return Named(std::move(function), bound, kSuffix, inner.types);
}

absl::StatusOr<Binding> BindResample(const Request& inner) {
  constexpr uint64_t kIntervalsMax = uint64_t{1} << 20;
  if (inner.parameters.size() < 3 || inner.types.empty()) {
    return WrongAggregateArguments(StrCat(inner.name, "Resample"),
                                   "needs the parameters begin, end and step, and a key argument");
  }
  const auto own = inner.parameters.last(3);
  int64_t numbers[3];
  for (size_t i = 0; i < 3; ++i) {
    const int64_t* number = std::get_if<int64_t>(&own[i].value);
    if (number == nullptr)
      return BadAggregateParameter(StrCat(inner.name, "Resample"), "must be integers");
    numbers[i] = *number;
  }
  ResampleIntervals intervals{numbers[0], numbers[1], static_cast<uint64_t>(numbers[2]), 0};
  if (numbers[2] <= 0) return BadAggregateParameter("Resample", "step must be positive");
  if (intervals.end > intervals.begin) {
    const uint64_t length =
        static_cast<uint64_t>(intervals.end) - static_cast<uint64_t>(intervals.begin);
    intervals.count = (length - 1) / intervals.step + 1;
  }
  if (intervals.count > kIntervalsMax)
    return BadAggregateParameter("Resample", "give more than 1048576 intervals");
  if (!inner.types.back().IsInteger() && !inner.types.back().IsDateOrTime())
    return IllegalAggregateArgument(StrCat(inner.name, "Resample"), inner.types.back());
  HOGLET_ASSIGN_OR_RETURN(
      Binding bound, BindWithNulls({inner.name, inner.parameters.first(inner.parameters.size() - 3),
                                    inner.types.first(inner.types.size() - 1)}));
  auto function = MakeResample(std::move(bound.function), intervals);
  return Named(std::move(function), bound, "Resample", inner.types);
}

std::string ParameterText(std::span<const Datum> parameters) {
  std::string out;
  for (const Datum& parameter : parameters) {
    out += out.empty() ? "(" : ", ";
    if (const auto* integer = std::get_if<int64_t>(&parameter.value)) {
      StrAppend(&out, *integer);
    } else if (const auto* number = std::get_if<double>(&parameter.value)) {
      AppendJsonDouble(*number, &out);
    } else if (const auto* text = std::get_if<std::string>(&parameter.value)) {
      StrAppend(&out, "'", *text, "'");
    } else {
      out += "NULL";
    }
  }
  return out.empty() ? out : out + ")";
}

absl::StatusOr<Binding> BindState(const Request& inner) {
  HOGLET_ASSIGN_OR_RETURN(Binding bound, BindWithNulls(inner));
  Type type = Type::State(StrCat(bound.name, ParameterText(inner.parameters)), bound.types);
  auto function = MakeKeepState(std::move(bound.function), std::move(type));
  return Named(std::move(function), bound, "State", inner.types);
}

absl::StatusOr<Binding> BindSimpleState(const Request& inner) { return BindWithNulls(inner); }

absl::StatusOr<std::vector<Datum>> ParseParameters(std::string_view name, std::string_view text);

// "quantiles(0.5, 0.9)" as a name and parameters.
absl::StatusOr<std::pair<std::string_view, std::vector<Datum>>> SplitParameters(
    std::string_view name) {
  const size_t open = name.find('(');
  if (open == std::string_view::npos || !name.ends_with(')'))
    return std::pair(name, std::vector<Datum>());
  HOGLET_ASSIGN_OR_RETURN(std::vector<Datum> parameters,
                          ParseParameters(name, name.substr(open + 1, name.size() - open - 2)));
  return std::pair(name.substr(0, open), std::move(parameters));
}

absl::StatusOr<Binding> BindMerge(const Request& inner) {
  if (inner.types.size() != 1)
    return WrongAggregateArguments(StrCat(inner.name, "Merge"), "requires single argument");
  const Type& type = inner.types[0];
  if (type.kind() != TypeKind::kState)
    return IllegalAggregateArgument(StrCat(inner.name, "Merge"), type);
  HOGLET_ASSIGN_OR_RETURN(auto state, SplitParameters(type.names()[0]));
  std::string_view state_name = state.first;
  std::vector<Type> types = type.children();
  // sumIf has the states of sum.
  while (state_name.ends_with("If") && !inner.name.ends_with("If") && !types.empty()) {
    state_name.remove_suffix(2);
    types.pop_back();
  }
  const std::span<const Datum> parameters =
      inner.parameters.empty() ? std::span<const Datum>(state.second) : inner.parameters;
  auto bound = BindWithNulls({inner.name, parameters, types});
  if (!bound.ok() || bound->name != state_name)
    return IllegalAggregateArgument(StrCat(inner.name, "Merge"), type);
  auto function = MakeMergeStates(std::move(bound->function));
  return Named(std::move(function), *bound, "Merge", inner.types);
}

// Of two suffixes that fit, the longer is meant: it comes first.
constexpr Combinator kCombinators[] = {
    {"SimpleState", BindSimpleState},
    {"OrDefault", BindOrEmpty<false>},
    {"Distinct", BindDistinct},
    {"Resample", BindResample},
    {"ForEach", BindForEach},
    {"ArgMin", BindArgExtreme<false>},
    {"ArgMax", BindArgExtreme<true>},
    {"OrNull", BindOrEmpty<true>},
    {"Array", BindElements},
    {"State", BindState},
    {"Merge", BindMerge},
    {"Map", BindMap},
    {"If", BindIf},
};

std::span<const Combinator> Combinators() { return kCombinators; }

// Numbers and quoted strings, as ClickHouse writes parameters inside type and function names.
absl::StatusOr<std::vector<Datum>> ParseParameters(std::string_view name, std::string_view text) {
  std::vector<Datum> out;
  const auto skip = [&] {
    while (text.starts_with(' ')) text.remove_prefix(1);
  };
  for (skip(); !text.empty(); skip()) {
    if (text.starts_with('\'')) {
      const size_t end = text.find('\'', 1);
      if (end == std::string_view::npos) return BadAggregateParameter(name, "cannot be read");
      out.emplace_back(std::string(text.substr(1, end - 1)));
      text.remove_prefix(end + 1);
    } else {
      const size_t length = std::min(text.find_first_of(", "), text.size());
      int64_t integer = 0;
      double number = 0;
      const char* end = text.data() + length;
      if (std::from_chars(text.data(), end, integer).ptr == end) {
        out.emplace_back(integer);
      } else if (std::from_chars(text.data(), end, number).ptr == end) {
        out.emplace_back(number);
      } else {
        return BadAggregateParameter(name, "must be numbers or strings");
      }
      text.remove_prefix(length);
    }
    skip();
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return out;
}

absl::Status CheckCounts(const AggregateEntry& entry, const Request& request) {
  const std::string_view name = entry.alias_of.empty() ? entry.name : entry.alias_of;
  const auto found = static_cast<int>(request.types.size());
  if (found < entry.arguments_min || found > entry.arguments_max) {
    if (entry.arguments_min != entry.arguments_max) {
      return WrongAggregateArguments(name, StrCat("does not take ", found, " arguments"));
    }
    constexpr std::string_view kCounts[] = {"no arguments", "single argument", "two arguments",
                                            "three arguments"};
    return WrongAggregateArguments(name, StrCat("requires ", kCounts[entry.arguments_min]));
  }
  if (static_cast<int>(request.parameters.size()) > entry.parameters_max) {
    return WithErrorCode(
        absl::InvalidArgumentError(StrCat(
            "Aggregate function ", name,
            entry.parameters_max == 0 ? " cannot have parameters" : " has too many parameters")),
        entry.parameters_max == 0 ? "aggregate_function_doesnt_allow_parameters"
                                  : "number_of_arguments_doesnt_match");
  }
  return absl::OkStatus();
}

absl::StatusOr<Binding> BindPlain(const Request& request) {
  if (const AggregateEntry* entry = FindEntry(request.name); entry != nullptr) {
    HOGLET_RETURN_IF_ERROR(CheckCounts(*entry, request));
    const std::string_view name = entry->alias_of.empty() ? entry->name : entry->alias_of;
    HOGLET_ASSIGN_OR_RETURN(BoundAggregate bound,
                            entry->bind({name, request.parameters, request.types}));
    return Binding{
        std::move(bound), std::string(name), {request.types.begin(), request.types.end()}};
  }
  if (const Combinator* combinator = Outermost(request.name); combinator != nullptr) {
    return combinator->bind(
        {Without(request.name, combinator->suffix), request.parameters, request.types});
  }
  return WithErrorCode(absl::NotFoundError(StrCat("Unknown aggregate function ", request.name)),
                       "unknown_function");
}

// What an aggregate makes of arguments of which one is a bare NULL.
absl::StatusOr<Binding> BindNothing(const AggregateEntry& base, const Request& request) {
  HOGLET_RETURN_IF_ERROR(base.name == request.name ? CheckCounts(base, request) : absl::OkStatus());
  Binding binding{nullptr, std::string(request.name), {request.types.begin(), request.types.end()}};
  if (base.null_when_empty) {
    binding.function = MakeOfNothing(Type(TypeKind::kNothing).Nullable(), true);
  } else {
    const bool list = base.name.starts_with("group") || base.name.starts_with("topK");
    binding.function = MakeOfNothing(
        list ? Type::Array(Type(TypeKind::kNothing)) : Type(TypeKind::kUInt64), false);
  }
  return binding;
}

bool MayBeNull(const Type& type) { return type.nullable() || type.kind() == TypeKind::kNothing; }

absl::StatusOr<Binding> BindWithNulls(const Request& request) {
  const Combinator* outermost = Outermost(request.name);
  const AggregateEntry* base = BaseEntry(request.name);
  if (base == nullptr || std::none_of(request.types.begin(), request.types.end(), MayBeNull))
    return BindPlain(request);
  // NULLs are taken out inside of a state, so that its type says that there may be some.
  if (outermost != nullptr && outermost->suffix == "State") return BindPlain(request);
  const bool conditional = outermost != nullptr && outermost->suffix == "If";
  const auto values = conditional ? request.types.first(request.types.size() - 1) : request.types;
  if (std::any_of(values.begin(), values.end(),
                  [](const Type& type) { return type.kind() == TypeKind::kNothing; })) {
    return BindNothing(*base, request);
  }
  std::vector<Type> plain;
  for (const Type& type : request.types) plain.push_back(type.NotNullable());
  NullRule rule{base->null_when_empty, true};
  if (!conditional) {
    HOGLET_ASSIGN_OR_RETURN(Binding inner, BindPlain({request.name, request.parameters, plain}));
    rule.reads_arguments = request.name != "count";
    inner.function = MakeSkipNulls(std::move(inner.function), rule);
    inner.types.assign(request.types.begin(), request.types.end());
    return inner;
  }
  if (std::none_of(values.begin(), values.end(), MayBeNull))
    return BindPlain({request.name, request.parameters, request.types});
  const Type& condition = request.types.back();
  if (!condition.IsNumber() && condition.kind() != TypeKind::kNothing)
    return IllegalAggregateArgument(request.name, condition);
  const std::string_view name = Without(request.name, "If");
  plain.pop_back();
  HOGLET_ASSIGN_OR_RETURN(Binding inner, BindPlain({name, request.parameters, plain}));
  rule.reads_arguments = name != "count";
  auto function = MakeIf(std::move(inner.function), &rule);
  return Named(std::move(function), inner, "If", request.types);
}

// ClickHouse reads OrNull after State and Merge as if it stood before them, except with aggregates
// that have a value where there are no rows: "sumStateOrNull" is "sumOrNullState".
std::string OrNullMovedAhead(std::string_view name) {
  constexpr std::string_view kOrNull = "OrNull";
  if (!name.ends_with(kOrNull)) return std::string(name);
  const AggregateEntry* base = BaseEntry(name);
  if (base == nullptr || !base->null_when_empty) return std::string(name);
  const std::string_view rest = Without(name, kOrNull);
  for (std::string_view suffix : {"MergeState", "Merge", "State"}) {
    if (rest.ends_with(suffix)) return StrCat(Without(rest, suffix), kOrNull, suffix);
  }
  return std::string(name);
}

}  // namespace

absl::StatusOr<BoundAggregate> BindAggregateFunction(std::string_view name,
                                                     std::span<const Datum> parameters,
                                                     std::span<const Type> types, bool distinct) {
  HOGLET_ASSIGN_OR_RETURN(auto split, SplitParameters(name));
  if (parameters.empty()) parameters = split.second;
  std::string whole = OrNullMovedAhead(split.first);
  if (distinct && !types.empty()) whole += "Distinct";
  // Counting distinct values has a faster form.
  if (whole == "countDistinct") whole = "uniqExact";
  if (whole == "countDistinctIf" || whole == "countIfDistinct") whole = "uniqExactIf";
  HOGLET_ASSIGN_OR_RETURN(Binding binding, BindWithNulls({whole, parameters, types}));
  return std::move(binding.function);
}

bool IsAggregateName(std::string_view name) {
  return FindEntry(name) != nullptr || Outermost(name) != nullptr;
}

absl::Status IllegalAggregateArgument(std::string_view name, const Type& type) {
  return WithErrorCode(
      absl::InvalidArgumentError(
          StrCat("Illegal type ", type.Name(), " of argument for aggregate function ", name)),
      "illegal_type_of_argument");
}

absl::Status BadAggregateParameter(std::string_view name, std::string_view what) {
  return WithErrorCode(
      absl::InvalidArgumentError(StrCat("Parameters of aggregate function ", name, " ", what)),
      "bad_arguments");
}

absl::Status WrongAggregateArguments(std::string_view name, std::string_view what) {
  return WithErrorCode(absl::InvalidArgumentError(StrCat("Aggregate function ", name, " ", what)),
                       "number_of_arguments_doesnt_match");
}

absl::StatusOr<uint64_t> UnsignedParameter(const AggregateCallInfo& call, size_t i) {
  const auto* value = std::get_if<int64_t>(&call.parameters[i].value);
  if (value == nullptr || *value < 0)
    return BadAggregateParameter(call.name, "must be non-negative integers");
  return static_cast<uint64_t>(*value);
}

absl::StatusOr<double> NumberParameter(const AggregateCallInfo& call, size_t i) {
  const Datum& parameter = call.parameters[i];
  if (const auto* integer = std::get_if<int64_t>(&parameter.value))
    return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&parameter.value)) return *number;
  return BadAggregateParameter(call.name, "must be numbers");
}

}  // namespace hoglet::fn
