#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

// Cryptographic digests and secrets. Thread-safe.

namespace hoglet {

class Env;

std::array<uint8_t, 16> Md5(std::string_view bytes);
std::array<uint8_t, 20> Sha1(std::string_view bytes);
std::array<uint8_t, 32> Sha256(std::string_view bytes);
std::array<uint8_t, 32> HmacSha256(std::string_view key, std::string_view bytes);

// PBKDF2 with HMAC-SHA256; `iterations` in 1 .. 10'000'000.
std::array<uint8_t, 32> Pbkdf2Sha256(std::string_view password, std::string_view salt,
                                     uint32_t iterations);

// Lower-case hex.
std::string HexEncode(std::string_view bytes);
template <size_t kBytes>
std::string HexEncode(const std::array<uint8_t, kBytes>& bytes) {
  return HexEncode(std::string_view(reinterpret_cast<const char*>(bytes.data()), kBytes));
}

// `characters` uniform characters of [A-Za-z0-9] from env->FillRandom, e.g. for keys (43 characters
// carry 256 bits).
std::string RandomToken(Env* env, size_t characters);

// Takes the same time wherever the first difference is. Different lengths are unequal at once.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

}  // namespace hoglet
