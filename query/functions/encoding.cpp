#include <cstring>
#include <optional>

#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "src/base/base64.h"
#include "src/base/utf8.h"

// Text forms of bytes and back: hex, binary, Base58, Base64, XML entities.

namespace hoglet::fn {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

// 255 for what is not a hex digit.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 255;
}

enum class Base { kHex, kBin };

template <Base base>
void AppendByte(uint8_t byte, std::string* out) {
  if (base == Base::kHex) {
    out->push_back(kHex[byte >> 4]);
    out->push_back(kHex[byte & 15]);
  } else {
    for (int bit = 7; bit >= 0; --bit) out->push_back(static_cast<char>('0' + (byte >> bit & 1)));
  }
}

// Big-endian without leading zero bytes, of which one stays.
template <Base base>
void AppendNumber(UInt128 bits, int bytes, bool trim, std::string* out) {
  bool leading = trim;
  for (int b = bytes - 1; b >= 0; --b) {
    const auto byte = static_cast<uint8_t>(bits >> (8 * b));
    leading = leading && byte == 0 && b > 0;
    if (!leading) AppendByte<base>(byte, out);
  }
}

template <Base base>
Bound BindToDigits(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  const Type& a = call.type(0);
  switch (a.physical()) {
    case Physical::kString:
      return MapStrings<std::string_view>(StringType(),
                                          [](std::string_view text, std::string* out) {
                                            out->reserve(text.size() * 2);
                                            for (char c : text)
                                              AppendByte<base>(static_cast<uint8_t>(c), out);
                                          });
    case Physical::kF64:
      return MapStrings<double>(
          StringType(), [narrow = a.kind() == TypeKind::kFloat32](double x, std::string* out) {
            // The memory of the number, lowest byte first.
            char bytes[8];
            const auto small = static_cast<float>(x);
            if (narrow) {
              std::memcpy(bytes, &small, 4);
            } else {
              std::memcpy(bytes, &x, 8);
            }
            for (int b = 0; b < (narrow ? 4 : 8); ++b)
              AppendByte<base>(static_cast<uint8_t>(bytes[b]), out);
          });
    case Physical::kI128:
      return MapStrings<Int128>(StringType(), [trim = a.IsInteger()](Int128 x, std::string* out) {
        AppendNumber<base>(static_cast<UInt128>(x), 16, trim, out);
      });
    case Physical::kU8:
    case Physical::kI64:
      return MapStrings<int64_t>(
          StringType(), [bytes = static_cast<int>(StoredBytes(a))](int64_t x, std::string* out) {
            AppendNumber<base>(static_cast<uint64_t>(x), bytes, true, out);
          });
    default:
      return call.BadType(0);
  }
}

Bound BindUnhex(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(StringType(), [](std::string_view text, std::string* out) {
    if (text.size() % 2 == 1) {
      out->push_back(static_cast<char>(HexDigit(text[0])));
      text.remove_prefix(1);
    }
    for (size_t i = 0; i < text.size(); i += 2) {
      out->push_back(static_cast<char>(HexDigit(text[i]) * 16 + HexDigit(text[i + 1])));
    }
  });
}

Bound BindUnbin(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(StringType(), [](std::string_view text, std::string* out) {
    int byte = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      byte = byte << 1 | (text[i] == '1');
      if ((text.size() - i - 1) % 8 != 0) continue;
      out->push_back(static_cast<char>(byte));
      byte = 0;
    }
  });
}

Bound BindChar(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  for (size_t i = 0; i < call.size(); ++i) {
    if (!call.type(i).IsNumber() || call.type(i).physical() == Physical::kI128)
      return call.BadType(i);
  }
  return MapDatums(StringType(), [](std::span<const Datum> in) -> absl::StatusOr<Datum> {
    std::string out;
    for (const Datum& code : in) {
      out.push_back(
          static_cast<char>(code.value.index() == 2 ? CutToInt64(code.number()) : code.integer()));
    }
    return Datum(std::move(out));
  });
}

// Base64, white space and missing padding allowed.
std::optional<std::string> LooseBase64(std::string_view text, bool url) {
  std::string plain;
  for (char c : text) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) continue;
    if (url && c == '-') c = '+';
    if (url && c == '_') c = '/';
    plain.push_back(c);
  }
  if (plain.find('=') == std::string::npos) {
    if (plain.size() % 4 == 1) return std::nullopt;
    plain.append((4 - plain.size() % 4) % 4, '=');
  }
  return Base64Decode(plain);
}

