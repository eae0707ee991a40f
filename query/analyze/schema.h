#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "query/analyze/analyzer.h"

// The tables of a project as data (spec hogql.md sections 7, 8 and 13).

namespace hoglet::analysis {

struct FieldDef {
  enum class Kind : uint8_t {
    kColumn,      // physical column `source`
    kJson,        // physical JSON column `source`
    kExpression,  // HogQL text `source` over the table itself
    kVirtual,     // children
    kLazyJoin,    // rows of `join_table` whose right_key equals this table's left_key
    kTraverser,   // another name for `chain`
  };
  std::string name;
  Kind kind = Kind::kColumn;
  std::string source;
  Type type;
  bool hidden = false;  // not in *
  PropertyKind property_kind = PropertyKind::kNone;
  std::vector<FieldDef> children;
  std::vector<std::string> chain;
  std::string join_table;
  std::string left_key;  // HogQL expressions
  std::string right_key;
  std::string right_filter;
  bool inner_join = false;
};

struct TableDef {
  std::string name;
  std::string physical;
  std::vector<FieldDef> fields;
  std::string filter;              // HogQL condition over the table, or ""
  std::string view;                // HogQL text of the whole table, instead of `physical`
  std::vector<std::string> shown;  // of a view: what * stands for; empty: all that is not hidden
  bool listed = true;              // shown in schema listings
};

const FieldDef* FindField(const std::vector<FieldDef>& fields, std::string_view name);

// Definitions are made when they are first asked for: most queries ask for one table of many. One
// thread.
class Schema {
 public:
  using Tables = std::map<std::string, TableDef, std::less<>>;

  // The context outlives it.
  explicit Schema(const AnalyzeContext& context);
  // Null if there is none. What it points to stays.
  const TableDef* Find(std::string_view name);
  // All of them.
  const Tables& tables();

 private:
  // Makes the next group of tables; false when there are no more.
  bool AddNext();
  void AddPlain();
  void AddEvents();
  void AddPersons();
  void AddOthers();
  void AddSessions();
  void AddSideTables();
  void Add(TableDef table);

  const AnalyzeContext& context_;
  Tables tables_;
  size_t groups_made_ = 0;
};

}  // namespace hoglet::analysis
