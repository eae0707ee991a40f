#include "storage/schema.h"

#include <algorithm>
#include <array>

namespace hoglet {

namespace {

constexpr std::array<PlainColumnInfo, kPlainColumnCount> kInfos = {{
    {"uuid", Physical::kI128, false},
    {"event", Physical::kString, true},
    {"distinct_id", Physical::kString, true},
    {"timestamp", Physical::kI64, false},
    {"created_at", Physical::kI64, false},
    {"captured_at", Physical::kI64, false},
    {"person_id", Physical::kI128, true},
    {"person_created_at", Physical::kI64, false},
    {"person_mode", Physical::kI64, false},
    {"elements_chain", Physical::kString, true},
    {"historical_migration", Physical::kU8, false},
    {"team_id", Physical::kI64, false},
    {"_timestamp", Physical::kI64, false},
}};

constexpr std::array<std::string_view, kJsonColumnCount> kJsonNames = {"properties",
                                                                       "person_properties"};

std::array<Type, kPlainColumnCount> MakeTypes() {
  const Type time = Type::DateTime64(6, "UTC");
  return {Type(TypeKind::kUuid),
          Type(TypeKind::kString),
          Type(TypeKind::kString),
          time,
          time,
          time,
          Type(TypeKind::kUuid),
          time,
          Type::Enum8({{"full", 0}, {"propertyless", 1}, {"force_upgrade", 2}}),
          Type(TypeKind::kString),
          Type(TypeKind::kBool),
          Type(TypeKind::kInt64),
          time};
}

}  // namespace

const PlainColumnInfo& PlainInfo(PlainColumn column) { return kInfos[column]; }

const Type& PlainType(PlainColumn column) {
  static const auto& types = *new std::array<Type, kPlainColumnCount>(MakeTypes());
  return types[column];
}

Type GatheredType(JsonVariant variant, bool as_double) {
  switch (variant) {
    case JsonVariant::kNull:
    case JsonVariant::kBool:
      return Type(TypeKind::kBool);
    case JsonVariant::kNumber:
      return Type(as_double ? TypeKind::kFloat64 : TypeKind::kInt64);
    default:
      return Type(TypeKind::kString);
  }
}

std::string_view JsonColumnName(JsonColumn column) { return kJsonNames[column]; }

int FindPlainColumn(std::string_view name) {
  for (int i = 0; i < kPlainColumnCount; ++i) {
    if (kInfos[i].name == name) return i;
  }
  return -1;
}

int FindJsonColumn(std::string_view name) {
  for (int i = 0; i < kJsonColumnCount; ++i) {
    if (kJsonNames[i] == name) return i;
  }
  return -1;
}

Int128 UuidToInt128(const Uuid& uuid) {
  UInt128 value = 0;
  for (const uint8_t byte : uuid.bytes) value = (value << 8) | byte;
  return static_cast<Int128>(value);
}

Uuid Int128ToUuid(Int128 value) {
  Uuid uuid;
  auto bits = static_cast<UInt128>(value);
  for (size_t i = uuid.bytes.size(); i-- > 0; bits >>= 8) {
    uuid.bytes[i] = static_cast<uint8_t>(bits);
  }
  return uuid;
}

int32_t MonthOf(int64_t timestamp_us) {
  int64_t year = 0;
  int month = 0;
  int day = 0;
  CivilFromDayNumber(DayOf(timestamp_us), &year, &month, &day);
  return static_cast<int32_t>(std::clamp<int64_t>(year, 0, 9999)) * 100 + month;
}

uint64_t RowKey::Hash() const {
  uint64_t hash = IntHash64(static_cast<uint64_t>(team_id) * 0x9E3779B97F4A7C15ull +
                            static_cast<uint64_t>(day));
  hash = IntHash64(hash ^ CityHash64(event));
  hash = IntHash64(hash ^ distinct_id_hash);
  return IntHash64(hash + uuid_hash);
}

}  // namespace hoglet
