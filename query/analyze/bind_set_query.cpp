#include <algorithm>

#include "include/hoglet/status.h"
#include "query/analyze/binder.h"
#include "src/base/strings.h"

// UNION, INTERSECT and EXCEPT: evaluated from left to right.

namespace hoglet::analysis {

SelectResult Binder::MakeDistinct(SelectResult result) {
  auto distinct = std::make_unique<Op>(Op::Kind::kDistinct, std::move(result.op));
  for (const OutputField& field : result.fields) distinct->symbols.push_back(field.symbol);
  result.op = std::move(distinct);
  return result;
}

absl::Status Binder::ReorderByName(const SelectResult& first, SelectResult* other) {
  std::vector<OutputField> ordered;
  for (const OutputField& wanted : first.fields) {
    auto found = std::find_if(other->fields.begin(), other->fields.end(),
                              [&](const OutputField& field) { return field.name == wanted.name; });
    if (found == other->fields.end())
      return QueryError(StrCat("BY NAME: the other query has no column \"", wanted.name, "\""));
    ordered.push_back(*found);
  }
  other->fields = std::move(ordered);
  return absl::OkStatus();
}

// Brings the columns of all results to common types.
absl::Status Binder::UnifyColumns(std::vector<SelectResult>* results, std::vector<Type>* types) {
  const size_t count = (*results)[0].fields.size();
  for (const SelectResult& result : *results) {
    if (result.fields.size() == count) continue;
    return CodedError("union_all_result_structures_mismatch",
                      StrCat("Different number of columns in UNION elements: ", count, " and ",
                             result.fields.size()));
  }
  for (size_t j = 0; j < count; ++j) {
    Type common = symbols_[(*results)[0].fields[j].symbol].type;
    for (const SelectResult& result : *results) {
      HOGLET_ASSIGN_OR_RETURN(common,
                              builder_.CommonType(common, symbols_[result.fields[j].symbol].type));
    }
    types->push_back(std::move(common));
  }
  for (SelectResult& result : *results) {
    auto extend = std::make_unique<Op>(Op::Kind::kExtend, std::move(result.op));
    for (size_t j = 0; j < count; ++j) {
      SymbolId& symbol = result.fields[j].symbol;
      if (symbols_[symbol].type == (*types)[j]) continue;
      HOGLET_ASSIGN_OR_RETURN(ExprPtr cast, builder_.Cast(symbols_.Reference(symbol), (*types)[j]));
      symbol = Materialize(std::move(cast), result.fields[j].name, &extend->definitions);
    }
    result.op = std::move(extend);
  }
  return absl::OkStatus();
}

namespace {

SelectResult StackOn(Op::Kind kind, std::vector<SelectResult> results,
                     const std::vector<Type>& types, Symbols* symbols) {
  auto op = std::make_unique<Op>(kind);
  SelectResult combined;
  for (size_t j = 0; j < types.size(); ++j) {
    const std::string& name = results[0].fields[j].name;
    op->symbols.push_back(symbols->Add(name, types[j]));
    (*symbols)[op->symbols.back()].json = (*symbols)[results[0].fields[j].symbol].json;
    combined.fields.push_back({name, op->symbols.back()});
  }
  for (SelectResult& result : results) {
    op->input_columns.emplace_back();
    for (const OutputField& field : result.fields) op->input_columns.back().push_back(field.symbol);
    op->inputs.push_back(std::move(result.op));
  }
  combined.op = std::move(op);
  return combined;
}

}  // namespace

absl::StatusOr<SelectResult> Binder::CombineUnion(std::vector<SelectResult> results) {
  if (results.size() == 1) return std::move(results[0]);
  std::vector<Type> types;
  HOGLET_RETURN_IF_ERROR(UnifyColumns(&results, &types));
  return StackOn(Op::Kind::kUnion, std::move(results), types, &symbols_);
}

absl::StatusOr<SelectResult> Binder::CombineSet(SelectResult left, SelectResult right,
                                                ast::SetOperator op) {
  std::vector<SelectResult> pair;
  pair.push_back(std::move(left));
  pair.push_back(std::move(right));
  std::vector<Type> types;
  HOGLET_RETURN_IF_ERROR(UnifyColumns(&pair, &types));
  SelectResult result = StackOn(Op::Kind::kSetOp, std::move(pair), types, &symbols_);
  result.op->set_except = op == ast::SetOperator::kExcept || op == ast::SetOperator::kExceptAll;
  // Without DISTINCT duplicates stay.
  result.op->set_all = op != ast::SetOperator::kIntersectDistinct;
  return result;
}

absl::StatusOr<SelectResult> Binder::BindSetQuery(const ast::SelectSetQuery& query,
                                                  const CteLink* ctes) {
  if (query.limit_percent) return QueryError("LIMIT percent is not allowed in hogql dialect");
  HOGLET_ASSIGN_OR_RETURN(ctes, PushCtes(query.ctes, ctes));
  HOGLET_ASSIGN_OR_RETURN(SelectResult first, BindQuery(*query.initial_select_query, ctes));
  std::vector<SelectResult> union_all;  // to be put together
  union_all.push_back(std::move(first));
  for (const auto& next : query.subsequent_select_queries) {
    HOGLET_ASSIGN_OR_RETURN(SelectResult other, BindQuery(*next->select_query, ctes));
    if (next->by_name) HOGLET_RETURN_IF_ERROR(ReorderByName(union_all[0], &other));
    if (next->set_operator == ast::SetOperator::kUnionAll) {
      union_all.push_back(std::move(other));
      continue;
    }
    SelectResult combined;
    if (next->set_operator == ast::SetOperator::kUnionDistinct) {
      union_all.push_back(std::move(other));
      HOGLET_ASSIGN_OR_RETURN(combined, CombineUnion(std::move(union_all)));
      combined = MakeDistinct(std::move(combined));
    } else {
      HOGLET_ASSIGN_OR_RETURN(SelectResult left, CombineUnion(std::move(union_all)));
      HOGLET_ASSIGN_OR_RETURN(combined,
                              CombineSet(std::move(left), std::move(other), next->set_operator));
    }
    union_all.clear();
    union_all.push_back(std::move(combined));
  }
  HOGLET_ASSIGN_OR_RETURN(SelectResult result, CombineUnion(std::move(union_all)));
  HOGLET_RETURN_IF_ERROR(
      AddLimit(query.limit.get(), query.offset.get(), false, {}, ctes, &result.op));
  return result;
}

}  // namespace hoglet::analysis
