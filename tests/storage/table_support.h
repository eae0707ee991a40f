#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "include/hoglet/event.h"
#include "src/base/json.h"
#include "storage/event_table.h"

// Events for the tests of the storage folder, and the model they are held against.

namespace hoglet::storage_test {

inline constexpr int64_t kStartUs = 1'700'000'000'000'000;  // 2023-11-14T22:13:20Z

// An EventRow that owns what its views point to.
struct OwnedRow {
  EventRow row;
  std::string event;
  std::string distinct_id;
  std::string elements_chain;
  std::string properties_json;
  std::string person_json;

  // The row with its views set; documents are parsed into `arena`.
  EventRow View(Arena* arena, std::deque<JsonObjectView>* documents) const;
};

// A row as read back: everything as text, for comparing.
std::string Describe(const OwnedRow& row);

struct RowLimits {
  int teams = 2;
  int users = 20;
  int events = 5;
  int days = 40;
  int uuids = 1'000'000;  // small: many duplicates
  int keys = 12;
  bool wild_json = true;
};

OwnedRow RandomRow(std::mt19937_64* random, const RowLimits& limits, int64_t version_us);

// A random JSON object, canonical.
std::string RandomJsonObject(std::mt19937_64* random, int keys, bool wild);

// Inserts rows in one call.
absl::Status InsertRows(EventTable* table, const std::vector<OwnedRow>& rows);
absl::Status SealAndFlush(EventTable* table, uint64_t offset);

// What a table must show: the newest version of each key.
class TableModel {
 public:
  void Insert(const OwnedRow& row);
  // Descriptions of one team's rows, sorted.
  std::vector<std::string> Rows(TeamId team) const;
  size_t size() const { return rows_.size(); }

 private:
  std::map<std::string, OwnedRow> rows_;
};

// All live rows of a team as descriptions, sorted; documents read whole.
absl::StatusOr<std::vector<std::string>> ScanAll(const EventTable& table, TeamId team,
                                                 const ScanFilter& filter = {});

EventTable::Options SmallOptions();

}  // namespace hoglet::storage_test
