#include <algorithm>
#include <array>
#include <optional>

#include "query/functions/aggregate.h"
#include "query/functions/types.h"

// windowFunnel(window, mode...)(time, step1, step2, ...): how many steps were taken one after the
// other within `window` of the first.

namespace hoglet::fn {
namespace {

constexpr size_t kStepsMax = 32;

struct FunnelOptions {
  uint64_t window = 0;
  size_t steps = 0;
  bool strict_deduplication = false;  // a step that comes again ends the funnel
  bool strict_order = false;          // a row that is no step, or one too early, ends it
  bool strict_increase = false;       // a step must come later than the one before
  bool strict_once = false;           // a row is one step of a funnel at most
  bool allow_reentry = false;         // with strict_order: a step too early is passed over
};

// One row under one of its steps; a row that is several steps comes once for each.
struct FunnelEvent {
  uint64_t time = 0;
  uint32_t row = 0;   // tells rows apart
  uint32_t step = 0;  // from 1; 0: the row is no step
  friend auto operator<=>(const FunnelEvent& a, const FunnelEvent& b) {
    if (a.time != b.time) return a.time <=> b.time;
    if (a.step != b.step) return a.step <=> b.step;
    return a.row <=> b.row;
  }
};

// What has been reached so far; Reached() is the level at the end.
class FunnelWalk {
 public:
  explicit FunnelWalk(const FunnelOptions& options) : options_(options) {}

  // The level if the event decides it.
  std::optional<size_t> Take(const FunnelEvent& event) {
    if (event.step == 0) {
      if (options_.strict_order && begun_) return Reached();
      return std::nullopt;
    }
    const size_t step = event.step - 1;
    if (step == 0) {
      begun_ = true;
      Begin(event);
      return std::nullopt;
    }
    if (options_.strict_deduplication && Has(step)) return Reached();
    if (!Has(step - 1)) {
      if (!options_.strict_order || !begun_ || options_.allow_reentry) return std::nullopt;
      size_t level = 0;
      while (Has(level)) ++level;
      return level;
    }
    Continue(event, step);
    if (Has(options_.steps - 1)) return options_.steps;
    return std::nullopt;
  }

  size_t Reached() const {
    size_t level = options_.steps;
    while (level > 0 && !Has(level - 1)) --level;
    return level;
  }

 private:
  // A way to a step: when it began and when its last step was. `rows` are the rows it used at that
  // last moment: no other could come again, because a row has one time.
  struct Path {
    uint64_t first;
    uint64_t last;
    std::vector<uint32_t> rows;
  };
  // Ways that differ only in the rows of one moment; more of them are not followed.
  static constexpr size_t kPathsMax = 1024;

  bool Has(size_t step) const { return !paths_[step].empty(); }

  void Begin(const FunnelEvent& event) {
    if (!options_.strict_once) {
      paths_[0].assign(1, {event.time, event.time, {}});
    } else {
      Forget(event.time, &paths_[0]);
      Keep({event.time, event.time, {event.row}}, &paths_[0]);
    }
  }

  void Continue(const FunnelEvent& event, size_t step) {
    if (options_.strict_once) {
      Forget(event.time, &paths_[step - 1]);
      Forget(event.time, &paths_[step]);
    }
    for (const Path& path : paths_[step - 1]) {
      if (event.time > path.first + options_.window) continue;
      if (options_.strict_increase && path.last >= event.time) continue;
      Path next{path.first, event.time, {}};
      if (options_.strict_once) {
        const bool used =
            std::find(path.rows.begin(), path.rows.end(), event.row) != path.rows.end();
        if (path.last == event.time && used) continue;
        if (path.last == event.time) next.rows = path.rows;
        next.rows.push_back(event.row);
        Keep(std::move(next), &paths_[step]);
      } else {
        paths_[step].assign(1, std::move(next));
      }
    }
  }

  // Of ways whose last step lies in the past, the one that began last can do all the others can.
  static void Forget(uint64_t now, std::vector<Path>* paths) {
    std::optional<Path> best;
    for (const Path& path : *paths) {
      if (path.last < now && (!best.has_value() || path.first > best->first)) best = path;
    }
    std::erase_if(*paths, [now](const Path& path) { return path.last < now; });
    if (best.has_value()) paths->push_back(std::move(*best));
  }

  static void Keep(Path path, std::vector<Path>* paths) {
    if (paths->size() < kPathsMax) paths->push_back(std::move(path));
  }

