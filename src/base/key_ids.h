#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "include/hoglet/event.h"

namespace hoglet {

// Names of properties come again and again. Each that does is numbered, once for the process, so
// that finding a member, the shape of an object and what is known of a name are matters of numbers.
// A member without a number (JsonMember::key_id is kNoKeyId) is told by its text as ever. Names
// that JSON cannot hold without escapes have none.
using KeyId = uint32_t;
inline constexpr KeyId kNoKeyId = 0;
// Later names stay without a number, so that clients cannot fill the memory with names.
inline constexpr KeyId kKeyIdMax = 1 << 16;

// The names that the pipeline itself asks for have fixed numbers: their place here + 1.
inline constexpr std::string_view kKnownKeys[] = {"$set",
                                                  "$set_once",
                                                  "$unset",
                                                  "$ip",
                                                  "$sent_at",
                                                  "$session_id",
                                                  "$window_id",
                                                  "$process_person_profile",
                                                  "$elements",
                                                  "$elements_chain",
                                                  "$heatmap_data",
                                                  "$prev_pageview_pathname",
                                                  "$prev_pageview_max_scroll",
                                                  "$current_url",
                                                  "$viewport_width",
                                                  "$viewport_height",
                                                  "$os",
                                                  "$os_name",
                                                  "$geoip_disable",
                                                  "$anon_distinct_id",
                                                  "alias",
                                                  "$groups",
                                                  "$group_type",
                                                  "$group_key",
                                                  "$group_set",
                                                  "$group_0",
                                                  "$group_1",
                                                  "$group_2",
                                                  "$group_3",
                                                  "$group_4",
                                                  "$$client_ingestion_warning_message",
                                                  "ph_product_tours",
                                                  "$session_recording_remote_config",
                                                  "$product_tours_activated",
                                                  "$product_tours_enabled_server_side",
                                                  "$surveys_activated",
                                                  "$feature_flag_payloads",
                                                  "$override_feature_flag_payloads"};
inline constexpr KeyId kKnownKeyIdMax = std::size(kKnownKeys);

constexpr KeyId KnownKeyId(std::string_view key) {
  for (size_t i = 0; i < std::size(kKnownKeys); ++i) {
    if (kKnownKeys[i] == key) return static_cast<KeyId>(i + 1);
  }
  return kNoKeyId;
}

// The number of a name, kNoKeyId if it has none. Thread-safe.
KeyId FindKeyId(std::string_view key);
// The same, giving it one while there are any left.
KeyId MakeKeyId(std::string_view key);

// A name to look for. Its number is found by the compiler if the name is written down in the
// source and known.
class KeyRef {
 public:
  template <size_t N>
  consteval KeyRef(const char (&name)[N])  // NOLINT(google-explicit-constructor)
      : name_(name, N - 1), id_(KnownKeyId(name_)) {}
  constexpr KeyRef(std::string_view name,
                   KeyId id = kNoKeyId)  // NOLINT(google-explicit-constructor)
      : name_(name), id_(id) {}
  explicit KeyRef(const JsonMember& member) : name_(member.key), id_(member.key_id) {}

  std::string_view name() const { return name_; }
  KeyId id() const { return id_; }

  bool Names(const JsonMember& member) const {
    if (id_ != kNoKeyId && member.key_id != kNoKeyId) return id_ == member.key_id;
    return name_ == member.key;
  }

 private:
  std::string_view name_;
  KeyId id_;
};

// A set of known names, made by the compiler.
class KeySet {
 public:
  template <size_t... N>
  consteval explicit KeySet(const char (&... names)[N])
      : bits_((Bit(std::string_view(names, N - 1)) | ...)) {}
  // Those for which `matches(name)`.
  template <typename Matches>
  static consteval KeySet Where(Matches matches) {
    KeySet set;
    for (const std::string_view name : kKnownKeys) {
      if (matches(name)) set.bits_ |= Bit(name);
    }
    return set;
  }

  uint64_t bits() const { return bits_; }

 private:
  static_assert(kKnownKeyIdMax < 64);
  static consteval uint64_t Bit(std::string_view name) {
    const KeyId id = KnownKeyId(name);
    if (id == kNoKeyId) throw "the name is not known";  // refused by the compiler
    return uint64_t{1} << id;
  }

  constexpr KeySet() = default;

  uint64_t bits_ = 0;
};

}  // namespace hoglet
