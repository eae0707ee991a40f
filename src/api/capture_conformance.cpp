#include "src/api/capture_conformance.h"

#include <simdjson.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "include/hoglet/log.h"
#include "include/hoglet/status.h"
#include "src/api/capture_routes.h"
#include "src/api/flag_routes.h"
#include "src/api/product_api.h"
#include "src/base/base64.h"
#include "src/base/captured_event.h"
#include "src/base/json.h"
#include "src/base/memory_env.h"
#include "src/base/time.h"
#include "src/base/uuid.h"
#include "src/capture/quotas.h"

namespace hoglet {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

class VectorTokens : public TokenDirectory {
 public:
  VectorTokens(bool accepts_any, std::set<std::string> known)
      : accepts_any_(accepts_any), known_(std::move(known)) {}
  bool IsKnownToken(std::string_view token) const override {
    return accepts_any_ || known_.contains(std::string(token));
  }

 private:
  bool accepts_any_;
  std::set<std::string> known_;
};

class VectorQuotas : public CaptureQuotas {
 public:
  explicit VectorQuotas(std::set<std::string> limited) : limited_(std::move(limited)) {}
  bool IsLimited(std::string_view, QuotaResource resource) const override {
    return limited_.contains(std::string(QuotaResourceName(resource)));
  }

 private:
  std::set<std::string> limited_;
};

std::optional<element> Find(const element& object, std::string_view key) {
  element value;
  if (object.type() != element_type::OBJECT || object.at_key(key).get(value)) return std::nullopt;
  return value;
}

std::string Text(const element& object, std::string_view key) {
  const auto value = Find(object, key);
  if (!value.has_value() || !value->is_string()) return {};
  return std::string(std::string_view(*value));
}

std::set<std::string> TextSet(const element& object, std::string_view key) {
  std::set<std::string> texts;
  const auto list = Find(object, key);
  if (!list.has_value() || !list->is_array()) return texts;
  for (const element item : simdjson::dom::array(*list)) texts.emplace(std::string_view(item));
  return texts;
}

// Deep equality; numbers by value, objects by key.
bool Equal(const element& a, const element& b) {
  if (a.is_number() && b.is_number()) return double(a) == double(b);
  if (a.type() != b.type()) return false;
  if (a.is_array()) {
    const simdjson::dom::array left(a);
    const simdjson::dom::array right(b);
    auto other = right.begin();
    for (const element item : left) {
      if (!(other != right.end()) || !Equal(item, *other)) return false;
      ++other;
    }
    return !(other != right.end());
  }
  if (a.is_object()) {
    const simdjson::dom::object left(a);
    if (left.size() != simdjson::dom::object(b).size()) return false;
    for (const auto field : left) {
      const auto other = Find(b, field.key);
      if (!other.has_value() || !Equal(field.value, *other)) return false;
    }
    return true;
  }
  if (a.is_string()) return std::string_view(a) == std::string_view(b);
  if (a.is_bool()) return bool(a) == bool(b);
  return true;
}

bool IsSubset(const element& wanted, const element& got) {
  if (!wanted.is_object() || !got.is_object()) return Equal(wanted, got);
  for (const auto field : simdjson::dom::object(wanted)) {
    const auto other = Find(got, field.key);
    if (!other.has_value() || !Equal(field.value, *other)) return false;
  }
  return true;
}

std::string BodyOf(const element& request) {
  if (const auto generator = Find(request, "body_generator")) {
    std::string body = Text(*generator, "template");
    const size_t length = static_cast<size_t>(int64_t((*generator)["length"]));
    const std::string pad = Text(*generator, "pad_char");
    const size_t at = body.find("<pad>");
    const size_t pad_bytes = length - (body.size() - 5);
    body.replace(at, 5, std::string(pad_bytes, pad.empty() ? 'a' : pad[0]));
    return body;
  }
  return Base64Decode(Text(request, "body_base64")).value_or("");
}

HttpRequest RequestOf(const element& vector) {
  const element spec = vector["request"];
  HttpRequest request;
  request.method = Text(spec, "method");
  request.path = Text(spec, "path");
  request.query = Text(spec, "query");
  if (const auto headers = Find(spec, "headers")) {
    for (const auto field : simdjson::dom::object(*headers)) {
      request.headers.Add(field.key, std::string_view(field.value));
    }
  }
  request.body = BodyOf(spec);
  request.peer_ip = Text(vector["server"], "client_ip");
  return request;
}

// Compares one answer with what its case expects; collects the differences in words.
class Checker {
 public:
  explicit Checker(const element& expect) : expect_(expect) {}

