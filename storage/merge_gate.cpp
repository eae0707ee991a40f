#include "storage/merge_gate.h"

namespace hoglet {

void MergeGate::SetClosed(bool closed) {
  // Said again and again: nothing to do, mostly.
  if (is_closed_.load(std::memory_order_relaxed) == closed) return;
  {
    std::lock_guard lock(mutex_);
    is_closed_.store(closed, std::memory_order_relaxed);
  }
  changed_.notify_all();
}

void MergeGate::OpenForGood() {
  {
    std::lock_guard lock(mutex_);
    is_open_for_good_ = true;
  }
  changed_.notify_all();
}

bool MergeGate::Pass() {
  if (!is_closed_.load(std::memory_order_relaxed)) return false;
  std::unique_lock lock(mutex_);
  if (!MustWait()) return false;
  changed_.wait(lock, [this] { return !MustWait(); });
  return true;
}

bool MergeGate::HasErrand() {
  std::lock_guard lock(mutex_);
  return errands_ > 0;
}

MergeGate::Errand::Errand(MergeGate* gate) : gate_(gate) {
  {
    std::lock_guard lock(gate_->mutex_);
    ++gate_->errands_;
  }
  gate_->changed_.notify_all();
}

MergeGate::Errand::~Errand() {
  std::lock_guard lock(gate_->mutex_);
  --gate_->errands_;
}

}  // namespace hoglet
