#include "src/api/survey_validation.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "src/base/arena.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"

namespace hoglet {
namespace {

using Error = std::optional<FieldError>;

constexpr size_t kQuestionsMax = 500;
constexpr std::string_view kQuestionTypes[] = {"open", "link", "rating", "single_choice",
                                               "multiple_choice"};
constexpr std::string_view kBranchingTypes[] = {"next_question", "end", "specific_question",
                                                "response_based"};
constexpr std::string_view kScales[] = {"2", "3", "5", "7", "10"};

template <size_t kCount>
bool IsOneOf(std::string_view text, const std::string_view (&texts)[kCount]) {
  return std::find(std::begin(texts), std::end(texts), text) != std::end(texts);
}

FieldError Wrong(std::string_view attr, std::string detail) {
  return {std::string(attr), std::move(detail)};
}
FieldError WrongQuestion(std::string detail) { return Wrong("questions", std::move(detail)); }

bool IsAbsent(std::string_view json) { return json.empty() || json == "null"; }

// Absent, or null, or text or html.
bool IsContentType(const JsonFields& fields, std::string_view name) {
  const std::string_view json = fields.Find(name);
  return IsAbsent(json) || json == R"("text")" || json == R"("html")" || json == R"("")";
}

// An empty list if it is none.
std::vector<std::string> ElementsOf(std::string_view json) {
  Arena arena;
  std::vector<JsonMember> members;
  std::vector<std::string> out;
  if (!json.starts_with('[') || !ParseJsonArray(json, &arena, &members).ok()) return out;
  for (const JsonMember& member : members) AppendJsonValue(member, &out.emplace_back());
  return out;
}

Error CheckChoices(const JsonFields& question, bool is_needed) {
  const std::string_view json = question.Find("choices");
  if (IsAbsent(json) && !is_needed) return std::nullopt;
  const std::vector<std::string> choices = ElementsOf(json);
  if (!json.starts_with('[') || (is_needed && choices.empty())) {
    return WrongQuestion("Question choices must be a list of strings");
  }
  for (const std::string& choice : choices) {
    JsonFields one;
    one.Set("text", choice);
    if (!choice.starts_with('"')) {
      return WrongQuestion("Question choices must be a list of strings");
    }
    if (absl::StripAsciiWhitespace(one.Text("text")).empty()) {
      return WrongQuestion("Question choices cannot be empty");
    }
  }
  return std::nullopt;
}

bool IsMailAddress(std::string_view text) {
  const size_t at = text.find('@');
  if (at == 0 || at == std::string_view::npos) return false;
  const std::string_view domain = text.substr(at + 1);
  const size_t dot = domain.rfind('.');
  const auto is_plain = [](std::string_view part, std::string_view extra) {
    return std::all_of(part.begin(), part.end(), [extra](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
             extra.find(c) != std::string_view::npos;
    });
  };
  return dot != std::string_view::npos && dot > 0 && domain.size() - dot > 2 &&
         is_plain(text.substr(0, at), "._%+-") && is_plain(domain, ".-");
}

// Scripts and files are no links.
Error CheckLink(const JsonFields& question) {
  const std::string_view json = question.Find("link");
  if (IsAbsent(json) || json == R"("")") return std::nullopt;
  const std::string link = question.Text("link");
  if (link.starts_with("mailto:")) {
    if (IsMailAddress(std::string_view(link).substr(7))) return std::nullopt;
    return WrongQuestion(
        "Invalid mailto link. Please enter a valid mailto link (e.g., mailto:example@domain.com).");
  }
  if (!link.starts_with("https:")) {
    return WrongQuestion("Link must be a URL with one of these schemes: [https, mailto]");
  }
  if (link.starts_with("https://") && link.size() > 8 && link[8] != '/') return std::nullopt;
  return WrongQuestion("Invalid HTTPS URL. Please enter a valid HTTPS link.");
}

Error CheckRating(const JsonFields& question) {
  const std::string_view display = question.Find("display");
  if (!IsAbsent(display) && display != R"("number")" && display != R"("emoji")") {
    return WrongQuestion("The display of a rating must be one of ['number', 'emoji']");
  }
  const std::string_view scale = question.Find("scale");
  if (IsAbsent(scale) || IsOneOf(scale, kScales)) return std::nullopt;
  return WrongQuestion("The scale of a rating must be one of [2, 3, 5, 7, 10]");
}

// The number of a question of this survey.
bool IsIndex(std::string_view json, size_t question_count) {
  JsonFields one;
  one.Set("index", std::string(json));
  const int64_t index = one.Int("index");
  return StrCat(index) == json && index >= 0 && static_cast<size_t>(index) < question_count;
}

Error CheckBranching(const JsonFields& question, size_t question_count) {
  if (IsAbsent(question.Find("branching"))) return std::nullopt;
  const auto branching = JsonFields::Parse(question.Find("branching"));
  if (!branching.ok()) return WrongQuestion("The branching of a question must be an object");
  const std::string type = branching->Text("type");
  if (!IsOneOf(type, kBranchingTypes)) {
    return WrongQuestion(
        "The type of a branching must be one of ['next_question', 'end', 'specific_question', "
        "'response_based']");
  }
  if (type == "specific_question" && !IsIndex(branching->Find("index"), question_count)) {
    return WrongQuestion("A branching leads to a question that is not there");
  }
  if (type != "response_based" || IsAbsent(branching->Find("responseValues"))) return std::nullopt;
  const auto values = JsonFields::Parse(branching->Find("responseValues"));
  if (!values.ok()) return WrongQuestion("The responseValues of a branching must be an object");
  for (const auto& [response, target] : values->members()) {
    if (target == R"("end")" || target == R"("next_question")" || target == R"("")" ||
        IsIndex(target, question_count)) {
      continue;
    }
    return WrongQuestion("A branching leads to a question that is not there");
  }
  return std::nullopt;
}

Error CheckQuestion(const JsonFields& question, size_t question_count) {
  if (question.Text("question").empty()) return WrongQuestion("Question text is required");
  const std::string type = question.Text("type");
  if (!IsOneOf(type, kQuestionTypes)) {
    return WrongQuestion(
        "The type of a question must be one of ['open', 'link', 'rating', 'single_choice', "
        "'multiple_choice']");
  }
  if (!IsContentType(question, "descriptionContentType")) {
    return WrongQuestion("Question descriptionContentType must be one of ['text', 'html']");
  }
  if (auto error = CheckChoices(question, type.ends_with("_choice"))) return error;
  if (auto error = CheckLink(question)) return error;
  if (type == "rating") {
    if (auto error = CheckRating(question)) return error;
  }
  return CheckBranching(question, question_count);
}

// The keys of the variants of a flag.
std::set<std::string> VariantsOf(const JsonFields& flag) {
  std::set<std::string> keys;
  const auto filters = JsonFields::Parse(flag.Find("filters"));
  const auto multivariate = JsonFields::Parse(filters.ok() ? filters->Find("multivariate") : "");
  if (!multivariate.ok()) return keys;
  for (const std::string& json : ElementsOf(multivariate->Find("variants"))) {
    const auto variant = JsonFields::Parse(json);
    if (variant.ok()) keys.insert(variant->Text("key"));
  }
  return keys;
}

// A condition that has something to say.
bool HasCondition(const JsonFields& conditions, std::string_view name) {
  const std::string_view json = conditions.Find(name);
  if (IsAbsent(json)) return false;
  if (name != "actions" && name != "events") return true;
  const auto inner = JsonFields::Parse(json);
  return inner.ok() && !ElementsOf(inner->Find("values")).empty();
}

}  // namespace

std::optional<FieldError> ReadSurveyQuestions(std::string_view questions, Env* env,
                                              std::string* stored) {
  *stored = std::string(questions);
  if (IsAbsent(questions)) return std::nullopt;
  if (!questions.starts_with('[')) return WrongQuestion("Questions must be a list of objects");
  const std::vector<std::string> items = ElementsOf(questions);
  if (items.size() > kQuestionsMax) {
    return WrongQuestion(StrCat("A survey can have ", kQuestionsMax, " questions, and no more"));
  }
  JsonWriter json;
  json.BeginArray();
  for (const std::string& item : items) {
    auto question = JsonFields::Parse(item);
    if (!question.ok()) return WrongQuestion("Questions must be a list of objects");
    if (auto error = CheckQuestion(*question, items.size())) return error;
    if (question->Text("id").empty()) question->SetText("id", FormatUuid(UuidV4(env)));
    json.Raw(question->ToJson());
  }
  *stored = json.EndArray().Take();
  return std::nullopt;
}

std::optional<FieldError> CheckSurveyAppearance(std::string_view json) {
  if (IsAbsent(json)) return std::nullopt;
  const auto appearance = JsonFields::Parse(json);
  if (!appearance.ok()) return Wrong("appearance", "Appearance must be an object");
  if (!IsContentType(*appearance, "thankYouMessageDescriptionContentType")) {
    return Wrong("appearance",
                 "thankYouMessageDescriptionContentType must be one of ['text', 'html']");
  }
  const std::string_view delay = appearance->Find("surveyPopupDelaySeconds");
  if (!IsAbsent(delay) && !absl::ascii_isdigit(static_cast<unsigned char>(delay[0]))) {
    return Wrong("appearance", "Survey popup delay seconds must be a positive integer");
  }
  const std::string_view white_label = appearance->Find("whiteLabel");
  if (!IsAbsent(white_label) && white_label != "true" && white_label != "false") {
    return Wrong("appearance", "whiteLabel must be a boolean");
  }
  return std::nullopt;
}

std::optional<FieldError> CheckSurveyConditions(std::string_view json,
                                                const JsonFields* linked_flag) {
  if (IsAbsent(json)) return std::nullopt;
  const auto conditions = JsonFields::Parse(json);
  if (!conditions.ok()) return Wrong("conditions", "Conditions must be an object");
  for (const char* name : {"events", "actions"}) {
    const std::string_view inner = conditions->Find(name);
    if (!IsAbsent(inner) && !inner.starts_with('{')) {
      return Wrong("conditions", StrCat("The ", name, " of conditions must be an object"));
    }
  }
  const std::string variant = conditions->Text("linkedFlagVariant");
  if (variant.empty()) return std::nullopt;
  if (linked_flag == nullptr) {
    return Wrong("", "linkedFlagVariant can only be used when a linked_flag_id is specified");
  }
  if (variant == "any" || VariantsOf(*linked_flag).contains(variant)) return std::nullopt;
  return Wrong("", StrCat("Feature flag variant '", variant.substr(0, 200), "' does not exist."));
}

std::optional<FieldError> CheckSurveyTargeting(std::string_view json) {
  const auto filters = JsonFields::Parse(json);
  if (!filters.ok()) return Wrong("targeting_flag_filters", "Filters must be an object.");
  for (const std::string& item : ElementsOf(filters->Find("groups"))) {
    const auto group = JsonFields::Parse(item);
    if (!group.ok()) continue;
    const std::string_view percentage = group->Find("rollout_percentage");
    const std::string_view properties = group->Find("properties");
    if ((IsAbsent(percentage) || percentage == "100") &&
        (IsAbsent(properties) || properties == "[]")) {
      return Wrong("",
                   "Invalid operation: User targeting rolls out to everyone. If you want to roll "
                   "out to everyone, delete this targeting");
    }
  }
  return std::nullopt;
}

std::optional<FieldError> CheckExternalSurvey(const JsonFields& fields) {
  for (const char* name : {"linked_flag_id", "targeting_flag_id"}) {
    if (!IsAbsent(fields.Find(name))) {
      return Wrong(name, StrCat(name, " is not allowed for external surveys"));
    }
  }
  const auto conditions = JsonFields::Parse(fields.Find("conditions"));
  for (const char* name :
       {"url", "urlMatchType", "selector", "seenSurveyWaitPeriodInDays", "linkedFlagVariant",
        "deviceTypes", "deviceTypesMatchType", "actions", "events"}) {
    if (conditions.ok() && HasCondition(*conditions, name)) {
      return Wrong(
          "conditions",
          StrCat("The following condition fields are not allowed for external surveys: ", name));
    }
  }
  const auto appearance = JsonFields::Parse(fields.Find("appearance"));
  if (appearance.ok() && !IsAbsent(appearance->Find("surveyPopupDelaySeconds"))) {
    return Wrong("appearance", "surveyPopupDelaySeconds is not allowed for external surveys");
  }
  return std::nullopt;
}

}  // namespace hoglet
