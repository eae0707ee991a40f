#include "src/api/result_json.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <vector>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/time.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

// Widest cell of a drawn table, in code points; longer ones are cut with an ellipsis.
constexpr size_t kCellWidthMax = 80;

// The vector that holds the values of `column`, and the place of the row's value in it.
struct Cell {
  const Vector& values;
  size_t position;

  template <typename T>
  const T& As() const {
    return values.data<T>()[position];
  }
};

Cell CellOf(const Vector& column, size_t row) {
  const Vector& values = column.form() == Vector::Form::kDictionary ? *column.dictionary() : column;
  return {values, column.Position(row)};
}

void AppendWide(UInt128 value, std::string* out) {
  char digits[40];
  char* at = digits + sizeof(digits);
  do {
    *--at = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  out->append(at, digits + sizeof(digits));
}

void AppendSignedWide(Int128 value, std::string* out) {
  if (value < 0) out->push_back('-');
  AppendWide(value < 0 ? ~static_cast<UInt128>(value) + 1 : static_cast<UInt128>(value), out);
}

void AppendDecimal(Int128 value, int scale, std::string* out) {
  std::string digits;
  if (value < 0) out->push_back('-');
  AppendWide(value < 0 ? ~static_cast<UInt128>(value) + 1 : static_cast<UInt128>(value), &digits);
  const auto places = static_cast<size_t>(scale);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  out->append(digits, 0, digits.size() - places);
  if (places > 0) out->append(".").append(digits, digits.size() - places, places);
}

// Floats keep a point or an exponent, so that readers of typed languages see a float.
void AppendFloat(double value, bool is_single, std::string* out) {
  if (!std::isfinite(value)) {
    out->append("null");
    return;
  }
  const size_t begin = out->size();
  if (is_single) {
    char text[32];
    out->append(text, std::to_chars(text, text + sizeof(text), static_cast<float>(value)).ptr);
  } else {
    AppendJsonDouble(value, out);
  }
  if (out->find_first_of(".e", begin) == std::string::npos) out->append(".0");
}

void AppendTime(int64_t time_us, const std::string& zone_name, std::string* out) {
  const int fraction_digits = time_us % kMicrosPerSecond == 0 ? 0 : 6;
  const auto zone =
      zone_name.empty() ? TimeZone::Utc() : TimeZone::Load(zone_name).value_or(TimeZone::Utc());
  out->append(zone.is_utc() ? FormatRfc3339(time_us, fraction_digits)
                            : FormatRfc3339InZone(time_us, zone, fraction_digits));
}

int64_t TicksToMicros(int64_t ticks, int scale) {
  for (; scale < 6; ++scale) ticks *= 10;
  for (; scale > 6; --scale) ticks = FloorDivide(ticks, 10);
  return ticks;
}

void AppendUuid(Int128 value, std::string* out) {
  Uuid uuid;
  auto bits = static_cast<UInt128>(value);
  for (size_t i = uuid.bytes.size(); i-- > 0; bits >>= 8)
    uuid.bytes[i] = static_cast<uint8_t>(bits);
  out->append(FormatUuid(uuid));
}

void AppendIpv6(Int128 value, std::string* out) {
  uint8_t bytes[16];
  auto bits = static_cast<UInt128>(value);
  for (size_t i = sizeof(bytes); i-- > 0; bits >>= 8) bytes[i] = static_cast<uint8_t>(bits);
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(AF_INET6, bytes, text, sizeof(text)) != nullptr) out->append(text);
}

void AppendIpv4(int64_t value, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    AppendInt(value >> shift & 255, out);
    if (shift > 0) out->push_back('.');
  }
}

void AppendClock(int64_t seconds, std::string* out) {
  char text[32];
  const char* sign = seconds < 0 ? "-" : "";
  const int64_t rest = std::abs(seconds);
  std::snprintf(text, sizeof(text), "%s%02d:%02d:%02d", sign, static_cast<int>(rest / 3600 % 1000),
                static_cast<int>(rest / 60 % 60), static_cast<int>(rest % 60));
  out->append(text);
}

void AppendEnum(const Type& type, int64_t value, std::string* out) {
  for (size_t i = 0; i < type.enum_values().size(); ++i) {
    if (type.enum_values()[i] == value) {
      out->append(type.names()[i]);
      return;
    }
  }
  AppendInt(value, out);
}

void AppendArray(const Cell& cell, std::string* out) {
  out->push_back('[');
  const uint32_t begin = cell.values.offsets()[cell.position];
  const uint32_t end = cell.values.offsets()[cell.position + 1];
  for (uint32_t i = begin; i < end; ++i) {
    if (i > begin) out->push_back(',');
    AppendResultValue(cell.values.child(), i, out);
  }
  out->push_back(']');
}