  void CheckResponse(const HttpResponse& response) {
    if (const auto status = Find(expect_, "status")) {
      Expect(int64_t(*status) == response.status,
             "status " + std::to_string(response.status) + ", wanted " +
                 std::to_string(int64_t(*status)) + " (" +
                 std::string(response.Body().substr(0, 120)) + ")");
    }
    CheckBodyText(response.Body());
    CheckBodyJson(response.Body());
    CheckHeaders(response);
  }

  void CheckEvents(const std::vector<CapturedEvent>& events) {
    if (const auto count = Find(expect_, "events_count")) {
      Expect(static_cast<size_t>(int64_t(*count)) == events.size(), "number of events");
    }
    const auto wanted = Find(expect_, "events");
    if (!wanted.has_value()) return;
    const simdjson::dom::array list(*wanted);
    Expect(list.size() == events.size(),
           std::to_string(events.size()) + " events, wanted " + std::to_string(list.size()));
    if (list.size() != events.size()) return;
    size_t i = 0;
    for (const element event : list) CheckEvent(event, events[i++]);
  }

  void CheckSnapshot(const std::vector<CapturedEvent>& snapshots) {
    const auto wanted = Find(expect_, "snapshot");
    if (!wanted.has_value()) {
      if (Find(expect_, "events").has_value()) Expect(snapshots.empty(), "a snapshot was stored");
      return;
    }
    Expect(snapshots.size() == 1, "number of snapshot messages");
    if (snapshots.size() != 1) return;
    const CapturedEvent& event = snapshots.front();
    simdjson::dom::parser parser;
    element json;
    if (parser.parse(simdjson::padded_string(event.json)).get(json)) {
      Expect(false, "snapshot JSON");
      return;
    }
    const element properties = json["properties"];
    Expect(Text(json, "event") == Text(*wanted, "event") && event.event == Text(*wanted, "event"),
           "snapshot event");
    Expect(event.distinct_id == Text(*wanted, "distinct_id"), "snapshot distinct_id");
    Expect(Text(properties, "distinct_id") == event.distinct_id, "snapshot property distinct_id");
    Expect(event.token == Text(*wanted, "token"), "snapshot token");
    Expect(Text(properties, "$session_id") == Text(*wanted, "session_id"), "snapshot session_id");
    Expect(Text(properties, "$window_id") == Text(*wanted, "window_id"), "snapshot window_id");
    Expect(Text(properties, "$snapshot_source") == Text(*wanted, "snapshot_source"),
           "snapshot_source");
    Expect(Text(properties, "$lib") == Text(*wanted, "lib"), "snapshot lib");
    const auto items = Find(properties, "$snapshot_items");
    const auto count = Find(*wanted, "items");
    Expect(items.has_value() && items->is_array() &&
               (!count.has_value() ||
                simdjson::dom::array(*items).size() == static_cast<size_t>(int64_t(*count))),
           "snapshot items");
  }

  const std::string& differences() const { return differences_; }

 private:
  void Expect(bool holds, const std::string& what) {
    if (holds) return;
    if (!differences_.empty()) differences_ += "; ";
    differences_ += what;
  }

  void CheckBodyText(std::string_view body) {
    if (const auto text = Find(expect_, "body_text")) {
      Expect(body == std::string_view(*text), "body '" + std::string(body.substr(0, 200)) + "'");
    }
    if (const auto prefix = Find(expect_, "body_prefix")) {
      Expect(body.starts_with(std::string_view(*prefix)),
             "body '" + std::string(body.substr(0, 200)) + "'");
    }
    if (const auto pieces = Find(expect_, "body_contains")) {
      for (const element piece : simdjson::dom::array(*pieces)) {
        Expect(body.find(std::string_view(piece)) != std::string_view::npos,
               "body lacks " + std::string(std::string_view(piece)));
      }
    }
    if (Find(expect_, "body_nonempty").has_value()) Expect(!body.empty(), "empty body");
  }

