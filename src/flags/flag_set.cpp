#include "src/flags/flag_set.h"

#include <algorithm>
#include <utility>

#include "src/flags/compiled_flags.h"
#include "src/flags/dependency_order.h"
#include "src/flags/flag_definition_parser.h"
#include "src/persons/person.h"

namespace hoglet {
namespace {

// Cohorts that ask for cohorts that ask for cohorts, and so on.
constexpr uint32_t kCohortChainMax = 100;

template <typename Visitor>
void VisitConditions(CompiledFlag* flag, const Visitor& visit) {
  for (FlagCondition& condition : flag->conditions) visit(&condition);
  if (flag->super_condition.has_value()) visit(&*flag->super_condition);
}

template <typename Visitor>
void VisitFilters(CompiledFlag* flag, const Visitor& visit) {
  VisitConditions(flag, [&visit](FlagCondition* condition) {
    for (FlagFilter& filter : condition->filters) visit(&filter);
    for (FlagFilter& filter : condition->cohort_filters) visit(&filter);
  });
}

template <typename Visitor>
void VisitFilters(CohortNode* node, const Visitor& visit) {
  if (node->filter.has_value()) visit(&*node->filter);
  for (CohortNode& child : node->children) VisitFilters(&child, visit);
}

// Finds the flags that filters name, and what follows from it: the order, cycles, and flags that
// cannot be decided.
class FlagLinker {
 public:
  explicit FlagLinker(FlagSet::Impl* set) : set_(*set) {}

  void Run() {
    IndexFlags();
    std::vector<std::vector<uint32_t>> dependencies(set_.flags.size());
    for (uint32_t i = 0; i < set_.flags.size(); ++i) {
      // What is not live is false, whatever it depends on.
      if (set_.definitions[i].is_live()) Link(i, &dependencies[i]);
    }
    const DependencyOrder order = OrderByDependency(dependencies);
    for (const uint32_t i : order.order) {
      CompiledFlag& flag = set_.flags[i];
      flag.is_cyclic = order.is_cyclic[i] != 0;
      for (const uint32_t other : dependencies[i]) {
        flag.lacks_dependency |= set_.flags[other].lacks_dependency;
        flag.is_cyclic |= set_.flags[other].is_cyclic;
      }
      flag.dependencies = std::move(dependencies[i]);
      if (set_.definitions[i].is_live()) set_.order.push_back(i);
    }
  }

 private:
  void IndexFlags() {
    for (uint32_t i = 0; i < set_.definitions.size(); ++i) {
      const FlagDefinition& definition = set_.definitions[i];
      if (definition.key.empty()) continue;  // nobody can name it
      if (!definition.is_deleted) set_.positions_by_key.try_emplace(definition.key, i);
      // Of two with one id, which should not be, the one that is not deleted counts.
      const auto [found, is_new] = set_.positions_by_id.try_emplace(definition.id, i);
      if (!is_new && set_.definitions[found->second].is_deleted) found->second = i;
    }
  }

  void Link(uint32_t position, std::vector<uint32_t>* dependencies) {
    CompiledFlag& flag = set_.flags[position];
    VisitFilters(&flag, [&](FlagFilter* filter) {
      if (filter->type != FilterType::kFlag || !filter->flag.id.has_value()) return;
      const auto found = set_.positions_by_id.find(*filter->flag.id);
      if (found == set_.positions_by_id.end()) {
        flag.lacks_dependency = true;
        return;
      }
      filter->flag.position = found->second;
      if (set_.definitions[found->second].is_live()) dependencies->push_back(found->second);
    });
  }

  FlagSet::Impl& set_;
};

// Finds the cohorts that filters name, and the errors that make a cohort undecidable.
class CohortLinker {
 public:
  explicit CohortLinker(FlagSet::Impl* set) : set_(*set) {}

  void Run() {
    for (uint32_t i = 0; i < set_.cohorts.size(); ++i) {
      if (!set_.cohorts[i].is_deleted) positions_.try_emplace(set_.cohorts[i].id, i);
    }
    std::vector<std::vector<uint32_t>> dependencies(set_.cohorts.size());
    for (uint32_t i = 0; i < set_.cohorts.size(); ++i) LinkCohort(i, &dependencies[i]);
    const DependencyOrder order = OrderByDependency(dependencies);
    std::vector<uint32_t> chains(set_.cohorts.size(), 1);
    for (const uint32_t i : order.order) {
      for (const uint32_t other : dependencies[i]) {
        chains[i] = std::max(chains[i], chains[other] + 1);
      }
      Judge(i, dependencies[i], order.is_cyclic[i] != 0, chains[i]);
    }
    for (CompiledFlag& flag : set_.flags) {
      VisitFilters(&flag, [this](FlagFilter* filter) { LinkFilter(filter); });
    }
  }

 private:
  // The error of what the filter names, empty if it is there.
  std::string_view LinkFilter(FlagFilter* filter) {
    if (filter->type != FilterType::kCohort) return {};
    if (!filter->cohort.id.has_value()) return kCohortUnreadableError;
    const auto found = positions_.find(*filter->cohort.id);
    if (found == positions_.end()) return kCohortNotFoundError;
    filter->cohort.position = found->second;
    return {};
  }

