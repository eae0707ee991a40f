#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "include/hoglet/event.h"
#include "src/base/time.h"

namespace hoglet {

// What a project's flags are compiled from: stored JSON documents (spec flags.md section 3.1 and
// 4.8), in the order of their ids.
struct FlagSetSource {
  TeamId team_id = 0;
  TimeZone timezone;
  std::vector<std::string> group_types;  // names by index
  std::vector<std::string> flags;        // deleted ones included: others may depend on them
  std::vector<std::string> cohorts;
};

enum class FlagRuntime : uint8_t { kAll, kClient, kServer };

// One flag as the endpoints show it. What decides it stays in the set.
struct FlagDefinition {
  int64_t id = 0;
  std::string key;
  bool is_active = false;
  bool is_deleted = false;
  bool ensures_continuity = false;  // ensure_experience_continuity
  bool is_device_bucketed = false;
  bool is_remote_configuration = false;
  bool has_encrypted_payloads = false;
  bool has_experiment = false;
  int64_t version = 0;
  FlagRuntime runtime = FlagRuntime::kAll;
  std::vector<std::string> contexts;
  // What detailed answers say of it whatever its value, made once: its key as a member, up to
  // "enabled":, and from "metadata" up to its payload.
  std::string answer_head;
  std::string answer_metadata;

  bool is_live() const { return is_active && !is_deleted; }
};

// The flags and cohorts of a project, parsed, checked and put in order of dependency once, so that
// a request only compares. Immutable and thread-safe; evaluate.h asks it.
class FlagSet {
 public:
  // A document that cannot be read becomes a flag that fails, or a cohort that holds nobody.
  static std::shared_ptr<const FlagSet> Compile(FlagSetSource source);
  ~FlagSet();

  TeamId team_id() const;
  const TimeZone& timezone() const;
  const std::vector<std::string>& group_types() const;
  // In the order of the source.
  const std::vector<FlagDefinition>& flags() const;
  // The position of a flag that is not deleted.
  std::optional<size_t> FindFlag(std::string_view key) const;
  // Whether a live flag needs the stored person, its hash keys, or static cohorts.
  bool reads_persons() const;
  bool ensures_continuity() const;  // a live flag does
  // Bit i: a live flag reads properties of groups of type i, or is decided by them.
  uint32_t group_types_read() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit FlagSet(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace hoglet
