#include "src/ingest/geoip_database.h"

#include <maxminddb.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr size_t kAddressBytesMax = 45;
constexpr int kSubdivisionsMax = 3;
constexpr const char* kIndexes[kSubdivisionsMax] = {"0", "1", "2"};

bool Convert(const MMDB_entry_data_s& data, Arena* arena, JsonMember* out) {
  const auto integer = [out](int64_t value) {
    out->kind = JsonKind::kInt64;
    out->integer = value;
    return true;
  };
  switch (data.type) {
    case MMDB_DATA_TYPE_UTF8_STRING:
      out->kind = JsonKind::kString;
      out->text = arena->Copy(std::string_view(data.utf8_string, data.data_size));
      return true;
    case MMDB_DATA_TYPE_DOUBLE:
    case MMDB_DATA_TYPE_FLOAT: {
      const double value =
          data.type == MMDB_DATA_TYPE_DOUBLE ? data.double_value : data.float_value;
      if (value == static_cast<double>(static_cast<int64_t>(value))) {
        return integer(static_cast<int64_t>(value));
      }
      out->kind = JsonKind::kDouble;
      out->number = value;
      return true;
    }
    case MMDB_DATA_TYPE_UINT16:
      return integer(data.uint16);
    case MMDB_DATA_TYPE_UINT32:
      return integer(data.uint32);
    case MMDB_DATA_TYPE_INT32:
      return integer(data.int32);
    default:
      return false;
  }
}

// Adds the value at a path of the entry under a name, if there is one.
template <typename... Path>
void Add(MMDB_entry_s* entry, std::string_view name, Arena* arena, JsonObjectView* facts,
         Path... path) {
  MMDB_entry_data_s data;
  if (MMDB_get_value(entry, &data, path..., nullptr) != MMDB_SUCCESS || !data.has_data) return;
  JsonMember member{.key = name};
  if (Convert(data, arena, &member)) facts->push_back(member);
}

void AddSubdivision(MMDB_entry_s* entry, int index, Arena* arena, JsonObjectView* facts) {
  const char* at = kIndexes[index];
  const auto name = [&](std::string_view part) {
    return arena->Copy(StrCat("subdivision_", index + 1, "_", part));
  };
  Add(entry, name("code"), arena, facts, "subdivisions", at, "iso_code");
  Add(entry, name("name"), arena, facts, "subdivisions", at, "names", "en");
  Add(entry, name("confidence"), arena, facts, "subdivisions", at, "confidence");
}

}  // namespace

struct GeoIpDatabase::Impl {
  ~Impl() { MMDB_close(&database); }
  MMDB_s database{};
};

GeoIpDatabase::GeoIpDatabase(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GeoIpDatabase::~GeoIpDatabase() = default;

absl::StatusOr<std::unique_ptr<GeoIpDatabase>> GeoIpDatabase::Open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  const int error = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &impl->database);
  const std::string message = StrCat(path, ": ", MMDB_strerror(error));
  if (error == MMDB_FILE_OPEN_ERROR || error == MMDB_IO_ERROR) return absl::NotFoundError(message);
  if (error != MMDB_SUCCESS) return absl::InvalidArgumentError(message);
  return std::unique_ptr<GeoIpDatabase>(new GeoIpDatabase(std::move(impl)));
}

bool GeoIpDatabase::Find(std::string_view ip, Arena* arena, JsonObjectView* facts) const {
  if (ip.empty() || ip.size() > kAddressBytesMax) return false;
  const std::string text(ip);
  int address_error = 0;
  int error = MMDB_SUCCESS;
  MMDB_lookup_result_s result =
      MMDB_lookup_string(&impl_->database, text.c_str(), &address_error, &error);
  if (address_error != 0 || error != MMDB_SUCCESS || !result.found_entry) return false;
  MMDB_entry_s* entry = &result.entry;
  Add(entry, "city_name", arena, facts, "city", "names", "en");
  Add(entry, "city_confidence", arena, facts, "city", "confidence");
  Add(entry, "country_name", arena, facts, "country", "names", "en");
  Add(entry, "country_code", arena, facts, "country", "iso_code");
  Add(entry, "country_confidence", arena, facts, "country", "confidence");
  Add(entry, "continent_name", arena, facts, "continent", "names", "en");
  Add(entry, "continent_code", arena, facts, "continent", "code");
  Add(entry, "postal_code", arena, facts, "postal", "code");
  Add(entry, "postal_code_confidence", arena, facts, "postal", "confidence");
  Add(entry, "latitude", arena, facts, "location", "latitude");
  Add(entry, "longitude", arena, facts, "location", "longitude");
  Add(entry, "accuracy_radius", arena, facts, "location", "accuracy_radius");
  Add(entry, "time_zone", arena, facts, "location", "time_zone");
  for (int i = 0; i < kSubdivisionsMax; ++i) AddSubdivision(entry, i, arena, facts);
  return !facts->empty();
}

}  // namespace hoglet