void AppendMap(const Cell& cell, std::string* out) {
  const Vector& pairs = cell.values.child();
  out->push_back('{');
  const uint32_t begin = cell.values.offsets()[cell.position];
  const uint32_t end = cell.values.offsets()[cell.position + 1];
  for (uint32_t i = begin; i < end; ++i) {
    if (i > begin) out->push_back(',');
    std::string key;
    const Cell pair = CellOf(pairs, i);
    AppendPlainValue(pair.values.children()[0], pair.position, "null", &key);
    AppendJsonString(key, out);
    out->push_back(':');
    AppendResultValue(pair.values.children()[1], pair.position, out);
  }
  out->push_back('}');
}

void AppendTuple(const Cell& cell, std::string* out) {
  out->push_back('[');
  bool first = true;
  for (const Vector& element : cell.values.children()) {
    if (!std::exchange(first, false)) out->push_back(',');
    AppendResultValue(element, cell.position, out);
  }
  out->push_back(']');
}

// Appends what is text in JSON too, without quotes; false for other types.
bool AppendTextual(const Type& type, const Cell& cell, std::string* out) {
  switch (type.kind()) {
    case TypeKind::kString:
    case TypeKind::kFixedString:
    case TypeKind::kState:
      out->append(cell.As<std::string_view>());
      return true;
    case TypeKind::kDate:
    case TypeKind::kDate32:
      out->append(FormatDate(cell.As<int64_t>()));
      return true;
    case TypeKind::kDateTime:
      AppendTime(cell.As<int64_t>() * kMicrosPerSecond, type.zone(), out);
      return true;
    case TypeKind::kDateTime64:
      AppendTime(TicksToMicros(cell.As<int64_t>(), type.scale()), type.zone(), out);
      return true;
    case TypeKind::kTime:
      AppendClock(cell.As<int64_t>(), out);
      return true;
    case TypeKind::kUuid:
      AppendUuid(cell.As<Int128>(), out);
      return true;
    case TypeKind::kIPv4:
      AppendIpv4(cell.As<int64_t>(), out);
      return true;
    case TypeKind::kIPv6:
      AppendIpv6(cell.As<Int128>(), out);
      return true;
    case TypeKind::kEnum8:
      AppendEnum(type, cell.As<int64_t>(), out);
      return true;
    default:
      return false;
  }
}

void AppendNumberOrNested(const Type& type, const Cell& cell, std::string* out) {
  switch (type.kind()) {
    case TypeKind::kBool:
      out->append(cell.As<uint8_t>() != 0 ? "true" : "false");
      return;
    case TypeKind::kUInt8:
      AppendInt(cell.As<uint8_t>(), out);
      return;
    case TypeKind::kUInt64:
      AppendWide(static_cast<uint64_t>(cell.As<int64_t>()), out);
      return;
    case TypeKind::kUInt128:
      AppendWide(static_cast<UInt128>(cell.As<Int128>()), out);
      return;
    case TypeKind::kInt128:
      AppendSignedWide(cell.As<Int128>(), out);
      return;
    case TypeKind::kFloat32:
    case TypeKind::kFloat64:
      AppendFloat(cell.As<double>(), type.kind() == TypeKind::kFloat32, out);
      return;
    case TypeKind::kDecimal:
      AppendDecimal(type.physical() == Physical::kI128 ? cell.As<Int128>() : cell.As<int64_t>(),
                    type.scale(), out);
      return;
    case TypeKind::kArray:
      AppendArray(cell, out);
      return;
    case TypeKind::kMap:
      AppendMap(cell, out);
      return;
    case TypeKind::kTuple:
      AppendTuple(cell, out);
      return;
    case TypeKind::kNothing:
    case TypeKind::kFunction:
      out->append("null");
      return;
    default:
      AppendInt(cell.As<int64_t>(), out);
      return;
  }
}

