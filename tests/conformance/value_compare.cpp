#include "tests/conformance/value_compare.h"

#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/numbers.h"
#include "query/functions/functions.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// The value as ClickHouse's toString gives it.
std::string TextOf(const Vector& column, size_t row) {
  FunctionArgument argument;
  argument.type = column.type().NotNullable();
  EvalContext context;
  auto function = BuiltinFunctions().BindScalar("toString", std::span(&argument, 1), context);
  if (!function.ok()) return StrCat("<", column.type().Name(), ">");
  VectorBuilder builder(column.type().NotNullable());
  builder.AppendFrom(column, row);
  const Vector one = builder.Build();
  const LambdaBody* none = nullptr;
  auto text = (*function)->Evaluate(context, std::span(&one, 1), std::span(&none, 1), 1);
  if (!text.ok() || text->IsNull(0)) return "<no text>";
  return text->Get(0).string();
}

bool FloatsAgree(double got, double expected, double tolerance) {
  if (std::isnan(got) || std::isnan(expected)) return std::isnan(got) && std::isnan(expected);
  if (std::isinf(got) || std::isinf(expected)) return got == expected;
  const double scale = std::max(1.0, std::fabs(expected));
  return std::fabs(got - expected) <=
         std::max(tolerance * scale,
                  std::fabs(expected) * 4 * std::numeric_limits<double>::epsilon());
}

std::string CompareFloat(const Vector& column, size_t at, const JsonMember& expected,
                         double tolerance) {
  const double got = column.data<double>()[at];
  double wanted = 0;
  switch (expected.kind) {
    case JsonKind::kInt64:
      wanted = static_cast<double>(expected.integer);
      break;
    case JsonKind::kDouble:
      wanted = expected.number;
      break;
    default:
      if (!absl::SimpleAtod(ToAbsl(expected.text), &wanted)) return StrCat("float ", got);
  }
  // A Float32 is written with the digits it takes to tell it from its neighbours.
  if (column.type().kind() == TypeKind::kFloat32 &&
      static_cast<float>(wanted) == static_cast<float>(got))
    return "";
  if (FloatsAgree(got, wanted, tolerance)) return "";
  std::string text;
  AppendJsonDouble(got, &text);
  return std::isfinite(got) ? text : StrCat(got);
}

std::string WithoutTrailingZeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string CompareScalar(const Vector& column, size_t at, const JsonMember& expected,
                          double tolerance) {
  const Type& type = column.type();
  if (type.IsFloat()) return CompareFloat(column, at, expected, tolerance);
  std::string wanted;
  if (expected.kind == JsonKind::kString || expected.kind == JsonKind::kRaw) {
    wanted = std::string(expected.text);
  } else {
    AppendJsonValue(expected, &wanted);
  }
  std::string got =
      type.IsStringLike() ? std::string(column.data<std::string_view>()[at]) : TextOf(column, at);
  if (type.kind() == TypeKind::kDecimal) {
    got = WithoutTrailingZeros(got);
    wanted = WithoutTrailingZeros(wanted);
  }
  // A float where an integer was expected, and the other way round, is a difference of family.
  if (expected.kind == JsonKind::kBool && type.kind() != TypeKind::kBool)
    return StrCat(got, " (", type.Name(), ")");
  return got == wanted ? "" : got;
}

std::string Compare(const Vector& column, size_t row, const JsonMember& expected, double tolerance);

std::string CompareList(const Vector& values, uint32_t begin, uint32_t end,
                        const JsonMember& expected, double tolerance) {
  Arena arena;
  std::vector<JsonMember> elements;
  if (expected.kind != JsonKind::kRaw || !ParseJsonArray(expected.text, &arena, &elements).ok())
    return StrCat("an array of ", end - begin);
  if (elements.size() != end - begin) return StrCat("an array of ", end - begin);
  for (uint32_t i = begin; i < end; ++i) {
    const std::string difference = Compare(values, i, elements[i - begin], tolerance);
    if (!difference.empty()) return StrCat("[", i - begin, "]: ", difference);
  }
  return "";
}

std::string CompareTuple(const Vector& column, size_t at, const JsonMember& expected,
                         double tolerance) {
  Arena arena;
  std::vector<JsonMember> elements;
  if (expected.kind != JsonKind::kRaw) return "a tuple";
  const absl::Status parsed = expected.text.starts_with('{')
                                  ? ParseJsonObject(expected.text, &arena, &elements)
                                  : ParseJsonArray(expected.text, &arena, &elements);
  if (!parsed.ok() || elements.size() != column.children().size())
    return StrCat("a tuple of ", column.children().size());
  for (size_t i = 0; i < elements.size(); ++i) {
    const std::string difference = Compare(column.children()[i], at, elements[i], tolerance);
    if (!difference.empty()) return StrCat(".", i + 1, ": ", difference);
  }
  return "";
}

std::string CompareMap(const Vector& column, size_t at, const JsonMember& expected,
                       double tolerance) {
  Arena arena;
  JsonObjectView members;
  const uint32_t begin = column.offsets()[at];
  const uint32_t end = column.offsets()[at + 1];
  if (expected.kind != JsonKind::kRaw || !ParseJsonObject(expected.text, &arena, &members).ok() ||
      members.size() > end - begin) {
    return StrCat("a map of ", end - begin);
  }
  const Vector& keys = column.child().children()[0];
  const Vector& values = column.child().children()[1];
  const auto key_at = [&keys](uint32_t i) {
    return keys.type().IsStringLike() ? std::string(keys.data<std::string_view>()[i])
                                      : TextOf(keys, i);
  };
  // A JSON object holds the last value of a key that the map has several times.
  std::map<std::string, uint32_t> last_of;
  for (uint32_t i = begin; i < end; ++i) last_of[key_at(i)] = i;
  if (last_of.size() != members.size()) return StrCat("a map of ", end - begin);
  for (const auto& [key, i] : last_of) {
    const JsonMember* member = FindJsonMember(members, key);
    if (member == nullptr) return StrCat("key ", key);
    const std::string difference = Compare(values, i, *member, tolerance);
    if (!difference.empty()) return StrCat("[", key, "]: ", difference);
  }
  return "";
}

std::string Compare(const Vector& column, size_t row, const JsonMember& expected,
                    double tolerance) {
  if (column.form() != Vector::Form::kFlat)
    return Compare(column.Slice(row, 1).Flatten(), 0, expected, tolerance);
  const bool null = column.IsNull(row);
  if (null || expected.kind == JsonKind::kNull) {
    if (null && expected.kind == JsonKind::kNull) return "";
    return null ? "NULL" : StrCat("not NULL (", column.type().Name(), ")");
  }
  switch (column.type().physical()) {
    case Physical::kArray:
      if (column.type().kind() == TypeKind::kMap)
        return CompareMap(column, row, expected, tolerance);
      return CompareList(column.child(), column.offsets()[row], column.offsets()[row + 1], expected,
                         tolerance);
    case Physical::kTuple:
      return CompareTuple(column, row, expected, tolerance);
    default:
      return CompareScalar(column, row, expected, tolerance);
  }
}

}  // namespace

std::string CompareWithExpected(const Vector& column, size_t row, std::string_view expected_json,
                                double tolerance) {
  Arena arena;
  JsonMember expected;
  const absl::Status status = ParseJsonValue(expected_json, &arena, &expected);
  if (!status.ok())
    return StrCat("(the expected value cannot be read: ", FromAbsl(status.message()), ")");
  return Compare(column, row, expected, tolerance);
}

}  // namespace hoglet
