#include "query/exec/column_numbers.h"

#include <algorithm>
#include <utility>

namespace hoglet {
namespace {

constexpr size_t kValuesPerRowMax = 8;

// The scan and its column that a plan's column comes from unchanged; null if there is none.
const Plan* SourceOf(const Plan& plan, size_t* column) {
  switch (plan.kind) {
    case Plan::Kind::kScan:
      return &plan;
    case Plan::Kind::kFilter:
      return SourceOf(*plan.inputs[0], column);
    case Plan::Kind::kProject: {
      const Expr& expression = *plan.expressions[*column];
      if (expression.kind != Expr::Kind::kColumn) return nullptr;
      *column = expression.column;
      return SourceOf(*plan.inputs[0], column);
    }
    default:
      return nullptr;
  }
}

}  // namespace

std::shared_ptr<const DictionaryNumbers> ColumnNumbers::Of(
    const std::shared_ptr<const Vector>& dictionary, size_t rows) {
  std::lock_guard lock(mutex_);
  size_t asked = rows;
  if (const auto found = dictionaries_.find(dictionary.get());
      found != dictionaries_.end() && found->second.dictionary.lock() == dictionary) {
    if (found->second.numbers != nullptr) return found->second.numbers;
    asked = rows > SIZE_MAX - found->second.rows ? SIZE_MAX : found->second.rows + rows;
  }
  if (dictionaries_.size() >= forget_above_) ForgetUnused();
  if (asked < dictionary->size() / kValuesPerRowMax) {
    if (rows > 0) dictionaries_[dictionary.get()] = {dictionary, nullptr, asked};
    return nullptr;
  }
  if (BytesLocked() > bytes_max_) ForgetUnused();
  if (BytesLocked() > bytes_max_) {
    has_refused_ = true;
    return nullptr;
  }
  auto numbers = std::make_shared<DictionaryNumbers>();
  numbers->of_code.resize(dictionary->size());
  values_.Intern(*dictionary, numbers->of_code.data());
  numbers->limit = values_.size();
  numbers->null_number = values_.null_id();
  codes_ += dictionary->size();
  dictionaries_[dictionary.get()] = {dictionary, numbers, 0};
  return numbers;
}

Vector ColumnNumbers::Values(const uint32_t* numbers, size_t count) const {
  std::lock_guard lock(mutex_);
  return values_.ValuesOf(numbers, count);
}

void ColumnNumbers::ForgetUnused() {
  absl::erase_if(dictionaries_,
                 [](const auto& entry) { return entry.second.dictionary.expired(); });
  codes_ = 0;
  for (const auto& [address, entry] : dictionaries_) {
    if (entry.numbers != nullptr) codes_ += entry.numbers->of_code.size();
  }
  forget_above_ = std::max<size_t>(64, 2 * dictionaries_.size());
}

uint64_t ColumnNumbers::MemoryBytes() const {
  std::lock_guard lock(mutex_);
  return BytesLocked();
}

bool ColumnNumbers::OutOfDate() const {
  std::lock_guard lock(mutex_);
  return has_refused_ && codes_ < values_.size() / 2;
}

std::shared_ptr<ColumnNumbers> ColumnNumbersCache::Of(const Plan& plan, size_t column) {
  const Plan* scan = SourceOf(plan, &column);
  if (scan == nullptr) return nullptr;
  const ColumnRef& ref = scan->columns[column];
  const Type& type = scan->output[column].type;
  // The key comes last, for it may hold any character.
  const std::string name = StrCat(scan->table, " ", ref.name, " ", static_cast<int>(ref.json), " ",
                                  type.Name(), " ", ref.key);
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    if (found->numbers->OutOfDate())
      found->numbers = std::make_shared<ColumnNumbers>(type, bytes_max_);
  } else {
    entries_.push_front({name, std::make_shared<ColumnNumbers>(type, bytes_max_)});
  }
  Shrink();
  return entries_.front().numbers;
}

void ColumnNumbersCache::Shrink() {
  uint64_t bytes = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    bytes += entry->numbers->MemoryBytes();
    entry =
        bytes > bytes_max_ && entry != entries_.begin() ? entries_.erase(entry) : std::next(entry);
  }
}

}  // namespace hoglet
