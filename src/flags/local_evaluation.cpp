#include "src/flags/local_evaluation.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "src/base/digest.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "src/capture/json_document.h"

// The stored texts are cut up and put together again, never printed anew: what SDKs get is what the
// author of the flag wrote, number by number.

namespace hoglet {
namespace {

// Empty if the object has no such member.
std::string_view Member(std::string_view object, std::string_view key) {
  JsonSlicer slicer(object);
  JsonSlice slice;
  while (slicer.Next(&slice)) {
    if (slice.key.size() == key.size() + 2 && slice.key.substr(1, key.size()) == key) {
      return slice.value;
    }
  }
  return {};
}

// Of a number, or of a text that is one.
std::optional<int64_t> Id(std::string_view json) {
  if (json.starts_with('"') && json.size() > 2) json = json.substr(1, json.size() - 2);
  int64_t id = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), id);
  if (error != std::errc() || end != json.data() + json.size()) return std::nullopt;
  return id;
}

bool IsTrue(std::string_view object, std::string_view key) { return Member(object, key) == "true"; }

bool HasType(std::string_view filter, std::string_view quoted_type) {
  return Member(filter, "type") == quoted_type;
}

std::vector<std::string_view> Elements(std::string_view array) {
  std::vector<std::string_view> out;
  if (!array.starts_with('[')) return out;
  for (const JsonSlice& slice : SliceJson(array)) out.push_back(slice.value);
  return out;
}

// The object with some of its members replaced, or added at its end.
std::string With(std::string_view object,
                 const std::vector<std::pair<std::string_view, std::string>>& changes) {
  std::string out = "{";
  const auto append = [&out](std::string_view quoted_key, std::string_view value) {
    if (out.size() > 1) out.push_back(',');
    out.append(quoted_key).append(":").append(value);
  };
  std::set<std::string_view> done;
  for (const JsonSlice& slice : SliceJson(object)) {
    std::string_view value = slice.value;
    for (const auto& [key, changed] : changes) {
      if (slice.key.substr(1, slice.key.size() - 2) != key) continue;
      value = changed;
      done.insert(key);
    }
    append(slice.key, value);
  }
  for (const auto& [key, changed] : changes) {
    if (!done.contains(key)) append(StrCat("\"", key, "\""), changed);
  }
  out.push_back('}');
  return out;
}

template <typename Items, typename ToText>
std::string ArrayOf(const Items& items, ToText to_text) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out.push_back(',');
    out.append(to_text(item));
  }
  out.push_back(']');
  return out;
}

// All filters of a flag's conditions.
template <typename Visit>
void VisitFilters(std::string_view flag, Visit visit) {
  const std::string_view filters = Member(flag, "filters");
  for (const std::string_view group : Elements(Member(filters, "groups"))) {
    for (const std::string_view filter : Elements(Member(group, "properties"))) visit(filter);
  }
}

class DocumentMaker {
 public:
  explicit DocumentMaker(const FlagDocumentSource& source) : source_(source) {}

  std::string Make();

 private:
  std::string Flag(std::string_view flag);
  std::string Filters(std::string_view flag);
  std::string Group(std::string_view group);
  std::string Filter(std::string_view filter);

  // What a flag stands on, read once.
  struct Node {
    enum class State : uint8_t { kNew, kOpen, kWhole, kBroken };
    State state = State::kNew;
    std::string_view key;         // as JSON
    std::vector<int64_t> needed;  // flags, each once
    size_t chain = 0;             // the last one that it is part of, by number
  };
  struct Step {
    Node* node;
    size_t next = 0;  // of `needed`
  };
  struct NamedChain {
    std::string json;
    size_t flags = 0;
  };

  // The dependency_chain of a filter on that flag, as JSON: the keys of the flags that it depends
  // on, those first, and its own at the end. Empty if one is missing, deleted or depends on itself,
  // or if the document has named as many as it may.
  std::string ChainJson(int64_t id);
  std::vector<std::string_view> Chain(int64_t id);
  // Whether all that the flag stands on is there, without a ring.
  bool IsWhole(int64_t id);
  Node MakeNode(int64_t id) const;
  std::string_view FlagText(int64_t id) const;
  std::string_view CohortText(int64_t id) const;

  std::vector<std::string> ExpandCohort(const std::vector<std::string_view>& groups) const;
  static std::optional<std::vector<std::string>> AsConditions(std::string_view cohort);

  void CollectCohorts();
  void CollectFrom(std::string_view tree, int depth);
  std::string Cohorts();