std::string QuoteCsv(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

template <typename Visit>
void VisitRows(const QueryResult& result, Visit visit) {
  for (const std::vector<Vector>& batch : result.batches) {
    const size_t rows = batch.empty() ? 0 : batch.front().size();
    for (size_t row = 0; row < rows; ++row) visit(batch, row);
  }
}

std::string FormatCsv(const QueryResult& result) {
  std::string out;
  for (size_t i = 0; i < result.columns.size(); ++i) {
    if (i > 0) out.push_back(',');
    out.append(QuoteCsv(result.columns[i]));
  }
  out.push_back('\n');
  VisitRows(result, [&out](const std::vector<Vector>& batch, size_t row) {
    for (size_t i = 0; i < batch.size(); ++i) {
      if (i > 0) out.push_back(',');
      std::string value;
      AppendPlainValue(batch[i], row, "", &value);
      out.append(QuoteCsv(value));
    }
    out.push_back('\n');
  });
  return out;
}

std::string FormatJsonLines(const QueryResult& result) {
  std::string out;
  VisitRows(result, [&](const std::vector<Vector>& batch, size_t row) {
    out.push_back('{');
    for (size_t i = 0; i < batch.size(); ++i) {
      if (i > 0) out.push_back(',');
      AppendJsonString(result.columns[i], &out);
      out.push_back(':');
      AppendResultValue(batch[i], row, &out);
    }
    out.append("}\n");
  });
  return out;
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// One line, no control characters, at most kCellWidthMax wide.
std::string CellText(std::string_view text) {
  std::string out;
  size_t width = 0;
  for (const char c : text) {
    const bool begins = (c & 0xc0) != 0x80;
    if (begins && ++width > kCellWidthMax) return out + "…";
    out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  return out;
}

bool IsRightAligned(const std::string& type) {
  return type.find("Int") != std::string::npos || type.find("Float") != std::string::npos ||
         type.find("Decimal") != std::string::npos;
}

std::string FormatTable(const QueryResult& result) {
  std::vector<std::vector<std::string>> rows(1);
  for (const std::string& name : result.columns) rows[0].push_back(CellText(name));
  VisitRows(result, [&rows](const std::vector<Vector>& batch, size_t row) {
    auto& cells = rows.emplace_back();
    for (const Vector& column : batch) {
      std::string value;
      AppendPlainValue(column, row, "NULL", &value);
      cells.push_back(CellText(value));
    }
  });
  std::vector<size_t> widths(result.columns.size(), 0);
  for (const auto& cells : rows) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], CodePoints(cells[i]));
  }
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < rows[r].size(); ++i) {
      const std::string padding(widths[i] - CodePoints(rows[r][i]), ' ');
      const bool right = r > 0 && IsRightAligned(result.types[i]);
      out.append(i > 0 ? " │ " : " ");
      out.append(right ? padding + rows[r][i] : rows[r][i] + padding);
    }
    out.push_back('\n');
    if (r > 0) continue;
    for (size_t i = 0; i < widths.size(); ++i) {
      out.append(i > 0 ? "┼" : "");
      for (size_t j = 0; j < widths[i] + 2; ++j) out.append("─");
    }
    out.push_back('\n');
  }
  out.append("(" + std::to_string(rows.size() - 1) + (rows.size() == 2 ? " row" : " rows"));
  return out + (result.has_more.value_or(false) ? ", there are more)\n" : ")\n");
}

template <typename T>
void FieldOrNull(std::string_view key, const std::optional<T>& value, JsonWriter* json) {
  if (value.has_value()) {
    json->Field(key, *value);
  } else {
    json->Key(key).Null();
  }
}

void AppendRow(const std::vector<Vector>& batch, size_t row, std::string* out) {
  out->push_back('[');
  for (size_t i = 0; i < batch.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendResultValue(batch[i], row, out);
  }
  out->push_back(']');
}

void AppendRows(const QueryResult& result, std::string* out) {
  out->push_back('[');
  bool first = true;
  VisitRows(result, [&](const std::vector<Vector>& batch, size_t row) {
    if (!std::exchange(first, false)) out->push_back(',');
    AppendRow(batch, row, out);
  });
  out->push_back(']');
}

uint64_t BytesOf(const std::vector<Vector>& batch) {
  uint64_t bytes = 0;
  for (const Vector& column : batch) bytes += column.MemoryBytes();
  return bytes;
}

constexpr std::string_view kResponseHead = R"({"results":)";

}  // namespace

void AppendResultValue(const Vector& column, size_t row, std::string* out) {
  if (column.IsNull(row)) {
    out->append("null");
    return;
  }
  const Cell cell = CellOf(column, row);
  const Type& type = column.type();
  if (type.IsStringLike()) {
    AppendJsonString(cell.As<std::string_view>(), out);
    return;
  }
  std::string text;
  if (AppendTextual(type, cell, &text)) {
    AppendJsonString(text, out);
  } else {
    AppendNumberOrNested(type, cell, out);
  }
}

void AppendPlainValue(const Vector& column, size_t row, std::string_view null_text,
                      std::string* out) {
  if (column.IsNull(row)) {
    out->append(null_text);
    return;
  }
  const Cell cell = CellOf(column, row);
  if (!AppendTextual(column.type(), cell, out)) AppendNumberOrNested(column.type(), cell, out);
}

