#include "src/api/flag_document.h"

#include <utility>

#include "src/api/product_fields.h"
#include "src/api/rest.h"
#include "src/base/strings.h"
#include "src/base/time.h"

namespace hoglet {
namespace {

constexpr auto kFlag = ObjectKind::kFeatureFlag;
constexpr size_t kDependentsNamedMax = 5;

using Transaction = ObjectStore::Transaction;

// The name of a product of that kind that is about the flag; empty if there is none.
template <typename Predicate>
std::string ProductOf(int64_t flag_id, ObjectKind kind, const Transaction& transaction,
                      const Predicate& counts) {
  for (const auto& [id, json] : transaction.All(kind)) {
    const auto product = JsonFields::Parse(*json);
    if (product.ok() && product->Int("feature_flag_id") == flag_id && counts(*product)) {
      return product->Text("name");
    }
  }
  return {};
}

bool IsOfGroups(const JsonFields& flag) {
  const auto filters = JsonFields::Parse(flag.Find("filters"));
  const std::string_view type =
      filters.ok() ? filters->Find("aggregation_group_type_index") : std::string_view();
  return !type.empty() && type != "null";
}

// What products would go on offering to persons though it is gone, or is about groups. A web
// experiment that does not run keeps its flag's number for its results.
std::optional<FieldError> RefuseWhileOffered(const JsonFields& before, const JsonFields& after,
                                             const Transaction& transaction) {
  const bool is_deletion = after.Bool("deleted") && !before.Bool("deleted");
  const bool turns_to_groups = IsOfGroups(after) && !IsOfGroups(before);
  if (!is_deletion && !turns_to_groups) return std::nullopt;
  const int64_t id = before.Int("id");
  std::string product = ProductOf(id, ObjectKind::kEarlyAccessFeature, transaction,
                                  [](const JsonFields&) { return true; });
  if (!product.empty()) {
    product = StrCat("the early access feature ", product);
  } else if (is_deletion) {
    product = ProductOf(id, ObjectKind::kWebExperiment, transaction, IsRunning);
    if (!product.empty()) product = StrCat("the running web experiment ", product);
  }
  if (product.empty()) return std::nullopt;
  return FieldError{"", is_deletion ? StrCat("Cannot delete this feature flag because ", product,
                                             " uses it. Delete that first.")
                                    : StrCat("Cannot make this feature flag one of groups because ",
                                             product, " uses it.")};
}

}  // namespace

JsonFields NewFlagDocument(int64_t id, const ChangeAuthor& author) {
  const std::string now = FormatRfc3339(author.now_us);
  JsonFields flag;
  flag.Set("id", StrCat(id));
  flag.Set("team_id", StrCat(author.team_id));
  flag.SetText("name", "");
  flag.SetText("key", "");
  flag.Set("filters", "{}");
  flag.Set("deleted", "false");
  flag.Set("active", "true");
  flag.Set("created_by", StrCat(author.user_id));
  flag.SetText("created_at", now);
  flag.SetText("updated_at", now);
  flag.Set("version", "1");
  flag.Set("last_modified_by", StrCat(author.user_id));
  flag.Set("ensure_experience_continuity", "false");
  flag.Set("experiment_set", "[]");
  flag.Set("rollback_conditions", "null");
  flag.Set("performed_rollback", "false");
  flag.Set("tags", "[]");
  flag.Set("evaluation_contexts", "[]");
  flag.SetText("creation_context", "feature_flags");
  flag.Set("is_remote_configuration", "false");
  flag.Set("has_encrypted_payloads", "false");
  flag.SetText("evaluation_runtime", "all");
  flag.Set("bucketing_identifier", "null");
  flag.Set("last_called_at", "null");
  flag.Set("field_versions", "{}");
  return flag;
}

void ApplyFlagChanges(const JsonFields& changes, const ChangeAuthor& author, JsonFields* flag) {
  const std::string old_key = flag->Text("key");
  const int64_t version = flag->Int("version") + 1;
  auto versions = JsonFields::Parse(flag->Find("field_versions"));
  if (!versions.ok()) versions = JsonFields();
  for (const auto& [name, json] : changes.members()) {
    flag->Set(name, json);
    versions->Set(name, StrCat(version));
  }
  if (const std::string key = flag->Text("key"); key != old_key) {
    flag->Set("filters", RenameEnrollment(flag->Find("filters"), old_key, key));
  }
  flag->Set("version", StrCat(version));
  flag->Set("last_modified_by", StrCat(author.user_id));
  flag->SetText("updated_at", FormatRfc3339(author.now_us));
  flag->Set("field_versions", versions->ToJson());
}

// Keys have no character that JSON escapes, so a stored document shows its own as it is.
bool IsFlagKeyTaken(const ObjectStore::Transaction& transaction, const std::string& key,
                    int64_t except_id) {
  const std::string member = StrCat("\"key\":\"", key, "\"");
  for (const auto& [id, json] : transaction.All(kFlag)) {
    if (id == except_id || json->find(member) == std::string::npos) continue;
    const auto flag = JsonFields::Parse(*json);
    if (flag.ok() && flag->Text("key") == key && !flag->Bool("deleted")) return true;
  }
  return false;
}

std::string FlagChangesJson(std::string_view before, std::string_view after) {
  // What changes with every change, or is the server's own.
  return ChangesJson(kFlagActivityScope, before, after,
                     {"id", "team_id", "version", "created_at", "created_by", "updated_at",
                      "last_modified_by", "field_versions"});
}

void LogFlagChange(const JsonFields& flag, const char* activity, int64_t user_id,
                   std::string changes_json, ObjectStore::Transaction* transaction) {
  transaction->Log(MakeActivity({.scope = kFlagActivityScope,
                                 .item_id = std::string(flag.Find("id")),
                                 .name = flag.Text("key"),
                                 .activity = activity,
                                 .user_id = user_id,
                                 .changes_json = std::move(changes_json)}));
}

FlagReferences ReferencesOf(const ObjectStore::Transaction& transaction, int64_t flag_id) {
  return {.find_flag = [&transaction](int64_t id) { return transaction.Find(kFlag, id); },
          .find_cohort =
              [&transaction](int64_t id) { return transaction.Find(ObjectKind::kCohort, id); },
          .flag_id = flag_id};
}

std::optional<FieldError> RefuseWhileNeeded(const JsonFields& before, const JsonFields& after,
                                            const ObjectStore::Transaction& transaction) {
  if (auto error = RefuseWhileOffered(before, after, transaction)) return error;
  const bool is_deletion = after.Bool("deleted") && !before.Bool("deleted");
  const bool is_disabled = before.Bool("active") && !after.Bool("active");
  if (!is_deletion && !is_disabled) return std::nullopt;
  const int64_t id = before.Int("id");
  std::string names;
  size_t count = 0;
  for (const auto& [other_id, json] : transaction.All(kFlag)) {
    const auto other = JsonFields::Parse(*json);
    if (other_id == id || !other.ok() || other->Bool("deleted") || !other->Bool("active") ||
        !RefersToFlag(other->Find("filters"), id)) {
      continue;
    }
    if (++count > kDependentsNamedMax) continue;
    StrAppend(&names, names.empty() ? "" : ", ", other->Text("key"), " (ID: ", other_id, ")");
  }
  if (count == 0) return std::nullopt;
  if (count > kDependentsNamedMax) {
    StrAppend(&names, ", and ", count - kDependentsNamedMax, " more");
  }
  return FieldError{"", StrCat("Cannot ", is_deletion ? "delete" : "disable",
                               " this feature flag because other flags depend on it: ", names,
                               ". Change or disable those first.")};
}

std::optional<FieldError> MakeFlag(const FlagWanted& wanted, const ChangeAuthor& author,
                                   ObjectStore::Transaction* transaction, int64_t* id) {
  if (auto error = CheckFlagKey(wanted.key)) return error;
  if (IsFlagKeyTaken(*transaction, wanted.key, /*except_id=*/0)) {
    return FieldError{"key", "There is already a feature flag with this key.", "unique"};
  }
  std::string filters;
  if (auto error = ReadFlagFilters(wanted.filters, ReferencesOf(*transaction, 0), &filters)) {
    return error;
  }
  *id = transaction->NewId(kFlag);
  JsonFields flag = NewFlagDocument(*id, author);
  flag.SetText("name", wanted.name);
  flag.SetText("key", wanted.key);
  flag.Set("filters", std::move(filters));
  flag.Set("active", wanted.is_active ? "true" : "false");
  flag.SetText("creation_context", wanted.creation_context);
  transaction->Put(kFlag, *id, flag.ToJson());
  LogFlagChange(flag, "created", author.user_id, "[]", transaction);
  return std::nullopt;
}

std::optional<FieldError> ChangeFlag(int64_t id, const JsonFields& wanted,
                                     const ChangeAuthor& author,
                                     ObjectStore::Transaction* transaction) {
  const ObjectJson before = transaction->Find(kFlag, id);
  auto flag = JsonFields::Parse(before == nullptr ? "" : *before);
  if (!flag.ok()) return std::nullopt;
  JsonFields changes;
  for (const auto& [name, json] : wanted.members()) {
    std::string stored = json;
    if (name == "filters") {
      if (auto error = ReadFlagFilters(json, ReferencesOf(*transaction, id), &stored)) return error;
    }
    if (flag->Find(name) != stored) changes.Set(name, std::move(stored));
  }
  if (changes.members().empty()) return std::nullopt;
  ApplyFlagChanges(changes, author, &*flag);
  std::string after = flag->ToJson();
  LogFlagChange(*flag, "updated", author.user_id, FlagChangesJson(*before, after), transaction);
  transaction->Put(kFlag, id, std::move(after));
  return std::nullopt;
}

void RemoveFlag(int64_t id, const ChangeAuthor& author, ObjectStore::Transaction* transaction) {
  const ObjectJson json = transaction->Find(kFlag, id);
  const auto flag = JsonFields::Parse(json == nullptr ? "" : *json);
  if (!flag.ok()) return;
  LogFlagChange(*flag, "deleted", author.user_id, "[]", transaction);
  transaction->Remove(kFlag, id);
}

std::optional<JsonFields> FindLiveFlag(const ObjectStore::Transaction& transaction, int64_t id) {
  const ObjectJson json = transaction.Find(kFlag, id);
  auto flag = JsonFields::Parse(json == nullptr ? "" : *json);
  if (!flag.ok() || flag->Bool("deleted")) return std::nullopt;
  return *std::move(flag);
}

void WriteMinimalFlag(const Objects& flags, int64_t id, JsonWriter* json) {
  const auto found = flags.find(id);
  const auto flag = JsonFields::Parse(found == flags.end() ? "" : *found->second);
  if (flag.ok()) {
    WriteMinimalFlag(*flag, json);
  } else {
    json->Null();
  }
}

void WriteMinimalFlag(const JsonFields& flag, JsonWriter* json) {
  json->BeginObject();
  const auto copy = [&](std::string_view shown, std::string_view stored) {
    json->Key(shown).Raw(flag.Has(stored) ? flag.Find(stored) : "null");
  };
  for (const char* name : {"id", "team_id", "name", "key", "filters", "deleted", "active",
                           "ensure_experience_continuity", "has_encrypted_payloads", "version",
                           "evaluation_runtime"}) {
    copy(name, name);
  }
  copy("evaluation_tags", "evaluation_contexts");
  json->EndObject();
}

}  // namespace hoglet
