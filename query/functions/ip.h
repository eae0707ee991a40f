#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/vector/type.h"

namespace hoglet::fn {

// "1.2.3.4", four decimal parts.
std::optional<uint32_t> ParseIPv4(std::string_view text);
// RFC 4291, also with an IPv4 tail; plain IPv4 text reads as ::ffff:a.b.c.d.
std::optional<UInt128> ParseIPv6(std::string_view text);
void AppendIPv4(uint32_t address, std::string* out);
// Shortest form, an IPv4-mapped address with a dotted tail.
void AppendIPv6(UInt128 address, std::string* out);

}  // namespace hoglet::fn
