#include "query/exec/numbered_distinct.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>
#include <vector>

namespace hoglet {
namespace {

// Numbers below a limit that may grow: a table while they are few, then a bit each.
class NumberSet {
 public:
  void Insert(uint32_t number, size_t limit) {
    if (is_bitmap_) {
      InsertBit(number, limit);
    } else {
      InsertSlot(number, limit);
    }
  }
  void Prefetch(uint32_t number) const {
    if (words_.empty()) return;
    const size_t at = is_bitmap_ ? number / 32 : HomeOf(number);
    if (at < words_.size()) __builtin_prefetch(&words_[at], 1);
  }
  void Merge(const NumberSet& other) {
    if (is_bitmap_ && other.is_bitmap_) return MergeBits(other.words_);
    const size_t limit = std::max(limit_, other.limit_);
    const bool is_less = !is_bitmap_ && other.is_bitmap_;
    const NumberSet less = is_less ? std::exchange(*this, other) : NumberSet();
    (is_less ? less : other).ForEach([&](uint32_t number) { Insert(number, limit); });
  }
  uint32_t size() const { return size_; }
  size_t MemoryBytes() const { return words_.capacity() * sizeof(uint32_t); }

  template <typename F>
  void ForEach(F f) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      if (!is_bitmap_) {
        if (words_[i] != kNoId) f(words_[i]);
        continue;
      }
      for (uint32_t bits = words_[i]; bits != 0; bits &= bits - 1)
        f(static_cast<uint32_t>(i * 32 + std::countr_zero(bits)));
    }
  }

 private:
  static constexpr size_t kSlotsMin = 8;

  size_t HomeOf(uint32_t number) const { return (number * 0x9e3779b1u >> 7) & (words_.size() - 1); }
  void InsertBit(uint32_t number, size_t limit) {
    const size_t at = number / 32;
    if (at >= words_.size()) [[unlikely]]
      words_.resize(std::max<size_t>(at, limit / 32) + 1, 0);
    const uint32_t bit = uint32_t{1} << number % 32;
    size_ += (words_[at] & bit) == 0;
    words_[at] |= bit;
  }
  void InsertSlot(uint32_t number, size_t limit) {
    if (size_ * 2 >= words_.size()) {
      Grow(limit);
      if (is_bitmap_) return InsertBit(number, limit);
    }
    size_t at = HomeOf(number);
    for (; words_[at] != kNoId; at = (at + 1) & (words_.size() - 1)) {
      if (words_[at] == number) return;
    }
    words_[at] = number;
    ++size_;
  }
  // Twice the slots, or bits if these take no more room.
  void Grow(size_t limit) {
    limit_ = limit;
    const size_t slots = std::max(kSlotsMin, words_.size() * 2);
    is_bitmap_ = slots > kSlotsMin && slots >= limit / 32;
    const std::vector<uint32_t> old = std::exchange(
        words_, std::vector<uint32_t>(is_bitmap_ ? limit / 32 + 1 : slots, is_bitmap_ ? 0 : kNoId));
    size_ = 0;
    for (const uint32_t number : old) {
      if (number != kNoId) Insert(number, limit);
    }
  }
  void MergeBits(const std::vector<uint32_t>& others) {
    if (words_.size() < others.size()) words_.resize(others.size(), 0);
    for (size_t i = 0; i < others.size(); ++i) words_[i] |= others[i];
    size_ = 0;
    for (const uint32_t word : words_) size_ += static_cast<uint32_t>(std::popcount(word));
  }

  bool is_bitmap_ = false;
  uint32_t size_ = 0;
  size_t limit_ = 0;             // when it grew last
  std::vector<uint32_t> words_;  // slots (kNoId: free), or bits
};

class NumberedDistinct final : public AggregateFunction {
 public:
  NumberedDistinct(std::shared_ptr<const AggregateFunction> plain,
                   std::shared_ptr<ColumnNumbers> numbers)
      : plain_(std::move(plain)), numbers_(std::move(numbers)) {
    result_type_ = plain_->result_type();
  }

  size_t state_bytes() const override { return kPlainAt + plain_->state_bytes(); }
  void Create(char* state) const override {
    new (state) Head();
    plain_->Create(state + kPlainAt);
  }
  void Destroy(char* state) const override {
    HeadOf(state).~Head();
    plain_->Destroy(state + kPlainAt);
  }

  absl::Status Update(EvalContext& context, char* const* states, std::span<const Vector> arguments,
                      size_t rows) const override {
    return Take(
        context, [states](size_t i) { return states[i]; }, arguments, rows);
  }
  absl::Status UpdateAll(EvalContext& context, char* state, std::span<const Vector> arguments,
                         size_t rows) const override {
    return Take(
        context, [state](size_t) { return state; }, arguments, rows);
  }

  absl::Status Merge(char* into, const char* from) const override {
    HeadOf(into).numbers.Merge(HeadOf(from).numbers);
    if (!HeadOf(from).has_plain) return absl::OkStatus();
    HeadOf(into).has_plain = true;
    return plain_->Merge(into + kPlainAt, from + kPlainAt);
  }

