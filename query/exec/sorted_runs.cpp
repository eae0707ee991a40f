#include "query/exec/sorted_runs.h"

#include <algorithm>
#include <utility>

namespace hoglet {
namespace {

constexpr size_t kFanInMin = 4;
constexpr size_t kFanInMax = 64;
// What a run costs while it is merged: the block as it was stored, unpacked, and its rows, of which
// one batch more may be waiting to be handed on.
constexpr size_t kBlocksPerRun = 5;

}  // namespace

RunMerger::RunMerger(std::vector<SpillStream> runs, const std::vector<Type>& types,
                     std::vector<SortKey> keys, uint64_t limit)
    : types_(types), keys_(std::move(keys)), left_(limit) {
  for (SpillStream& run : runs) {
    std::vector<SpillStream> one;
    one.push_back(std::move(run));
    runs_.emplace_back(SpillReader(std::move(one), types_));
  }
}

absl::Status RunMerger::Load(Run* run) {
  auto loaded = std::make_shared<Loaded>();
  run->row = 0;
  HOGLET_ASSIGN_OR_RETURN(bool more, run->reader.Next(&loaded->batch));
  if (more) {
    loaded->words = SortWordsOf(loaded->batch.columns[keys_[0].column], loaded->batch.rows,
                                keys_[0].descending);
  }
  run->loaded = more ? std::move(loaded) : nullptr;
  return absl::OkStatus();
}

bool RunMerger::ComesBefore(size_t a, size_t b) const {
  const Run& x = runs_[a];
  const Run& y = runs_[b];
  const uint64_t word_x = x.loaded->words.words[x.row];
  const uint64_t word_y = y.loaded->words.words[y.row];
  if (word_x != word_y) return word_x < word_y;
  if (!x.loaded->words.exact || keys_.size() > 1) {
    const int order = CompareRows(x.loaded->batch, x.row, y.loaded->batch, y.row, keys_);
    if (order != 0) return order < 0;
  }
  return a < b;
}

void RunMerger::SiftDown(size_t at) {
  while (true) {
    size_t first = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap_.size(); ++child) {
      if (ComesBefore(heap_[child], heap_[first])) first = child;
    }
    if (first == at) return;
    std::swap(heap_[at], heap_[first]);
    at = first;
  }
}

absl::Status RunMerger::Begin() {
  has_begun_ = true;
  for (size_t i = 0; i < runs_.size(); ++i) {
    HOGLET_RETURN_IF_ERROR(Load(&runs_[i]));
    if (runs_[i].loaded != nullptr) heap_.push_back(i);
  }
  for (size_t i = heap_.size(); i-- > 0;) SiftDown(i);
  return absl::OkStatus();
}

absl::StatusOr<bool> RunMerger::Next(Batch* out) {
  if (!has_begun_) HOGLET_RETURN_IF_ERROR(Begin());
  std::vector<Picked> picked;
  std::vector<size_t> of_run(runs_.size(), ~size_t{0});  // which of `picked`
  std::vector<std::pair<uint32_t, uint32_t>> order;      // which of `picked`, which of its rows
  size_t finished = 0;
  // Batches that are used up stay until the rows are handed on, so not too many of them.
  const size_t rows_max = std::min<uint64_t>(kVectorRowsMax, left_);
  while (order.size() < rows_max && !heap_.empty() && finished <= heap_.size()) {
    const size_t r = heap_[0];
    Run& run = runs_[r];
    if (of_run[r] == ~size_t{0}) {
      of_run[r] = picked.size();
      picked.push_back({run.loaded, {}});
    }
    Picked& from = picked[of_run[r]];
    order.emplace_back(static_cast<uint32_t>(of_run[r]), static_cast<uint32_t>(from.rows.size()));
    from.rows.push_back(static_cast<uint32_t>(run.row));
    if (++run.row == run.loaded->batch.rows) {
      HOGLET_RETURN_IF_ERROR(Load(&run));
      of_run[r] = ~size_t{0};
      ++finished;
      if (run.loaded == nullptr) {
        heap_[0] = heap_.back();
        heap_.pop_back();
      }
    }
    SiftDown(0);
  }
  if (order.empty()) return false;
  left_ -= order.size();
  // Rows stand together by the batch they come from; `place` says where each belongs.
  std::vector<uint32_t> begins(picked.size() + 1, 0);
  for (size_t i = 0; i < picked.size(); ++i)
    begins[i + 1] = begins[i] + static_cast<uint32_t>(picked[i].rows.size());
  std::vector<uint32_t> place(order.size());
  for (size_t i = 0; i < order.size(); ++i) place[i] = begins[order[i].first] + order[i].second;
  *out = Assemble(picked, place, order.size());
  return true;
}

