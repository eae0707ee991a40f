#include "src/base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace hoglet {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kInvalid = 0xff;

constexpr std::array<uint8_t, 256> MakeReverse() {
  std::array<uint8_t, 256> reverse{};
  reverse.fill(kInvalid);
  for (uint8_t i = 0; i < 64; ++i) reverse[static_cast<uint8_t>(kAlphabet[i])] = i;
  return reverse;
}
constexpr std::array<uint8_t, 256> kReverse = MakeReverse();

bool PrefixLooksLikeBase64(std::string_view text, bool spaces) {
  constexpr size_t kPrefixBytes = 128;
  if (text.empty() || text.size() % 4 != 0) return false;
  const std::string_view prefix = text.substr(0, kPrefixBytes);
  return std::all_of(prefix.begin(), prefix.end(), [spaces](char c) {
    return kReverse[static_cast<uint8_t>(c)] != kInvalid || c == '=' || (spaces && c == ' ');
  });
}

}  // namespace

std::string Base64EncodeUnpadded(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  size_t i = 0;
  auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[at])); };
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) out.push_back(kAlphabet[group >> shift & 63]);
  }
  if (bytes.size() - i == 1) {
    out.push_back(kAlphabet[byte(i) >> 2]);
    out.push_back(kAlphabet[(byte(i) & 3) << 4]);
  } else if (bytes.size() - i == 2) {
    const uint32_t group = byte(i) << 8 | byte(i + 1);
    out.push_back(kAlphabet[group >> 10]);
    out.push_back(kAlphabet[group >> 4 & 63]);
    out.push_back(kAlphabet[(group & 15) << 2]);
  }
  return out;
}

std::string Base64Encode(std::string_view bytes) {
  std::string out = Base64EncodeUnpadded(bytes);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const std::string_view digits = text.substr(0, text.size() - padding);
  std::string out;
  out.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int bit_count = 0;
  for (char c : digits) {
    const uint8_t value = kReverse[static_cast<uint8_t>(c)];
    if (value == kInvalid) return std::nullopt;
    bits = bits << 6 | value;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      out.push_back(static_cast<char>(bits >> bit_count));
      bits &= (1u << bit_count) - 1;
    }
  }
  if (bits != 0) return std::nullopt;
  return out;
}

bool LooksLikeStrictBase64(std::string_view text) { return PrefixLooksLikeBase64(text, false); }

bool LooksLikeLooseBase64(std::string_view text) { return PrefixLooksLikeBase64(text, true); }

}  // namespace hoglet
