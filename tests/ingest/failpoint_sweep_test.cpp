#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "src/base/fault_env.h"
#include "src/base/logging.h"
#include "src/base/memory_env.h"
#include "tests/ingest/server_support.h"

// The whole way of an event, log, pipeline, person store and event table, on a disk that fails, or
// a machine that loses power, at each single file operation in turn.

namespace hoglet {
namespace {

constexpr size_t kEvents = 200;
constexpr size_t kBatchEvents = 40;
constexpr size_t kBatchesPerCheckpoint = 2;
constexpr int kLivesMax = 20;

// Operations of a FaultEnv that a full disk makes fail.
const std::set<std::string> kNeedSpace = {"write", "fallocate", "open for writing", "mkdir",
                                          "lock"};

enum class Fault { kIoError, kShortWrite, kPowerLoss, kTornPowerLoss };

// The files of a server that was started once and stopped, so that not every history has to create
// its stores.
void CopyNewServer(MemoryEnv* to) {
  static const auto* const files = [] {
    auto* made = new std::map<std::string, std::string>;
    MemoryEnv memory;
    {
      auto server = StoreServer::Open(&memory);
      EXPECT_TRUE(server.ok()) << server.status();
      EXPECT_TRUE((*server)->ingestor->Stop().ok());
    }
    for (const std::string& path : memory.Files()) (*made)[path] = memory.Contents(path);
    return made;
  }();
  for (const auto& [path, content] : *files) to->Write(path, content);
}

// The state that a log's records lead to where nothing ever fails.
const ServerState& StateOf(const std::vector<std::string>& values) {
  static auto* const known = new std::map<std::vector<std::string>, ServerState>;
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  auto [it, inserted] = known->try_emplace(values);
  if (!inserted) return it->second;
  MemoryEnv memory;
  CopyNewServer(&memory);
  auto server = StoreServer::Open(&memory);
  EXPECT_TRUE(server.ok()) << server.status();
  if (!values.empty()) {
    EXPECT_TRUE((*server)->Append(values).ok());
  }
  EXPECT_TRUE((*server)->WaitApplied([] { return false; }));
  it->second = DescribeServer(server->get());
  return it->second;
}

// One history: a client sends the stream, repeating what was not acknowledged, to a server that is
// started again whenever it fails.
class History {
 public:
  History(std::span<const std::string> values, Fault fault, uint64_t operation)
      : values_(values), fault_(fault), operation_(operation) {}

  // Begins with empty stores instead of an empty disk.
  void BeginWithNewServer() { CopyNewServer(&memory_); }

  // Whether the operation was reached.
  bool Run() {
    Arm(operation_);
    int life = 0;
    while (!Live() && life < kLivesMax) ++life;
    EXPECT_LT(life, kLivesMax) << "no end";
    const bool was_hit = was_hit_;
    env_.ClearFault();
    env_.SetObserver(nullptr);
    Check();
    return was_hit;
  }
  // A crash left the event table ahead of the person store.
  bool was_between_stores() const { return was_between_stores_; }
  int restarts() const { return restarts_; }
  // Whether the operation that failed was one that needs disk space.
  bool needs_space() const { return needs_space_; }

 private:
  bool loses_power() const {
    return fault_ == Fault::kPowerLoss || fault_ == Fault::kTornPowerLoss;
  }

  void Arm(uint64_t operation) {
    if (!loses_power()) {
      operations_left_ = operation;
      env_.SetObserver([this](const std::string& name, const std::string&) {
        if (operations_left_.fetch_sub(1) == 1) needs_space_ = kNeedSpace.count(name) > 0;
      });
      env_.FailAfter(operation,
                     fault_ == Fault::kIoError ? FaultKind::kIoError : FaultKind::kShortWrite);
      return;
    }
    operations_left_ = operation;
    env_.SetObserver([this](const std::string&, const std::string&) {
      if (operations_left_.fetch_sub(1) != 1) return;
      is_dead_ = was_hit_ = true;
      env_.SetDead(true);
    });
  }

