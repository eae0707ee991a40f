#include "src/flags/flag_service.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/logging.h"
#include "src/base/strings.h"
#include "src/capture/capture_rules.h"
#include "src/flags/evaluate.h"
#include "src/flags/flag_facts.h"
#include "src/flags/flag_request.h"
#include "src/flags/flag_response.h"

namespace hoglet {
namespace {

HttpResponse JsonError(int status, std::string_view type, std::string_view code,
                       std::string_view detail) {
  JsonWriter json;
  json.BeginObject().Field("type", type).Field("code", code).Field("detail", detail);
  json.Key("attr").Null().EndObject();
  return HttpJson(status, json.Take());
}

const std::shared_ptr<const FlagSet>& NoFlags() {
  static const auto* const none = new std::shared_ptr<const FlagSet>(FlagSet::Compile({}));
  return *none;
}

}  // namespace

// A request on its way to an answer. Immutable once it waits, but for `is_answered`.
struct FlagService::Pending {
  HttpResponder responder;
  FlagQuery query;
  std::unique_ptr<FlagRequest> request;
  std::optional<FlagRuntime> runtime;
  std::string request_id;
  std::string client_ip;
  int64_t now_us = 0;
  int64_t begun_ns = 0;
  TeamId team = 0;
  std::shared_ptr<const FlagSet> set;
  PersonStore::FactsWanted wanted;  // views into the request
  uint64_t applied = 0;             // before the facts were looked up: they show all below it
  std::atomic<bool> is_answered{false};

