#include "query/exec/engine.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_split.h"
#include "include/hoglet/env.h"
#include "query/exec/column_numbers.h"
#include "query/exec/operator.h"
#include "query/exec/spill.h"
#include "query/exec/subquery.h"
#include "query/functions/functions.h"
#include "query/hogql/parser.h"
#include "src/base/json.h"
#include "src/base/process.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// A query that has held this part of what it may, and so much, leaves free memory between what is
// not.
constexpr uint64_t kPeaksPerLimit = 4;
constexpr uint64_t kPeakMin = 16 << 20;

int64_t MonotonicNanos() { return Env::Posix()->MonotonicNanos(); }

struct RowLimits {
  std::optional<uint64_t> default_rows;
  std::optional<uint64_t> rows_max;
};

// spec hogql.md section 12.
RowLimits LimitsOf(LimitContext context) {
  switch (context) {
    case LimitContext::kExport:
      return {300'000, 300'000};
    case LimitContext::kHeatmaps:
      return {1'000'000, 1'000'000};
    case LimitContext::kCohortCalculation:
      return {1'000'000'000, 1'000'000'000};
    case LimitContext::kSavedQuery:
      return {std::nullopt, std::nullopt};
    default:
      return {100, 50'000};
  }
}

std::shared_ptr<const hogql::Expr> ConstantOf(const JsonMember& member) {
  switch (member.kind) {
    case JsonKind::kBool:
      return std::make_shared<hogql::Constant>(hogql::ConstantValue(member.boolean));
    case JsonKind::kInt64:
      return std::make_shared<hogql::Constant>(hogql::ConstantValue(member.integer));
    case JsonKind::kDouble:
      return std::make_shared<hogql::Constant>(hogql::ConstantValue(member.number));
    case JsonKind::kString:
      return std::make_shared<hogql::Constant>(hogql::ConstantValue(std::string(member.text)));
    case JsonKind::kNull:
      return std::make_shared<hogql::Constant>();
    case JsonKind::kRaw:
      break;
  }
  if (!member.text.starts_with('[')) return nullptr;
  Arena arena;
  std::vector<JsonMember> elements;
  if (!ParseJsonArray(member.text, &arena, &elements).ok()) return nullptr;
  auto array = std::make_shared<hogql::Array>();
  for (const JsonMember& element : elements) {
    const auto constant = ConstantOf(element);
    if (constant == nullptr) return nullptr;
    array->exprs.push_back(hogql::Clone<hogql::Expr>(*constant));
  }
  return array;
}

absl::Status AddValues(const std::string& json, AnalyzeContext* context) {
  if (json.empty() || json == "{}") return absl::OkStatus();
  Arena arena;
  JsonObjectView members;
  if (absl::Status status = ParseJsonObject(json, &arena, &members); !status.ok()) {
    return absl::InvalidArgumentError(StrCat("values: ", FromAbsl(status.message())));
  }
  for (const JsonMember& member : members) {
    auto constant = ConstantOf(member);
    if (constant == nullptr)
      return absl::InvalidArgumentError(
          StrCat("values: '", member.key, "' must be a constant or a list of constants"));
    context->values[std::string(member.key)] = std::move(constant);
  }
  return absl::OkStatus();
}

// HogQLQuery.variables: {"<id>": {"code_name": ..., "value": ..., "isNull": ...}}.
absl::Status AddVariables(const std::string& json, AnalyzeContext* context) {
  if (json.empty() || json == "{}") return absl::OkStatus();
  Arena arena;
  JsonObjectView members;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(json, &arena, &members));
  for (const JsonMember& member : members) {
    JsonObjectView variable;
    if (member.kind != JsonKind::kRaw || !ParseJsonObject(member.text, &arena, &variable).ok()) {
      return absl::InvalidArgumentError(StrCat("variables: '", member.key, "' must be an object"));
    }
    const JsonMember* name = FindJsonMember(variable, "code_name");
    const JsonMember* value = FindJsonMember(variable, "value");
    const JsonMember* is_null = FindJsonMember(variable, "isNull");
    if (name == nullptr || name->kind != JsonKind::kString) continue;
    const bool null = value == nullptr || (is_null != nullptr && is_null->boolean);
    auto constant = null ? std::make_shared<hogql::Constant>() : ConstantOf(*value);
    if (constant == nullptr)
      return absl::InvalidArgumentError(StrCat("variables: '", name->text, "' must be a constant"));
    context->values[StrCat("variables.", name->text)] = std::move(constant);
  }
  return absl::OkStatus();
}

