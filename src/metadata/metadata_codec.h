#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "src/metadata/metadata_store.h"

// The file metadata.json: a line "hoglet-metadata <version> <crc32c of the rest in hex>", then one
// JSON object.

namespace hoglet {

struct MetadataDocument {
  Organization organization;
  std::vector<User> users;  // empty in a file of before there were any
  std::vector<Project> projects;
  std::vector<PersonalApiKey> api_keys;
  int64_t next_api_key_id = 1;
  // Whether definitions have been stored beside this file: they must not be gone then.
  bool has_objects = false;
};

std::string EncodeMetadata(const MetadataDocument& document);
// `path` is for messages.
absl::StatusOr<MetadataDocument> DecodeMetadata(std::string_view bytes, const std::string& path);

}  // namespace hoglet
