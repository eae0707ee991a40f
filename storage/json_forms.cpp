#include "storage/json_forms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "absl/strings/charconv.h"
#include "src/base/json.h"

namespace hoglet {

namespace {

constexpr char kHex[] = "0123456789ABCDEF";

// 1 where a byte may begin something that is written differently.
constexpr std::array<uint8_t, 256> MakeSpecial() {
  std::array<uint8_t, 256> special{};
  for (int i = 0; i < 32; ++i) special[i] = 1;
  special['"'] = 1;
  special['\\'] = 1;
  special[0xE2] = 1;  // first byte of U+2028
  return special;
}
constexpr std::array<uint8_t, 256> kSpecial = MakeSpecial();

bool IsLineSeparator(std::string_view text, size_t i) {
  return i + 2 < text.size() && text[i] == '\xE2' && text[i + 1] == '\x80' &&
         (text[i + 2] == '\xA8' || text[i + 2] == '\xA9');
}

void AppendEscapedByte(unsigned char byte, std::string* out) {
  switch (byte) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\f':
      out->append("\\f");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
  }
}

// Applies `convert(row, heap-backed string) -> bool valid` to every valid row of a flat vector.
template <typename Convert>
Vector ToStrings(const Vector& values, Convert convert) {
  Vector out = Vector::Flat(Type(TypeKind::kString).Nullable(), values.size());
  auto heap = std::make_shared<StringHeap>();
  auto* texts = out.mutable_data<std::string_view>();
  uint64_t* validity = out.mutable_validity();
  std::string scratch;
  for (size_t row = 0; row < values.size(); ++row) {
    texts[row] = {};
    if (values.validity() != nullptr && !BitIsSet(values.validity(), row)) {
      ClearBit(validity, row);
      continue;
    }
    scratch.clear();
    convert(row, &scratch);
    texts[row] = heap->Add(scratch);
  }
  out.KeepAlive(heap);
  return out;
}

// Strings that need no escape are shared with the input.
Vector EscapeStrings(const Vector& values, bool quoted) {
  Vector out = Vector::Flat(Type(TypeKind::kString).Nullable(), values.size());
  auto heap = std::make_shared<StringHeap>();
  const auto* in = values.data<std::string_view>();
  auto* texts = out.mutable_data<std::string_view>();
  std::string scratch;
  for (size_t row = 0; row < values.size(); ++row) {
    const bool valid = values.validity() == nullptr || BitIsSet(values.validity(), row);
    if (!valid) {
      texts[row] = {};
    } else if (!quoted && !NeedsQueryEscape(in[row])) {
      texts[row] = in[row];
    } else {
      scratch.clear();
      if (quoted) scratch.push_back('"');
      AppendQueryEscaped(in[row], &scratch);
      if (quoted) scratch.push_back('"');
      texts[row] = heap->Add(scratch);
    }
  }
  if (values.validity() != nullptr) out.ShareValidity(values);
  out.KeepAliveFrom(values);
  out.KeepAlive(heap);
  return out;
}

Vector NumbersAsText(const Vector& values) {
  if (values.type().physical() == Physical::kI64) {
    const auto* integers = values.data<int64_t>();
    return ToStrings(values, [&](size_t row, std::string* out) { AppendInt(integers[row], out); });
  }
  const auto* numbers = values.data<double>();
  return ToStrings(values,
                   [&](size_t row, std::string* out) { AppendQueryNumber(numbers[row], out); });
}

Vector NumbersAsNumbers(const Vector& values) {
  const Type type = Type(TypeKind::kFloat64).Nullable();
  if (values.type().physical() == Physical::kF64) {
    Vector out = values;
    out.set_type(type);
    return out;
  }
  Vector out = Vector::Flat(type, values.size());
  const auto* integers = values.data<int64_t>();
  auto* numbers = out.mutable_data<double>();
  for (size_t row = 0; row < values.size(); ++row)
    numbers[row] = static_cast<double>(integers[row]);
  if (values.validity() != nullptr) out.ShareValidity(values);
  return out;
}

Vector TextsAsNumbers(const Vector& values) {
  Vector out = Vector::Flat(Type(TypeKind::kFloat64).Nullable(), values.size());
  const auto* texts = values.data<std::string_view>();
  auto* numbers = out.mutable_data<double>();
  uint64_t* validity = out.mutable_validity();
  for (size_t row = 0; row < values.size(); ++row) {
    numbers[row] = 0;
    const bool valid = values.validity() == nullptr || BitIsSet(values.validity(), row);
    if (!valid || !ParseQueryNumber(texts[row], &numbers[row])) ClearBit(validity, row);
  }
  return out;
}

Vector TextsAsBools(const Vector& values) {
  Vector out = Vector::Flat(Type(TypeKind::kBool).Nullable(), values.size());
  const auto* texts = values.data<std::string_view>();
  auto* bools = out.mutable_data<uint8_t>();
  uint64_t* validity = out.mutable_validity();
  for (size_t row = 0; row < values.size(); ++row) {
    const bool valid = values.validity() == nullptr || BitIsSet(values.validity(), row);
    bools[row] = valid && texts[row] == "true" ? 1 : 0;
    if (!valid || (bools[row] == 0 && texts[row] != "false")) ClearBit(validity, row);
  }
  return out;
}

Vector ConstantDictionary(const Vector& values, std::initializer_list<std::string_view> entries,
                          bool by_value) {
  VectorBuilder builder{Type(TypeKind::kString).Nullable()};
  for (const std::string_view entry : entries) builder.AppendString(entry);
  builder.AppendNull();
  std::shared_ptr<uint32_t[]> codes(new uint32_t[values.size()]);
  const auto null_code = static_cast<uint32_t>(entries.size());
  for (size_t row = 0; row < values.size(); ++row) {
    const bool valid = values.validity() == nullptr || BitIsSet(values.validity(), row);
    const uint32_t code = by_value ? values.data<uint8_t>()[row] : 0;
    codes[row] = valid ? code : null_code;
  }
  return Vector::Dictionary(std::make_shared<const Vector>(builder.Build()), std::move(codes),
                            values.size());
}

Vector FlatToForm(const Vector& values, JsonVariant variant, ColumnRef::Json form) {
  const bool quoted = form == ColumnRef::Json::kRaw;
  const bool as_text = quoted || form == ColumnRef::Json::kText;
  switch (variant) {
    case JsonVariant::kNull:
      return ConstantDictionary(values, {"null"}, false);
    case JsonVariant::kBool: {
      if (as_text) return ConstantDictionary(values, {"false", "true"}, true);
      Vector out = values;
      out.set_type(Type(TypeKind::kBool).Nullable());
      return out;
    }
    case JsonVariant::kNumber:
      return as_text ? NumbersAsText(values) : NumbersAsNumbers(values);
    case JsonVariant::kString:
      if (as_text) return EscapeStrings(values, quoted);
      break;
    case JsonVariant::kRaw:
      if (as_text) {
        Vector out = values;
        out.set_type(Type(TypeKind::kString).Nullable());
        return out;
      }
      break;
  }
  return form == ColumnRef::Json::kNumber ? TextsAsNumbers(values) : TextsAsBools(values);
}

}  // namespace

