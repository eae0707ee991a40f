#pragma once

#include <cstdint>
#include <string_view>

namespace hoglet {

// CRC-32C (Castagnoli). Crc32cExtend continues a checksum: Crc32cExtend(Crc32c(a), b) == Crc32c(a +
// b).
uint32_t Crc32c(std::string_view bytes);
uint32_t Crc32cExtend(uint32_t crc, std::string_view bytes);

// The table form, for machines without SSE 4.2 and as the reference of the test.
uint32_t Crc32cExtendPortable(uint32_t crc, std::string_view bytes);

}  // namespace hoglet