std::optional<ResultFormat> ParseResultFormat(std::string_view name) {
  if (name == "json") return ResultFormat::kJson;
  if (name == "jsonl") return ResultFormat::kJsonLines;
  if (name == "csv") return ResultFormat::kCsv;
  if (name == "table") return ResultFormat::kTable;
  return std::nullopt;
}

std::string ResultRowsJson(const QueryResult& result) {
  std::string out;
  AppendRows(result, &out);
  return out;
}

std::string FormatResult(const QueryRequest& request, const QueryResult& result,
                         ResultFormat format) {
  switch (format) {
    case ResultFormat::kJsonLines:
      return FormatJsonLines(result);
    case ResultFormat::kCsv:
      return FormatCsv(result);
    case ResultFormat::kTable:
      return FormatTable(result);
    case ResultFormat::kJson:
      break;
  }
  return QueryResponseJson(request, result, 0) + "\n";
}

namespace {

// What comes behind the rows.
void AppendResponseTail(const QueryRequest& request, const QueryResult& result, int64_t finished_us,
                        std::string* out) {
  JsonWriter json;
  json.BeginObject().Key("columns").BeginArray();
  for (const std::string& name : result.columns) json.String(name);
  json.EndArray().Key("types").BeginArray();
  for (size_t i = 0; i < result.types.size(); ++i) {
    json.BeginArray().String(result.columns[i]).String(result.types[i]).EndArray();
  }
  json.EndArray();
  FieldOrNull("hasMore", result.has_more, &json);
  FieldOrNull("limit", result.limit, &json);
  FieldOrNull("offset", result.offset, &json);
  json.Field("hogql", result.hogql).Key("clickhouse").Null().Field("query", request.text);
  json.Key("timings").BeginArray();
  for (const QueryTiming& timing : result.timings) {
    json.BeginObject().Field("k", timing.step).Field("t", timing.seconds).EndObject();
  }
  json.EndArray();
  json.Key("modifiers").Raw(request.modifiers_json.empty() ? "{}" : request.modifiers_json);
  json.Key("error").Null();
  if (request.debug) {
    json.Key("explain").BeginArray();
    for (const std::string& line : result.explain) json.String(line);
    json.EndArray();
  } else {
    json.Key("explain").Null();
  }
  json.Key("metadata").Null().Field("is_cached", false).Key("cache_key").Null();
  if (finished_us != 0) json.Field("last_refresh", FormatRfc3339(finished_us));
  json.Key("cache_target_age").Null().Key("next_allowed_client_refresh").Null();
  json.Key("calculation_trigger").Null().Field("timezone", result.timezone);
  json.Key("query_status").Null().Key("query_metadata").Null().EndObject();
  // Its opening brace gives way to a comma.
  out->push_back(',');
  out->append(json.Take(), 1);
}

}  // namespace

std::string QueryResponseJson(const QueryRequest& request, const QueryResult& result,
                              int64_t finished_us) {
  std::string out(kResponseHead);
  AppendRows(result, &out);
  AppendResponseTail(request, result, finished_us, &out);
  return out;
}

// The text of an answer is counted as memory at least so often.
constexpr uint64_t kCountedBytes = 1 << 20;

absl::StatusOr<std::string> TakeQueryResponseJson(const QueryRequest& request, QueryResult* result,
                                                  int64_t finished_us) {
  std::string out(kResponseHead);
  uint64_t rows_bytes = result->memory == nullptr ? 0 : result->memory->bytes();
  // Room that is never written to costs nothing.
  out.reserve(rows_bytes + rows_bytes / 2);
  out.push_back('[');
  bool first = true;
  for (std::vector<Vector>& batch : result->batches) {
    const uint64_t batch_bytes = BytesOf(batch);
    const size_t rows = batch.empty() ? 0 : batch.front().size();
    uint64_t counted_bytes = out.size();
    for (size_t row = 0; row < rows; ++row) {
      if (!std::exchange(first, false)) out.push_back(',');
      AppendRow(batch, row, &out);
      // A value that the rows share is written out for each of them.
      if (result->memory == nullptr || out.size() - counted_bytes < kCountedBytes) continue;
      counted_bytes = out.size();
      HOGLET_RETURN_IF_ERROR(result->memory->Set(rows_bytes + counted_bytes));
    }
    batch = {};
    rows_bytes -= std::min(rows_bytes, batch_bytes);
    if (result->memory != nullptr)
      HOGLET_RETURN_IF_ERROR(result->memory->Set(rows_bytes + out.size()));
  }
  out.push_back(']');
  AppendResponseTail(request, *result, finished_us, &out);
  if (result->memory != nullptr) HOGLET_RETURN_IF_ERROR(result->memory->Set(out.size()));
  return out;
}

}  // namespace hoglet