absl::Status AddSessionModifiers(const JsonObjectView& members, SessionModifiers* sessions) {
  const JsonMember* duration = FindJsonMember(members, "bounceRateDurationSeconds");
  if (duration != nullptr && duration->kind == JsonKind::kInt64) {
    sessions->bounce_duration_s = duration->integer;
  }
  const JsonMember* mode = FindJsonMember(members, "bounceRatePageViewMode");
  if (mode != nullptr && mode->kind == JsonKind::kString) {
    sessions->bounces_by_interactions = mode->text == "uniq_page_screen_autocaptures";
  }
  const JsonMember* rules = FindJsonMember(members, "customChannelTypeRules");
  if (rules != nullptr && rules->kind != JsonKind::kNull) {
    if (rules->kind != JsonKind::kRaw) {
      return absl::InvalidArgumentError("customChannelTypeRules: a list is expected");
    }
    HOGLET_ASSIGN_OR_RETURN(sessions->channel_rules, ParseChannelRules(rules->text));
  }
  return absl::OkStatus();
}

absl::Status AddModifiers(const std::string& json, AnalyzeContext* context) {
  if (json.empty() || json == "{}" || json == "null") return absl::OkStatus();
  Arena arena;
  JsonObjectView members;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(json, &arena, &members));
  if (const JsonMember* mode = FindJsonMember(members, "personsOnEventsMode"); mode != nullptr) {
    constexpr std::pair<std::string_view, PersonsOnEventsMode> kModes[] = {
        {"disabled", PersonsOnEventsMode::kDisabled},
        {"person_id_no_override_properties_on_events",
         PersonsOnEventsMode::kNoOverridePropertiesOnEvents},
        {"person_id_override_properties_on_events",
         PersonsOnEventsMode::kOverridePropertiesOnEvents},
        {"person_id_override_properties_joined", PersonsOnEventsMode::kOverridePropertiesJoined},
    };
    const auto* found = std::find_if(std::begin(kModes), std::end(kModes),
                                     [&](const auto& entry) { return entry.first == mode->text; });
    if (found == std::end(kModes))
      return absl::InvalidArgumentError(
          StrCat("modifiers: unknown personsOnEventsMode '", mode->text, "'"));
    context->persons_mode = found->second;
  }
  HOGLET_RETURN_IF_ERROR(AddSessionModifiers(members, &context->sessions));
  const JsonMember* convert = FindJsonMember(members, "convertToProjectTimezone");
  if (convert != nullptr && convert->kind == JsonKind::kBool)
    context->convert_to_project_timezone = convert->boolean;
  return absl::OkStatus();
}

class HeldResult final : public ResultMemory {
 public:
  // `shared` is what `budget` is a part of.
  HeldResult(std::shared_ptr<MemoryBudget> shared, std::shared_ptr<MemoryBudget> budget)
      : shared_(std::move(shared)), budget_(std::move(budget)), charge_(budget_.get()) {}

  uint64_t bytes() const override { return charge_.bytes(); }
  absl::Status Set(uint64_t bytes) override { return charge_.Set(bytes); }
  MemoryCharge* charge() { return &charge_; }

 private:
  const std::shared_ptr<MemoryBudget> shared_;
  const std::shared_ptr<MemoryBudget> budget_;
  MemoryCharge charge_;
};

class Engine final : public QueryEngine {
 public:
  explicit Engine(EngineOptions options)
      : options_(std::move(options)),
        memory_(std::make_shared<MemoryBudget>(options_.memory_bytes_total)),
        numbers_(options_.numbers_bytes_max),
        random_state_(options_.env->NowMicros()) {}

  absl::StatusOr<QueryResult> Run(const QueryRequest& request) override;

  std::string ErrorCode(const absl::Status& status) const override {
    std::string code = ErrorCodeOf(status);
    if (!code.empty()) return code;
    if (hogql::GetParseError(status).has_value()) return "hogql_syntax_error";
    return status.code() == absl::StatusCode::kInvalidArgument ? "hogql_query_error" : "";
  }

 private:
  // Wall time of each step, for the answer.
  class Stopwatch {
   public:
    explicit Stopwatch(QueryResult* result) : result_(result), began_(MonotonicNanos()) {}
    void Step(std::string_view name) {
      const int64_t now = MonotonicNanos();
      result_->timings.push_back({StrCat("./", name), static_cast<double>(now - began_) * 1e-9});
      began_ = now;
    }

   private:
    QueryResult* result_;
    int64_t began_;
  };

  absl::StatusOr<AnalyzeContext> ContextOf(const QueryRequest& request, const QueryProject& project,
                                           MemoryBudget* memory);
  // The rows of the result are charged to `charge`.
  absl::Status Execute(AnalyzedQuery& query, ExecContext& context, uint64_t rows_max,
                       MemoryCharge* charge, QueryResult* result);

  EngineOptions options_;
  const std::shared_ptr<MemoryBudget> memory_;  // of all queries together
  ColumnNumbersCache numbers_;
  std::atomic<uint64_t> random_state_;
};

