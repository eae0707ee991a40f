#include "storage/merge_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

namespace hoglet {
namespace {

// Passes in a thread of its own.
class Passer {
 public:
  explicit Passer(MergeGate* gate)
      : thread_([this, gate] {
          waited_ = gate->Pass();
          has_passed_ = true;
        }) {}
  ~Passer() { thread_.join(); }

  bool HasPassedAfter(int milliseconds) const {
    for (int i = 0; i < milliseconds && !has_passed_; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return has_passed_;
  }
  bool waited() const { return waited_; }

 private:
  std::atomic<bool> waited_{false};
  std::atomic<bool> has_passed_{false};
  std::thread thread_;
};

constexpr int kShortMs = 30;
constexpr int kLongMs = 20'000;

TEST(MergeGate, IsOpenAtFirst) {
  MergeGate gate;
  EXPECT_FALSE(gate.Pass());
}

TEST(MergeGate, HoldsUntilItIsOpened) {
  MergeGate gate;
  gate.SetClosed(true);
  Passer passer(&gate);
  EXPECT_FALSE(passer.HasPassedAfter(kShortMs));
  gate.SetClosed(false);
  EXPECT_TRUE(passer.HasPassedAfter(kLongMs));
  EXPECT_TRUE(passer.waited());
  EXPECT_FALSE(gate.Pass());
}

TEST(MergeGate, AnErrandOpensItWhileItLasts) {
  MergeGate gate;
  gate.SetClosed(true);
  auto first = std::make_unique<Passer>(&gate);
  EXPECT_FALSE(first->HasPassedAfter(kShortMs));
  auto errand = std::make_unique<MergeGate::Errand>(&gate);
  {
    const MergeGate::Errand another(&gate);
    EXPECT_TRUE(first->HasPassedAfter(kLongMs));
  }
  EXPECT_FALSE(gate.Pass()) << "an errand is still under way";
  errand.reset();
  Passer second(&gate);
  EXPECT_FALSE(second.HasPassedAfter(kShortMs));
  gate.SetClosed(false);
}

TEST(MergeGate, OpenForGood) {
  MergeGate gate;
  gate.SetClosed(true);
  Passer passer(&gate);
  gate.OpenForGood();
  EXPECT_TRUE(passer.HasPassedAfter(kLongMs));
  gate.SetClosed(true);
  EXPECT_FALSE(gate.Pass());
}

}  // namespace
}  // namespace hoglet