std::string EncodeBase64(std::string_view text, bool url) {
  std::string out = url ? Base64EncodeUnpadded(text) : Base64Encode(text);
  for (char& c : out) {
    if (url && c == '+') c = '-';
    if (url && c == '/') c = '_';
  }
  return out;
}

template <bool url>
Bound BindEncode64(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(StringType(), [](std::string_view text, std::string* out) {
    *out = EncodeBase64(text, url);
  });
}

constexpr char kBase58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

// Both directions of Base58 change the base of one long number; leading zeros are kept one by one.
std::string EncodeBase58(std::string_view bytes) {
  std::vector<uint8_t> digits;  // lowest first
  for (char c : bytes) {
    unsigned carry = static_cast<uint8_t>(c);
    for (uint8_t& digit : digits) {
      carry += digit * 256u;
      digit = static_cast<uint8_t>(carry % 58);
      carry /= 58;
    }
    for (; carry > 0; carry /= 58) digits.push_back(static_cast<uint8_t>(carry % 58));
  }
  std::string out(std::min(bytes.find_first_not_of('\0'), bytes.size()), kBase58[0]);
  for (size_t i = digits.size(); i-- > 0;) out.push_back(kBase58[digits[i]]);
  return out;
}

std::optional<std::string> DecodeBase58(std::string_view text) {
  std::vector<uint8_t> bytes;  // lowest first
  for (char c : text) {
    const char* found = c == '\0' ? nullptr : std::strchr(kBase58, c);
    if (found == nullptr) return std::nullopt;
    auto carry = static_cast<unsigned>(found - kBase58);
    for (uint8_t& byte : bytes) {
      carry += byte * 58u;
      byte = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push_back(static_cast<uint8_t>(carry));
  }
  std::string out(std::min(text.find_first_not_of(kBase58[0]), text.size()), '\0');
  out.append(bytes.rbegin(), bytes.rend());
  return out;
}

Bound BindEncode58(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(
      StringType(), [](std::string_view text, std::string* out) { *out = EncodeBase58(text); });
}

using Decoder = std::optional<std::string> (*)(std::string_view);

// What cannot be decoded is an error or, for `lenient`, the empty string.
template <Decoder decode, bool lenient>
Bound BindDecode(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(
      StringType(),
      [name = std::string(call.name)](std::string_view text, std::string* out) -> absl::Status {
        std::optional<std::string> decoded = decode(text);
        if (decoded.has_value()) {
          *out = *std::move(decoded);
        } else if (!lenient) {
          return Error("incorrect_data", "Failed to ", name, " input '", text.substr(0, 100), "'");
        }
        return absl::OkStatus();
      });
}

std::optional<std::string> DecodeStandard64(std::string_view text) {
  return LooseBase64(text, false);
}
std::optional<std::string> DecodeUrl64(std::string_view text) { return LooseBase64(text, true); }

struct Entity {
  char character;
  std::string_view name;
};
constexpr Entity kEntities[] = {
    {'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&apos;"}};

Bound BindEncodeXml(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(StringType(), [](std::string_view text, std::string* out) {
    for (char c : text) {
      std::string_view replacement(&c, 1);
      for (const Entity& entity : kEntities) {
        if (entity.character == c) replacement = entity.name;
      }
      out->append(replacement);
    }
  });
}

// "&#65;" or "&#x41;" with the ampersand and the semicolon.
std::optional<uint32_t> NumericEntity(std::string_view entity) {
  if (entity.size() < 4 || entity[1] != '#') return std::nullopt;
  const bool hex = (entity[2] | 0x20) == 'x';
  const std::string_view digits = entity.substr(hex ? 3 : 2, entity.size() - (hex ? 4 : 3));
  if (digits.empty() || digits.size() > 8) return std::nullopt;
  uint64_t code = 0;
  for (char c : digits) {
    const bool decimal = c >= '0' && c <= '9';
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'f';
    if (!decimal && !(hex && letter)) return std::nullopt;
    code = code * (hex ? 16 : 10) + static_cast<uint64_t>(HexDigit(c));
  }
  if (code > 0x10FFFF) return std::nullopt;
  return static_cast<uint32_t>(code);
}

Bound BindDecodeXml(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(StringType(), [](std::string_view text, std::string* out) {
    while (!text.empty()) {
      const size_t start = std::min(text.find('&'), text.size());
      out->append(text.substr(0, start));
      text.remove_prefix(start);
      if (text.empty()) return;
      const size_t end = text.find(';');
      const std::string_view entity =
          end == std::string_view::npos ? text : text.substr(0, end + 1);
      size_t used = 1;
      if (const auto code = NumericEntity(entity);
          code.has_value() && end != std::string_view::npos) {
        AppendUtf8(*code, out);
        used = entity.size();
      } else {
        char character = '&';
        for (const Entity& known : kEntities) {
          if (known.name != entity) continue;
          character = known.character;
          used = entity.size();
        }
        out->push_back(character);
      }
      text.remove_prefix(used);
    }
  });
}

// Appends text with runs of white space as one space; pieces that a tag has parted are parted by a
// space.
void AppendCollapsed(std::string_view text, bool* space, std::string* out) {
  for (char c : text) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      *space = true;
      continue;
    }
    if (*space && !out->empty()) out->push_back(' ');
    *space = false;
    out->push_back(c);
  }
}

// The length of the markup that `text` begins with ('<'), the content of script and style included.
size_t MarkupLength(std::string_view text) {
  auto past = [&](std::string_view end, size_t from) {
    const size_t at = text.find(end, from);
    return at == std::string_view::npos ? text.size() : at + end.size();
  };
  if (text.starts_with("<!--")) return past("-->", 4);
  const size_t tag = past(">", 1);
  for (std::string_view name : {"script", "style"}) {
    if (text.size() <= name.size() + 1 || !EqualsIgnoreCase(text.substr(1, name.size()), name))
      continue;
    const char after = text[1 + name.size()];
    if (after != '>' && after != ' ' && after != '/' && !(after >= '\t' && after <= '\r')) continue;
    for (size_t at = tag; at + 2 + name.size() <= text.size(); ++at) {
      if (text[at] == '<' && text[at + 1] == '/' &&
          EqualsIgnoreCase(text.substr(at + 2, name.size()), name)) {
        return past(">", at);
      }
    }
    return text.size();
  }
  return tag;
}

Bound BindTextFromHtml(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(StringType(), [](std::string_view text, std::string* out) {
    constexpr std::string_view kVerbatim = "<![CDATA[";
    bool space = false;
    while (!text.empty()) {
      const size_t start = std::min(text.find('<'), text.size());
      AppendCollapsed(text.substr(0, start), &space, out);
      text.remove_prefix(start);
      if (text.empty()) return;
      if (text.starts_with(kVerbatim)) {
        const size_t end = std::min(text.find("]]>"), text.size());
        out->append(text.substr(kVerbatim.size(), end - std::min(end, kVerbatim.size())));
        text.remove_prefix(std::min(end + 3, text.size()));
        continue;
      }
      space = true;
      text.remove_prefix(MarkupLength(text));
    }
  });
}

constexpr ScalarEntry kTable[] = {
    {"hex", BindToDigits<Base::kHex>},
    {"unhex", BindUnhex},
    {"bin", BindToDigits<Base::kBin>},
    {"unbin", BindUnbin},
    {"char", BindChar},
    {"base58Encode", BindEncode58},
    {"base58Decode", BindDecode<DecodeBase58, false>},
    {"tryBase58Decode", BindDecode<DecodeBase58, true>},
    {"base64Encode", BindEncode64<false>},
    {"base64Decode", BindDecode<DecodeStandard64, false>},
    {"tryBase64Decode", BindDecode<DecodeStandard64, true>},
    {"base64URLEncode", BindEncode64<true>},
    {"base64URLDecode", BindDecode<DecodeUrl64, false>},
    {"tryBase64URLDecode", BindDecode<DecodeUrl64, true>},
    {"encodeXMLComponent", BindEncodeXml},
    {"decodeXMLComponent", BindDecodeXml},
    {"extractTextFromHTML", BindTextFromHtml},
};

}  // namespace

std::span<const ScalarEntry> EncodingFunctions() { return kTable; }

}  // namespace hoglet::fn
