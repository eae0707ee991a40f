#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"
#include "src/base/arena.h"

namespace hoglet {

// Where on earth an address is: a MaxMind database (GeoLite2-City and its like) that the user
// brought. The file is mapped and read by libmaxminddb, not through Env; nothing is ever written to
// it. Thread-safe.
class GeoIpDatabase {
 public:
  // kNotFound, or kInvalidArgument if the file is no such database.
  static absl::StatusOr<std::unique_ptr<GeoIpDatabase>> Open(const std::string& path);
  ~GeoIpDatabase();

  // What is known of an address, as PostHog names it without the "$geoip_" before: city_name,
  // country_code, latitude, ... English names. False if nothing is. Texts are copied to the arena.
  bool Find(std::string_view ip, Arena* arena, JsonObjectView* facts) const;

 private:
  struct Impl;
  explicit GeoIpDatabase(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace hoglet