  // From one start to the end of the stream (true) or to a failure.
  bool Live() {
    const bool is_done = Serve();
    if (env_.fault_hit()) was_hit_ = true;
    if (is_dead_) {
      fault_ == Fault::kPowerLoss ? memory_.CrashDroppingAll() : memory_.Crash(operation_);
      is_dead_ = false;
      env_.SetDead(false);
      // Power fails once more while the server recovers.
      if (fault_ == Fault::kTornPowerLoss && ++power_losses_ == 1) Arm(1 + operation_ * 7 % 90);
    }
    if (!is_done) ++restarts_;
    return is_done;
  }

  bool Serve() {
    auto opened = StoreServer::Open(&env_);
    if (!opened.ok()) return false;
    StoreServer* server = opened->get();
    if (server->events->durable_offset() > server->persons->applied_offset()) {
      was_between_stores_ = true;
    }
    const auto gives_up = [this] { return is_dead_.load(); };
    for (size_t batch = 0; sent_ < values_.size(); ++batch) {
      const size_t count = std::min(kBatchEvents, values_.size() - sent_);
      if (!server->Append(values_.subspan(sent_, count)).ok()) return false;
      sent_ += count;
      if (!server->WaitApplied(gives_up)) return false;
      const bool is_due = batch % kBatchesPerCheckpoint + 1 == kBatchesPerCheckpoint;
      if (is_due && !server->Checkpoint(gives_up)) return false;
    }
    if (!server->WaitApplied(gives_up)) return false;
    server->ingestor->Stop().IgnoreError();
    return !is_dead_;
  }

  void Check() {
    auto server = StoreServer::Open(&memory_);
    ASSERT_TRUE(server.ok()) << server.status();
    ASSERT_TRUE((*server)->WaitApplied([] { return false; }))
        << (*server)->ingestor->health().ToString();
    const ServerState state = DescribeServer(server->get());
    std::multiset<std::string> logged(state.log.begin(), state.log.end());
    for (const std::string& value : values_) {
      ASSERT_GE(logged.count(value), 1u) << "an acknowledged event is lost";
    }
    const ServerState& expected = StateOf(state.log);
    EXPECT_EQ(state.rows, expected.rows);
    EXPECT_EQ(state.persons, expected.persons);
    EXPECT_EQ(state.dead_letters, expected.dead_letters);
  }

  const std::span<const std::string> values_;
  const Fault fault_;
  const uint64_t operation_;
  MemoryEnv memory_;
  FaultEnv env_{&memory_};
  std::atomic<uint64_t> operations_left_{0};
  std::atomic<bool> is_dead_{false};
  std::atomic<bool> was_hit_{false};
  int power_losses_ = 0;
  size_t sent_ = 0;  // and acknowledged
  bool was_between_stores_ = false;
  int restarts_ = 0;
  std::atomic<bool> needs_space_{false};
};

std::vector<std::string> Stream() { return MixedStream(3, kEvents, 25); }

// A history for every operation that a server does for the stream.
class Sweep {
 public:
  Sweep(std::span<const std::string> values, bool loses_power, bool is_new_disk)
      : values_(values), loses_power_(loses_power), is_new_disk_(is_new_disk) {}

  // By as many threads as there are processors, until an operation is not reached.
  void Run() {
    SetLogLevel(LogLevel::kError);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::clamp(std::thread::hardware_concurrency(), 2u, 8u); ++i) {
      threads.emplace_back([this] { Work(); });
    }
    for (std::thread& thread : threads) thread.join();
    std::printf("%d operations, %d restarts, %d times between the stores\n",
                static_cast<int>(operations_), static_cast<int>(restarts_),
                static_cast<int>(between_stores_));
  }
  uint64_t operations() const { return operations_; }
  uint64_t between_stores() const { return between_stores_; }