  void CheckBodyJson(std::string_view body) {
    const auto exact = Find(expect_, "body_json");
    const auto subset = Find(expect_, "body_json_subset");
    const auto keys = Find(expect_, "body_json_has_keys");
    const auto contains = Find(expect_, "body_json_array_contains");
    const auto results = Find(expect_, "results");
    if (!exact && !subset && !keys && !contains && !results) return;
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(body);
    element json;
    if (parser.parse(padded).get(json)) {
      Expect(false, "the body is not JSON");
      return;
    }
    if (exact) Expect(Equal(*exact, json), "body JSON '" + std::string(body.substr(0, 200)) + "'");
    if (subset)
      Expect(IsSubset(*subset, json), "body JSON '" + std::string(body.substr(0, 200)) + "'");
    if (keys) {
      for (const element key : simdjson::dom::array(*keys)) {
        Expect(Find(json, std::string_view(key)).has_value(),
               "body lacks key " + std::string(std::string_view(key)));
      }
    }
    if (contains) CheckArrayContains(*contains, json);
    if (results) CheckResults(*results, json);
  }

  // {key: [values...]}: the array at that key holds each of them.
  void CheckArrayContains(const element& wanted, const element& json) {
    for (const auto field : simdjson::dom::object(wanted)) {
      const auto list = Find(json, field.key);
      for (const element item : simdjson::dom::array(field.value)) {
        bool found = false;
        if (list.has_value() && list->is_array()) {
          for (const element other : simdjson::dom::array(*list)) found |= Equal(item, other);
        }
        Expect(found, "array " + std::string(field.key) + " lacks a value");
      }
    }
  }

  void CheckResults(const element& wanted, const element& json) {
    const auto results = Find(json, "results");
    if (!results.has_value()) {
      Expect(false, "no results");
      return;
    }
    Expect(simdjson::dom::object(wanted).size() == simdjson::dom::object(*results).size(),
           "number of results");
    for (const auto field : simdjson::dom::object(wanted)) {
      const auto got = Find(*results, field.key);
      if (!got.has_value()) {
        Expect(false, "no result for " + std::string(field.key));
        continue;
      }
      const std::string result = Text(*got, "result");
      if (const auto any_of = Find(field.value, "result_any_of")) {
        bool found = false;
        for (const element option : simdjson::dom::array(*any_of))
          found |= result == std::string_view(option);
        Expect(found, "result " + result);
      } else {
        Expect(result == Text(field.value, "result"), "result " + result);
      }
      if (const auto details = Find(field.value, "details")) {
        Expect(Text(*got, "details") == std::string_view(*details),
               "details " + Text(*got, "details"));
      }
    }
  }

  void CheckHeaders(const HttpResponse& response) {
    const auto value_of = [&response](std::string_view name) {
      return EqualsIgnoreCase(name, "content-type") ? std::string_view(response.content_type)
                                                    : response.headers.Find(name);
    };
    if (const auto headers = Find(expect_, "headers")) {
      for (const auto field : simdjson::dom::object(*headers)) {
        Expect(
            value_of(field.key) == std::string_view(field.value),
            "header " + std::string(field.key) + " is '" + std::string(value_of(field.key)) + "'");
      }
    }
    if (const auto headers = Find(expect_, "header_contains")) {
      for (const auto field : simdjson::dom::object(*headers)) {
        for (const element piece : simdjson::dom::array(field.value)) {
          Expect(value_of(field.key).find(std::string_view(piece)) != std::string_view::npos,
                 "header " + std::string(field.key) + " is '" + std::string(value_of(field.key)) +
                     "'");
        }
      }
    }
  }

  void CheckEvent(const element& wanted, const CapturedEvent& event) {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(event.json);
    element json;
    if (parser.parse(padded).get(json)) {
      Expect(false, "event JSON does not parse");
      return;
    }
    for (const auto field : simdjson::dom::object(wanted)) {
      Expect(FieldMatches(field.key, field.value, event, json),
             "event field " + std::string(field.key));
    }
  }

  static bool TimeMatches(const element& wanted, const std::optional<int64_t>& time_us) {
    if (wanted.is_null()) return !time_us.has_value();
    return wanted.is_string() && ParseRfc3339(std::string_view(wanted)) == time_us;
  }

