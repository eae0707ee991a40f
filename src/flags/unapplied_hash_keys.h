#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "src/flags/flag_source.h"

namespace hoglet {

// Hash keys on their way into the person store: the next request must see them already, and must
// not send them again. In memory, for as long as the pipeline takes; beyond kWritesMax the oldest
// are forgotten early. Thread-safe.
class UnappliedHashKeys {
 public:
  // Adds what the facts do not show yet. What was applied below `applied` is forgotten.
  void AddTo(TeamId team, uint64_t applied, PersonStore::Facts* facts);
  // Before the write is sent. Returns its number.
  uint64_t Add(const FlagHashKeyWrite& write);
  // Once it is durable at an offset of the log, or has failed.
  void Sent(uint64_t number, const absl::StatusOr<uint64_t>& offset);

 private:
  static constexpr size_t kWritesMax = 100'000;
  struct Write {
    std::optional<uint64_t> offset;  // once durable
    FlagHashKeyWrite write;
  };
  struct Key {
    std::string hash_key;
    uint64_t number = 0;  // of its write
  };
  using PersonKey = std::pair<TeamId, Uuid>;

  void AddKeysLocked(TeamId team, const PersonPtr& person, PersonStore::FlagHashKeys* keys) const;
  void RemoveKeysLocked(uint64_t number, const FlagHashKeyWrite& write);
  void PopLocked();

  std::mutex mutex_;
  uint64_t first_number_ = 0;  // of the oldest in writes_
  std::deque<Write> writes_;   // in the order they were sent, which is about that of their offsets
  std::map<PersonKey, std::map<std::string, Key>> keys_;  // by flag
};

}  // namespace hoglet
