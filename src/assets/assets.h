#pragma once

#include <cstddef>
#include <span>
#include <string_view>

// The scripts of the npm package posthog-js, inside the binary: pages whose api_host is this server
// load the SDK and all that it loads later from here, and nothing from elsewhere.

namespace hoglet {

struct SdkAsset {
  std::string_view name;  // "array.js"
  std::string_view etag;  // of the plain text; no quotes
  size_t plain_bytes;
  std::string_view gzip;
};

// Sorted by name. They live as long as the program.
std::span<const SdkAsset> SdkAssets();

// Null if there is none of that name.
const SdkAsset* FindSdkAsset(std::string_view name);

// The package's version, "1.2.3".
std::string_view SdkVersion();

}  // namespace hoglet