  void LinkCohort(uint32_t position, std::vector<uint32_t>* dependencies) {
    CompiledCohort& cohort = set_.cohorts[position];
    // The members of a calculated one are known without its tree.
    if (cohort.is_calculated) return;
    VisitFilters(&cohort.root, [&](FlagFilter* filter) {
      const std::string_view error = LinkFilter(filter);
      if (cohort.error.empty()) cohort.error = error;
      if (filter->cohort.position.has_value()) dependencies->push_back(*filter->cohort.position);
    });
  }

  void Judge(uint32_t position, const std::vector<uint32_t>& dependencies, bool is_cyclic,
             uint32_t chain) {
    CompiledCohort& cohort = set_.cohorts[position];
    for (const uint32_t other : dependencies) {
      if (cohort.error.empty()) cohort.error = set_.cohorts[other].error;
    }
    if (!cohort.error.empty()) return;
    if (is_cyclic) cohort.error = kCohortCycleError;
    if (chain > kCohortChainMax) cohort.error = kCohortUnreadableError;
  }

  FlagSet::Impl& set_;
  absl::flat_hash_map<int64_t, uint32_t> positions_;
};

// What the live flags of the set ask of storage.
class NeedsCollector {
 public:
  explicit NeedsCollector(FlagSet::Impl* set) : set_(*set), is_seen_(set->cohorts.size()) {}

  void Run() {
    for (const uint32_t i : set_.order) {
      CompiledFlag& flag = set_.flags[i];
      set_.ensures_continuity |= set_.definitions[i].ensures_continuity;
      set_.reads_persons |= set_.definitions[i].ensures_continuity || flag.has_enrollment ||
                            flag.super_condition.has_value();
      AddGroup(flag.group_index);
      VisitConditions(&flag, [&](FlagCondition* condition) { AddCondition(flag, condition); });
    }
  }

 private:
  void AddGroup(std::optional<int> index) {
    if (index.has_value() && *index >= 0 && *index < kGroupTypesMax) {
      set_.group_types_read |= 1u << *index;
    }
  }

  void AddCondition(const CompiledFlag& flag, FlagCondition* condition) {
    AddGroup(condition->group_index);
    for (FlagFilter& filter : condition->filters) AddFilter(filter, flag.group_index);
    for (FlagFilter& filter : condition->cohort_filters) AddFilter(filter, flag.group_index);
  }

  void AddFilter(const FlagFilter& filter, std::optional<int> group_index) {
    if (filter.type == FilterType::kGroup) {
      AddGroup(filter.group_index.has_value() ? filter.group_index : group_index);
    } else if (filter.type == FilterType::kPerson || filter.type == FilterType::kPersonMetadata) {
      set_.reads_persons |= filter.key.name != "distinct_id";
    } else if (filter.cohort.position.has_value()) {
      AddCohort(*filter.cohort.position);
    }
  }

  void AddCohort(uint32_t position) {
    if (std::exchange(is_seen_[position], uint8_t{1})) return;
    CompiledCohort& cohort = set_.cohorts[position];
    // Flags that ask for a cohort with an error fail without asking for anything.
    if (!cohort.error.empty()) return;
    set_.reads_persons |= cohort.is_calculated;
    VisitFilters(&cohort.root, [this](FlagFilter* filter) {
      // In cohorts, all properties are the person's.
      if (filter->type == FilterType::kGroup) set_.reads_persons = true;
      AddFilter(*filter, std::nullopt);
    });
  }

  FlagSet::Impl& set_;
  std::vector<uint8_t> is_seen_;
};

}  // namespace

FlagSet::FlagSet(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
FlagSet::~FlagSet() = default;

std::shared_ptr<const FlagSet> FlagSet::Compile(FlagSetSource source) {
  auto impl = std::make_unique<Impl>();
  impl->team_id = source.team_id;
  impl->timezone = source.timezone;
  impl->group_types = std::move(source.group_types);
  for (const std::string& json : source.flags) {
    ParsedFlag parsed = ParseFlagDefinition(json, impl->timezone);
    impl->definitions.push_back(std::move(parsed.definition));
    impl->flags.push_back(std::move(parsed.flag));
  }
  for (const std::string& json : source.cohorts) {
    impl->cohorts.push_back(ParseCohort(json, impl->timezone));
  }
  FlagLinker(impl.get()).Run();
  CohortLinker(impl.get()).Run();
  NeedsCollector(impl.get()).Run();
  return std::shared_ptr<const FlagSet>(new FlagSet(std::move(impl)));
}

TeamId FlagSet::team_id() const { return impl_->team_id; }
const TimeZone& FlagSet::timezone() const { return impl_->timezone; }
const std::vector<std::string>& FlagSet::group_types() const { return impl_->group_types; }
const std::vector<FlagDefinition>& FlagSet::flags() const { return impl_->definitions; }
bool FlagSet::reads_persons() const { return impl_->reads_persons; }
bool FlagSet::ensures_continuity() const { return impl_->ensures_continuity; }
uint32_t FlagSet::group_types_read() const { return impl_->group_types_read; }

std::optional<size_t> FlagSet::FindFlag(std::string_view key) const {
  const auto found = impl_->positions_by_key.find(key);
  if (found == impl_->positions_by_key.end()) return std::nullopt;
  return found->second;
}

}  // namespace hoglet
