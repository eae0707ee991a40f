#include "src/base/hash_vectors.h"

#include <map>

#include "include/hoglet/status.h"
#include "src/base/hash.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

class Runner {
 public:
  explicit Runner(const std::function<void(const std::string&)>& report) : report_(report) {}

  void Check(const std::string& what, uint64_t computed, std::string_view expected) {
    if (StrCat(computed) == expected) {
      ++counts_.passed;
      return;
    }
    Fail(StrCat(what, ": ", computed, ", expected ", expected));
  }
  void Fail(const std::string& line) {
    ++counts_.failed;
    report_(line);
  }
  HashVectorCounts counts() const { return counts_; }

 private:
  const std::function<void(const std::string&)>& report_;
  HashVectorCounts counts_;
};

// What the rows of "multi_argument_and_typed" hash.
std::map<std::string, uint64_t, std::less<>> TypedValues() {
  const Uuid uuid = *ParseUuid("61f0c404-5cb3-11e7-907b-a6006ad3dba0");
  return {
      {"sip_two_args", SipHash64Combine(SipHash64("a"), SipHash64("b"))},
      {"city_two_args", CityHash64Combine(CityHash64("a"), CityHash64("b"))},
      {"sip_int64_1", SipHash64Number(int64_t{1})},
      {"city_int64_1", CityHash64Number(int64_t{1})},
      {"sip_uuid", SipHash64Uuid(uuid)},
      {"city_uuid", CityHash64Uuid(uuid)},
      {"city_int64_42_x", CityHash64Combine(CityHash64Number(int64_t{42}), CityHash64("x"))},
  };
}

absl::Status RunTyped(std::string_view object, Arena* arena, Runner* runner) {
  JsonObjectView rows;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(object, arena, &rows));
  const auto values = TypedValues();
  for (const JsonMember& row : rows) {
    const auto value = values.find(row.key);
    if (value == values.end()) {
      runner->Fail(StrCat(row.key, ": this program does not know the row's arguments"));
      continue;
    }
    runner->Check(value->first, value->second, row.text);
  }
  return absl::OkStatus();
}

absl::Status RunStrings(std::string_view array, Arena* arena, Runner* runner) {
  std::vector<JsonMember> rows;
  HOGLET_RETURN_IF_ERROR(ParseJsonArray(array, arena, &rows));
  for (const JsonMember& row : rows) {
    JsonObjectView fields;
    HOGLET_RETURN_IF_ERROR(ParseJsonObject(row.text, arena, &fields));
    const JsonMember* text = FindJsonMember(fields, "s");
    const JsonMember* sip = FindJsonMember(fields, "sipHash64");
    const JsonMember* city = FindJsonMember(fields, "cityHash64");
    if (text == nullptr || sip == nullptr || city == nullptr) {
      return absl::InvalidArgumentError(
          StrCat("a row lacks s, sipHash64 or cityHash64: ", row.text.substr(0, 200)));
    }
    const std::string name = StrCat("of \"", JsonEscape(text->text.substr(0, 80)), "\"");
    runner->Check("sipHash64 " + name, SipHash64(text->text), sip->text);
    runner->Check("cityHash64 " + name, CityHash64(text->text), city->text);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<HashVectorCounts> RunHashVectors(
    std::string_view file_text, const std::function<void(const std::string&)>& report) {
  Arena arena;
  JsonObjectView file;
  HOGLET_RETURN_IF_ERROR(ParseJsonObject(file_text, &arena, &file));
  const JsonMember* typed = FindJsonMember(file, "multi_argument_and_typed");
  const JsonMember* strings = FindJsonMember(file, "strings");
  if (strings == nullptr || strings->kind != JsonKind::kRaw) {
    return absl::InvalidArgumentError("hash vectors: no member \"strings\"");
  }
  Runner runner(report);
  if (typed != nullptr) HOGLET_RETURN_IF_ERROR(RunTyped(typed->text, &arena, &runner));
  HOGLET_RETURN_IF_ERROR(RunStrings(strings->text, &arena, &runner));
  return runner.counts();
}

}  // namespace hoglet
