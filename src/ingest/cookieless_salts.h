#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "include/hoglet/env.h"

namespace hoglet {

// The secrets of the days that make ids for people without cookies (spec ingestion.md section 21):
// 16 random bytes a calendar day, made when the day is first asked for and thrown away when no
// event can belong to it any more, so that afterwards nobody can tell whom an id was made of.
//
// A salt is on disk before it is used: a record that is applied again after a crash gets the same
// id. The file is replaced whole: a line "hoglet-salts 1 <crc32c of the rest, 8 hex digits>", then
// a line "<day> <32 hex digits>" each, the day counted from 1970-01-01.
//
// Thread-safe.
class CookielessSalts {
 public:
  // Reads the file if there is one; `env` outlives the salts. kDataLoss if it is damaged: its days
  // would get other ids.
  static absl::StatusOr<std::unique_ptr<CookielessSalts>> Open(Env* env, std::string path);

  // Whether an event of that calendar day can come at a moment: in some time zone the day has begun
  // and did not end more than 72 hours ago, as PostHog counts.
  static bool IsInRange(int64_t day, int64_t now_us);

  // The salt of a day, 16 bytes, for an event received at `received_at_us`; nullopt if the day is
  // out of range then, or by now and its salt is gone. An error says that a new one cannot be
  // written.
  absl::StatusOr<std::optional<std::string>> ForDay(int64_t day, int64_t received_at_us);

  // How many days have one.
  size_t days() const;

  // Throws away what is out of range by the clock.
  absl::Status RemoveExpired();

 private:
  CookielessSalts(Env* env, std::string path) : env_(env), path_(std::move(path)) {}

  absl::Status Replace(std::map<int64_t, std::string> salts);

  Env* const env_;
  const std::string path_;
  mutable std::mutex mutex_;
  std::map<int64_t, std::string> salts_;
};

}  // namespace hoglet
