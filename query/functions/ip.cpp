#include "query/functions/ip.h"

#include <array>

#include "query/functions/registry.h"
#include "query/functions/types.h"

namespace hoglet::fn {
namespace {

// Groups of hex digits, at most `max`, from the start of `text`; stops before what is not one.
// Returns the number read, -1 if malformed. An IPv4 tail counts as two groups.
int ReadGroups(std::string_view text, uint16_t* groups, int max) {
  int count = 0;
  if (text.empty()) return 0;
  for (;;) {
    const size_t end = std::min(text.find(':'), text.size());
    const std::string_view group = text.substr(0, end);
    if (group.find('.') != std::string_view::npos) {
      const auto tail = end == text.size() && count + 2 <= max ? ParseIPv4(group) : std::nullopt;
      if (!tail.has_value()) return -1;
      groups[count] = static_cast<uint16_t>(*tail >> 16);
      groups[count + 1] = static_cast<uint16_t>(*tail);
      return count + 2;
    }
    if (group.empty() || group.size() > 4 || count == max) return -1;
    int value = 0;
    for (char c : group) {
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        value = value * 16 + (c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value * 16 + (lower - 'a' + 10);
      } else {
        return -1;
      }
    }
    groups[count++] = static_cast<uint16_t>(value);
    if (end == text.size()) return count;
    text.remove_prefix(end + 1);
  }
}

std::optional<UInt128> ParseStrictIPv6(std::string_view text) {
  std::array<uint16_t, 8> groups{};
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (ReadGroups(text, groups.data(), 8) != 8) return std::nullopt;
  } else {
    std::array<uint16_t, 8> tail{};
    const std::string_view head = text.substr(0, gap);
    if (head.find('.') != std::string_view::npos) return std::nullopt;
    const int before = ReadGroups(head, groups.data(), 7);
    if (before < 0) return std::nullopt;
    const int after = ReadGroups(text.substr(gap + 2), tail.data(), 7 - before);
    if (after < 0) return std::nullopt;
    std::copy_n(tail.begin(), after, groups.end() - after);
  }
  UInt128 address = 0;
  for (uint16_t group : groups) address = address << 16 | group;
  return address;
}

constexpr UInt128 kMappedPrefix = static_cast<UInt128>(0xFFFF) << 32;

}  // namespace

std::optional<uint32_t> ParseIPv4(std::string_view text) {
  uint32_t address = 0;
  for (int part = 0; part < 4; ++part) {
    const size_t end = part == 3 ? text.size() : text.find('.');
    if (end == std::string_view::npos || end == 0 || end > 3) return std::nullopt;
    uint32_t value = 0;
    for (char c : text.substr(0, end)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<uint32_t>(c - '0');
    }
    if (value > 255) return std::nullopt;
    address = address << 8 | value;
    text.remove_prefix(part == 3 ? end : end + 1);
  }
  return address;
}

std::optional<UInt128> ParseIPv6(std::string_view text) {
  if (const auto plain = ParseIPv4(text)) return kMappedPrefix | *plain;
  return ParseStrictIPv6(text);
}

void AppendIPv4(uint32_t address, std::string* out) {
  CatTo(out, address >> 24, ".", address >> 16 & 255, ".", address >> 8 & 255, ".", address & 255);
}

void AppendIPv6(UInt128 address, std::string* out) {
  if (address >> 32 == kMappedPrefix >> 32) {
    out->append("::ffff:");
    AppendIPv4(static_cast<uint32_t>(address), out);
    return;
  }
  std::array<unsigned, 8> groups;
  for (size_t g = 0; g < 8; ++g) groups[g] = static_cast<uint16_t>(address >> (16 * (7 - g)));
  // The first longest run of two or more zero groups.
  size_t gap = 8, length = 1;
  for (size_t g = 0; g < 8; ++g) {
    size_t run = 0;
    while (g + run < 8 && groups[g + run] == 0) ++run;
    if (run > length) {
      gap = g;
      length = run;
    }
  }
  for (size_t g = 0; g < 8; ++g) {
    if (g == gap) {
      out->append("::");
      g += length - 1;
      continue;
    }
    if (g > 0 && out->back() != ':') out->push_back(':');
    char text[8];
    out->append(text, static_cast<size_t>(std::snprintf(text, sizeof(text), "%x", groups[g])));
  }
}

