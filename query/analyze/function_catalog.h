#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/vector/vector.h"

// What the analyzer and the executor know of functions. Functions are known by ClickHouse's names
// with ClickHouse's types: the analyzer has already turned HogQL names into them (spec
// hogql-functions.md section 4). Implemented by query/functions.

namespace hoglet {

// Bytes that a query, or all queries together, may hold. Thread-safe. Charge before allocating; a
// refusal ends the query, unless what asked can do with less (query/exec/spill.h).
class MemoryBudget {
 public:
  // With `shared`, which outlives this: every charge counts there as well.
  explicit MemoryBudget(uint64_t bytes_max, MemoryBudget* shared = nullptr)
      : bytes_max_(bytes_max), shared_(shared) {}
  // kResourceExhausted "... memory limit ..." past the limit (nothing is then charged).
  absl::Status Charge(uint64_t bytes);
  void Release(uint64_t bytes) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    if (shared_ != nullptr) shared_->Release(bytes);
  }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }
  // What could be charged now.
  uint64_t free_bytes() const;

 private:
  // False: nothing was charged.
  bool TryCharge(uint64_t bytes);

  const uint64_t bytes_max_;
  MemoryBudget* const shared_;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> peak_{0};
};

// What evaluation may depend on besides its arguments. One a query; shared by its threads.
struct EvalContext {
  int64_t now_us = 0;                            // now() of the whole query
  std::string timezone = "UTC";                  // the project's
  MemoryBudget* memory = nullptr;                // may be null: unlimited
  const std::atomic<bool>* cancelled = nullptr;  // may be null
  int64_t deadline_ns = 0;                       // Env::MonotonicNanos clock; 0 = none
  int64_t (*monotonic_ns)() = nullptr;
  std::atomic<uint64_t>* random_state = nullptr;  // seed of rand() and friends

  // kCancelled or kDeadlineExceeded when it is time to stop. Called once a batch by operators and
  // by long-running functions.
  absl::Status CheckAlive() const;
};

// The body of a lambda, evaluated over elements: `parameters` have `rows` rows; `outer_rows[i]` is
// the row of the enclosing batch that element i belongs to (columns of the batch used inside the
// body are gathered by it).
class LambdaBody {
 public:
  virtual ~LambdaBody() = default;
  virtual absl::StatusOr<Vector> Evaluate(EvalContext& context, std::span<const Vector> parameters,
                                          const uint32_t* outer_rows, size_t rows) const = 0;
};

// Binds a lambda once the function that takes it knows the parameter types; returns the type of the
// body.
class LambdaBinder {
 public:
  virtual ~LambdaBinder() = default;
  virtual size_t parameter_count() const = 0;
  virtual absl::StatusOr<Type> Bind(std::span<const Type> parameter_types) = 0;
};

struct FunctionArgument {
  Type type;
  std::optional<Datum> constant;   // value, if the argument is a constant
  LambdaBinder* lambda = nullptr;  // set for a lambda argument; its `type` is Function
};

// A scalar function bound to argument types. Immutable, thread-safe.
class ScalarFunction {
 public:
  virtual ~ScalarFunction() = default;
  const Type& result_type() const { return result_type_; }
  // False for now(), rand(), rowNumber...: not folded over constants nor run on dictionaries.
  // (now64() is constant within a query but is folded by the analyzer only through
  // EvalContext::now_us.)
  virtual bool deterministic() const { return true; }
  // True for if / multiIf / and / or / coalesce / ifNull...: the executor may evaluate later
  // arguments only for the rows that need them, by calling EvaluateLazily where implemented.
  virtual bool short_circuits() const { return false; }
  // `arguments` have `rows` rows in any form; lambda arguments are default Vectors in `arguments`,
  // their bodies in `lambdas` at the same index (other entries null). The result has `rows` rows in
  // any form and exactly result_type() (zone and nullability included). NULL handling ("any NULL
  // argument gives NULL" or otherwise) is the function's own.
  virtual absl::StatusOr<Vector> Evaluate(EvalContext& context, std::span<const Vector> arguments,
                                          std::span<const LambdaBody* const> lambdas,
                                          size_t rows) const = 0;

