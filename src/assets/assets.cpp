#include "src/assets/assets.h"

#include <algorithm>

namespace hoglet {
namespace {

#define ASSET_VERSION(version) constexpr std::string_view kVersion = version;
#define ASSET(name, etag, plain_bytes, bytes, size)
#include <posthog_js.inc>
#undef ASSET_VERSION
#undef ASSET

constexpr SdkAsset kAssets[] = {
#define ASSET_VERSION(version)
#define ASSET(name, etag, plain_bytes, bytes, size) \
  SdkAsset{name, etag, plain_bytes, std::string_view(bytes, size)},
#include <posthog_js.inc>
#undef ASSET_VERSION
#undef ASSET
};

}  // namespace

std::span<const SdkAsset> SdkAssets() { return kAssets; }

const SdkAsset* FindSdkAsset(std::string_view name) {
  const auto* found = std::lower_bound(
      std::begin(kAssets), std::end(kAssets), name,
      [](const SdkAsset& asset, std::string_view wanted) { return asset.name < wanted; });
  return found != std::end(kAssets) && found->name == name ? found : nullptr;
}

std::string_view SdkVersion() { return kVersion; }

}  // namespace hoglet
