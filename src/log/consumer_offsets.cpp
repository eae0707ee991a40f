#include "src/log/consumer_offsets.h"

#include <algorithm>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/limits.h"
#include "src/base/strings.h"
#include "src/log/segment_format.h"

namespace hoglet::log_internal {
namespace {

constexpr std::string_view kMagic = "HOGCONSU";
constexpr uint64_t kFileBytesMax = 1 << 20;
constexpr size_t kNameBytesMax = 200;

}  // namespace

std::string ConsumerOffsets::Encode(const std::map<std::string, uint64_t>& offsets) {
  std::string body;
  PutVarint(&body, offsets.size());
  for (const auto& [name, offset] : offsets) {
    PutString(&body, name);
    PutVarint(&body, offset);
  }
  return SealSmallFile(kMagic, body);
}

absl::StatusOr<std::map<std::string, uint64_t>> ConsumerOffsets::Decode(std::string_view file) {
  HOGLET_ASSIGN_OR_RETURN(const std::string_view body, OpenSmallFile(kMagic, file));
  ByteReader in(body);
  uint64_t count = 0;
  if (!in.GetVarint(&count) || count > limits::kLogConsumersMax) {
    return absl::DataLossError("count of consumers");
  }
  std::map<std::string, uint64_t> offsets;
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view name;
    uint64_t offset = 0;
    if (!in.GetString(&name) || !in.GetVarint(&offset)) {
      return absl::DataLossError("entry of a consumer");
    }
    offsets.emplace(name, offset);
  }
  if (!in.empty() || offsets.size() != count) return absl::DataLossError("consumers");
  return offsets;
}

absl::Status ConsumerOffsets::Load() {
  // Only "not there" means none: an error of the disk must not forget them.
  auto text = env_->ReadWholeFile(path_, kFileBytesMax);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  auto offsets = Decode(*text);
  if (!offsets.ok()) {
    return absl::Status(offsets.status().code(),
                        StrCat(path_, ": ", FromAbsl(offsets.status().message())));
  }
  std::lock_guard lock(mutex_);
  offsets_ = *std::move(offsets);
  return absl::OkStatus();
}

absl::Status ConsumerOffsets::Commit(const std::string& consumer, uint64_t offset) {
  if (consumer.empty() || consumer.size() > kNameBytesMax) {
    return absl::InvalidArgumentError(
        StrCat("a consumer name has 1 to ", kNameBytesMax, " bytes, not ", consumer.size()));
  }
  std::lock_guard commit_lock(commit_mutex_);
  auto changed = All();
  auto [entry, inserted] = changed.try_emplace(consumer, offset);
  if (!inserted && entry->second == offset) return absl::OkStatus();
  entry->second = offset;
  if (changed.size() > limits::kLogConsumersMax) {
    return absl::ResourceExhaustedError(
        StrCat(path_, ": more than ", limits::kLogConsumersMax, " consumers"));
  }
  HOGLET_RETURN_IF_ERROR(env_->ReplaceFile(path_, Encode(changed)));
  std::lock_guard lock(mutex_);
  offsets_ = std::move(changed);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ConsumerOffsets::Find(const std::string& consumer) const {
  std::lock_guard lock(mutex_);
  const auto found = offsets_.find(consumer);
  if (found == offsets_.end()) {
    return absl::NotFoundError(StrCat(path_, ": no consumer \"", consumer, "\""));
  }
  return found->second;
}

std::map<std::string, uint64_t> ConsumerOffsets::All() const {
  std::lock_guard lock(mutex_);
  return offsets_;
}

uint64_t ConsumerOffsets::Minimum(uint64_t otherwise) const {
  std::lock_guard lock(mutex_);
  for (const auto& [name, offset] : offsets_) otherwise = std::min(otherwise, offset);
  return otherwise;
}

}  // namespace hoglet::log_internal
