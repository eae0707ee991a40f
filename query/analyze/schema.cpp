#include "query/analyze/schema.h"

#include <utility>

#include "query/analyze/session_tables.h"
#include "src/base/strings.h"

namespace hoglet::analysis {
namespace {

using Kind = FieldDef::Kind;

Type StringType() { return Type(TypeKind::kString); }
Type MomentType() { return Type::DateTime64(6, "UTC"); }
Type IntegerType() { return Type(TypeKind::kInt64); }
Type BoolType() { return Type(TypeKind::kBool); }
Type UuidType() { return Type(TypeKind::kUuid); }

FieldDef Column(std::string name, Type type) {
  FieldDef field;
  field.source = name;
  field.name = std::move(name);
  field.type = std::move(type);
  return field;
}
FieldDef Hidden(FieldDef field) {
  field.hidden = true;
  return field;
}
FieldDef Renamed(std::string name, std::string source, Type type) {
  FieldDef field = Column(std::move(name), std::move(type));
  field.source = std::move(source);
  return field;
}
FieldDef Json(std::string name, std::string source, PropertyKind kind) {
  FieldDef field = Renamed(std::move(name), std::move(source), StringType());
  field.kind = Kind::kJson;
  field.property_kind = kind;
  return field;
}
FieldDef Expression(std::string name, std::string text, Type type) {
  FieldDef field = Renamed(std::move(name), std::move(text), std::move(type));
  field.kind = Kind::kExpression;
  return field;
}
FieldDef Virtual(std::string name, std::vector<FieldDef> children) {
  FieldDef field;
  field.kind = Kind::kVirtual;
  field.name = std::move(name);
  field.children = std::move(children);
  return field;
}
FieldDef Traverser(std::string name, std::vector<std::string> chain) {
  FieldDef field;
  field.kind = Kind::kTraverser;
  field.name = std::move(name);
  field.chain = std::move(chain);
  return field;
}
FieldDef LazyJoin(std::string name, std::string table, std::string left_key, std::string right_key,
                  bool inner = false) {
  FieldDef field;
  field.kind = Kind::kLazyJoin;
  field.name = std::move(name);
  field.join_table = std::move(table);
  field.left_key = std::move(left_key);
  field.right_key = std::move(right_key);
  field.inner_join = inner;
  return field;
}

Type PersonModeType() {
  return Type::Enum8({{"full", 0}, {"propertyless", 1}, {"force_upgrade", 2}});
}

constexpr PropertyKind kGroupKinds[] = {PropertyKind::kGroup0, PropertyKind::kGroup1,
                                        PropertyKind::kGroup2, PropertyKind::kGroup3,
                                        PropertyKind::kGroup4};

// What ingestion derives from elements_chain.
void AddElementColumns(std::vector<FieldDef>* fields) {
  const Type list = Type::Array(StringType());
  fields->push_back(Expression("elements_chain_href",
                               R"hogql(extract(elements_chain, '(?::|")href="(.*?)"'))hogql",
                               StringType()));
  fields->push_back(Expression(
      "elements_chain_texts",
      R"hogql(arrayDistinct(extractAll(elements_chain, '(?::|")text="(.*?)"')))hogql", list));
  fields->push_back(Expression(
      "elements_chain_ids",
      R"hogql(arrayDistinct(extractAll(elements_chain, '(?::|")attr_id="(.*?)"')))hogql", list));
  fields->push_back(Expression(
      "elements_chain_elements",
      R"hogql(arrayDistinct(extractAll(elements_chain, '(?:^|;)(a|button|form|input|select|textarea|label)(?:\\.|$|:)')))hogql",
      list));
}

// Where a person first came from.
void AddChannelFields(const AnalyzeContext& context, std::vector<FieldDef>* fields) {
  const auto initial = [](std::string_view key) { return StrCat("properties.$initial_", key); };
  const auto known = [](const std::string& value) {
    return StrCat("nullIf(nullIf(", value, ", ''), 'null')");
  };
  fields->push_back(
      Hidden(Expression("$virt_initial_referring_domain_type",
                        StrCat("lookupDomainType(ifNull(", initial("referring_domain"), ", ''))"),
                        StringType().Nullable())));
  const ChannelRuleFields rule_fields{
      .utm_source = known(initial("utm_source")),
      .utm_medium = known(initial("utm_medium")),
      .utm_campaign = known(initial("utm_campaign")),
      .referring_domain = initial("referring_domain"),
      .url = initial("current_url"),
      .pathname = StrCat("ifNull(", initial("pathname"), ", path(", initial("current_url"), "))"),
      .hostname = StrCat("domain(", initial("current_url"), ")")};
  fields->push_back(
      Hidden(Expression("$virt_initial_channel_type",
                        ChannelTypeText(context.sessions, rule_fields, known(initial("gclid")),
                                        known(initial("fbclid")), initial("gad_source")),
                        StringType())));
}

// The person as it stands on the event's row.
std::vector<FieldDef> PersonOnEvent() {
  return {Renamed("id", "person_id", UuidType()),
          Renamed("created_at", "person_created_at", MomentType()),
          Json("properties", "person_properties", PropertyKind::kPerson)};
}

// The group of the event under PostHog's name for what it once kept on the row: as it stands now.
std::vector<FieldDef> GroupOnEvent(int index) {
  const std::string group = StrCat("group_", index);
  return {Traverser("key", {StrCat("$", group)}), Traverser("created_at", {group, "created_at"}),
          Traverser("properties", {group, "properties"})};
}

}  // namespace

const FieldDef* FindField(const std::vector<FieldDef>& fields, std::string_view name) {
  for (const FieldDef& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

Schema::Schema(const AnalyzeContext& context) : context_(context) {
  // These come first, as they may take the names of others.
  AddPlain();
}

const TableDef* Schema::Find(std::string_view name) {
  do {
    if (const auto found = tables_.find(name); found != tables_.end()) return &found->second;
  } while (AddNext());
  return nullptr;
}

const Schema::Tables& Schema::tables() {
  while (AddNext()) continue;
  return tables_;
}

bool Schema::AddNext() {
  // Those that are asked for most come first.
  constexpr void (Schema::*kGroups[])() = {&Schema::AddEvents, &Schema::AddPersons,
                                           &Schema::AddSessions, &Schema::AddOthers,
                                           &Schema::AddSideTables};
  if (groups_made_ == std::size(kGroups)) return false;
  (this->*kGroups[groups_made_++])();
  return true;
}

void Schema::AddPlain() {
  for (const auto& [name, plain] : context_.tables) {
    TableDef table;
    table.name = table.physical = name;
    for (const PlainTable::Column& column : plain.columns) {
      FieldDef field = column.json ? Json(column.name, column.name, PropertyKind::kNone)
                                   : Column(column.name, column.type);
      field.hidden = column.hidden;
      table.fields.push_back(std::move(field));
    }
    Add(std::move(table));
  }
}

void Schema::Add(TableDef table) {
  if (FindField(table.fields, "team_id") == nullptr && !table.physical.empty()) {
    table.fields.push_back(Hidden(Column("team_id", IntegerType())));
  }
  std::string name = table.name;
  tables_.try_emplace(std::move(name), std::move(table));
}

void Schema::AddEvents() {
  TableDef events;
  events.name = events.physical = "events";
  auto& fields = events.fields;
  fields = {Column("uuid", UuidType()),
            Column("event", StringType()),
            Json("properties", "properties", PropertyKind::kEvent),
            Column("timestamp", MomentType()),
            Column("distinct_id", StringType()),
            Column("elements_chain", StringType()),
            Column("created_at", MomentType()),
            Expression("$session_id", "ifNull(properties.$session_id, '')", StringType()),
            Hidden(Expression("$session_id_uuid", "_toUInt128(toUUID(properties.$session_id))",
                              Type(TypeKind::kUInt128).Nullable())),
            Expression("$window_id", "ifNull(properties.$window_id, '')", StringType())};
  for (int i = 0; i < 5; ++i) {
    fields.push_back(Expression(StrCat("$group_", i),
                                StrCat("ifNull(properties.$group_", i, ", '')"), StringType()));
  }
  AddElementColumns(&fields);
  fields.push_back(Column("person_mode", PersonModeType()));
  fields.push_back(Hidden(Column("captured_at", MomentType())));
  fields.push_back(Hidden(Column("_timestamp", MomentType())));
  fields.push_back(Hidden(Column("historical_migration", BoolType())));
  fields.push_back(Hidden(Renamed("event_person_id", "person_id", UuidType())));
  fields.push_back(
      LazyJoin("pdi", "person_distinct_ids", "distinct_id", "distinct_id", /*inner=*/true));
  fields.push_back(Virtual("poe", PersonOnEvent()));
  if (context_.persons_mode == PersonsOnEventsMode::kDisabled) {
    fields.push_back(Traverser("person_id", {"pdi", "person_id"}));
    fields.push_back(Traverser("person", {"pdi", "person"}));
  } else {
    fields.push_back(Hidden(Column("person_id", UuidType())));
    fields.push_back(context_.persons_mode == PersonsOnEventsMode::kOverridePropertiesJoined
                         ? LazyJoin("person", "persons", "person_id", "id")
                         : Virtual("person", PersonOnEvent()));
  }
  fields.push_back(LazyJoin("session", "sessions", "$session_id", "session_id"));
  for (int i = 0; i < 5; ++i) {
    FieldDef group = LazyJoin(StrCat("group_", i), "groups", StrCat("$group_", i), "key");
    group.right_filter = StrCat("index = ", i);
    group.property_kind = kGroupKinds[i];
    fields.push_back(std::move(group));
    fields.push_back(Virtual(StrCat("goe_", i), GroupOnEvent(i)));
  }
  if (context_.schema != nullptr) {
    const auto types = context_.schema->GroupTypes();
    for (size_t i = 0; i < types.size() && i < 5; ++i) {
      if (types[i].empty() || FindField(fields, types[i]) != nullptr) continue;
      fields.push_back(Traverser(types[i], {StrCat("group_", i)}));
    }
  }
  Add(std::move(events));
}

void Schema::AddPersons() {
  TableDef raw;
  raw.name = "raw_persons";
  raw.physical = "persons";
  raw.listed = false;
  raw.fields = {Column("id", UuidType()),
                Column("created_at", MomentType()),
                Json("properties", "properties", PropertyKind::kPerson),
                Column("is_identified", BoolType()),
                Column("is_deleted", BoolType()),
                Column("version", IntegerType())};
  TableDef persons = raw;
  persons.name = "persons";
  persons.listed = true;
  for (FieldDef& field : persons.fields)
    field.hidden = field.name == "is_deleted" || field.name == "version";
  persons.filter = "is_deleted = 0 and created_at < now() + interval 1 day";
  persons.fields.push_back(LazyJoin("pdi", "person_distinct_ids", "id", "person_id"));
  AddChannelFields(context_, &persons.fields);
  Add(std::move(raw));
  Add(std::move(persons));

  TableDef raw_ids;
  raw_ids.name = "raw_person_distinct_ids";
  raw_ids.physical = "person_distinct_ids";
  raw_ids.listed = false;
  raw_ids.fields = {Column("distinct_id", StringType()), Column("person_id", UuidType()),
                    Column("is_deleted", BoolType()), Column("version", IntegerType())};
  TableDef raw_overrides = raw_ids;
  raw_overrides.name = "raw_person_distinct_id_overrides";
  raw_overrides.physical = "person_distinct_id_overrides";
  TableDef ids = raw_ids;
  ids.name = "person_distinct_ids";
  for (FieldDef& field : ids.fields)
    field.hidden = field.name == "is_deleted" || field.name == "version";
  ids.filter = "is_deleted = 0";
  ids.fields.push_back(LazyJoin("person", "persons", "person_id", "id"));
  TableDef overrides = ids;
  overrides.name = "person_distinct_id_overrides";
  overrides.physical = "person_distinct_id_overrides";
  Add(std::move(raw_ids));
  Add(std::move(ids));
  Add(std::move(raw_overrides));
  Add(std::move(overrides));
}

// What the pipeline keeps beside events.
void Schema::AddSideTables() {
  TableDef heatmaps;
  heatmaps.name = heatmaps.physical = "heatmaps";
  heatmaps.listed = false;
  heatmaps.fields = {Column("session_id", StringType()),
                     Column("distinct_id", StringType()),
                     Column("x", IntegerType()),
                     Column("y", IntegerType()),
                     Column("scale_factor", IntegerType()),
                     Column("viewport_width", IntegerType()),
                     Column("viewport_height", IntegerType()),
                     Column("pointer_target_fixed", BoolType()),
                     Column("current_url", StringType()),
                     Column("timestamp", MomentType()),
                     Column("type", StringType())};
  Add(std::move(heatmaps));

  TableDef warnings;
  warnings.name = warnings.physical = "ingestion_warnings";
  warnings.listed = false;
  warnings.fields = {Column("source", StringType()), Column("type", StringType()),
                     Json("details", "details", PropertyKind::kNone),
                     Column("timestamp", MomentType())};
  TableDef system_warnings = warnings;
  system_warnings.name = "system.ingestion_warnings";
  Add(std::move(warnings));
  Add(std::move(system_warnings));

  TableDef types;
  types.name = "system.group_type_mappings";
  types.physical = "group_type_mappings";
  types.listed = false;
  types.fields = {Column("id", IntegerType()), Column("group_type", StringType()),
                  Column("group_type_index", IntegerType()),
                  Column("name_singular", StringType().Nullable()),
                  Column("name_plural", StringType().Nullable())};
  Add(std::move(types));

  TableDef letters;
  letters.name = letters.physical = "dead_letter_queue";
  letters.listed = false;
  letters.fields = {Column("id", IntegerType()),
                    Column("event_uuid", UuidType()),
                    Column("event", StringType()),
                    Column("distinct_id", StringType()),
                    Json("raw_payload", "raw_payload", PropertyKind::kNone),
                    Column("now", MomentType()),
                    Column("error_location", StringType()),
                    Column("error", StringType())};
  Add(std::move(letters));
}

void Schema::AddOthers() {
  TableDef groups;
  groups.name = groups.physical = "groups";
  groups.fields = {Column("index", IntegerType()), Column("key", StringType()),
                   Column("created_at", MomentType()), Column("updated_at", MomentType()),
                   Json("properties", "properties", PropertyKind::kNone)};
  TableDef raw_groups = groups;
  raw_groups.name = "raw_groups";
  raw_groups.listed = false;
  Add(std::move(groups));
  Add(std::move(raw_groups));

  TableDef static_people;
  static_people.name = static_people.physical = "static_cohort_people";
  static_people.listed = false;
  static_people.fields = {Column("person_id", UuidType()), Column("cohort_id", IntegerType()),
                          LazyJoin("person", "persons", "person_id", "id")};
  Add(std::move(static_people));
  TableDef people;
  people.name = "raw_cohort_people";
  people.physical = "cohort_people";
  people.listed = false;
  people.fields = {Column("person_id", UuidType()), Column("cohort_id", IntegerType()),
                   Column("sign", IntegerType()), Column("version", IntegerType())};
  Add(std::move(people));
  TableDef cohort_people;
  cohort_people.name = "cohort_people";
  cohort_people.listed = false;
  cohort_people.view =
      "select person_id, cohort_id from raw_cohort_people group by person_id, cohort_id having "
      "sum(sign) > 0";
  Add(std::move(cohort_people));
}

void Schema::AddSessions() {
  TableDef sessions;
  sessions.name = "sessions";
  // Nearly every query has the same.
  static const auto* const usual = new std::string(SessionsViewText(SessionModifiers()));
  sessions.view =
      context_.sessions == SessionModifiers() ? *usual : SessionsViewText(context_.sessions);
  for (const char* name :
       {"id", "duration", "$exit_current_url", "$exit_pathname", "session_id_v7"}) {
    sessions.fields.push_back(Hidden(Column(name, StringType())));
  }
  Add(std::move(sessions));

  TableDef raw;
  raw.name = "raw_sessions";
  raw.listed = false;
  static const auto* const states = new std::string(RawSessionsViewText());
  raw.view = *states;
  // Shown by * are those that are no aggregate states.
  raw.shown = {"min_timestamp", "max_timestamp", "max_inserted_at", "urls"};
  Add(std::move(raw));
}

}  // namespace hoglet::analysis
