#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"

namespace hoglet::log_internal {

// Where the consumers of one topic stand, kept in its CONSUMERS file. Thread-safe.
class ConsumerOffsets {
 public:
  ConsumerOffsets(Env* env, std::string path) : env_(env), path_(std::move(path)) {}

  // Reads the file; its absence means no consumers.
  absl::Status Load();
  // Durable on return; unchanged after an error.
  absl::Status Commit(const std::string& consumer, uint64_t offset);
  absl::StatusOr<uint64_t> Find(const std::string& consumer) const;
  std::map<std::string, uint64_t> All() const;
  // The least of them, or `otherwise` without any.
  uint64_t Minimum(uint64_t otherwise) const;

  static std::string Encode(const std::map<std::string, uint64_t>& offsets);
  // kDataLoss says what is wrong, without the file's name.
  static absl::StatusOr<std::map<std::string, uint64_t>> Decode(std::string_view file);

 private:
  Env* env_;
  const std::string path_;
  // Held for the whole of a commit, so that files are replaced in the order of the calls.
  std::mutex commit_mutex_;
  mutable std::mutex mutex_;
  std::map<std::string, uint64_t> offsets_;
};

}  // namespace hoglet::log_internal
