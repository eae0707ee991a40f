#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hoglet {

// Versions and requirements by the rules of Rust's semver crate, which differ from SemVer 2.0 in
// one point: build metadata takes part in order and equality.

// A version as people write it ("v1.2", " 3.08 "): a leading v is dropped, missing components
// are 0, leading zeros of components go.
struct SemVersion {
  uint64_t major = 0;
  uint64_t minor = 0;
  uint64_t patch = 0;
  std::string pre;
  std::string build;

  static std::optional<SemVersion> Parse(std::string_view text);
};

// Below, at or above zero, as a comes before, with or after b.
int CompareVersions(const SemVersion& a, const SemVersion& b);

// A list of comparators that must all hold. Immutable, thread-safe.
class SemRequirement {
 public:
  // ~version and ^version.
  static std::optional<SemRequirement> Tilde(std::string_view version);
  static std::optional<SemRequirement> Caret(std::string_view version);
  // "1.*", "1.2.*", "*"; also anything the crate reads as a requirement.
  static std::optional<SemRequirement> Wildcard(std::string_view pattern);

  bool Matches(const SemVersion& version) const;

 private:
  enum class Op : uint8_t {
    kExact,
    kGreater,
    kGreaterEqual,
    kLess,
    kLessEqual,
    kTilde,
    kCaret,
    kWildcard,
  };
  struct Comparator {
    Op op = Op::kCaret;
    uint64_t major = 0;
    std::optional<uint64_t> minor;
    std::optional<uint64_t> patch;
    std::string pre;

    bool IsExactly(const SemVersion& version) const;
    // Below, at or above zero: where the version lies beside the named components. A component
    // that is not named holds every version: 0.
    int Place(const SemVersion& version) const;
    bool IsTilde(const SemVersion& version) const;
    bool IsCaret(const SemVersion& version) const;
    bool Matches(const SemVersion& version) const;
  };

  static std::optional<SemRequirement> Parse(std::string_view text);
  static bool ParseComparator(std::string_view* text, Comparator* out);

  std::vector<Comparator> comparators_;  // empty: every version that is no pre-release
};

}  // namespace hoglet