  const FlagDocumentSource& source_;
  std::unordered_map<int64_t, Node> nodes_;
  std::unordered_map<int64_t, NamedChain> chains_;
  size_t chain_count_ = 0;
  size_t flags_named_ = 0;  // in all chains
  std::set<int64_t> cohorts_;
  std::vector<int64_t> cohorts_waiting_;  // found, but not yet looked into
};

constexpr int kTreeDepthMax = 64;
// Chains are repeated wherever a flag refers to another, so the document grows with the square of
// their length. An SDK asks the server for a flag whose chain is empty.
constexpr size_t kFlagsNamedMax = 1'000'000;

std::string_view DocumentMaker::FlagText(int64_t id) const {
  const auto it = source_.flags.find(id);
  return it == source_.flags.end() ? std::string_view() : std::string_view(*it->second);
}

std::string_view DocumentMaker::CohortText(int64_t id) const {
  const auto it = source_.cohorts.find(id);
  if (it == source_.cohorts.end()) return {};
  const std::string_view text = *it->second;
  return IsTrue(text, "deleted") ? std::string_view() : text;
}

std::string DocumentMaker::Make() {
  std::string flags = "[";
  for (const auto& [id, json] : source_.flags) {
    const std::string_view flag = *json;
    if (IsTrue(flag, "deleted")) continue;
    if (IsTrue(flag, "is_remote_configuration")) continue;
    if (flags.size() > 1) flags.push_back(',');
    flags.append(Flag(flag));
  }
  flags.push_back(']');
  JsonWriter json;
  json.BeginObject().Key("flags").Raw(flags).Key("group_type_mapping").BeginObject();
  for (size_t i = 0; i < source_.group_types.size(); ++i) {
    json.Field(std::to_string(i), source_.group_types[i]);
  }
  json.EndObject().Key("cohorts").Raw(source_.with_cohorts ? Cohorts() : "{}").EndObject();
  return json.Take();
}

std::string DocumentMaker::Flag(std::string_view flag) {
  JsonWriter json;
  json.BeginObject();
  const auto copy = [&](std::string_view key, std::string_view otherwise) {
    const std::string_view value = Member(flag, key);
    json.Key(key).Raw(value.empty() ? otherwise : value);
  };
  copy("id", "null");
  json.Field("team_id", source_.team_id);
  copy("name", "\"\"");
  copy("key", "\"\"");
  json.Key("filters").Raw(Filters(flag));
  copy("deleted", "false");
  copy("active", "true");
  copy("ensure_experience_continuity", "false");
  copy("has_encrypted_payloads", "false");
  copy("version", "0");
  copy("evaluation_runtime", "null");
  copy("bucketing_identifier", "null");
  const std::string_view tags = Member(flag, "evaluation_tags");
  const std::string_view contexts = Member(flag, "evaluation_contexts");
  const std::string_view named = contexts.empty() ? tags : contexts;
  for (const char* key : {"evaluation_contexts", "evaluation_tags"}) {
    json.Key(key).Raw(named.empty() ? "[]" : named);
  }
  const bool is_experiment =
      IsTrue(flag, "has_experiment") || !Elements(Member(flag, "experiment_set")).empty();
  json.Field("has_experiment", is_experiment).EndObject();
  return json.Take();
}

std::string DocumentMaker::Filters(std::string_view flag) {
  const std::string_view filters = Member(flag, "filters");
  if (!filters.starts_with('{')) return R"({"groups":[]})";
  std::vector<std::string_view> groups = Elements(Member(filters, "groups"));
  if (!source_.with_cohorts) {
    const std::vector<std::string> expanded = ExpandCohort(groups);
    if (!expanded.empty()) {
      return With(
          filters,
          {{"groups", ArrayOf(expanded, [&](const std::string& group) { return Group(group); })}});
    }
  }
  return With(filters,
              {{"groups", ArrayOf(groups, [&](std::string_view group) { return Group(group); })}});
}

std::string DocumentMaker::Group(std::string_view group) {
  const std::vector<std::string_view> filters = Elements(Member(group, "properties"));
  if (filters.empty()) return std::string(group);
  return With(group, {{"properties",
                       ArrayOf(filters, [&](std::string_view filter) { return Filter(filter); })}});
}

