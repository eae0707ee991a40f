#pragma once

#include <map>
#include <memory>
#include <string>

#include "query/exec/table_catalog.h"

namespace hoglet {

class DeadLetterQueue;
class ObjectStore;
class PersonStore;
class SideRows;

// The tables of a data directory as queries see them: events with the person each distinct id
// belongs to now, the person store's records, what the pipeline keeps beside events, the dead
// letters, and who is in which cohort. Thread-safe; what it is made of outlives it.
class ProjectTables final : public TableCatalog {
 public:
  // `kept_bytes_max`: what a scan of a table other than events may hold; see RecordTable.
  // `repointed_bytes_max`: what may be kept of whom re-pointed events belong to.
  ProjectTables(const ScannableTable* events, const PersonStore* persons, const SideRows* side_rows,
                const DeadLetterQueue* dead_letters, const ObjectStore* objects,
                uint64_t kept_bytes_max, uint64_t repointed_bytes_max);
  ~ProjectTables() override;
  const ScannableTable* Find(std::string_view name) const override;

 private:
  std::map<std::string, std::unique_ptr<ScannableTable>, std::less<>> tables_;
};

}  // namespace hoglet