absl::StatusOr<AnalyzeContext> Engine::ContextOf(const QueryRequest& request,
                                                 const QueryProject& project,
                                                 MemoryBudget* memory) {
  AnalyzeContext context;
  context.team_id = request.team_id;
  context.timezone = request.timezone.empty() ? project.timezone : request.timezone;
  context.week_start_day = project.week_start_day;
  context.array_slices = options_.array_slices;
  context.functions = &BuiltinFunctions();
  context.schema = project.schema.get();
  context.tables = options_.plain_tables;
  const RowLimits limits = LimitsOf(request.limit_context);
  context.default_limit = limits.default_rows;
  context.max_limit = limits.rows_max;
  if (request.rows_max > 0) {
    context.default_limit =
        std::min(context.default_limit.value_or(request.rows_max), request.rows_max);
    context.max_limit = std::min(context.max_limit.value_or(request.rows_max), request.rows_max);
  }
  context.eval.now_us = options_.env->NowMicros();
  context.eval.timezone = context.timezone;
  context.eval.memory = memory;
  context.eval.cancelled = request.cancelled.get();
  context.eval.monotonic_ns = &MonotonicNanos;
  context.eval.deadline_ns =
      request.timeout_us > 0 ? MonotonicNanos() + request.timeout_us * 1000 : 0;
  context.eval.random_state = &random_state_;
  HOGLET_RETURN_IF_ERROR(AddValues(request.values_json, &context));
  HOGLET_RETURN_IF_ERROR(AddVariables(request.variables_json, &context));
  if (context.schema != nullptr) context.sessions.channel_rules = context.schema->ChannelRules();
  HOGLET_RETURN_IF_ERROR(AddModifiers(request.modifiers_json, &context));
  return context;
}

absl::StatusOr<QueryResult> Engine::Run(const QueryRequest& request) {
  QueryResult result;
  Stopwatch watch(&result);
  HOGLET_ASSIGN_OR_RETURN(hogql::ExprPtr tree, hogql::ParseSelect(request.text));
  watch.Step("parse_select");
  const uint64_t memory_bytes_max =
      request.memory_bytes_max > 0 ? request.memory_bytes_max : options_.memory_bytes_max;
  const auto memory = std::make_shared<MemoryBudget>(memory_bytes_max, memory_.get());
  QuerySpill spill(options_.spill);
  const QueryProject project =
      options_.project ? options_.project(request.team_id) : QueryProject();
  HOGLET_ASSIGN_OR_RETURN(AnalyzeContext analyze, ContextOf(request, project, memory.get()));
  HOGLET_ASSIGN_OR_RETURN(AnalyzedQuery query, AnalyzeSelect(*tree, analyze));
  watch.Step("analyze");
  result.hogql = query.hogql;
  result.timezone = analyze.timezone;
  for (const OutputColumn& column : query.plan->output) {
    result.columns.push_back(column.name);
    result.types.push_back(column.type.Name());
  }
  if (request.debug) {
    for (absl::string_view line :
         absl::StrSplit(PlanToString(*query.plan), '\n', absl::SkipEmpty()))
      result.explain.emplace_back(line);
  }
  ExecContext context{.tables = options_.tables,
                      .numbers = &numbers_,
                      .eval = &analyze.eval,
                      .workers_max = options_.workers_max,
                      .spill = options_.spill == nullptr ? nullptr : &spill};
  const uint64_t rows_max = query.default_limit.value_or(analyze.max_limit.value_or(~uint64_t{0}));
  const auto held = std::make_shared<HeldResult>(memory_, memory);
  const absl::Status status = Execute(query, context, rows_max, held->charge(), &result);
  result.memory = held;
  if (memory->peak() >= std::max(kPeakMin, memory_bytes_max / kPeaksPerLimit)) ReleaseFreeMemory();
  HOGLET_RETURN_IF_ERROR(status);
  if (query.default_limit.has_value()) {
    result.limit = query.default_limit;
    result.offset = 0;
  }
  watch.Step("execute");
  return result;
}

absl::Status Engine::Execute(AnalyzedQuery& query, ExecContext& context, uint64_t rows_max,
                             MemoryCharge* charge, QueryResult* result) {
  HOGLET_RETURN_IF_ERROR(ResolveSubqueries(*query.plan, context));
  HOGLET_ASSIGN_OR_RETURN(NodePtr node, BuildNode(*query.plan, context));
  HOGLET_RETURN_IF_ERROR(node->Prepare(context));
  HOGLET_ASSIGN_OR_RETURN(std::vector<Batch> batches, CollectBatches(context, *node, charge));
  uint64_t rows = 0;
  if (query.default_limit.has_value()) result->has_more = false;
  for (Batch& batch : batches) {
    if (rows + batch.rows > rows_max) {
      if (query.default_limit.has_value()) result->has_more = true;
      batch = batch.Slice(0, rows_max - rows);
    }
    rows += batch.rows;
    if (batch.rows > 0) result->batches.push_back(std::move(batch.columns));
  }
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<QueryEngine> MakeQueryEngine(EngineOptions options) {
  return std::make_unique<Engine>(std::move(options));
}

}  // namespace hoglet
