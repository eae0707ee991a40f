#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace hoglet {

// Where background merges wait while writers are behind. They would give way to them by priority
// only where the processors are all in use, and hold locks and memory bandwidth besides.
//
// Thread-safe.
class MergeGate {
 public:
  // Closed, whoever passes waits. Open at first.
  void SetClosed(bool closed);
  // Opens it for good.
  void OpenForGood();
  // Waits until the gate is open or someone has an errand. False if there was no need to.
  bool Pass();
  // Whether someone waits for a merge.
  bool HasErrand();

  // While one lives everyone may pass: someone waits for a merge, and merges wait for one another.
  class Errand {
   public:
    explicit Errand(MergeGate* gate);
    Errand(const Errand&) = delete;
    Errand& operator=(const Errand&) = delete;
    ~Errand();

   private:
    MergeGate* const gate_;
  };

 private:
  bool MustWait() const { return is_closed_ && errands_ == 0 && !is_open_for_good_; }

  std::atomic<bool> is_closed_{false};  // written under mutex_
  std::mutex mutex_;                    // guards what follows
  std::condition_variable changed_;
  int errands_ = 0;
  bool is_open_for_good_ = false;
};

}  // namespace hoglet
