#include "src/base/vector/type.h"

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet {

struct Type::Extra {
  std::vector<Type> children;
  std::vector<std::string> names;
  std::vector<int> enum_values;
  std::string zone;

  friend bool operator==(const Extra&, const Extra&) = default;
};

namespace {

constexpr int kNestingMax = 100;

struct SimpleName {
  TypeKind kind;
  std::string_view name;
};

constexpr auto kSimpleNames = std::to_array<SimpleName>({
    {TypeKind::kNothing, "Nothing"},   {TypeKind::kBool, "Bool"},
    {TypeKind::kUInt8, "UInt8"},       {TypeKind::kUInt16, "UInt16"},
    {TypeKind::kUInt32, "UInt32"},     {TypeKind::kUInt64, "UInt64"},
    {TypeKind::kUInt128, "UInt128"},   {TypeKind::kInt8, "Int8"},
    {TypeKind::kInt16, "Int16"},       {TypeKind::kInt32, "Int32"},
    {TypeKind::kInt64, "Int64"},       {TypeKind::kInt128, "Int128"},
    {TypeKind::kFloat32, "Float32"},   {TypeKind::kFloat64, "Float64"},
    {TypeKind::kString, "String"},     {TypeKind::kDate, "Date"},
    {TypeKind::kDate32, "Date32"},     {TypeKind::kDateTime, "DateTime"},
    {TypeKind::kTime, "Time"},         {TypeKind::kUuid, "UUID"},
    {TypeKind::kIPv4, "IPv4"},         {TypeKind::kIPv6, "IPv6"},
    {TypeKind::kFunction, "Function"},
});

constexpr auto kUnitNames =
    std::to_array<std::string_view>({"Nanosecond", "Microsecond", "Millisecond", "Second", "Minute",
                                     "Hour", "Day", "Week", "Month", "Quarter", "Year"});

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('\'');
  return out;
}

// Reads a type name from the front of `text_`.
class TypeNameParser {
 public:
  explicit TypeNameParser(std::string_view text) : text_(text) {}

  absl::StatusOr<Type> ParseAll() {
    HOGLET_ASSIGN_OR_RETURN(Type type, ParseType(0));
    SkipSpace();
    if (position_ != text_.size()) return Error("unexpected text");
    return type;
  }

 private:
  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(
        StrCat("type '", text_, "': ", what, " at position ", position_));
  }

  void SkipSpace() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }

  bool Accept(char c) {
    SkipSpace();
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  std::string_view Word() {
    SkipSpace();
    const size_t begin = position_;
    while (
        position_ < text_.size() &&
        (std::isalnum(static_cast<unsigned char>(text_[position_])) || text_[position_] == '_')) {
      ++position_;
    }
    return text_.substr(begin, position_ - begin);
  }

  absl::StatusOr<int> Integer() {
    SkipSpace();
    const size_t begin = position_;
    if (position_ < text_.size() && text_[position_] == '-') ++position_;
    while (position_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[position_])))
      ++position_;
    int value = 0;
    if (!absl::SimpleAtoi(ToAbsl(text_.substr(begin, position_ - begin)), &value))
      return Error("expected a number");
    return value;
  }

  absl::StatusOr<std::string> String() {
    if (!Accept('\'')) return Error("expected a quoted string");
    std::string out;
    while (position_ < text_.size() && text_[position_] != '\'') {
      if (text_[position_] == '\\' && position_ + 1 < text_.size()) ++position_;
      out.push_back(text_[position_++]);
    }
    if (!Accept('\'')) return Error("unterminated string");
    return out;
  }

  absl::StatusOr<Type> Closed(Type type) {
    if (!Accept(')')) return Error("expected ')'");
    return type;
  }

  absl::StatusOr<Type> ParseType(int depth) {
    if (depth > kNestingMax) return Error("too deeply nested");
    const std::string_view word = Word();
    if (!Accept('(')) return Simple(word);
    if (word == "Nullable" || word == "LowCardinality") {
      HOGLET_ASSIGN_OR_RETURN(Type inner, ParseType(depth + 1));
      return Closed(word == "Nullable" ? inner.Nullable() : inner);
    }
    if (word == "Array") {
      HOGLET_ASSIGN_OR_RETURN(Type inner, ParseType(depth + 1));
      return Closed(Type::Array(inner));
    }
    if (word == "Map") {
      HOGLET_ASSIGN_OR_RETURN(Type key, ParseType(depth + 1));
      if (!Accept(',')) return Error("expected ','");
      HOGLET_ASSIGN_OR_RETURN(Type value, ParseType(depth + 1));
      return Closed(Type::Map(key, value));
    }
    if (word == "Tuple") return ParseTuple(depth);
    if (word == "Enum8" || word == "Enum16") return ParseEnum();
    if (word == "DateTime") {
      HOGLET_ASSIGN_OR_RETURN(std::string zone, String());
      return Closed(Type::DateTime(zone));
    }
    return ParseNumeric(word);
  }

  absl::StatusOr<Type> ParseNumeric(std::string_view word) {
    HOGLET_ASSIGN_OR_RETURN(int first, Integer());
    if (word == "FixedString") {
      if (first < 1 || first > 255) return Error("FixedString of 1 to 255 bytes");
      return Closed(Type::FixedString(first));
    }
    if (word == "DateTime64") {
      if (first < 0 || first > 9) return Error("precision of 0 to 9");
      std::string zone;
      if (Accept(',')) {
        HOGLET_ASSIGN_OR_RETURN(zone, String());
      }
      return Closed(Type::DateTime64(first, zone));
    }
    if (word == "Decimal") {
      int scale = 0;
      if (Accept(',')) {
        HOGLET_ASSIGN_OR_RETURN(scale, Integer());
      }
      if (first < 1 || first > 38 || scale < 0 || scale > first)
        return Error("Decimal of 1 to 38 digits");
      return Closed(Type::Decimal(first, scale));
    }
    for (const auto& [name, digits] :
         {std::pair{"Decimal32", 9}, {"Decimal64", 18}, {"Decimal128", 38}}) {
      if (word == name && first >= 0 && first <= digits)
        return Closed(Type::Decimal(digits, first));
    }
    return Error("unknown type");
  }

  absl::StatusOr<Type> ParseTuple(int depth) {
    std::vector<Type> elements;
    std::vector<std::string> names;
    if (Accept(')')) return Type::Tuple({});
    do {
      const size_t before = position_;
      const std::string_view name = Word();
      SkipSpace();
      // "name Type" is a named element; "Type" and "Type(" are not.
      if (position_ < text_.size() && text_[position_] != ',' && text_[position_] != ')' &&
          text_[position_] != '(') {
        names.emplace_back(name);
      } else {
        position_ = before;
      }
      HOGLET_ASSIGN_OR_RETURN(Type element, ParseType(depth + 1));
      elements.push_back(std::move(element));
    } while (Accept(','));
    if (!names.empty() && names.size() != elements.size())
      return Error("all or no tuple elements are named");
    return Closed(Type::Tuple(std::move(elements), std::move(names)));
  }

  absl::StatusOr<Type> ParseEnum() {
    std::vector<std::pair<std::string, int>> values;
    do {
      HOGLET_ASSIGN_OR_RETURN(std::string name, String());
      if (!Accept('=')) return Error("expected '='");
      HOGLET_ASSIGN_OR_RETURN(int value, Integer());
      values.emplace_back(std::move(name), value);
    } while (Accept(','));
    return Closed(Type::Enum8(std::move(values)));
  }

  absl::StatusOr<Type> Simple(std::string_view word) const {
    for (const SimpleName& entry : kSimpleNames) {
      if (entry.name == word) return Type(entry.kind);
    }
    for (size_t unit = 0; unit < kUnitNames.size(); ++unit) {
      if (word == StrCat("Interval", kUnitNames[unit]))
        return Type::Interval(static_cast<IntervalUnit>(unit));
    }
    return Error("unknown type");
  }

  std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

