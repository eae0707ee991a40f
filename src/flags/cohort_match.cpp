#include "src/flags/cohort_match.h"

namespace hoglet {

std::string_view CohortMatcher::ErrorOf(const CohortReference& reference) const {
  if (!reference.id.has_value()) return kCohortUnreadableError;
  if (!reference.position.has_value()) return kCohortNotFoundError;
  return set_.cohorts[*reference.position].error;
}

FlagAnswer CohortMatcher::Match(const CohortReference& reference) {
  if (reference.op == CohortReference::Operator::kNever) return {};
  FlagAnswer answer = IsMember(*reference.position);
  if (reference.op == CohortReference::Operator::kNotIn) answer.is_true = !answer.is_true;
  return answer;
}

FlagAnswer CohortMatcher::IsMember(uint32_t position) {
  if (states_.empty()) states_.resize(set_.cohorts.size(), State::kNotAsked);
  if (states_[position] != State::kNotAsked) return {.is_true = states_[position] == State::kIn};
  const FlagAnswer answer = Decide(set_.cohorts[position]);
  if (answer.is_known()) states_[position] = answer.is_true ? State::kIn : State::kNotIn;
  return answer;
}

FlagAnswer CohortMatcher::Decide(const CompiledCohort& cohort) {
  if (!cohort.is_calculated) return MatchNode(cohort.root);
  if (!context_.person_error.empty()) return {.error = context_.person_error};
  return {.is_true = context_.is_member != nullptr && context_.is_member(cohort.id)};
}

FlagAnswer CohortMatcher::MatchNode(const CohortNode& node) {
  if (node.kind == CohortNode::Kind::kFilter) return MatchLeaf(*node.filter, false);
  const bool is_any = node.kind == CohortNode::Kind::kAny;
  FlagAnswer unknown;
  for (const CohortNode& child : node.children) {
    const bool is_leaf = child.kind == CohortNode::Kind::kFilter;
    const FlagAnswer answer = is_leaf ? MatchLeaf(*child.filter, is_any) : MatchNode(child);
    if (!answer.is_known()) {
      unknown = answer;
    } else if (answer.is_true == is_any) {
      return answer;
    }
  }
  if (!unknown.is_known()) return unknown;
  return {.is_true = !is_any};
}

FlagAnswer CohortMatcher::MatchLeaf(const FlagFilter& filter, bool is_in_any) {
  const bool is_cohort = filter.type == FilterType::kCohort;
  FlagAnswer answer;
  if (is_cohort) {
    answer = Match(filter.cohort);
  } else if (filter.type == FilterType::kPersonMetadata) {
    answer = properties_.MatchPersonMetadata(filter);
  } else if (filter.type != FilterType::kFlag) {
    answer = properties_.MatchPerson(filter);
  }
  // PostHog passes over the negation of a cohort where one of several must hold.
  if (filter.negates && !(is_cohort && is_in_any)) answer.is_true = !answer.is_true;
  return answer;
}

}  // namespace hoglet
