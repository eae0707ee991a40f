#include "src/ingest/ingestion_conformance.h"

#include <algorithm>
#include <vector>

#include "include/hoglet/env.h"
#include "include/hoglet/status.h"
#include "src/base/channel_type.h"
#include "src/base/strings.h"
#include "src/base/time.h"
#include "src/ingest/identity_conformance.h"
#include "src/ingest/steps/elements_chain.h"
#include "src/ingest/steps/iso_date.h"
#include "src/ingest/steps/property_types.h"
#include "src/ingest/steps/snapshot_block.h"
#include "src/ingest/vector_json.h"

namespace hoglet {
namespace {

// -- elements --

std::optional<std::string> TextOf(const VectorJson& value) {
  if (value.IsNull()) return std::nullopt;
  return value.Text();
}

Element ElementOf(const VectorJson& given) {
  Element element;
  element.tag_name = TextOf(given["tag_name"]);
  element.text = TextOf(given["text"]);
  element.href = TextOf(given["href"]);
  element.attr_id = TextOf(given["attr_id"]);
  element.nth_child = TextOf(given["nth_child"]);
  element.nth_of_type = TextOf(given["nth_of_type"]);
  if (given["attr_class"]) {
    element.attr_class.emplace();
    for (const VectorJson& name : given["attr_class"].Items()) {
      element.attr_class->push_back(name.Text());
    }
  }
  for (const VectorJson& attribute : given["attributes"].Members()) {
    element.attributes.emplace_back(attribute.key(), attribute.Text());
  }
  return element;
}

std::string DescribeElement(const Element& element) {
  JsonWriter json;
  json.BeginObject();
  const auto put = [&json](const char* key, const std::optional<std::string>& value) {
    if (value.has_value()) json.Field(key, *value);
  };
  // A chain that begins with ":" or "." has an empty tag, which reads the same as none.
  if (element.tag_name && !element.tag_name->empty()) put("tag_name", element.tag_name);
  put("text", element.text);
  put("href", element.href);
  put("attr_id", element.attr_id);
  put("nth_child", element.nth_child);
  put("nth_of_type", element.nth_of_type);
  if (element.attr_class) {
    json.Key("attr_class").BeginArray();
    for (const std::string& name : *element.attr_class) json.String(name);
    json.EndArray();
  }
  json.Key("attributes").BeginObject();
  for (const auto& [name, value] : element.attributes) json.Field(name, value);
  json.EndObject().EndObject();
  return json.Take();
}

std::string CompareElements(std::string_view what, const std::vector<Element>& have,
                            const VectorJson& want) {
  const std::vector<VectorJson> rows = want.Items();
  if (rows.size() != have.size()) return StrCat("; ", have.size(), " elements ", what);
  std::string errors;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string text = DescribeElement(have[i]);
    if (!SameJson(text, DescribeElement(ElementOf(rows[i])))) {
      StrAppend(&errors, "; ", what, " ", text);
    }
  }
  return errors;
}

std::string CompareColumns(std::string_view chain, const VectorJson& want) {
  if (!want) return "";
  const ElementsColumns columns = DeriveElementsColumns(chain);
  JsonWriter json;
  json.BeginObject().Field("href", columns.href);
  const auto put = [&json](const char* key, const std::vector<std::string>& values) {
    json.Key(key).BeginArray();
    for (const std::string& value : values) json.String(value);
    json.EndArray();
  };
  put("texts", columns.texts);
  put("ids", columns.ids);
  put("elements", columns.elements);
  json.EndObject();
  return SameJson(json.text(), want.Json()) ? "" : "; columns " + json.text();
}

std::string RunElementsCase(const VectorJson& test) {
  const VectorJson want = test["expect"];
  const std::string kind = test["kind"].Text();
  std::string errors;
  std::string chain = test["chain"].Text();
  if (kind == "serialize" || kind == "extract") {
    std::vector<Element> elements;
    if (kind == "extract") {
      elements = ExtractElements(test["$elements"].Json());
      errors += CompareElements("extracted", elements, want["elements"]);
    } else {
      for (const VectorJson& element : test["elements"].Items()) {
        elements.push_back(ElementOf(element));
      }
    }
    chain = ElementsToChain(elements);
    if (chain != want["chain"].Text()) StrAppend(&errors, "; chain ", chain);
  }
  if (want["parsed"]) {
    errors += CompareElements("parsed", ParseElementsChain(chain), want["parsed"]);
  }
  return errors + CompareColumns(chain, want["columns"]);
}

// -- property types --

std::string RunPropertyTypeCase(const VectorJson& test) {
  const int64_t now_us = Env::Posix()->NowMicros();
  JsonMember value = test["value"].value();
  if (value.kind == JsonKind::kString && value.text == "$NOW_SECONDS") {
    value.kind = JsonKind::kInt64;
    value.integer = now_us / kMicrosPerSecond;
  }
  const auto type = DetectPropertyType(test["key"].Text(), value, now_us);
  const VectorJson want = test["expect"];
  const std::string_view name = type.has_value() ? PropertyTypeName(*type) : "null";
  std::string errors;
  if (name != want["property_type"].Text()) StrAppend(&errors, "; property_type ", name);
  if ((type == DefinitionType::kNumeric) != want["is_numerical"].True()) errors += "; is_numerical";
  return errors;
}

// -- timestamps --

std::string CompareTime(std::optional<int64_t> time_us, const VectorJson& want) {
  const std::string have = time_us.has_value() ? FormatRfc3339(*time_us, 3) : "unparseable";
  return have == want.Text() ? "" : StrCat("; timestamp ", have);
}

std::string RunCaptureTimeCase(const VectorJson& test, const CaptureTimeRules& rules) {
  if (!rules.compute) return "; needs the time rules of capture, which were not given";
  const VectorJson input = test["input"];
  const std::string timestamp = input["timestamp"].Text();
  const std::string sent_at = input["sent_at"].Text();
  CaptureTimeRules::Input rule_input;
  if (!input["timestamp"].IsNull()) rule_input.timestamp = timestamp;
  if (!input["sent_at"].IsNull()) rule_input.sent_at = sent_at;
  if (!input["offset"].IsNull()) rule_input.offset_ms = input["offset"].Int();
  rule_input.ignore_sent_at = input["ignore_sent_at"].True();
  rule_input.now_us = ParseRfc3339(input["now"].Text()).value_or(0);
  return CompareTime(rules.compute(rule_input), test["expect"]["timestamp"]);
}

std::string RunParseTimeCase(const VectorJson& test, const CaptureTimeRules& rules) {
  if (!rules.parse) return "; needs the time rules of capture, which were not given";
  const VectorJson want = test["expect"];
  const std::string text = test["input"]["timestamp"].Text();
  std::optional<int64_t> time_us = ParseIsoDate(text);
  if (!time_us.has_value()) time_us = rules.parse(text);
  std::string errors;
  const VectorJson warning = want["warning"];
  if (test["kind"].Text() == "event") {
    const bool is_ignored = !time_us.has_value();
    if (warning.IsNull() == is_ignored) errors += "; warning";
    if (is_ignored) time_us = ParseRfc3339(test["input"]["server_now"].Text());
  }
  return errors + CompareTime(time_us, want["timestamp"]);
}

std::string RunDayCase(const VectorJson& test) {
  const VectorJson input = test["input"];
  const VectorJson want = test["expect"];
  const auto zone = TimeZone::Load(input["timezone"].Text());
  const auto time_us = ParseRfc3339(input["timestamp"].Text());
  if (!zone.ok() || !time_us.has_value()) return "; unreadable input";
  const CivilTime civil = ToCivil(*time_us, *zone);
  std::string errors;
  if (civil.year != want["year"].Int() || civil.month != want["month"].Int() ||
      civil.day != want["day"].Int()) {
    StrAppend(&errors, "; day ", civil.year, "-", civil.month, "-", civil.day);
  }
  if (want["start_of_day"]) {
    errors +=
        CompareTime(StartOfDayNumber(DayNumber(*time_us, *zone), *zone), want["start_of_day"]);
  }
  return errors;
}

std::string RunTimestampCase(const VectorJson& test, const CaptureTimeRules& rules) {
  const std::string kind = test["kind"].Text();
  if (kind == "capture") return RunCaptureTimeCase(test, rules);
  if (kind == "parse" || kind == "event") return RunParseTimeCase(test, rules);
  if (kind == "day_in_timezone") return RunDayCase(test);
  return StrCat("; unknown kind ", kind);
}

// -- channel types --

// The built-in table, with the rows that a file brings laid over it.
ChannelTable ChannelTableOf(const VectorJson& definitions) {
  ChannelTable table = ChannelTable::BuiltIn();
  for (const VectorJson& row : definitions.Items()) {
    const std::vector<VectorJson> cells = row.Items();
    if (cells.size() < 5) continue;
    ChannelDefinition definition{TextOf(cells[2]), TextOf(cells[3]), TextOf(cells[4])};
    if (cells[1].Text() == "medium") {
      table.AddMedium(cells[0].Text(), std::move(definition));
    } else {
      table.AddSource(cells[0].Text(), std::move(definition));
    }
  }
  return table;
}

std::string RunChannelTypeCase(const VectorJson& test, const ChannelTable& table) {
  const VectorJson given = test["facts"];
  const auto source = TextOf(given["utm_source"]);
  const auto medium = TextOf(given["utm_medium"]);
  const auto campaign = TextOf(given["utm_campaign"]);
  const auto domain = TextOf(given["referring_domain"]);
  const auto gad_source = TextOf(given["gad_source"]);
  const ChannelFacts facts{
      source,    medium, campaign, domain, given["has_gclid"].True(), given["has_fbclid"].True(),
      gad_source};
  const VectorJson want = test["expect"];
  std::string errors;
  const std::string_view type = ChannelType(facts, table);
  if (type != want["channel_type"].Text()) StrAppend(&errors, "; channel_type ", type);
  const auto domain_type = ReferringDomainType(domain, table);
  if (domain_type != TextOf(want["referring_domain_type"])) {
    StrAppend(&errors, "; referring_domain_type ", domain_type.value_or("null"));
  }
  return errors;
}

// -- recordings --

std::string DescribeBlock(const SnapshotBlockFacts& facts) {
  JsonWriter json;
  json.BeginObject()
      .Field("event_count", facts.event_count)
      .Field("click_count", facts.click_count)
      .Field("keypress_count", facts.keypress_count)
      .Field("mouse_activity_count", facts.mouse_activity_count)
      .Field("message_count", facts.message_count)
      .Field("size", facts.size_bytes)
      .Field("console_log_count", facts.console_log_count)
      .Field("console_warn_count", facts.console_warn_count)
      .Field("console_error_count", facts.console_error_count)
      .Field("snapshot_source", facts.snapshot_source)
      .Field("first_timestamp", facts.first_timestamp_ms)
      .Field("last_timestamp", facts.last_timestamp_ms)
      .Field("active_milliseconds", facts.active_ms);
  json.Key("first_url");
  facts.first_url ? json.String(*facts.first_url) : json.Null();
  json.Key("snapshot_library");
  facts.snapshot_library ? json.String(*facts.snapshot_library) : json.Null();
  json.Key("urls").BeginArray();
  for (const std::string& url : facts.urls) json.String(url);
  json.EndArray().EndObject();
  return json.Take();
}

std::string RunSnapshotCase(const VectorJson& test) {
  SnapshotBlock block;
  for (const VectorJson& message : test["messages"].Items()) {
    const auto source = TextOf(message["snapshot_source"]);
    const auto library = TextOf(message["snapshot_library"]);
    block.AddMessage({source, library});
    for (const VectorJson& window : message["windows"].Members()) {
      for (const VectorJson& event : window.Items()) block.AddEvent(window.key(), event.value());
    }
  }
  const std::string have = DescribeBlock(block.Facts());
  return SameJson(have, test["expect"].Json()) ? "" : StrCat("; ", have);
}

using CaseRule = std::function<std::string(const VectorJson&)>;

CaseRule RuleFor(std::string_view name, const VectorJson& file,
                 const CaptureTimeRules& time_rules) {
  if (name == "identity") return RunIdentityCase;
  if (name == "person_props") return RunPersonPropertiesCase;
  if (name == "elements") return RunElementsCase;
  if (name == "property_types") return RunPropertyTypeCase;
  if (name == "timestamps") {
    return [=](const VectorJson& test) { return RunTimestampCase(test, time_rules); };
  }
  if (name == "channel_type") {
    return [table = ChannelTableOf(file["definitions"])](const VectorJson& test) {
      return RunChannelTypeCase(test, table);
    };
  }
  if (name == "snapshot_metadata") return RunSnapshotCase;
  return nullptr;
}

}  // namespace

