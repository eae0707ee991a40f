#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Percent-encoding, as URLs and HTML forms use it.

namespace hoglet {

inline int HexDigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Every %XX becomes its byte; a '%' without two hex digits stays as it is. With `plus_is_space`,
// '+' becomes a space.
inline std::string PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && text.size() - i > 2) {
      const int high = HexDigitValue(text[i + 1]);
      const int low = HexDigitValue(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

// Everything but letters, digits and -._~ is escaped.
inline std::string PercentEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

// Calls `visit(raw name, raw value)` for each piece of "a=1&b=2" until it returns false. Empty
// pieces are left out; a piece without
// '=' has an empty value.
template <typename Visit>
void VisitQuery(std::string_view query, Visit visit) {
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view piece = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (piece.empty()) continue;
    const size_t equals = piece.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
    if (!visit(piece.substr(0, equals), value)) return;
  }
}

// The first value of that name, decoded with '+' as space.
inline std::optional<std::string> FindQueryValue(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  VisitQuery(query, [&](std::string_view key, std::string_view value) {
    if (key != name && PercentDecode(key, true) != name) return true;
    found = PercentDecode(value, true);
    return false;
  });
  return found;
}

}  // namespace hoglet