Type Type::Decimal(int precision, int scale) {
  Type type(TypeKind::kDecimal);
  type.precision_ = static_cast<uint8_t>(precision);
  type.scale_ = static_cast<uint8_t>(scale);
  return type;
}

Type Type::FixedString(int bytes) {
  Type type(TypeKind::kFixedString);
  type.precision_ = static_cast<uint8_t>(bytes);
  return type;
}

Type Type::DateTime(std::string_view zone) { return Type(TypeKind::kDateTime).WithZone(zone); }

Type Type::DateTime64(int scale, std::string_view zone) {
  Type type(TypeKind::kDateTime64);
  type.scale_ = static_cast<uint8_t>(scale);
  return type.WithZone(zone);
}

Type Type::Interval(IntervalUnit unit) {
  Type type(TypeKind::kInterval);
  type.scale_ = static_cast<uint8_t>(unit);
  return type;
}

Type Type::Array(Type element) {
  Type type(TypeKind::kArray);
  type.extra_ = std::make_shared<const Extra>(
      Extra{.children = {std::move(element)}, .names = {}, .enum_values = {}, .zone = {}});
  return type;
}

Type Type::Tuple(std::vector<Type> elements, std::vector<std::string> names) {
  Type type(TypeKind::kTuple);
  type.extra_ = std::make_shared<const Extra>(Extra{
      .children = std::move(elements), .names = std::move(names), .enum_values = {}, .zone = {}});
  return type;
}