bool SameJson(std::string_view a, std::string_view b) {
  Arena arena;
  JsonMember left;
  JsonMember right;
  if (!ParseJsonValue(a, &arena, &left).ok() || !ParseJsonValue(b, &arena, &right).ok()) {
    return false;
  }
  if (left.kind == JsonKind::kRaw && right.kind == JsonKind::kRaw) {
    if (IsArray(left) && IsArray(right)) {
      const auto l = VectorJson(left, &arena).Items();
      const auto r = VectorJson(right, &arena).Items();
      return std::equal(
          l.begin(), l.end(), r.begin(), r.end(),
          [](const VectorJson& x, const VectorJson& y) { return SameJson(x.Json(), y.Json()); });
    }
    if (IsObject(left) && IsObject(right)) {
      const auto l = VectorJson(left, &arena).Members();
      const VectorJson r(right, &arena);
      if (l.size() != r.Members().size()) return false;
      return std::all_of(l.begin(), l.end(), [&r](const VectorJson& member) {
        const VectorJson other = r[member.key()];
        return other && SameJson(member.Json(), other.Json());
      });
    }
  }
  return VectorJson(left, &arena).Json() == VectorJson(right, &arena).Json();
}

absl::StatusOr<IngestionVectorCounts> RunIngestionVectors(
    std::string_view file_text, std::string_view name,
    const std::function<void(const std::string&)>& report, const CaptureTimeRules& time_rules) {
  Arena arena;
  JsonMember file_value;
  HOGLET_RETURN_IF_ERROR(ParseJsonValue(file_text, &arena, &file_value));
  const VectorJson file(file_value, &arena);
  const std::string own_name = file["name"] ? file["name"].Text() : std::string(name);
  const CaseRule rule = RuleFor(own_name, file, time_rules);
  if (rule == nullptr || !file["cases"]) {
    return absl::InvalidArgumentError(StrCat("not a file of ingestion vectors: ", own_name));
  }
  IngestionVectorCounts counts;
  for (const VectorJson& test : file["cases"].Items()) {
    const std::string errors = rule(test);
    if (errors.empty()) {
      ++counts.passed;
      continue;
    }
    ++counts.failed;
    report(StrCat(own_name, " ", test["id"].Text(), errors));
  }
  return counts;
}

}  // namespace hoglet