  static bool FieldMatches(std::string_view key, const element& wanted, const CapturedEvent& event,
                           const element& json) {
    const auto is_text = [&wanted](std::string_view text) {
      return wanted.is_string() && std::string_view(wanted) == text;
    };
    if (key == "event") return is_text(event.event);
    if (key == "uuid") {
      if (is_text("<generated-v7>")) return UuidVersion(event.uuid) == 7;
      return is_text(FormatUuid(event.uuid));
    }
    if (key == "distinct_id") return is_text(event.distinct_id);
    if (key == "token") return is_text(event.token);
    if (key == "ip") return is_text(event.ip);
    if (key == "timestamp") return TimeMatches(wanted, event.timestamp_us);
    if (key == "sent_at") return TimeMatches(wanted, event.sent_at_us);
    if (key == "historical_migration") return bool(wanted) == event.historical_migration;
    if (key == "is_cookieless_mode") return bool(wanted) == event.is_cookieless;
    const auto got = Find(json, key);
    if (!got.has_value()) return wanted.is_null();
    return key == "properties" ? IsSubset(wanted, *got) : Equal(wanted, *got);
  }

  const element expect_;
  std::string differences_;
};

absl::StatusOr<std::vector<CapturedEvent>> ReadTopic(Log* log, const char* topic) {
  std::vector<CapturedEvent> events;
  uint64_t offset = 0;
  while (offset < log->end_offset(topic)) {
    HOGLET_ASSIGN_OR_RETURN(const auto batches, log->Read(topic, offset, 64 << 20));
    if (batches.empty()) break;
    for (const LogBatch& batch : batches) {
      for (const LogBatch::Record& record : batch.records) {
        HOGLET_ASSIGN_OR_RETURN(const auto view, DecodeCapturedEvent(record.value));
        if (!view.is_capture_warning) events.push_back(ToCapturedEvent(view));
      }
      offset = batch.end_offset();
    }
  }
  return events;
}

// The differences of one case in words; empty if it passes.
absl::StatusOr<std::string> RunCase(const element& vector) {
  MemoryEnv env;
  const element server = vector["server"];
  if (const auto now = ParseRfc3339(Text(server, "now"))) env.SetNowMicros(*now);
  HOGLET_ASSIGN_OR_RETURN(const auto log, Log::Open(&env, "log", Log::Options()));
  const VectorTokens tokens(Text(server, "token_mode") != "enforce",
                            TextSet(server, "known_tokens"));
  const VectorQuotas quotas(TextSet(server, "quota_limited"));
  MetricRegistry metrics;
  CaptureService service(&env, log.get(), &tokens, &quotas, CaptureService::Options(), &metrics);
  HOGLET_RETURN_IF_ERROR(service.OpenTopics());
  HttpRouter router(&env, &metrics);
  AddCaptureRoutes(&service, &router);
  FlagService flags(&env, &tokens, /*source=*/nullptr, FlagService::Options(), &metrics);
  AddFlagRoutes(&flags, &router);
  AddEmptyProductRoutes(&router);

  // The answer comes from the log's thread; an append of nothing waits behind it.
  struct Waiting {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<HttpResponse> response;
  };
  Waiting waiting;
  router.Handle(RequestOf(vector), [&waiting](HttpResponse response) {
    std::lock_guard lock(waiting.mutex);
    waiting.response = std::move(response);
    waiting.arrived.notify_one();
  });
  {
    std::unique_lock lock(waiting.mutex);
    waiting.arrived.wait(lock, [&waiting] { return waiting.response.has_value(); });
  }
  Checker checker(vector["expect"]);
  checker.CheckResponse(*waiting.response);
  HOGLET_ASSIGN_OR_RETURN(const auto events, ReadTopic(log.get(), kEventsTopic));
  HOGLET_ASSIGN_OR_RETURN(const auto snapshots, ReadTopic(log.get(), kSnapshotsTopic));
  checker.CheckEvents(events);
  checker.CheckSnapshot(snapshots);
  return checker.differences();
}

}  // namespace

absl::StatusOr<CaptureVectorCounts> RunCaptureVectors(
    std::string_view file_text, std::string_view name,
    const std::function<void(const std::string&)>& report) {
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(file_text);
  element root;
  element cases;
  if (parser.parse(padded).get(root) || root["cases"].get(cases) || !cases.is_array()) {
    return absl::InvalidArgumentError(std::string(name) + ": not a file of capture vectors");
  }
  CaptureVectorCounts counts;
  for (const element vector : simdjson::dom::array(cases)) {
    const absl::StatusOr<std::string> differences = RunCase(vector);
    const std::string text =
        differences.ok() ? *differences : std::string(differences.status().ToString());
    if (text.empty()) {
      ++counts.passed;
      continue;
    }
    ++counts.failed;
    report(std::string(name) + " " + Text(vector, "name") + ": " + text);
  }
  return counts;
}

}  // namespace hoglet
