#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace hoglet {

// Whether a filter's pattern occurs in a text, by the syntax of Rust's regex and fancy-regex
// crates: case-sensitive, `.` is no line break, `$` is the very end, \w \d \s \b know Unicode.
// Patterns and texts may be hostile: time and memory are bounded, and what goes beyond is kError.
//
// RE2 answers in linear time where it can. What it lacks - lookaround, backreferences, and \w \d \s
// \b on texts beyond ASCII, where it knows ASCII only - is PCRE2's, with limits on its steps.
//
// Known to differ from Rust: POSIX classes like [[:alpha:]] know Unicode where PCRE2 answers, and
// set operations within classes ([a-z&&[^b]]) make a pattern invalid.
//
// Immutable, thread-safe.
class FlagRegex {
 public:
  enum class Outcome : uint8_t { kNoMatch, kMatch, kError };

  // Null for an invalid pattern, or one that is too long or too large.
  static std::unique_ptr<const FlagRegex> Compile(std::string_view pattern);
  ~FlagRegex();

  Outcome Find(std::string_view text) const;

  FlagRegex(const FlagRegex&) = delete;
  FlagRegex& operator=(const FlagRegex&) = delete;

 private:
  struct Rep;
  explicit FlagRegex(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace hoglet