  bool wants_facts() const { return wanted.person || wanted.hash_keys || !wanted.groups.empty(); }
};

FlagService::FlagService(Env* env, const TokenDirectory* tokens, FlagSource* source,
                         const Options& options, MetricRegistry* metrics)
    : env_(env),
      tokens_(tokens),
      source_(source),
      options_(options),
      requests_(metrics->GetCounter("hoglet_flags_requests_total",
                                    "Requests to /flags and /decide that were evaluated.")),
      unread_(metrics->GetCounter("hoglet_flags_without_person_total",
                                  "Of these, answered without the stored person.")),
      seconds_(metrics->GetHistogram("hoglet_flags_seconds", "From request to answer.")),
      buckets_(options.requests_per_second, options.requests_burst),
      readers_("flags", options.reading_threads, options.reading_queue_max),
      watch_([this] { Watch(); }) {}

FlagService::~FlagService() { Stop(); }

void FlagService::Stop() {
  readers_.Stop();
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (watch_.joinable()) watch_.join();
}

void FlagService::Handle(HttpRequest request, HttpResponder responder) {
  if (request.method != "GET") {
    Post(std::move(request), std::move(responder));
    return;
  }
  const FlagQuery query = ReadFlagQuery(request.path, request.query);
  const SdkSettings settings;
  const std::string request_id = FlagRequestId(request.headers, env_);
  const FlagAnswer answer{
      .shape = query.version.value_or(1) >= 2 ? FlagsShape::kDetails : FlagsShape::kValues,
      .request_id = request_id,
      .now_us = env_->NowMicros(),
      .config = &settings};
  responder(HttpJson(200, FlagAnswerJson({}, answer)));
}

void FlagService::Post(HttpRequest request, HttpResponder responder) {
  auto pending = std::make_shared<Pending>();
  pending->begun_ns = env_->MonotonicNanos();
  pending->now_us = env_->NowMicros();
  pending->query = ReadFlagQuery(request.path, request.query);
  auto body = ReadFlagRequest(&request, pending->query, options_.body_bytes_max);
  if (!body.ok()) {
    const bool is_large = absl::IsOutOfRange(body.status());
    responder(is_large ? HttpText(413, "request body too large")
                       : HttpText(400, std::string(FromAbsl(body.status().message()))));
    return;
  }
  pending->request = *std::move(body);
  pending->request->token = TrimWhitespace(pending->request->token);
  if (auto refusal = Admit(*pending)) {
    responder(*std::move(refusal));
    return;
  }
  pending->responder = std::move(responder);
  pending->runtime = RuntimeOf(request.headers, pending->request->runtime);
  pending->request_id = FlagRequestId(request.headers, env_);
  pending->client_ip = ClientIp(request);
  FindFlags(pending.get());
  if (pending->wanted.hash_keys) pending->applied = source_->applied();
  requests_->Add();
  if (!pending->wants_facts()) {
    Finish(pending, PersonStore::Facts());
  } else if (auto facts = source_->Remember(pending->wanted)) {
    Finish(pending, *std::move(facts));
  } else {
    Read(pending);
  }
}

std::optional<HttpResponse> FlagService::Admit(const Pending& pending) {
  const FlagRequest& request = *pending.request;
  if (request.token.empty()) {
    return JsonError(401, "authentication_error", "not_authenticated",
                     "No API token provided. Please include a valid API token in your request.");
  }
  if (!CheckToken(request.token, tokens_).ok()) {
    return JsonError(401, "authentication_error", "authentication_failed",
                     "The provided API key is invalid or has expired. Please check your API key "
                     "and try again.");
  }
  if (!buckets_.Take(request.token, pending.begun_ns)) {
    HttpResponse response =
        JsonError(429, "validation_error", "rate_limit_exceeded", "Rate limit exceeded");
    response.headers.Add("retry-after", "1");
    return response;
  }
  if (!request.distinct_id.has_value()) {
    return HttpText(400,
                    "The distinct_id field is missing from the request. Please include a valid "
                    "identifier.");
  }
  return std::nullopt;
}

// The project's flags, what they want to know, and the places that the client's address stands
// for.
void FlagService::FindFlags(Pending* pending) {
  FlagRequest& request = *pending->request;
  const auto team = tokens_ == nullptr || source_ == nullptr || request.disables_flags
                        ? std::nullopt
                        : tokens_->FindTeam(request.token);
  pending->team = team.value_or(0);
  pending->set = team.has_value() ? source_->Flags(*team) : NoFlags();
  pending->wanted = WantedFacts(*pending->set, request);
  if (request.disables_geoip || pending->set->flags().empty()) return;
  JsonObjectView facts;
  if (!source_->FindPlace(pending->client_ip, &request.arena, &facts)) return;
  for (const JsonMember& fact : facts) {
    const std::string_view name = request.arena.Copy(StrCat("$geoip_", fact.key));
    const FlagValue* sent = request.person_properties.Find(name);
    if (sent != nullptr && sent->kind != FlagValue::Kind::kNull) continue;
    request.person_properties.Set(name, FlagValue::FromMember(fact, &request.arena));
  }
}

void FlagService::Read(const PendingPtr& pending) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(pending);
  }
  changed_.notify_one();
  const bool is_taken = readers_.TrySubmit([this, pending] {
    if (!pending->is_answered) Finish(pending, source_->Ask(pending->wanted));
  });
  if (is_taken) return;
  Finish(pending, absl::ResourceExhaustedError("too many requests wait for their persons"));
}

// Answers those whose person takes too long; all of them at the end.
void FlagService::Watch() {
  SetThreadName("flags-watch");
  std::unique_lock lock(mutex_);
  while (!is_stopping_ || !waiting_.empty()) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    PendingPtr first = waiting_.front().lock();
    if (first != nullptr && !first->is_answered && !is_stopping_) {
      const int64_t left_us =
          options_.reading_us_max - (env_->MonotonicNanos() - first->begun_ns) / 1000;
      if (left_us > 0) {
        first.reset();
        changed_.wait_for(lock, std::chrono::microseconds(left_us));
        continue;
      }
    }
    waiting_.pop_front();
    lock.unlock();
    if (first != nullptr) Finish(first, absl::DeadlineExceededError("the person takes too long"));
    first.reset();
    lock.lock();
  }
}

