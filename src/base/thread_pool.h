#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace hoglet {

// A fixed number of threads that run tasks in the order they come. The queue is bounded: TrySubmit
// refuses, Submit waits. Thread-safe.
class ThreadPool {
 public:
  // `name` shows in debuggers (15 bytes).
  // `nice`: how far its threads, and those they begin, stand back behind others: 0 to 19.
  ThreadPool(std::string name, unsigned threads, size_t queue_max, int nice = 0);
  // Stop().
  ~ThreadPool();

  // False, and the task is dropped, if the pool is stopped. Must not be called by a task of this
  // pool while the queue is full.
  bool Submit(std::function<void()> task);
  // False also if the queue is full.
  bool TrySubmit(std::function<void()> task);
  // Runs what is queued and joins the threads; later submissions are refused. May be called more
  // than once.
  void Stop();
  // Waits until nothing is queued or running.
  void WaitIdle();

  size_t queued() const;
  unsigned threads() const { return thread_count_; }

 private:
  void Run(const std::string& name, int nice);

  const size_t queue_max_;
  const unsigned thread_count_;
  mutable std::mutex mutex_;
  std::condition_variable has_task_;
  std::condition_variable has_room_;
  std::condition_variable idle_;
  std::deque<std::function<void()>> queue_;
  unsigned running_ = 0;
  bool stopped_ = false;
  std::once_flag join_once_;
  std::vector<std::thread> workers_;
};

// A thread for `run`, to be joined by the caller; ResourceExhausted if the system has none left to
// give. For threads that begin when the server runs already: it should outlive their refusal.
absl::StatusOr<std::thread> StartThread(std::function<void()> run);

// Names the calling thread for debuggers and top (15 bytes kept).
void SetThreadName(const std::string& name);
// The calling thread, and those it begins from now on, stand back behind others: with `nice` 19
// they run when the others leave processors idle, and hardly else. Not to be undone.
void LowerThreadPriority(int nice = 19);

}  // namespace hoglet
