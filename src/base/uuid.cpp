#include "src/base/uuid.h"

#include <array>
#include <mutex>

#include "include/hoglet/env.h"
#include "src/base/bytes.h"
#include "src/base/digest.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

// Of every byte; -1: no hex digit.
constexpr std::array<int8_t, 256> kHexValues = [] {
  std::array<int8_t, 256> values{};
  for (int c = 0; c < 256; ++c) {
    const bool is_letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    values[static_cast<size_t>(c)] = static_cast<int8_t>(c >= '0' && c <= '9' ? c - '0'
                                                         : is_letter          ? (c & 15) + 9
                                                                              : -1);
  }
  return values;
}();

bool IsHyphenPosition(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

// Where the two digits of each byte begin.
constexpr std::array<uint8_t, 16> kHyphenatedAt = {0,  2,  4,  6,  9,  11, 14, 16,
                                                   19, 21, 24, 26, 28, 30, 32, 34};
constexpr std::array<uint8_t, 16> kSimpleAt = {0,  2,  4,  6,  8,  10, 12, 14,
                                               16, 18, 20, 22, 24, 26, 28, 30};

std::optional<Uuid> ParseDigits(const char* text, const std::array<uint8_t, 16>& places) {
  Uuid uuid;
  int seen = 0;
  for (size_t i = 0; i < 16; ++i) {
    const int high = kHexValues[static_cast<uint8_t>(text[places[i]])];
    const int low = kHexValues[static_cast<uint8_t>(text[places[i] + 1])];
    seen |= high | low;
    uuid.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (seen < 0) return std::nullopt;
  return uuid;
}

std::optional<Uuid> ParseHyphenated(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return std::nullopt;
  return ParseDigits(text.data(), kHyphenatedAt);
}

void SetVersion(int version, Uuid* uuid) {
  uuid->bytes[6] = static_cast<uint8_t>((uuid->bytes[6] & 0x0f) | version << 4);
  uuid->bytes[8] = static_cast<uint8_t>((uuid->bytes[8] & 0x3f) | 0x80);
}

void SetMillis(uint64_t millis, Uuid* uuid) {
  for (int i = 0; i < 6; ++i) uuid->bytes[i] = static_cast<uint8_t>(millis >> (40 - 8 * i));
}

void FillRandomBytes(Env* env, uint8_t* from, size_t bytes) {
  env->FillRandom({reinterpret_cast<char*>(from), bytes});
}

// The 12 bits after the version and the 14 after the variant, together a counter that goes up
// within a millisecond. It starts at a random place in its lower half, so it practically never runs
// out; when it does, the next millisecond is used early.
struct V7State {
  std::mutex mutex;
  uint64_t millis = 0;
  uint32_t counter = 0;
};

}  // namespace

std::optional<Uuid> ParseUuid(std::string_view text) {
  constexpr std::string_view kUrn = "urn:uuid:";
  if (text.size() == 32) return ParseDigits(text.data(), kSimpleAt);
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') {
    return ParseHyphenated(text.substr(1, 36));
  }
  if (text.size() == kUrn.size() + 36 && text.substr(0, kUrn.size()) == kUrn) {
    text.remove_prefix(kUrn.size());
  }
  return ParseHyphenated(text);
}

void FormatUuidTo(const Uuid& uuid, char* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  size_t at = 0;
  for (const uint8_t byte : uuid.bytes) {
    if (IsHyphenPosition(at)) out[at++] = '-';
    out[at++] = kDigits[byte >> 4];
    out[at++] = kDigits[byte & 15];
  }
}

std::string FormatUuid(const Uuid& uuid) {
  std::string text(36, '\0');
  FormatUuidTo(uuid, text.data());
  return text;
}

Uuid UuidV4(Env* env) {
  Uuid uuid;
  FillRandomBytes(env, uuid.bytes.data(), uuid.bytes.size());
  SetVersion(4, &uuid);
  return uuid;
}

Uuid UuidV5(const Uuid& name_space, std::string_view name) {
  std::string input(reinterpret_cast<const char*>(name_space.bytes.data()),
                    name_space.bytes.size());
  input.append(name);
  const auto digest = Sha1(input);
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), digest.data(), uuid.bytes.size());
  SetVersion(5, &uuid);
  return uuid;
}

Uuid UuidV7(Env* env) {
  constexpr uint32_t kCounterBits = 26;
  static V7State* const state = new V7State;
  std::array<uint8_t, 9> random;
  FillRandomBytes(env, random.data(), random.size());
  const auto now_ms = static_cast<uint64_t>(std::max<int64_t>(env->NowMicros(), 0) / 1000);
  uint64_t millis = 0;
  uint32_t counter = 0;
  {
    std::lock_guard lock(state->mutex);
    if (now_ms > state->millis) {
      state->millis = now_ms;
      state->counter = LoadLittle<uint32_t>(reinterpret_cast<const char*>(random.data())) >>
                       (32 - kCounterBits + 1);
    } else if (++state->counter >> kCounterBits != 0) {
      state->counter = 0;
      ++state->millis;
    }
    millis = state->millis;
    counter = state->counter;
  }
  Uuid uuid;
  SetMillis(millis, &uuid);
  uuid.bytes[6] = static_cast<uint8_t>(counter >> 22);
  uuid.bytes[7] = static_cast<uint8_t>(counter >> 14);
  uuid.bytes[8] = static_cast<uint8_t>(counter >> 8 & 0x3f);
  uuid.bytes[9] = static_cast<uint8_t>(counter);
  std::memcpy(uuid.bytes.data() + 10, random.data() + 3, 6);
  SetVersion(7, &uuid);
  return uuid;
}

Uuid UuidV7At(Env* env, int64_t time_us) {
  Uuid uuid;
  SetMillis(static_cast<uint64_t>(std::max<int64_t>(time_us, 0) / 1000), &uuid);
  FillRandomBytes(env, uuid.bytes.data() + 6, 10);
  SetVersion(7, &uuid);
  return uuid;
}

Uuid PersonUuid(TeamId team_id, std::string_view distinct_id) {
  static const Uuid kNamespace = *ParseUuid("932979b4-65c3-4424-8467-0b66ec27bc22");
  return UuidV5(kNamespace, StrCat(team_id, ":", distinct_id));
}

}  // namespace hoglet