  absl::Status Finalize(const char* state, VectorBuilder* out) const override {
    const Head& head = HeadOf(state);
    if (!head.has_plain) {
      out->AppendInteger(head.numbers.size());
      return absl::OkStatus();
    }
    return WithAllPlain(state, [&](const char* plain) { return plain_->Finalize(plain, out); });
  }
  size_t ExtraBytes(const char* state) const override {
    return HeadOf(state).numbers.MemoryBytes() + plain_->ExtraBytes(state + kPlainAt);
  }
  absl::Status Serialize(const char* state, std::string* out) const override {
    return WithAllPlain(state, [&](const char* plain) { return plain_->Serialize(plain, out); });
  }
  absl::Status Deserialize(std::string_view bytes, char* state) const override {
    HeadOf(state).has_plain = true;
    return plain_->Deserialize(bytes, state + kPlainAt);
  }

 private:
  // What a state begins with; that of `plain_` follows.
  struct Head {
    NumberSet numbers;
    bool has_plain = false;  // values that are in the other state
  };
  static constexpr size_t kAlignment = 16;
  static constexpr size_t kPlainAt = (sizeof(Head) + kAlignment - 1) / kAlignment * kAlignment;
  // Rows between fetching the place of a number and changing it.
  static constexpr size_t kAhead = 8;

  static Head& HeadOf(char* state) { return *std::launder(reinterpret_cast<Head*>(state)); }
  static const Head& HeadOf(const char* state) {
    return *std::launder(reinterpret_cast<const Head*>(state));
  }

  template <typename StateOf>
  absl::Status Take(EvalContext& context, StateOf state_of, std::span<const Vector> arguments,
                    size_t rows) const {
    const Vector& column = arguments[0];
    const auto numbers = column.form() == Vector::Form::kDictionary
                             ? numbers_->Of(column.dictionary(), rows)
                             : nullptr;
    if (numbers == nullptr) return TakePlain(context, state_of, arguments, rows);
    const uint32_t* of_code = numbers->of_code.data();
    const uint32_t* codes = column.codes();
    for (size_t i = 0; i < rows; ++i) {
      if (i + kAhead < rows)
        HeadOf(state_of(i + kAhead)).numbers.Prefetch(of_code[codes[i + kAhead]]);
      const uint32_t number = of_code[codes[i]];
      if (number != numbers->null_number)
        HeadOf(state_of(i)).numbers.Insert(number, numbers->limit);
    }
    return absl::OkStatus();
  }

  template <typename StateOf>
  absl::Status TakePlain(EvalContext& context, StateOf state_of, std::span<const Vector> arguments,
                         size_t rows) const {
    std::vector<char*> states(rows);
    for (size_t i = 0; i < rows; ++i) {
      HeadOf(state_of(i)).has_plain = true;
      states[i] = state_of(i) + kPlainAt;
    }
    return plain_->Update(context, states.data(), arguments, rows);
  }

  // Calls `use` with a state of `plain_` that holds all values.
  template <typename Use>
  absl::Status WithAllPlain(const char* state, Use use) const {
    const Head& head = HeadOf(state);
    if (head.numbers.size() == 0) return use(state + kPlainAt);
    struct Scratch {
      explicit Scratch(const AggregateFunction& function)
          : function(function), bytes(function.state_bytes() / kAlignment + 1) {
        function.Create(state());
      }
      ~Scratch() { function.Destroy(state()); }
      char* state() { return reinterpret_cast<char*>(bytes.data()); }

      const AggregateFunction& function;
      struct alignas(kAlignment) Block {
        char bytes[kAlignment];
      };
      std::vector<Block> bytes;
    };
    Scratch scratch(*plain_);
    HOGLET_RETURN_IF_ERROR(plain_->Merge(scratch.state(), state + kPlainAt));
    std::vector<uint32_t> list;
    list.reserve(head.numbers.size());
    head.numbers.ForEach([&list](uint32_t number) { list.push_back(number); });
    EvalContext context;
    const Vector values[] = {numbers_->Values(list.data(), list.size())};
    HOGLET_RETURN_IF_ERROR(plain_->UpdateAll(context, scratch.state(), values, list.size()));
    return use(scratch.state());
  }

  std::shared_ptr<const AggregateFunction> plain_;
  std::shared_ptr<ColumnNumbers> numbers_;
};

}  // namespace

bool CountsDistinct(const AggregateCall& call) {
  return call.arguments.size() == 1 && call.order_by.empty() &&
         (call.name == "uniqExact" || call.name == "count distinct");
}

std::shared_ptr<const AggregateFunction> MakeNumberedDistinct(
    std::shared_ptr<const AggregateFunction> plain, std::shared_ptr<ColumnNumbers> numbers) {
  return std::make_shared<NumberedDistinct>(std::move(plain), std::move(numbers));
}

}  // namespace hoglet
