#include "tests/flags/flag_support.h"

#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {

std::shared_ptr<const FlagSet> CompileFlags(std::vector<std::string> flags,
                                            std::vector<std::string> cohorts) {
  FlagSetSource source;
  source.team_id = 1;
  source.group_types = {"company", "project"};
  source.flags = std::move(flags);
  source.cohorts = std::move(cohorts);
  return FlagSet::Compile(std::move(source));
}

std::string FlagJson(int64_t id, std::string_view key, std::string_view filters,
                     std::string_view extra) {
  return StrCat(R"({"id":)", id, R"(,"key":")", key, R"(","active":true,"filters":)", filters,
                extra, "}");
}

SentProperties::SentProperties(std::string_view json) {
  JsonObjectView members;
  HOGLET_ASSERT(ParseJsonObject(arena_.Copy(json), &arena_, &members).ok());
  for (const JsonMember& member : members) {
    properties_.Set(member.key, FlagValue::FromMember(member, &arena_));
  }
}

PersonPtr MakePerson(std::string_view properties_json, int64_t created_at_us) {
  auto person = std::make_shared<Person>();
  person->properties = *PropertySet::Parse(properties_json);
  person->created_at_us = created_at_us;
  return person;
}

GroupPtr MakeGroup(std::string_view properties_json) {
  auto group = std::make_shared<Group>();
  group->properties = *PropertySet::Parse(properties_json);
  return group;
}

std::string Summary(const FlagResult& result) {
  const std::string_view value = !result.is_enabled       ? "off"
                                 : result.variant.empty() ? "on"
                                                          : result.variant;
  std::string out = StrCat(value, " ", result.reason_code());
  if (result.condition_index.has_value()) StrAppend(&out, " ", *result.condition_index);
  return out;
}

std::string Summary(const FlagEvaluation& evaluation, std::string_view key) {
  for (const FlagResult& result : evaluation.results) {
    if (result.flag->key == key) return Summary(result);
  }
  return "absent";
}

}  // namespace hoglet