Type Type::Map(Type key, Type value) {
  Type type(TypeKind::kMap);
  type.extra_ = std::make_shared<const Extra>(Extra{
      .children = {std::move(key), std::move(value)}, .names = {}, .enum_values = {}, .zone = {}});
  return type;
}

Type Type::Enum8(std::vector<std::pair<std::string, int>> values) {
  Type type(TypeKind::kEnum8);
  Extra extra;
  for (auto& [name, value] : values) {
    extra.names.push_back(std::move(name));
    extra.enum_values.push_back(value);
  }
  type.extra_ = std::make_shared<const Extra>(std::move(extra));
  return type;
}

Type Type::State(std::string_view name, std::vector<Type> arguments) {
  Type type(TypeKind::kState);
  type.extra_ = std::make_shared<const Extra>(Extra{.children = std::move(arguments),
                                                    .names = {std::string(name)},
                                                    .enum_values = {},
                                                    .zone = {}});
  return type;
}

const std::vector<Type>& Type::children() const {
  static const std::vector<Type> none;
  return extra_ ? extra_->children : none;
}

const std::vector<std::string>& Type::names() const {
  static const std::vector<std::string> none;
  return extra_ ? extra_->names : none;
}

const std::vector<int>& Type::enum_values() const {
  static const std::vector<int> none;
  return extra_ ? extra_->enum_values : none;
}

const std::string& Type::zone() const {
  static const std::string none;
  return extra_ ? extra_->zone : none;
}

Type Type::Nullable() const {
  Type type = *this;
  type.nullable_ = true;
  return type;
}

Type Type::NotNullable() const {
  Type type = *this;
  type.nullable_ = false;
  return type;
}

Type Type::WithZone(std::string_view zone) const {
  Type type = *this;
  if (zone.empty()) {
    type.extra_.reset();
  } else {
    type.extra_ = std::make_shared<const Extra>(
        Extra{.children = {}, .names = {}, .enum_values = {}, .zone = std::string(zone)});
  }
  return type;
}

