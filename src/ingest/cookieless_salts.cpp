#include "src/ingest/cookieless_salts.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "include/hoglet/status.h"
#include "src/base/crc32c.h"
#include "src/base/digest.h"
#include "src/base/strings.h"
#include "src/base/time.h"

namespace hoglet {
namespace {

constexpr std::string_view kMagic = "hoglet-salts 1 ";
constexpr size_t kSaltBytes = 16;
constexpr uint64_t kFileBytesMax = 64 << 10;
constexpr int64_t kHourUs = 3'600'000'000;
// The earliest time zone, the latest one, and how late events may come.
constexpr int64_t kBeginUs = -12 * kHourUs;
constexpr int64_t kEndUs = (14 + 72) * kHourUs;

std::string Encode(const std::map<int64_t, std::string>& salts) {
  std::string body;
  for (const auto& [day, salt] : salts) StrAppend(&body, day, " ", HexEncode(salt), "\n");
  return StrCat(kMagic, absl::StrFormat("%08x", Crc32c(body)), "\n", body);
}

bool Decode(std::string_view bytes, std::map<int64_t, std::string>* salts) {
  const size_t line_end = bytes.find('\n');
  if (line_end == std::string_view::npos || !bytes.starts_with(kMagic)) return false;
  const std::string_view body = bytes.substr(line_end + 1);
  if (bytes.substr(kMagic.size(), line_end - kMagic.size()) !=
      absl::StrFormat("%08x", Crc32c(body))) {
    return false;
  }
  for (const absl::string_view line : absl::StrSplit(ToAbsl(body), '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, ' ');
    int64_t day = 0;
    if (!absl::SimpleAtoi(parts.first, &day) || parts.second.size() != 2 * kSaltBytes) return false;
    (*salts)[day] = absl::HexStringToBytes(parts.second);
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CookielessSalts>> CookielessSalts::Open(Env* env, std::string path) {
  std::unique_ptr<CookielessSalts> out(new CookielessSalts(env, std::move(path)));
  if (!env->Exists(out->path_)) return out;
  HOGLET_ASSIGN_OR_RETURN(const std::string bytes, env->ReadWholeFile(out->path_, kFileBytesMax));
  if (!Decode(bytes, &out->salts_)) {
    return absl::DataLossError(
        StrCat(out->path_,
               ": damaged; without it, the visitors without cookies of the last days get "
               "other ids: remove it if they may"));
  }
  return out;
}

bool CookielessSalts::IsInRange(int64_t day, int64_t now_us) {
  const int64_t age_us = now_us - day * kMicrosPerDay;
  return age_us >= kBeginUs && age_us < kEndUs;
}

absl::StatusOr<std::optional<std::string>> CookielessSalts::ForDay(int64_t day,
                                                                   int64_t received_at_us) {
  if (!IsInRange(day, received_at_us)) return std::nullopt;
  std::lock_guard lock(mutex_);
  const auto known = salts_.find(day);
  if (known != salts_.end()) return known->second;
  if (!IsInRange(day, env_->NowMicros())) return std::nullopt;
  std::string salt(kSaltBytes, '\0');
  env_->FillRandom(salt);
  auto salts = salts_;
  salts[day] = salt;
  HOGLET_RETURN_IF_ERROR(Replace(std::move(salts)));
  return salt;
}

size_t CookielessSalts::days() const {
  std::lock_guard lock(mutex_);
  return salts_.size();
}

absl::Status CookielessSalts::RemoveExpired() {
  const int64_t now_us = env_->NowMicros();
  std::lock_guard lock(mutex_);
  auto salts = salts_;
  // Days to come are kept: a clock that was set back is set right again.
  std::erase_if(salts,
                [=](const auto& entry) { return now_us - entry.first * kMicrosPerDay >= kEndUs; });
  if (salts.size() == salts_.size()) return absl::OkStatus();
  return Replace(std::move(salts));
}

absl::Status CookielessSalts::Replace(std::map<int64_t, std::string> salts) {
  HOGLET_RETURN_IF_ERROR(env_->ReplaceFile(path_, Encode(salts)));
  salts_ = std::move(salts);
  return absl::OkStatus();
}

}  // namespace hoglet
