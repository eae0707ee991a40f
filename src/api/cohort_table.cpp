#include "src/api/cohort_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/base/strings.h"
#include "src/cohorts/cohort_document.h"
#include "storage/schema.h"

namespace hoglet {
namespace {

using Members = std::shared_ptr<const CohortMembers>;

// At most kVectorRowsMax persons of one cohort.
struct Granule {
  int64_t cohort_id = 0;
  Members members;
  size_t begin = 0;
  size_t rows = 0;
};

class CohortReader final : public GranuleReader {
 public:
  explicit CohortReader(const Granule& granule) : granule_(granule) {}

  size_t rows() const override { return granule_.rows; }
  const Selection* live() const override { return nullptr; }
  absl::StatusOr<Vector> Read(const ColumnRef& column) override {
    const Type integer(TypeKind::kInt64);
    if (column.name == "person_id") return Persons();
    if (column.name == "cohort_id")
      return Vector::Constant(integer, Datum(granule_.cohort_id), granule_.rows);
    if (column.name == "sign") return Vector::Constant(integer, Datum(1), granule_.rows);
    if (column.name == "version")
      return Vector::Constant(integer, Datum(kCohortVersion), granule_.rows);
    return absl::NotFoundError(StrCat("no column '", column.name, "'"));
  }
  absl::StatusOr<Vector> Read(const ColumnRef& column, const Selection& selection) override {
    HOGLET_ASSIGN_OR_RETURN(const Vector rows, Read(column));
    return rows.Gather(selection);
  }

 private:
  Vector Persons() const {
    Vector out = Vector::Flat(Type(TypeKind::kUuid), granule_.rows);
    const Uuid* persons = granule_.members->persons().data() + granule_.begin;
    std::transform(persons, persons + granule_.rows, out.mutable_data<Int128>(), UuidToInt128);
    return out;
  }

  const Granule& granule_;
};

class CohortScan final : public TableScan {
 public:
  explicit CohortScan(std::vector<Granule> granules) : granules_(std::move(granules)) {}

  size_t granule_count() const override { return granules_.size(); }
  size_t granule_rows(size_t granule) const override { return granules_[granule].rows; }
  std::optional<TimeRange> granule_time(size_t) const override { return std::nullopt; }
  absl::StatusOr<std::unique_ptr<GranuleReader>> OpenGranule(size_t granule) const override {
    return std::make_unique<CohortReader>(granules_[granule]);
  }

 private:
  const std::vector<Granule> granules_;
};

class CohortTable final : public ScannableTable {
 public:
  CohortTable(const ObjectStore* objects, bool is_static)
      : objects_(objects), is_static_(is_static) {}

  absl::StatusOr<Type> ColumnType(const ColumnRef& column) const override {
    if (column.name == "person_id") return Type(TypeKind::kUuid);
    if (column.name == "cohort_id" ||
        (!is_static_ && (column.name == "sign" || column.name == "version"))) {
      return Type(TypeKind::kInt64);
    }
    return absl::NotFoundError(StrCat("no column '", column.name, "'"));
  }

  absl::StatusOr<std::unique_ptr<TableScan>> OpenScan(TeamId team,
                                                      const ScanFilter&) const override {
    std::vector<Granule> granules;
    const auto all = objects_->All(team, ObjectKind::kCohort);
    for (const auto& [id, json] : *all) {
      HOGLET_ASSIGN_OR_RETURN(const Cohort cohort, ReadCohort(*json));
      if (cohort.is_static != is_static_ || cohort.is_deleted) continue;
      const Members members = objects_->Members(team, id);
      const size_t count = members == nullptr ? 0 : members->persons().size();
      for (size_t begin = 0; begin < count; begin += kVectorRowsMax) {
        granules.push_back({id, members, begin, std::min(count - begin, kVectorRowsMax)});
      }
    }
    return std::make_unique<CohortScan>(std::move(granules));
  }

 private:
  const ObjectStore* objects_;
  const bool is_static_;
};

}  // namespace

std::unique_ptr<ScannableTable> CohortPeopleTable(const ObjectStore* objects, bool is_static) {
  return std::make_unique<CohortTable>(objects, is_static);
}

}  // namespace hoglet