std::string DocumentMaker::Filter(std::string_view filter) {
  if (!HasType(filter, "\"flag\"")) return std::string(filter);
  const auto id = Id(Member(filter, "key"));
  std::string chain = id.has_value() ? ChainJson(*id) : "[]";
  if (chain == "[]") return With(filter, {{"dependency_chain", std::move(chain)}});
  return With(filter,
              {{"key", std::string(nodes_.at(*id).key)}, {"dependency_chain", std::move(chain)}});
}

std::string DocumentMaker::ChainJson(int64_t id) {
  if (flags_named_ >= kFlagsNamedMax || !IsWhole(id)) return "[]";
  NamedChain& chain = chains_[id];
  if (chain.flags == 0) {
    const std::vector<std::string_view> keys = Chain(id);
    chain.json = ArrayOf(keys, [](std::string_view key) { return key; });
    chain.flags = keys.size();
  }
  const bool fits = chain.flags <= kFlagsNamedMax - flags_named_;
  // None is made after one that is too long.
  flags_named_ = fits ? flags_named_ + chain.flags : kFlagsNamedMax;
  return fits ? chain.json : "[]";
}

// All nodes below are whole. Chains may be as long as there are flags, so there is no recursion.
std::vector<std::string_view> DocumentMaker::Chain(int64_t id) {
  std::vector<std::string_view> keys;
  std::vector<Step> path;
  ++chain_count_;
  const auto enter = [&](int64_t flag) {
    Node& node = nodes_.at(flag);
    if (std::exchange(node.chain, chain_count_) != chain_count_) path.push_back({&node});
  };
  enter(id);
  while (!path.empty()) {
    Step& step = path.back();
    if (step.next < step.node->needed.size()) {
      enter(step.node->needed[step.next++]);
    } else {
      keys.push_back(step.node->key);
      path.pop_back();
    }
  }
  return keys;
}

// What leads to an open node is part of a ring, or leads to one, so that every answer is final.
bool DocumentMaker::IsWhole(int64_t id) {
  using State = Node::State;
  std::vector<Step> path;
  const auto enter = [&](int64_t flag) {
    Node& node = nodes_[flag];
    if (node.state != State::kNew) return node.state;
    node = MakeNode(flag);
    if (node.state == State::kOpen) path.push_back({&node});
    return State::kNew;
  };
  enter(id);
  while (!path.empty()) {
    Step& step = path.back();
    Node& node = *step.node;
    if (step.next == node.needed.size()) {
      node.state = State::kWhole;
      path.pop_back();
      continue;
    }
    const State state = enter(node.needed[step.next]);
    // A new one is asked again when all below it is known.
    if (state == State::kWhole) ++path.back().next;
    if (state != State::kOpen && state != State::kBroken) continue;
    node.state = State::kBroken;
    path.pop_back();
  }
  return nodes_[id].state == State::kWhole;
}

DocumentMaker::Node DocumentMaker::MakeNode(int64_t id) const {
  const std::string_view flag = FlagText(id);
  if (flag.empty() || IsTrue(flag, "deleted")) return {.state = Node::State::kBroken};
  Node node{.state = Node::State::kOpen, .key = Member(flag, "key")};
  std::unordered_set<int64_t> seen;
  VisitFilters(flag, [&](std::string_view filter) {
    if (!HasType(filter, "\"flag\"")) return;
    const auto needed = Id(Member(filter, "key"));
    if (!needed.has_value()) {
      node.state = Node::State::kBroken;
    } else if (seen.insert(*needed).second) {
      node.needed.push_back(*needed);
    }
  });
  return node;
}

// The conditions that stand for a flag's only cohort, if person filters can say the same; empty
// otherwise. A condition with a cohort has nothing else, none has a variant of its own.
std::vector<std::string> DocumentMaker::ExpandCohort(
    const std::vector<std::string_view>& groups) const {
  std::set<int64_t> cohorts;
  std::vector<std::string> out;
  for (const std::string_view group : groups) {
    const std::string_view variant = Member(group, "variant");
    if (!variant.empty() && variant != "null") return {};
    const std::vector<std::string_view> filters = Elements(Member(group, "properties"));
    const bool has_cohort = std::any_of(filters.begin(), filters.end(), [](std::string_view f) {
      return HasType(f, "\"cohort\"");
    });
    if (!has_cohort) {
      out.emplace_back(group);
      continue;
    }
    const auto id = Id(Member(filters[0], "value"));
    const std::string_view op = Member(filters[0], "operator");
    if (filters.size() > 1 || !id.has_value() || op == "\"not_in\"") return {};
    cohorts.insert(*id);
    const std::string_view cohort = CohortText(*id);
    const auto conditions = AsConditions(cohort);
    if (cohorts.size() > 1 || !conditions.has_value()) return {};
    for (const std::string& properties : *conditions) {
      out.push_back(With(group, {{"properties", properties}}));
    }
  }
  if (cohorts.empty()) out.clear();
  return out;
}