bool NeedsQueryEscape(std::string_view text) {
  for (const char c : text) {
    if (kSpecial[static_cast<uint8_t>(c)] != 0) return true;
  }
  return false;
}

void AppendQueryEscaped(std::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (kSpecial[byte] == 0) {
      out->push_back(text[i]);
    } else if (byte != 0xE2) {
      AppendEscapedByte(byte, out);
    } else if (IsLineSeparator(text, i)) {
      out->append(text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029");
      i += 2;
    } else {
      out->push_back(text[i]);
    }
  }
}

void AppendQueryNumber(double value, std::string* out) {
  const size_t at = out->size();
  AppendJsonDouble(value, out);
  if (const size_t plus = out->find('+', at); plus != std::string::npos) out->erase(plus, 1);
}

Type FormType(ColumnRef::Json form) {
  switch (form) {
    case ColumnRef::Json::kNumber:
      return Type(TypeKind::kFloat64).Nullable();
    case ColumnRef::Json::kBool:
      return Type(TypeKind::kBool).Nullable();
    case ColumnRef::Json::kWhole:
      return Type(TypeKind::kString);
    default:
      return Type(TypeKind::kString).Nullable();
  }
}

bool VariantMatters(JsonVariant variant, ColumnRef::Json form) {
  switch (form) {
    case ColumnRef::Json::kRaw:
    case ColumnRef::Json::kWhole:
      return true;
    case ColumnRef::Json::kText:
      return variant != JsonVariant::kNull;
    case ColumnRef::Json::kNumber:
      return variant != JsonVariant::kNull && variant != JsonVariant::kBool;
    case ColumnRef::Json::kBool:
      return variant == JsonVariant::kBool || variant == JsonVariant::kString;
  }
  return true;
}

Vector VariantToForm(const Vector& values, JsonVariant variant, ColumnRef::Json form) {
  if (values.form() != Vector::Form::kDictionary) {
    Vector out = FlatToForm(values, variant, form);
    // String owners travel with what shares their bytes.
    out.KeepAliveFrom(values);
    return out;
  }
  Vector dictionary = FlatToForm(*values.dictionary(), variant, form);
  dictionary.KeepAliveFrom(*values.dictionary());
  return Vector::Dictionary(std::make_shared<const Vector>(std::move(dictionary)),
                            values.shared_codes(), values.size());
}