Physical Type::physical() const {
  switch (kind_) {
    case TypeKind::kNothing:
    case TypeKind::kFunction:
      return Physical::kNone;
    case TypeKind::kBool:
    case TypeKind::kUInt8:
      return Physical::kU8;
    case TypeKind::kFloat32:
    case TypeKind::kFloat64:
      return Physical::kF64;
    case TypeKind::kUInt128:
    case TypeKind::kInt128:
    case TypeKind::kUuid:
    case TypeKind::kIPv6:
      return Physical::kI128;
    case TypeKind::kDecimal:
      return precision_ > 18 ? Physical::kI128 : Physical::kI64;
    case TypeKind::kString:
    case TypeKind::kFixedString:
    case TypeKind::kState:
      return Physical::kString;
    case TypeKind::kArray:
    case TypeKind::kMap:
      return Physical::kArray;
    case TypeKind::kTuple:
      return Physical::kTuple;
    default:
      return Physical::kI64;
  }
}

std::string Type::Name() const {
  if (nullable_) return StrCat("Nullable(", NotNullable().Name(), ")");
  switch (kind_) {
    case TypeKind::kDecimal:
      return StrCat("Decimal(", precision_, ", ", scale_, ")");
    case TypeKind::kFixedString:
      return StrCat("FixedString(", precision_, ")");
    case TypeKind::kDateTime:
      return zone().empty() ? "DateTime" : StrCat("DateTime(", Quoted(zone()), ")");
    case TypeKind::kDateTime64:
      return zone().empty() ? StrCat("DateTime64(", scale_, ")")
                            : StrCat("DateTime64(", scale_, ", ", Quoted(zone()), ")");
    case TypeKind::kInterval:
      return StrCat("Interval", kUnitNames[scale_]);
    case TypeKind::kArray:
      return StrCat("Array(", element().Name(), ")");
    case TypeKind::kMap:
      return StrCat("Map(", children()[0].Name(), ", ", children()[1].Name(), ")");
    case TypeKind::kTuple: {
      std::string out = "Tuple(";
      for (size_t i = 0; i < children().size(); ++i) {
        StrAppend(&out, i ? ", " : "", i < names().size() ? names()[i] + " " : "",
                  children()[i].Name());
      }
      return out + ")";
    }
    case TypeKind::kEnum8: {
      std::string out = "Enum8(";
      for (size_t i = 0; i < names().size(); ++i) {
        StrAppend(&out, i ? ", " : "", Quoted(names()[i]), " = ", enum_values()[i]);
      }
      return out + ")";
    }
    case TypeKind::kState: {
      std::string out = StrCat("AggregateFunction(", names()[0]);
      for (const Type& child : children()) StrAppend(&out, ", ", child.Name());
      return out + ")";
    }
    default:
      for (const SimpleName& entry : kSimpleNames) {
        if (entry.kind == kind_) return std::string(entry.name);
      }
      return "Nothing";
  }
}

absl::StatusOr<Type> Type::Parse(std::string_view name) { return TypeNameParser(name).ParseAll(); }

int Type::IntegerBits() const {
  switch (kind_) {
    case TypeKind::kUInt16:
    case TypeKind::kInt16:
      return 16;
    case TypeKind::kUInt32:
    case TypeKind::kInt32:
      return 32;
    case TypeKind::kUInt64:
    case TypeKind::kInt64:
      return 64;
    case TypeKind::kUInt128:
    case TypeKind::kInt128:
      return 128;
    default:
      return 8;
  }
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind_ != b.kind_ || a.nullable_ != b.nullable_ || a.precision_ != b.precision_ ||
      a.scale_ != b.scale_)
    return false;
  if (a.extra_ == b.extra_) return true;
  return a.extra_ && b.extra_ && *a.extra_ == *b.extra_;
}

bool Type::SameBase(const Type& other) const {
  if (kind_ == TypeKind::kDateTime || kind_ == TypeKind::kDateTime64) {
    return kind_ == other.kind_ && scale_ == other.scale_;
  }
  return NotNullable() == other.NotNullable();
}

}  // namespace hoglet
