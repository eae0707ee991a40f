#pragma once

#include <cstdint>
#include <string_view>

#include "include/hoglet/event.h"
#include "src/base/hash.h"
#include "src/base/time.h"
#include "src/base/vector/type.h"

// The columns of the events table, as they lie in blocks and parts.

namespace hoglet {

enum PlainColumn : uint8_t {
  kUuidColumn,
  kEventColumn,
  kDistinctIdColumn,
  kTimestampColumn,
  kCreatedAtColumn,
  kCapturedAtColumn,
  kPersonIdColumn,
  kPersonCreatedAtColumn,
  kPersonModeColumn,
  kElementsChainColumn,
  kHistoricalMigrationColumn,
  kTeamIdColumn,
  kVersionColumn,  // `_timestamp`
  kPlainColumnCount,
};

enum JsonColumn : uint8_t { kPropertiesColumn, kPersonPropertiesColumn, kJsonColumnCount };

// How one top-level key of a JSON column lies: a value is in exactly one of these columns.
enum class JsonVariant : uint8_t {
  kNull,  // the rows where it is JSON null
  kBool,
  kNumber,  // int64 if all of the part's values are integers within 2^53, else double
  kString,  // unescaped
  kRaw,     // JSON text: arrays, objects, integers beyond 2^53
};
inline constexpr int kJsonVariantCount = 5;

struct PlainColumnInfo {
  std::string_view name;
  Physical physical;
  bool try_dictionary;
};
const PlainColumnInfo& PlainInfo(PlainColumn column);
const Type& PlainType(PlainColumn column);
std::string_view JsonColumnName(JsonColumn column);
// The type in which the values of a variant are gathered; `as_double` is for numbers.
Type GatheredType(JsonVariant variant, bool as_double);
// Documents that repeat from row to row are stored once.
inline bool IsShared(JsonColumn column) { return column == kPersonPropertiesColumn; }

// -1 if there is none.
int FindPlainColumn(std::string_view name);
int FindJsonColumn(std::string_view name);

Int128 UuidToInt128(const Uuid& uuid);
Uuid Int128ToUuid(Int128 value);

// For hash tables.
struct WideHash {
  size_t operator()(Int128 value) const {
    return IntHash64(static_cast<uint64_t>(value) ^ IntHash64(static_cast<uint64_t>(value >> 64)));
  }
};

// Integers up to this keep their value as doubles.
inline constexpr int64_t kExactDoubleMax = int64_t{1} << 53;

inline int64_t DayOf(int64_t timestamp_us) { return FloorDivide(timestamp_us, kMicrosPerDay); }
// YYYYMM of a moment in UTC (years beyond 0 .. 9999 are clamped, so that names stay short).
int32_t MonthOf(int64_t timestamp_us);

// The replacing key: two rows with equal keys are versions of one row.
struct RowKey {
  TeamId team_id = 0;
  int64_t day = 0;
  std::string_view event;
  uint64_t distinct_id_hash = 0;  // cityHash64
  uint64_t uuid_hash = 0;         // cityHash64

  friend bool operator==(const RowKey&, const RowKey&) = default;
  // Well mixed, stable: it is what the key filters of parts hold.
  uint64_t Hash() const;
};

// The order of rows in a part.
struct RowSortKey {
  TeamId team_id = 0;
  int64_t day = 0;
  std::string_view event;
  uint64_t distinct_id_hash = 0;
  int64_t timestamp_us = 0;
  uint64_t uuid_hash = 0;

  friend bool operator==(const RowSortKey&, const RowSortKey&) = default;
  friend auto operator<=>(const RowSortKey&, const RowSortKey&) = default;
};

}  // namespace hoglet