  const FunnelOptions& options_;
  std::array<std::vector<Path>, kStepsMax> paths_;
  bool begun_ = false;
};

struct WindowFunnel {
  FunnelOptions options;
  struct State {
    std::vector<FunnelEvent> events;
    uint32_t rows = 0;
  };
  struct Columns {
    explicit Columns(std::span<const Vector> arguments) : times(arguments[0]) {
      for (const Vector& step : arguments.subspan(1)) steps.emplace_back(step);
    }
    IntegerReader<uint64_t> times;
    std::vector<VectorReader<uint8_t>> steps;
  };
  void Add(State& state, const Columns& columns, size_t row) const {
    const uint64_t time = columns.times.at(row);
    const size_t before = state.events.size();
    for (size_t step = 0; step < columns.steps.size(); ++step) {
      if (columns.steps[step].at(row) != 0)
        state.events.push_back({time, state.rows, static_cast<uint32_t>(step + 1)});
    }
    if (options.strict_order && state.events.size() == before)
      state.events.push_back({time, state.rows, 0});
    ++state.rows;
  }
  void Merge(State& into, const State& from) const {
    into.events.reserve(into.events.size() + from.events.size());
    for (FunnelEvent event : from.events) {
      event.row += into.rows;
      into.events.push_back(event);
    }
    into.rows += from.rows;
  }
  void Finalize(const State& state, VectorBuilder* out) const {
    out->AppendInteger(static_cast<int64_t>(Level(state)));
  }
  size_t ExtraBytes(const State& state) const {
    return state.events.capacity() * sizeof(FunnelEvent);
  }
  void Write(const State& state, std::string* out) const {
    PutVarint(out, state.rows);
    PutVarint(out, state.events.size());
    for (const FunnelEvent& event : state.events) {
      PutLittle(out, event.time);
      PutLittle(out, event.row);
      PutVarint(out, event.step);
    }
  }
  bool Read(ByteReader& reader, State* state) const {
    uint64_t rows = 0;
    uint64_t count = 0;
    if (!reader.GetVarint(&rows) || rows > UINT32_MAX || !reader.GetVarint(&count) ||
        count > reader.left().size()) {
      return false;
    }
    state->rows = static_cast<uint32_t>(rows);
    state->events.resize(count);
    for (FunnelEvent& event : state->events) {
      uint64_t step = 0;
      if (!reader.GetLittle(&event.time) || !reader.GetLittle(&event.row) ||
          !reader.GetVarint(&step) || step > options.steps) {
        return false;
      }
      event.step = static_cast<uint32_t>(step);
    }
    return true;
  }

 private:
  size_t Level(const State& state) const {
    if (state.events.empty()) return 0;
    if (!options.strict_order && options.steps == 1) return 1;
    std::vector<FunnelEvent> sorted = state.events;
    if (!std::is_sorted(sorted.begin(), sorted.end())) std::sort(sorted.begin(), sorted.end());
    FunnelWalk walk(options);
    for (const FunnelEvent& event : sorted) {
      if (const auto level = walk.Take(event)) return *level;
    }
    return walk.Reached();
  }
};

absl::StatusOr<FunnelOptions> ReadOptions(const AggregateCallInfo& call) {
  if (call.parameters.empty()) {
    return WrongAggregateArguments(
        call.name, "requires at least one parameter: <window>, [option, [option, ...]]");
  }
  FunnelOptions options;
  HOGLET_ASSIGN_OR_RETURN(options.window, UnsignedParameter(call, 0));
  const std::pair<std::string_view, bool FunnelOptions::*> modes[] = {
      {"strict_deduplication", &FunnelOptions::strict_deduplication},
      {"strict_order", &FunnelOptions::strict_order},
      {"strict_increase", &FunnelOptions::strict_increase},
      {"strict_once", &FunnelOptions::strict_once},
      {"allow_reentry", &FunnelOptions::allow_reentry},
  };
  const auto bad = [](std::string text) {
    return WithErrorCode(absl::InvalidArgumentError(text), "bad_arguments");
  };
  for (const Datum& parameter : call.parameters.subspan(1)) {
    const auto* mode = std::get_if<std::string>(&parameter.value);
    if (mode == nullptr) return BadAggregateParameter(call.name, "after the first must be strings");
    if (*mode == "strict") {
      return bad(
          StrCat("strict is replaced with strict_deduplication in Aggregate function ", call.name));
    }
    const auto* found = std::find_if(std::begin(modes), std::end(modes),
                                     [&](const auto& entry) { return entry.first == *mode; });
    if (found == std::end(modes)) {
      return bad(StrCat("Aggregate function ", call.name, " doesn't support a parameter: ", *mode));
    }
    options.*found->second = true;
  }
  if (options.allow_reentry && !options.strict_order) {
    return bad(
        StrCat("allow_reentry option requires strict_order to be enabled in Aggregate function ",
               call.name));
  }
  return options;
}

absl::StatusOr<BoundAggregate> BindWindowFunnel(const AggregateCallInfo& call) {
  HOGLET_ASSIGN_OR_RETURN(FunnelOptions options, ReadOptions(call));
  options.steps = call.types.size() - 1;
  if (options.steps == 0) {
    return WrongAggregateArguments(
        call.name, "requires one timestamp argument and at least one event condition.");
  }
  if (options.steps > kStepsMax) {
    return WithErrorCode(absl::InvalidArgumentError(
                             StrCat("Too many event arguments for aggregate function ", call.name)),
                         "number_of_arguments_doesnt_match");
  }
  const auto illegal = [&](const Type& type, std::string_view which, std::string_view wanted) {
    return WithErrorCode(
        absl::InvalidArgumentError(StrCat("Illegal type ", type.Name(), " of ", which,
                                          " aggregate function ", call.name, ", must be ", wanted)),
        "illegal_type_of_argument");
  };
  for (size_t i = 1; i < call.types.size(); ++i) {
    if (call.types[i].physical() != Physical::kU8)
      return illegal(call.types[i], StrCat("argument ", i + 1, " of"), "UInt8");
  }
  const Type& time = call.types[0];
  const bool fits = (time.IsUnsigned() && time.physical() != Physical::kI128) ||
                    time.kind() == TypeKind::kDate || time.kind() == TypeKind::kDateTime;
  if (!fits) return illegal(time, "first argument of", "Unsigned Number, Date, DateTime");
  return MakeAggregate(WindowFunnel{options}, Type(TypeKind::kUInt8));
}

constexpr AggregateEntry kEntries[] = {
    {"windowFunnel", 1, kManyArguments, BindWindowFunnel, false, kManyParameters},
};

}  // namespace

std::span<const AggregateEntry> FunnelAggregates() { return kEntries; }

}  // namespace hoglet::fn