 private:
  void Work() {
    while (!is_over_ && !testing::Test::HasFailure()) {
      const uint64_t operation = ++operations_;
      SCOPED_TRACE(testing::Message() << "operation " << operation);
      if (loses_power_) {
        // Every second loss takes all that was not synced, the others leave a random part of it.
        if (!RunOne(operation % 2 ? Fault::kTornPowerLoss : Fault::kPowerLoss, operation).first) {
          is_over_ = true;
        }
        continue;
      }
      const auto [was_hit, needs_space] = RunOne(Fault::kIoError, operation);
      if (!was_hit) is_over_ = true;
      // Where no space is needed it would be the same error.
      if (needs_space) RunOne(Fault::kShortWrite, operation);
    }
  }

  // Whether the operation was reached, and needs space.
  std::pair<bool, bool> RunOne(Fault fault, uint64_t operation) {
    History history(values_, fault, operation);
    if (!is_new_disk_) history.BeginWithNewServer();
    const bool was_hit = history.Run();
    restarts_ += static_cast<uint64_t>(history.restarts());
    between_stores_ += history.was_between_stores();
    return {was_hit, history.needs_space()};
  }

  const std::span<const std::string> values_;
  const bool loses_power_;
  const bool is_new_disk_;
  std::atomic<uint64_t> operations_{0};
  std::atomic<uint64_t> restarts_{0};
  std::atomic<uint64_t> between_stores_{0};
  std::atomic<bool> is_over_{false};
};

TEST(FailpointSweep, ErrorsAtEveryOperation) {
  const std::vector<std::string> values = Stream();
  Sweep sweep(values, /*loses_power=*/false, /*is_new_disk=*/false);
  sweep.Run();
  EXPECT_GT(sweep.operations(), 200u);
}

TEST(FailpointSweep, PowerLossAtEveryOperation) {
  const std::vector<std::string> values = Stream();
  Sweep sweep(values, /*loses_power=*/true, /*is_new_disk=*/false);
  sweep.Run();
  EXPECT_GT(sweep.operations(), 200u);
  // Died with the event table's flush done and the person store's commit not.
  EXPECT_GT(sweep.between_stores(), 0u);
}

TEST(FailpointSweep, ErrorsAtEveryOperationOfAFirstStart) {
  Sweep sweep({}, /*loses_power=*/false, /*is_new_disk=*/true);
  sweep.Run();
  EXPECT_GT(sweep.operations(), 100u);
}

TEST(FailpointSweep, PowerLossAtEveryOperationOfAFirstStart) {
  Sweep sweep({}, /*loses_power=*/true, /*is_new_disk=*/true);
  sweep.Run();
  EXPECT_GT(sweep.operations(), 100u);
}

// What the sweep compares with is itself right: each event once, each stream the same.
TEST(FailpointSweepReference, CountsEveryEventOnce) {
  const std::vector<std::string> values = Stream();
  std::set<std::string> stored;
  for (const std::string& value : values) {
    const auto event = DecodeCapturedEvent(value);
    ASSERT_TRUE(event.ok());
    Arena arena;
    JsonObjectView members;
    if (event->token != "token" || !ParseJsonObject(event->json, &arena, &members).ok()) continue;
    stored.insert(FormatUuid(event->uuid));
  }
  const ServerState& state = StateOf(values);
  EXPECT_EQ(state.log, values);
  EXPECT_GT(stored.size(), 150u);
  EXPECT_EQ(state.rows.size(), stored.size());
  EXPECT_FALSE(state.dead_letters.empty());
  for (const std::string& uuid : stored) {
    const auto has_uuid = [&](const std::string& row) {
      return row.find("|" + uuid + "|") != std::string::npos;
    };
    EXPECT_EQ(std::count_if(state.rows.begin(), state.rows.end(), has_uuid), 1) << uuid;
  }
}

}  // namespace
}  // namespace hoglet