namespace {

template <typename T>
Vector Overlay(const std::vector<Vector>& forms, const Type& type, size_t rows) {
  Vector out = Vector::Flat(type, rows);
  T* to = out.mutable_data<T>();
  std::fill_n(to, rows, T{});
  uint64_t* validity = out.mutable_validity();
  std::fill_n(validity, BitmapWords(rows), 0);
  for (const Vector& form : forms) {
    const VectorReader<T> reader(form);
    for (size_t row = 0; row < rows; ++row) {
      if (!reader.valid(row)) continue;
      to[row] = reader.at(row);
      SetBit(validity, row);
    }
    out.KeepAliveFrom(form);
    if (form.form() == Vector::Form::kDictionary) out.KeepAlive(form.dictionary());
  }
  return out;
}

}  // namespace

Vector CombineForms(const std::vector<Vector>& forms, ColumnRef::Json form, size_t rows) {
  const Type type = FormType(form);
  if (forms.empty()) return Vector::NullConstant(type, rows);
  if (forms.size() == 1) return forms[0];
  switch (type.physical()) {
    case Physical::kF64:
      return Overlay<double>(forms, type, rows);
    case Physical::kU8:
      return Overlay<uint8_t>(forms, type, rows);
    default:
      return Overlay<std::string_view>(forms, type, rows);
  }
}

namespace {

// False: NULL.
bool AppendMemberText(const JsonMember& member, bool quoted, std::string* out) {
  switch (member.kind) {
    case JsonKind::kNull:
      if (quoted) out->append("null");
      return quoted;
    case JsonKind::kBool:
      out->append(member.boolean ? "true" : "false");
      return true;
    case JsonKind::kInt64:
      AppendInt(member.integer, out);
      return true;
    case JsonKind::kDouble:
      AppendQueryNumber(member.number, out);
      return true;
    case JsonKind::kString:
      if (quoted) out->push_back('"');
      AppendQueryEscaped(member.text, out);
      if (quoted) out->push_back('"');
      return true;
    case JsonKind::kRaw:
      out->append(member.text);
  }
  return true;
}

bool MemberNumber(const JsonMember& member, double* value) {
  switch (member.kind) {
    case JsonKind::kInt64:
      *value = static_cast<double>(member.integer);
      return true;
    case JsonKind::kDouble:
      *value = member.number;
      return true;
    case JsonKind::kString:
    case JsonKind::kRaw:
      return ParseQueryNumber(member.text, value);
    default:
      return false;
  }
}

bool MemberBool(const JsonMember& member, uint8_t* value) {
  const bool is_text = member.kind == JsonKind::kString;
  *value = is_text ? (member.text == "true" ? 1 : 0) : (member.boolean ? 1 : 0);
  return member.kind == JsonKind::kBool ||
         (is_text && (member.text == "true" || member.text == "false"));
}

}  // namespace

Vector MembersToForm(size_t rows, ColumnRef::Json form,
                     const std::function<bool(size_t, JsonMember*)>& member_of) {
  Vector out = Vector::Flat(FormType(form), rows);
  uint64_t* validity = out.mutable_validity();
  auto heap = std::make_shared<StringHeap>();
  std::string scratch;
  for (size_t row = 0; row < rows; ++row) {
    JsonMember member;
    bool valid = member_of(row, &member);
    if (form == ColumnRef::Json::kNumber) {
      double* value = out.mutable_data<double>() + row;
      *value = 0;
      valid = valid && MemberNumber(member, value);
    } else if (form == ColumnRef::Json::kBool) {
      uint8_t* value = out.mutable_data<uint8_t>() + row;
      *value = 0;
      valid = valid && MemberBool(member, value);
    } else {
      scratch.clear();
      valid = valid && AppendMemberText(member, form == ColumnRef::Json::kRaw, &scratch);
      out.mutable_data<std::string_view>()[row] = valid ? heap->Add(scratch) : std::string_view();
    }
    if (!valid) ClearBit(validity, row);
  }
  out.KeepAlive(heap);
  return out;
}

bool ParseQueryNumber(std::string_view text, double* value) {
  if (text.empty()) return false;
  std::string_view digits = text;
  if (digits[0] == '-' || digits[0] == '+') digits.remove_prefix(1);
  // Rules out white space, "inf", "nan" and hexadecimal.
  if (digits.empty() || !((digits[0] >= '0' && digits[0] <= '9') || digits[0] == '.')) return false;
  double magnitude = 0;
  const absl::from_chars_result result =
      absl::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
  if (result.ec == std::errc::invalid_argument || result.ptr != digits.data() + digits.size()) {
    return false;
  }
  if (!std::isfinite(magnitude)) return false;
  *value = text[0] == '-' ? -magnitude : magnitude;
  return true;
}

}  // namespace hoglet
