#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "include/hoglet/query_engine.h"
#include "query/analyze/analyzer.h"
#include "query/exec/table_catalog.h"

// Start here: HogQL text to rows on the embedded executor. parse (query/hogql) -> analyze
// (query/analyze) -> operators (operator.h).

namespace hoglet {

class Env;
class SpillSpace;

// What a query is told of the project it runs for.
struct QueryProject {
  std::shared_ptr<const SchemaProvider> schema;  // null: nothing is known
  std::string timezone = "UTC";                  // when a request names none
  int week_start_day = 0;                        // 0 Sunday, 1 Monday
};

struct EngineOptions {
  Env* env = nullptr;                    // required; clock of now() and of deadlines
  const TableCatalog* tables = nullptr;  // required
  // The project of a query's team; asked once a query, from any thread. Empty: QueryProject().
  std::function<QueryProject(TeamId)> project;
  bool array_slices = false;               // a[1:2]; HogQL proper has none
  uint64_t memory_bytes_max = 2ull << 30;  // of one query, when a request names none
  uint64_t memory_bytes_total = ~0ull;     // of all queries together
  // Where queries write what does not fit into their memory; outlives the engine. Null: such
  // queries end with an error.
  SpillSpace* spill = nullptr;
  int workers_max = 2;                             // threads of one query
  uint64_t numbers_bytes_max = 64 << 20;           // kept between queries (column_numbers.h)
  std::map<std::string, PlainTable> plain_tables;  // beside the project's own (tests)
};

// Thread-safe. What `options` points to outlives the engine.
std::unique_ptr<QueryEngine> MakeQueryEngine(EngineOptions options);

}  // namespace hoglet