Batch RunMerger::Assemble(const std::vector<Picked>& picked, const std::vector<uint32_t>& place,
                          size_t rows) const {
  Batch out{.columns = {}, .rows = rows};
  for (size_t c = 0; c < types_.size(); ++c) {
    std::vector<Vector> parts;
    for (const Picked& from : picked)
      parts.push_back(from.loaded->batch.columns[c].Gather(from.rows.data(), from.rows.size()));
    out.columns.push_back(parts.size() == 1
                              ? std::move(parts[0])
                              : Vector::Concat(parts).Gather(place.data(), place.size()));
  }
  return out;
}

SortedRuns::SortedRuns(ExecContext& context, std::vector<Type> types, std::vector<SortKey> keys,
                       uint64_t limit, size_t workers)
    : context_(context),
      types_(std::move(types)),
      keys_(std::move(keys)),
      limit_(limit),
      block_bytes_(SpillBlockBytes(context, 2 * kBlocksPerRun)),
      runs_(workers) {}

bool SortedRuns::used() const {
  return std::any_of(runs_.begin(), runs_.end(), [](const auto& runs) { return !runs.empty(); });
}

uint64_t SortedRuns::rows() const {
  uint64_t rows = 0;
  for (const auto& runs : runs_) {
    for (const SpillStream& run : runs) rows += run.rows;
  }
  return std::min(rows, limit_);
}

absl::Status SortedRuns::Write(size_t worker, std::vector<Batch> batches) {
  const Batch all = ConcatBatches(batches, types_);
  batches.clear();
  if (all.rows == 0) return absl::OkStatus();
  HOGLET_ASSIGN_OR_RETURN(const auto file, file_.Get(context_));
  const std::vector<uint32_t> order = SortedRows(all, keys_, limit_);
  SpillWriter writer(file, types_, block_bytes_);
  for (size_t begin = 0; begin < order.size(); begin += kVectorRowsMax) {
    HOGLET_RETURN_IF_ERROR(context_.eval->CheckAlive());
    const size_t count = std::min(kVectorRowsMax, order.size() - begin);
    HOGLET_RETURN_IF_ERROR(writer.Add(all, order.data() + begin, count));
  }
  HOGLET_ASSIGN_OR_RETURN(SpillStream run, writer.Finish());
  runs_[worker].push_back(std::move(run));
  return absl::OkStatus();
}

size_t SortedRuns::FanIn() const {
  return std::clamp<uint64_t>(SpillShare(context_) / (kBlocksPerRun * block_bytes_), kFanInMin,
                              kFanInMax);
}

// Neighbours are merged, so that the order of the runs stays that of their rows.
absl::Status SortedRuns::MergeOnce(size_t fan_in) {
  std::vector<SpillStream>& runs = runs_[0];
  HOGLET_ASSIGN_OR_RETURN(const std::shared_ptr<SpillFile> file, context_.spill->NewFile());
  std::vector<SpillStream> merged;
  for (size_t begin = 0; begin < runs.size(); begin += fan_in) {
    const size_t end = std::min(runs.size(), begin + fan_in);
    std::vector<SpillStream> some(std::make_move_iterator(runs.begin() + begin),
                                  std::make_move_iterator(runs.begin() + end));
    RunMerger merger(std::move(some), types_, keys_, limit_);
    SpillWriter writer(file, types_, block_bytes_);
    HOGLET_RETURN_IF_ERROR(
        ForEachBatch(*context_.eval, merger, [&](Batch batch) { return writer.Add(batch); }));
    HOGLET_ASSIGN_OR_RETURN(SpillStream run, writer.Finish());
    merged.push_back(std::move(run));
  }
  runs = std::move(merged);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Operator>> SortedRuns::Merge() {
  for (size_t worker = 1; worker < runs_.size(); ++worker) {
    std::move(runs_[worker].begin(), runs_[worker].end(), std::back_inserter(runs_[0]));
    runs_[worker].clear();
  }
  file_.Drop();
  const size_t fan_in = FanIn();
  while (runs_[0].size() > fan_in) HOGLET_RETURN_IF_ERROR(MergeOnce(fan_in));
  return std::make_unique<RunMerger>(std::move(runs_[0]), types_, keys_, limit_);
}

}  // namespace hoglet
