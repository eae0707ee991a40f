#include "src/ingest/dead_letter.h"

#include <algorithm>
#include <set>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/arena.h"
#include "src/base/base64.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

constexpr uint64_t kReadBytes = 8ull << 20;

std::string_view StepOf(const ParsedEvent& event) {
  switch (event.fate) {
    case ParsedEvent::Fate::kDeadLetter:
      return "parse";
    case ParsedEvent::Fate::kCommand:
      return "command";
    default:
      return "persons";
  }
}

std::string TextOf(const JsonObjectView& members, std::string_view key) {
  const JsonMember* member = FindJsonMember(members, key);
  return member != nullptr && member->kind == JsonKind::kString ? std::string(member->text) : "";
}

int64_t IntOf(const JsonObjectView& members, std::string_view key) {
  const JsonMember* member = FindJsonMember(members, key);
  return member != nullptr && member->kind == JsonKind::kInt64 ? member->integer : 0;
}

DeadLetter ReadLetter(uint64_t id, const JsonObjectView& members) {
  DeadLetter letter;
  letter.id = id;
  letter.reason = TextOf(members, "reason");
  letter.step = TextOf(members, "step");
  letter.topic = TextOf(members, "topic");
  letter.offset = static_cast<uint64_t>(IntOf(members, "offset"));
  letter.team_id = IntOf(members, "team_id");
  letter.uuid = ParseUuid(TextOf(members, "uuid")).value_or(Uuid{});
  letter.event = TextOf(members, "event");
  letter.distinct_id = TextOf(members, "distinct_id");
  letter.received_at_us = IntOf(members, "received_at_us");
  letter.value = Base64Decode(TextOf(members, "value_base64")).value_or("");
  if (const auto captured = DecodeCapturedEvent(letter.value); captured.ok()) {
    letter.payload = std::string(captured->json);
  }
  return letter;
}

// Calls `visit` with every record of a topic that holds a JSON object.
absl::Status VisitRecords(Log* log, const std::string& topic,
                          const std::function<bool(uint64_t, const JsonObjectView&)>& visit) {
  uint64_t next = log->begin_offset(topic);
  const uint64_t end = log->end_offset(topic);
  Arena arena;
  JsonObjectView members;
  while (next < end) {
    HOGLET_ASSIGN_OR_RETURN(const std::vector<LogBatch> batches,
                            log->Read(topic, next, kReadBytes));
    if (batches.empty()) break;
    for (const LogBatch& batch : batches) {
      for (const LogBatch::Record& record : batch.records) {
        if (record.offset < next) continue;
        arena.Reset();
        members.clear();
        if (!ParseJsonObject(record.value, &arena, &members).ok()) continue;
        if (!visit(record.offset, members)) return absl::OkStatus();
      }
    }
    next = batches.back().end_offset();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::set<uint64_t>> SettledIds(Log* log, const std::string& topic) {
  std::set<uint64_t> settled;
  HOGLET_RETURN_IF_ERROR(VisitRecords(log, topic, [&](uint64_t, const JsonObjectView& members) {
    const JsonMember* ids = FindJsonMember(members, "settled");
    if (ids == nullptr || ids->kind != JsonKind::kRaw) return true;
    Arena arena;
    std::vector<JsonMember> list;
    if (!ParseJsonArray(ids->text, &arena, &list).ok()) return true;
    for (const JsonMember& id : list) {
      if (id.kind == JsonKind::kInt64) settled.insert(static_cast<uint64_t>(id.integer));
    }
    return true;
  }));
  return settled;
}

}  // namespace

std::string DeadLetterJson(std::string_view topic, const ParsedEvent& event,
                           std::string_view reason) {
  JsonWriter json;
  json.BeginObject()
      .Field("reason", reason)
      .Field("step", StepOf(event))
      .Field("topic", topic)
      .Field("offset", event.offset)
      .Field("team_id", event.captured.json.empty() ? TeamId{0} : event.team.team_id)
      .Field("uuid", FormatUuid(event.captured.uuid))
      .Field("event", event.captured.event)
      .Field("distinct_id", event.captured.distinct_id)
      .Field("token", event.captured.token)
      .Field("received_at_us", event.captured.now_us)
      .Field("value_base64", Base64Encode(event.value))
      .EndObject();
  return json.Take();
}

std::optional<uint64_t> DeadLetterOffset(std::string_view json) {
  Arena arena;
  JsonObjectView members;
  if (!ParseJsonObject(json, &arena, &members).ok()) return std::nullopt;
  const JsonMember* offset = FindJsonMember(members, "offset");
  if (offset == nullptr || offset->kind != JsonKind::kInt64 || offset->integer < 0) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(offset->integer);
}

absl::Status DeadLetterQueue::Visit(const std::function<bool(const DeadLetter&)>& visit) const {
  HOGLET_ASSIGN_OR_RETURN(const std::set<uint64_t> settled, SettledIds(log_, topic_));
  return VisitRecords(log_, topic_, [&](uint64_t id, const JsonObjectView& members) {
    const bool is_letter = FindJsonMember(members, "value_base64") != nullptr;
    return !is_letter || settled.contains(id) || visit(ReadLetter(id, members));
  });
}

absl::StatusOr<std::vector<DeadLetter>> DeadLetterQueue::Find(std::span<const uint64_t> ids) const {
  std::set<uint64_t> wanted(ids.begin(), ids.end());
  std::vector<DeadLetter> letters;
  HOGLET_RETURN_IF_ERROR(Visit([&](const DeadLetter& letter) {
    if (wanted.erase(letter.id) > 0) letters.push_back(letter);
    return !wanted.empty();
  }));
  if (wanted.empty()) return letters;
  return absl::NotFoundError(StrCat("there is no dead letter ", *wanted.begin()));
}

absl::Status DeadLetterQueue::Settle(const std::vector<DeadLetter>& letters) {
  if (letters.empty()) return absl::OkStatus();
  JsonWriter json;
  json.BeginObject().Key("settled").BeginArray();
  for (const DeadLetter& letter : letters) json.Uint(letter.id);
  json.EndArray().EndObject();
  return log_->Append(topic_, {{"", json.text()}}).status();
}

absl::Status DeadLetterQueue::Replay(std::span<const uint64_t> ids) {
  HOGLET_ASSIGN_OR_RETURN(const std::vector<DeadLetter> letters, Find(ids));
  for (const DeadLetter& letter : letters) {
    HOGLET_RETURN_IF_ERROR(
        log_->Append(letter.topic, {{letter.distinct_id, letter.value}}).status());
  }
  return Settle(letters);
}

absl::Status DeadLetterQueue::Drop(std::span<const uint64_t> ids) {
  HOGLET_ASSIGN_OR_RETURN(const std::vector<DeadLetter> letters, Find(ids));
  return Settle(letters);
}

}  // namespace hoglet
