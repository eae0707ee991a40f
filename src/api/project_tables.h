#pragma once

#include <map>
#include <memory>
#include <string>

#include "query/exec/table_catalog.h"

namespace hoglet {

class PersonStore;

// The tables of a data directory as queries see them: events with the person each distinct id
// belongs to now, and the person store's records. Thread-safe; what it is made of outlives it.
class ProjectTables final : public TableCatalog {
 public:
  ProjectTables(const ScannableTable* events, const PersonStore* persons);
  ~ProjectTables() override;
  const ScannableTable* Find(std::string_view name) const override;

 private:
  std::map<std::string, std::unique_ptr<ScannableTable>, std::less<>> tables_;
};

}  // namespace hoglet
