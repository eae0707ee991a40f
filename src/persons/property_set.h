#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"

namespace hoglet {

class PropertySet;
using PropertySetPtr = std::shared_ptr<const PropertySet>;

// Hash of a property name, for PropertySet::Find. Not stored; may change between versions.
uint32_t PropertyKeyHash(std::string_view key);
// Of a member's key; those with a number are hashed once a thread.
uint32_t PropertyKeyHash(const JsonMember& member);

// The properties of a person or group, parsed once and immutable from then on, so that rows, caches
// and readers share one object. Owns the bytes its members point to. Thread-safe.
class PropertySet {
 public:
  static const PropertySetPtr& Empty();
  // A JSON object text. kInvalidArgument names the byte position.
  static absl::StatusOr<PropertySetPtr> Parse(std::string_view json);
  // Copies the members, whose keys must be unique. NUL characters become U+FFFD, in nested values
  // too.
  static PropertySetPtr FromMembers(const JsonObjectView& members);

  const JsonObjectView& members() const { return members_; }
  bool empty() const { return members_.empty(); }
  // The member of that name, or null. `hash` is PropertyKeyHash(key).
  const JsonMember* Find(std::string_view key, uint32_t hash) const;
  const JsonMember* Find(std::string_view key) const { return Find(key, PropertyKeyHash(key)); }

  std::string ToJson() const;
  // Bytes of ToJson(), counted without escapes and with one byte for a number: a lower bound.
  uint64_t json_bytes_estimate() const { return json_bytes_estimate_; }
  // Memory held, about.
  uint64_t memory_bytes() const;

  PropertySet(const PropertySet&) = delete;
  PropertySet& operator=(const PropertySet&) = delete;

 private:
  PropertySet() = default;
  void CopyMembers(const JsonObjectView& members);
  void BuildIndex();

  std::string bytes_;
  JsonObjectView members_;
  // Open addressing over positions + 1; 0 is free. A power of two, at most half full. Empty for few
  // members.
  std::vector<uint32_t> slots_;
  std::vector<uint32_t> hashes_;
  uint64_t json_bytes_estimate_ = 2;
};

// Equality as JavaScript's === : type-sensitive; arrays and objects never equal anything.
bool StrictlyEqual(const JsonMember& a, const JsonMember& b);

// Whether a JSON text of any member holds a NUL character.
bool HasNul(const JsonMember& member);

}  // namespace hoglet
