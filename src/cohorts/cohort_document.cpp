#include "src/cohorts/cohort_document.h"

#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

void WriteJsonOrNull(std::string_view key, std::string_view json, JsonWriter* out) {
  out->Key(key);
  json.empty() ? out->Null() : out->Raw(json);
}

}  // namespace

std::string WriteCohort(const Cohort& cohort) {
  JsonWriter out;
  out.BeginObject()
      .Field("id", cohort.id)
      .Field("name", cohort.name)
      .Field("description", cohort.description);
  WriteJsonOrNull("groups", cohort.groups_json, &out);
  WriteJsonOrNull("filters", cohort.filters_json, &out);
  WriteJsonOrNull("query", cohort.query_json, &out);
  out.Key("cohort_type");
  cohort.cohort_type.empty() ? out.Null() : out.String(cohort.cohort_type);
  out.Field("is_static", cohort.is_static)
      .Field("deleted", cohort.is_deleted)
      .Field("is_calculating", cohort.is_calculating)
      .Field("requests", cohort.requests)
      .Field("created_by", cohort.created_by)
      .Field("created_at_us", cohort.created_at_us)
      .Field("last_calculation_us", cohort.last_calculation_us)
      .Field("errors_calculating", cohort.errors_calculating)
      .Field("last_error_at_us", cohort.last_error_at_us)
      .Field("version", cohort.version)
      .EndObject();
  return out.Take();
}

absl::StatusOr<Cohort> ReadCohort(std::string_view json) {
  Arena arena;
  JsonObjectView members;
  if (!ParseJsonObject(json, &arena, &members).ok())
    return absl::DataLossError("a stored cohort cannot be read");
  const auto text = [&](std::string_view key) {
    const JsonMember* member = FindJsonMember(members, key);
    return member != nullptr && member->kind == JsonKind::kString ? std::string(member->text) : "";
  };
  const auto nested = [&](std::string_view key) {
    const JsonMember* member = FindJsonMember(members, key);
    return member != nullptr && member->kind == JsonKind::kRaw ? std::string(member->text) : "";
  };
  const auto number = [&](std::string_view key) {
    const JsonMember* member = FindJsonMember(members, key);
    return member != nullptr && member->kind == JsonKind::kInt64 ? member->integer : 0;
  };
  const auto flag = [&](std::string_view key) {
    const JsonMember* member = FindJsonMember(members, key);
    return member != nullptr && member->kind == JsonKind::kBool && member->boolean;
  };
  Cohort cohort;
  cohort.id = number("id");
  if (cohort.id <= 0) return absl::DataLossError("a stored cohort has no id");
  cohort.name = text("name");
  cohort.description = text("description");
  cohort.groups_json = nested("groups");
  cohort.filters_json = nested("filters");
  cohort.query_json = nested("query");
  cohort.cohort_type = text("cohort_type");
  cohort.is_static = flag("is_static");
  cohort.is_deleted = flag("deleted");
  cohort.is_calculating = flag("is_calculating");
  cohort.requests = number("requests");
  cohort.created_by = number("created_by");
  cohort.created_at_us = number("created_at_us");
  cohort.last_calculation_us = number("last_calculation_us");
  cohort.errors_calculating = number("errors_calculating");
  cohort.last_error_at_us = number("last_error_at_us");
  cohort.version = number("version");
  return cohort;
}

}  // namespace hoglet
