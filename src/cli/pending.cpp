#include "query/functions/registry.h"
namespace hoglet::fn {
std::span<const ScalarEntry> StringFunctions() { return {}; }
std::span<const ScalarEntry> StringSearchFunctions() { return {}; }
std::span<const ScalarEntry> UrlFunctions() { return {}; }
std::span<const ScalarEntry> HashFunctions() { return {}; }
std::span<const ScalarEntry> IpFunctions() { return {}; }
std::span<const ScalarEntry> BitFunctions() { return {}; }
std::span<const ScalarEntry> EncodingFunctions() { return {}; }
std::span<const ScalarEntry> SplitFunctions() { return {}; }
std::span<const ScalarEntry> MiscFunctions() { return {}; }
}
#include "query/functions/ip.h"
namespace hoglet::fn {
std::optional<uint32_t> ParseIPv4(std::string_view) { return std::nullopt; }
std::optional<UInt128> ParseIPv6(std::string_view) { return std::nullopt; }
void AppendIPv4(uint32_t, std::string*) {}
void AppendIPv6(UInt128, std::string*) {}
}