// The cohort as lists of person filters, one of which must hold as a whole.
std::optional<std::vector<std::string>> DocumentMaker::AsConditions(std::string_view cohort) {
  if (cohort.empty() || IsTrue(cohort, "is_static")) return std::nullopt;
  const std::string_view tree = Member(Member(cohort, "filters"), "properties");
  const bool is_or = Member(tree, "type") == "\"OR\"";
  const std::vector<std::string_view> branches = Elements(Member(tree, "values"));
  std::vector<std::string> out;
  const auto is_plain = [](std::string_view filter) {
    return HasType(filter, "\"person\"") && !IsTrue(filter, "negation");
  };
  const auto as_text = [](std::string_view text) { return std::string(text); };
  // A list of bare filters is one branch of its kind.
  const bool is_flat = !branches.empty() && Member(branches[0], "values").empty();
  if (!is_flat && !is_or && branches.size() > 1) return std::nullopt;
  const std::vector<std::string_view> lists =
      is_flat ? std::vector<std::string_view>{tree} : branches;
  for (const std::string_view list : lists) {
    const std::vector<std::string_view> filters = Elements(Member(list, "values"));
    if (filters.empty() || !std::all_of(filters.begin(), filters.end(), is_plain)) {
      return std::nullopt;
    }
    if (Member(list, "type") == "\"OR\"") {
      for (const std::string_view filter : filters) out.push_back(StrCat("[", filter, "]"));
    } else {
      out.push_back(ArrayOf(filters, as_text));
    }
  }
  if (out.empty()) return std::nullopt;
  return out;
}

void DocumentMaker::CollectFrom(std::string_view tree, int depth) {
  if (depth > kTreeDepthMax) return;
  for (const std::string_view branch : Elements(Member(tree, "values"))) {
    if (branch.starts_with('{')) CollectFrom(branch, depth + 1);
  }
  if (!HasType(tree, "\"cohort\"")) return;
  const auto id = Id(Member(tree, "value"));
  if (!id.has_value() || CohortText(*id).empty() || !cohorts_.insert(*id).second) return;
  cohorts_waiting_.push_back(*id);
}

void DocumentMaker::CollectCohorts() {
  for (const auto& [id, json] : source_.flags) {
    const std::string_view flag = *json;
    if (IsTrue(flag, "deleted")) continue;
    VisitFilters(flag, [&](std::string_view filter) { CollectFrom(filter, 0); });
  }
  while (!cohorts_waiting_.empty()) {
    const int64_t id = cohorts_waiting_.back();
    cohorts_waiting_.pop_back();
    CollectFrom(Member(Member(CohortText(id), "filters"), "properties"), 0);
  }
}

std::string DocumentMaker::Cohorts() {
  CollectCohorts();
  JsonWriter json;
  json.BeginObject();
  for (const int64_t id : cohorts_) {
    const std::string_view cohort = CohortText(id);
    const std::string_view tree = Member(Member(cohort, "filters"), "properties");
    if (IsTrue(cohort, "is_static") || !tree.starts_with('{')) continue;
    json.Key(std::to_string(id)).Raw(tree);
  }
  json.EndObject();
  return json.Take();
}

}  // namespace

FlagDocument MakeFlagDocument(const FlagDocumentSource& source) {
  FlagDocument document;
  document.json = DocumentMaker(source).Make();
  document.etag = StrCat("W/\"", HexEncode(Sha1(document.json)).substr(0, 16), "\"");
  return document;
}

bool MatchesEtag(std::string_view if_none_match, std::string_view etag) {
  const std::string_view bare = etag.substr(3, etag.size() - 4);
  while (!if_none_match.empty()) {
    const size_t end = if_none_match.find(',');
    std::string_view tag = if_none_match.substr(0, end);
    if_none_match = end == std::string_view::npos ? "" : if_none_match.substr(end + 1);
    while (tag.starts_with(' ')) tag.remove_prefix(1);
    while (tag.ends_with(' ')) tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag.starts_with('"') && tag.ends_with('"') && tag.size() >= 2) {
      tag = tag.substr(1, tag.size() - 2);
    }
    if (tag == "*" || tag == bare) return true;
  }
  return false;
}

}  // namespace hoglet