 protected:
  Type result_type_;
};

// An aggregate function bound to argument types and parameters. Immutable, thread-safe; states are
// not.
class AggregateFunction {
 public:
  virtual ~AggregateFunction() = default;
  const Type& result_type() const { return result_type_; }

  virtual size_t state_bytes() const = 0;      // size of the fixed part; aligned to 16
  virtual void Create(char* state) const = 0;  // placement-constructs
  // Constructs `count` states, each `stride` bytes after the one before.
  virtual void CreateMany(char* first, size_t stride, size_t count) const {
    for (size_t i = 0; i < count; ++i) Create(first + i * stride);
  }
  virtual void Destroy(char* state) const = 0;
  virtual bool trivially_destructible() const { return false; }
  // Row i of the arguments goes into states[i].
  virtual absl::Status Update(EvalContext& context, char* const* states,
                              std::span<const Vector> arguments, size_t rows) const = 0;
  // All rows into one state.
  virtual absl::Status UpdateAll(EvalContext& context, char* state,
                                 std::span<const Vector> arguments, size_t rows) const = 0;
  virtual absl::Status Merge(char* into, const char* from) const = 0;
  // into[i] with from[i] for each of `count` pairs of distinct states.
  virtual absl::Status MergeMany(char* const* into, char* const* from, size_t count) const {
    for (size_t i = 0; i < count; ++i) {
      if (absl::Status status = Merge(into[i], from[i]); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  // Appends the result of one state.
  virtual absl::Status Finalize(const char* state, VectorBuilder* out) const = 0;
  // The results of all, flat.
  virtual absl::StatusOr<Vector> FinalizeMany(std::span<const char* const> states) const {
    VectorBuilder builder(result_type_);
    for (const char* state : states) {
      if (absl::Status status = Finalize(state, &builder); !status.ok()) return status;
    }
    return builder.Build();
  }
  // Heap bytes beyond state_bytes(), roughly; for memory budgets.
  virtual size_t ExtraBytes(const char* state) const {
    (void)state;
    return 0;
  }
  // For -State / -Merge and for spilling.
  virtual absl::Status Serialize(const char* state, std::string* out) const = 0;
  virtual absl::Status Deserialize(std::string_view bytes,
                                   char* state) const = 0;  // into a Created state

 protected:
  Type result_type_;
};

class FunctionCatalog {
 public:
  virtual ~FunctionCatalog() = default;
  // kNotFound for an unknown name; kInvalidArgument with ClickHouse-like words for wrong argument
  // types. The status payload "code" (see SetErrorCode) carries ClickHouse's code name in lower
  // case, e.g. "illegal_type_of_argument".
  virtual absl::StatusOr<std::unique_ptr<ScalarFunction>> BindScalar(
      std::string_view name, std::span<const FunctionArgument> arguments,
      const EvalContext& context) const = 0;
  // `distinct`: DISTINCT inside the call. Combinator suffixes (If, OrNull, Array, State, Merge,
  // ...) are part of the name.
  virtual absl::StatusOr<std::unique_ptr<AggregateFunction>> BindAggregate(
      std::string_view name, std::span<const Datum> parameters,
      std::span<const FunctionArgument> arguments, bool distinct) const = 0;
  virtual bool IsScalar(std::string_view name) const = 0;
  virtual bool IsAggregate(std::string_view name) const = 0;
};

// The API's error code (spec hogql.md section 17), carried as a payload of the status.
absl::Status WithErrorCode(absl::Status status, std::string_view code);
std::string ErrorCodeOf(const absl::Status& status);  // "" if none

}  // namespace hoglet
