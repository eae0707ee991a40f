#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

// A MaxMind database small enough to be read by eye: IPv4 networks of 24 bits, each with one entry.

namespace hoglet {

class MmdbWriter {
 public:
  static std::string Text(const std::string& text) { return Control(2, text.size()) + text; }
  // Types: 5 of 16 bits, 6 of 32, 9 of 64.
  static std::string Number(uint32_t value, int type = 6) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
      if (value >> shift != 0) bytes.push_back(static_cast<char>(value >> shift));
    }
    if (type > 7) {
      return std::string(1, static_cast<char>(bytes.size())) + static_cast<char>(type - 7) + bytes;
    }
    return Control(type, bytes.size()) + bytes;
  }
  static std::string Double(double value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(bits >> shift));
    return Control(3, 8) + bytes;
  }
  // Values are encoded already.
  static std::string Map(const std::vector<std::pair<std::string, std::string>>& members) {
    std::string out = Control(7, members.size());
    for (const auto& [key, value] : members) out += Text(key) + value;
    return out;
  }
  static std::string List(const std::vector<std::string>& items) {
    std::string out(1, static_cast<char>(items.size()));
    out.push_back(4);  // extended type 11
    for (const std::string& item : items) out += item;
    return out;
  }
  static std::string Names(const std::string& english) {
    return Map({{"names", Map({{"de", Text("-")}, {"en", Text(english)}})}});
  }

  void Add(uint8_t a, uint8_t b, uint8_t c, const std::string& entry) {
    entries_[(a << 16) | (b << 8) | c] = entry;
  }

  std::string Build() const {
    std::vector<std::pair<int64_t, int64_t>> nodes(1, {kNone, kNone});
    std::string data;
    for (const auto& [network, entry] : entries_) {
      size_t node = 0;
      for (int bit = 23; bit >= 0; --bit) {
        const auto side = [&]() -> int64_t& {
          return (network >> bit) & 1 ? nodes[node].second : nodes[node].first;
        };
        if (bit == 0) {
          side() = kDataBegin + static_cast<int64_t>(data.size());
        } else {
          if (side() == kNone) {
            const auto next = static_cast<int64_t>(nodes.size());
            side() = next;
            nodes.push_back({kNone, kNone});
            node = static_cast<size_t>(next);
          } else {
            node = static_cast<size_t>(side());
          }
        }
      }
      data += entry;
    }
    const auto count = static_cast<int64_t>(nodes.size());
    std::string out;
    for (const auto& [left, right] : nodes) {
      for (const int64_t record : {left, right}) {
        const int64_t value = record == kNone        ? count
                              : record >= kDataBegin ? count + 16 + (record - kDataBegin)
                                                     : record;
        for (int shift = 16; shift >= 0; shift -= 8) {
          out.push_back(static_cast<char>(value >> shift));
        }
      }
    }
    out += std::string(16, '\0') + data + "\xab\xcd\xefMaxMind.com";
    return out + Map({{"node_count", Number(static_cast<uint32_t>(count))},
                      {"record_size", Number(24, 5)},
                      {"ip_version", Number(4, 5)},
                      {"database_type", Text("hoglet-test")},
                      {"languages", List({Text("en")})},
                      {"binary_format_major_version", Number(2, 5)},
                      {"binary_format_minor_version", Number(0, 5)},
                      {"build_epoch", Number(1, 9)},
                      {"description", Map({{"en", Text("test")}})}});
  }

 private:
  static constexpr int64_t kNone = -1;
  static constexpr int64_t kDataBegin = int64_t{1} << 40;

  static std::string Control(int type, size_t size) {
    if (size < 29) return std::string(1, static_cast<char>(type << 5 | static_cast<int>(size)));
    std::string out(1, static_cast<char>(type << 5 | 29));
    out.push_back(static_cast<char>(size - 29));
    return out;
  }

  std::map<uint32_t, std::string> entries_;
};

}  // namespace hoglet
