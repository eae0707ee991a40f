#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "include/hoglet/query_engine.h"
#include "src/base/vector/vector.h"

// Query results as text: JSON for the API, and the forms of the command line. Values (spec hogql.md
// section 19): times are ISO 8601 with the offset of their type's zone ("Z" for UTC) and
// microseconds if they have any; dates YYYY-MM-DD; arrays and tuples arrays; maps objects; Bool
// true or false; NaN and infinities null; integers of any width plain numbers.

namespace hoglet {

// Appends the JSON of one value.
void AppendResultValue(const Vector& column, size_t row, std::string* out);
// The same for people: text without quotes, NULL as \N-free `null_text`, nested values as JSON.
void AppendPlainValue(const Vector& column, size_t row, std::string_view null_text,
                      std::string* out);

enum class ResultFormat : uint8_t { kJson, kJsonLines, kCsv, kTable };
// "json", "jsonl", "csv", "table".
std::optional<ResultFormat> ParseResultFormat(std::string_view name);

// [[...], ...]: all rows.
std::string ResultRowsJson(const QueryResult& result);
// The whole result in a format of the command line: kJson is the API's answer, kJsonLines an object
// a row, kCsv has a header line (RFC 4180), kTable is drawn with lines. Ends with a line break.
std::string FormatResult(const QueryRequest& request, const QueryResult& result,
                         ResultFormat format);

// The body of the API's 200. `finished_us` is the moment of the answer.
std::string QueryResponseJson(const QueryRequest& request, const QueryResult& result,
                              int64_t finished_us);
// The same, letting go of rows as they are printed. Counts the text in result->memory;
// kResourceExhausted if it does not fit.
absl::StatusOr<std::string> TakeQueryResponseJson(const QueryRequest& request, QueryResult* result,
                                                  int64_t finished_us);

}  // namespace hoglet
