#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"

// HogQL text in, columns out: what the API and the CLI ask of the engine.

namespace hoglet {

class Vector;  // src/base/vector/vector.h; include it where results are read

// How many rows a query without LIMIT gets, and the most that any gets (spec hogql.md section 12).
enum class LimitContext : uint8_t {
  kQuery,
  kQueryAsync,
  kExport,
  kCohortCalculation,
  kSavedQuery,
  kHeatmaps
};

struct QueryRequest {
  TeamId team_id = 0;
  std::string text;                // HogQL
  std::string values_json = "{}";  // {placeholder: value}, a JSON object
  std::string filters_json;        // HogQLQuery.filters as a JSON object; empty: none
  std::string variables_json;      // HogQLQuery.variables; empty: none
  std::string modifiers_json;      // HogQLQuery.modifiers; empty: none
  LimitContext limit_context = LimitContext::kQuery;
  std::string timezone;  // IANA name; empty: the project's
  int64_t timeout_us = 60'000'000;
  uint64_t memory_bytes_max = 0;  // 0: the engine's default
  uint64_t rows_max = 0;          // 0: the limit context's
  bool debug = false;             // explain lines are wanted, and errors may carry internal detail
  std::string client_query_id;
  // Set to true to stop the query: it then ends with kCancelled. May be null.
  std::shared_ptr<const std::atomic<bool>> cancelled;
};

struct QueryTiming {
  std::string step;  // "./parse_select"
  double seconds = 0;
};

// What a result takes of the memory of its query, and of all queries, as long as this lives. Used
// by one thread at a time; may outlive the engine.
class ResultMemory {
 public:
  virtual ~ResultMemory() = default;
  virtual uint64_t bytes() const = 0;
  // Makes it so many: fewer when rows are let go of, more for what they are turned into.
  // kResourceExhausted if there is no room.
  virtual absl::Status Set(uint64_t bytes) = 0;
};

struct QueryResult {
  std::vector<std::string> columns;
  std::vector<std::string> types;  // ClickHouse names, one a column
  // Rows in order: each batch holds one vector a column, all of one length.
  std::vector<std::vector<Vector>> batches;
  std::shared_ptr<ResultMemory> memory;  // of the batches; null: not counted
  // Set only when the server added the LIMIT (hogql.md section 12).
  std::optional<bool> has_more;
  std::optional<uint64_t> limit;
  std::optional<uint64_t> offset;
  std::string hogql;  // canonical text
  std::string timezone =
      "UTC";  // in effect; values of types without a zone are shown in UTC all the same
  std::vector<QueryTiming> timings;
  std::vector<std::string> explain;  // plan lines, if asked for
};

// Status codes of errors: kInvalidArgument the query is wrong (400), kPermissionDenied (403),
// kUnimplemented (400), kDeadlineExceeded (504), kResourceExhausted memory (504), kCancelled (499),
// kUnavailable (503), anything else a fault of the server (500).
//
// Thread-safe; Run() blocks for the length of the query.
class QueryEngine {
 public:
  virtual ~QueryEngine() = default;
  virtual absl::StatusOr<QueryResult> Run(const QueryRequest& request) = 0;
  // The API's `code` of an error that Run() returned ("hogql_query_error",
  // "illegal_type_of_argument", ...); "" for none.
  virtual std::string ErrorCode(const absl::Status& status) const = 0;
};

}  // namespace hoglet