namespace {

template <bool six>
Bound BindIsString(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapRows<uint8_t, std::string_view>(U8(), [](std::string_view text) {
    return six ? ParseStrictIPv6(text).has_value() : ParseIPv4(text).has_value();
  });
}

struct Address {
  bool six = false;
  UInt128 bits = 0;  // IPv4 in the low 32
};

std::optional<Address> ParseAddress(std::string_view text) {
  if (const auto four = ParseIPv4(text)) return Address{false, *four};
  if (const auto six = ParseStrictIPv6(text)) return Address{true, *six};
  return std::nullopt;
}

// The bits of a network of that prefix length.
UInt128 Mask(int bits, int prefix) {
  const UInt128 all =
      bits == 128 ? ~static_cast<UInt128>(0) : (static_cast<UInt128>(1) << bits) - 1;
  return prefix == 0 ? 0
                     : all & ~(prefix == bits ? UInt128{0}
                                              : (static_cast<UInt128>(1) << (bits - prefix)) - 1);
}

absl::StatusOr<bool> InRange(std::string_view text, std::string_view network) {
  const auto address = ParseAddress(text);
  if (!address.has_value())
    return Error("cannot_parse_text", "Neither IPv4 nor IPv6 address: '", text, "'");
  const size_t slash = network.find('/');
  const auto base = ParseAddress(network.substr(0, slash));
  int prefix = -1;
  if (slash != std::string_view::npos && network.size() - slash - 1 <= 3 &&
      network.size() > slash + 1) {
    prefix = 0;
    for (char c : network.substr(slash + 1))
      prefix = c >= '0' && c <= '9' ? prefix * 10 + (c - '0') : 1000;
  }
  const int bits = base.has_value() && base->six ? 128 : 32;
  if (!base.has_value() || prefix < 0 || prefix > bits) {
    return Error("cannot_parse_text", "The text does not contain a network: '", network, "'");
  }
  if (address->six != base->six) return false;
  return ((address->bits ^ base->bits) & Mask(bits, prefix)) == 0;
}

Bound BindInRange(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  for (size_t i = 0; i < 2; ++i) {
    if (!call.type(i).IsStringLike()) return call.BadType(i);
  }
  return MapRows<uint8_t, std::string_view, std::string_view>(U8(), InRange);
}

// The first and the last address of the network that an address lies in.
template <bool six>
Bound BindCidrRange(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (call.type(0).kind() != (six ? TypeKind::kIPv6 : TypeKind::kIPv4)) return call.BadType(0);
  if (!call.type(1).IsInteger()) return call.BadType(1);
  const Type type = Type::Tuple({call.type(0), call.type(0)});
  return MapDatums(type, [](std::span<const Datum> in) -> absl::StatusOr<Datum> {
    constexpr int kBits = six ? 128 : 32;
    const auto prefix = static_cast<int>(std::clamp<int64_t>(in[1].integer(), 0, kBits));
    const UInt128 mask = Mask(kBits, prefix);
    const UInt128 all = Mask(kBits, kBits);
    if constexpr (six) {
      const auto bits = static_cast<UInt128>(in[0].wide());
      return Datum(std::vector<Datum>{static_cast<Int128>(bits & mask),
                                      static_cast<Int128>((bits & mask) | (all & ~mask))});
    } else {
      const auto bits = static_cast<UInt128>(in[0].integer());
      return Datum(std::vector<Datum>{static_cast<int64_t>(bits & mask),
                                      static_cast<int64_t>((bits & mask) | (all & ~mask))});
    }
  });
}

Bound BindNumToString4(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsInteger() && call.type(0).kind() != TypeKind::kIPv4) return call.BadType(0);
  return MapStrings<int64_t>(StringType(), [](int64_t address, std::string* out) {
    AppendIPv4(static_cast<uint32_t>(address), out);
  });
}

Bound BindStringToNum4(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapRows<int64_t, std::string_view>(
      Type(TypeKind::kUInt32), [](std::string_view text) -> absl::StatusOr<int64_t> {
        const auto address = ParseIPv4(text);
        if (!address.has_value())
          return Error("cannot_parse_ipv4", "Invalid IPv4 value '", text, "'");
        return int64_t{*address};
      });
}

constexpr ScalarEntry kTable[] = {
    {"isIPv4String", BindIsString<false>},    {"isIPv6String", BindIsString<true>},
    {"isIPAddressInRange", BindInRange},      {"IPv4CIDRToRange", BindCidrRange<false>},
    {"IPv6CIDRToRange", BindCidrRange<true>}, {"IPv4NumToString", BindNumToString4},
    {"IPv4StringToNum", BindStringToNum4},
};

}  // namespace

std::span<const ScalarEntry> IpFunctions() { return kTable; }

}  // namespace hoglet::fn
