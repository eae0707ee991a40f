#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "include/hoglet/status.h"
#include "src/flags/evaluate.h"

// A project's flags and cohorts, and a request: one JSON text a line, whose first character says
// what it is. f: a flag; c: a cohort; p: the stored person's properties; r: sent person properties;
// g: stored and sent properties of a group; k: flag keys asked for; s: anything else of the
// request, by its bits. Every flag that is kept has one result.

namespace {

using simdjson::dom::element;

struct Input {
  hoglet::FlagSetSource source;
  hoglet::FlagSelection selection;
  hoglet::FlagContext context;
  hoglet::Arena arena;
  hoglet::FlagProperties person_overrides;
  hoglet::FlagProperties group_overrides;
  std::deque<simdjson::dom::parser> parsers;  // values point into them

  void Fill(std::string_view json, hoglet::FlagProperties* out) {
    element root;
    if (parsers.emplace_back().parse(std::string(json)).get(root) || !root.is_object()) return;
    for (const auto field : simdjson::dom::object(root)) {
      out->Set(arena.Copy(field.key), hoglet::FlagValue::FromJson(field.value, &arena));
    }
  }

  static hoglet::PropertySetPtr Stored(std::string_view json) {
    auto properties = hoglet::PropertySet::Parse(json);
    return properties.ok() ? *properties : hoglet::PropertySet::Empty();
  }

  void AddGroup(std::string_view json) {
    auto group = std::make_shared<hoglet::Group>();
    group->properties = Stored(json);
    context.groups[0].stored = group;
    context.groups[0].is_named = true;
    context.groups[0].key = arena.Copy(json.substr(0, 8));
    context.groups[0].key_value = {hoglet::FlagValue::Kind::kString, context.groups[0].key};
    Fill(json, &group_overrides);
    context.groups[0].overrides = &group_overrides;
  }

  void AddSettings(std::string_view bits) {
    for (const char c : bits) {
      if (c == 'd') context.device_id = "device";
      if (c == 'a') context.anon_distinct_id = "anonymous";
      if (c == 'e') context.distinct_id = "";
      if (c == 'i') context.ignores_stored_person = true;
      if (c == 'P') context.person_error = "database_error";
      if (c == 'G') context.group_error = "database_error";
      if (c == 'H') context.hash_key_error = "hash_key_override_error";
      if (c == 'v') selection.only_surveys = true;
      if (c == 'l') selection.runtime = hoglet::FlagRuntime::kAll;
      if (c == 'x') selection.contexts = {"x"};
    }
  }

  void AddLine(std::string_view line) {
    const char kind = line[0];
    line.remove_prefix(1);
    if (kind == 'f') source.flags.emplace_back(line);
    if (kind == 'c') source.cohorts.emplace_back(line);
    if (kind == 'g') AddGroup(line);
    if (kind == 's') AddSettings(line);
    if (kind == 'k') selection.keys.emplace().emplace_back(line);
    if (kind == 'p') {
      auto person = std::make_shared<hoglet::Person>();
      person->properties = Stored(line);
      context.person = person;
    }
    if (kind == 'r') {
      Fill(line, &person_overrides);
      context.person_overrides = &person_overrides;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Input input;
  input.context.now_us = 1'715'774'400'000'000;
  input.context.distinct_id = "someone";
  input.context.is_member = [](int64_t id) { return id % 2 == 0; };
  auto zone = hoglet::TimeZone::Load("America/New_York");
  if (zone.ok()) input.source.timezone = *zone;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) input.AddLine(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto set = hoglet::FlagSet::Compile(std::move(input.source));
  const auto evaluation = hoglet::EvaluateFlags(*set, input.selection, input.context);
  std::set<const hoglet::FlagDefinition*> seen;
  for (const hoglet::FlagResult& result : evaluation.results) {
    HOGLET_ASSERT(result.flag->is_live() && seen.insert(result.flag).second);
    HOGLET_ASSERT(!result.reason_code().empty());
    HOGLET_ASSERT(!result.has_failed || (evaluation.has_errors && !result.is_enabled));
    std::string description;
    result.AppendDescription(&description);
    HOGLET_ASSERT(!description.empty());
  }
  return 0;
}