void FlagService::Finish(const PendingPtr& pending, absl::StatusOr<PersonStore::Facts> facts) {
  if (pending->is_answered.exchange(true)) return;
  if (facts.ok() && pending->wanted.hash_keys) {
    unapplied_.AddTo(pending->team, pending->applied, &*facts);
  }
  if (!facts.ok()) {
    unread_->Add();
    static LogRateLimit limit(5'000'000);
    uint64_t suppressed = 0;
    if (limit.Allow(&suppressed)) {
      LogWarning("flags are evaluated without the person",
                 {{"error", facts.status()}, {"suppressed", suppressed}});
    }
  }
  bool reads_continuity = false;
  std::string json = Evaluate(*pending, facts, "", &reads_continuity);
  FlagHashKeyWrite write;
  if (!facts.ok() || !reads_continuity || !FindHashKeys(*pending, *facts, &write)) {
    Answer(*pending, std::move(json));
    return;
  }
  const uint64_t number = unapplied_.Add(write);
  auto done = [this, pending, number, facts = *facts,
               json = std::move(json)](const absl::StatusOr<uint64_t>& offset) mutable {
    unapplied_.Sent(number, offset);
    if (!offset.ok()) json = Evaluate(*pending, facts, "hash_key_override_error", nullptr);
    Answer(*pending, std::move(json));
  };
  source_->KeepHashKeys(write, std::move(done));
}

bool FlagService::FindHashKeys(const Pending& pending, const PersonStore::Facts& facts,
                               FlagHashKeyWrite* write) const {
  const FlagRequest& request = *pending.request;
  if (!request.anon_distinct_id.has_value()) return false;
  bool lacks_one = false;
  for (const FlagDefinition& flag : pending.set->flags()) {
    if (!flag.is_live() || !flag.ensures_continuity) continue;
    write->flags.push_back(flag.key);
    lacks_one |= facts.person != nullptr && !PersonStore::HasFlag(facts.hash_keys, flag.key);
    lacks_one |=
        facts.other_person != nullptr && !PersonStore::HasFlag(facts.other_hash_keys, flag.key);
  }
  if (!lacks_one) return false;
  write->team_id = pending.team;
  for (const PersonPtr& person : {facts.person, facts.other_person}) {
    if (person != nullptr) write->persons.push_back(person->id);
  }
  write->distinct_ids = {std::string(*request.distinct_id), std::string(*request.anon_distinct_id)};
  write->hash_key = std::string(*request.anon_distinct_id);
  return true;
}

std::string FlagService::Evaluate(const Pending& pending,
                                  const absl::StatusOr<PersonStore::Facts>& facts,
                                  std::string_view hash_key_error, bool* reads_continuity) const {
  const FlagRequest& request = *pending.request;
  FlagContext context =
      MakeFlagContext(*pending.set, request, pending.wanted, facts, source_, pending.now_us);
  context.ignores_stored_person = pending.query.ignores_stored_person;
  if (!hash_key_error.empty()) context.hash_key_error = hash_key_error;
  const FlagSelection selection{.only_surveys = pending.query.only_surveys,
                                .runtime = pending.runtime,
                                .contexts = request.contexts,
                                .keys = request.flag_keys};
  const FlagEvaluation evaluation = EvaluateFlags(*pending.set, selection, context);
  if (reads_continuity != nullptr) {
    *reads_continuity =
        std::any_of(evaluation.results.begin(), evaluation.results.end(),
                    [](const FlagResult& result) { return result.flag->ensures_continuity; });
  }
  const SdkSettings settings = pending.query.with_config() && tokens_ != nullptr
                                   ? tokens_->SettingsOf(request.token)
                                   : SdkSettings();
  return FlagAnswerJson(evaluation, {.shape = pending.query.shape,
                                     .request_id = pending.request_id,
                                     .now_us = pending.now_us,
                                     .config = pending.query.with_config() ? &settings : nullptr});
}

void FlagService::Answer(const Pending& pending, std::string json) {
  seconds_->Observe(1e-9 * static_cast<double>(env_->MonotonicNanos() - pending.begun_ns));
  pending.responder(HttpJson(200, std::move(json)));
}

}  // namespace hoglet
