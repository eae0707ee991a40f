#include "src/flags/flag_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "re2/re2.h"

namespace hoglet {
namespace {

constexpr size_t kPatternBytesMax = 16 << 10;
constexpr int64_t kRe2BytesMax = 2 << 20;
// Instructions of the program times bytes of the text: what RE2 may do in its slowest way.
constexpr uint64_t kRe2StepsMax = 64 << 20;
constexpr uint32_t kHeapKibMax = 4 << 10;
// Backtracking from one place of the text, as PostHog allows for a whole search.
constexpr uint32_t kBacktracksMax = 10'000;
// Parts of the pattern tried in a whole search. Each may pass over the rest of the text, so that
// long texts allow for fewer.
constexpr size_t kTriesMax = 200'000;
constexpr size_t kTriedBytesMax = 400'000'000;

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
using CodePtr = std::unique_ptr<pcre2_code, CodeDeleter>;

struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

// What a scan of the pattern tells before it is compiled.
struct PatternTraits {
  bool is_foreign = false;         // syntax of PCRE2 alone, or that neither engine has
  bool has_unicode_class = false;  // \w \d \s \b or their opposites
};

PatternTraits Scan(std::string_view pattern) {
  PatternTraits traits;
  bool is_in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest[0] == '\\') {
      if (rest.size() > 1 && std::string_view("wWdDsSbB").find(rest[1]) != rest.npos) {
        traits.has_unicode_class = true;
      }
      // Perl's, of which Rust has none or means something else.
      if (rest.size() > 1 && std::string_view("QECRXNhHV").find(rest[1]) != rest.npos) {
        traits.is_foreign = true;
      }
      ++i;
    } else if (is_in_class) {
      const bool is_posix = rest.starts_with("[:");
      traits.is_foreign |= rest.starts_with("&&") || rest.starts_with("--") ||
                           rest.starts_with("~~") || (rest[0] == '[' && !is_posix);
      if (is_posix) {
        const size_t end = rest.find(":]");
        if (end != rest.npos) i += end + 1;
      } else if (rest[0] == ']') {
        is_in_class = false;
      }
    } else if (rest[0] == '[') {
      is_in_class = true;
      // A bracket right at the beginning is a member.
      if (pattern.substr(i + 1).starts_with('^')) ++i;
      if (pattern.substr(i + 1).starts_with(']')) ++i;
    } else if (rest.starts_with("(*") || rest.starts_with("(?R") || rest.starts_with("(?C")) {
      traits.is_foreign = true;
    }
  }
  return traits;
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<signed char>(c) >= 0; });
}

std::unique_ptr<RE2> CompileRe2(std::string_view pattern) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kRe2BytesMax);
  options.set_never_capture(true);
  auto out = std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  return out->ok() ? std::move(out) : nullptr;
}

CodePtr CompilePcre2(std::string_view pattern) {
  int error = 0;
  PCRE2_SIZE at = 0;
  std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  constexpr uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
  return CodePtr(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                               kOptions, &error, &at, context.get()));
}

// Called before each part of the pattern; `left` says how many more calls there may be.
int CountTry(pcre2_callout_block*, void* left) {
  return (*static_cast<size_t*>(left))-- == 0 ? PCRE2_ERROR_CALLOUT : 0;
}

}  // namespace

struct FlagRegex::Rep {
  std::unique_ptr<RE2> re2;  // null: PCRE2 alone
  CodePtr pcre2;             // null: RE2 alone
  uint64_t re2_instructions = 0;

  Outcome FindByRe2(std::string_view text) const;
  Outcome FindByPcre2(std::string_view text) const;
};

FlagRegex::FlagRegex(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
FlagRegex::~FlagRegex() = default;

std::unique_ptr<const FlagRegex> FlagRegex::Compile(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) return nullptr;
  const PatternTraits traits = Scan(pattern);
  if (traits.is_foreign) return nullptr;
  auto rep = std::make_unique<Rep>();
  rep->re2 = CompileRe2(pattern);
  if (rep->re2 != nullptr) {
    const int forward = rep->re2->ProgramSize();
    rep->re2_instructions = static_cast<uint64_t>(std::max(forward, 1));
  }
  if (rep->re2 == nullptr || traits.has_unicode_class) rep->pcre2 = CompilePcre2(pattern);
  if (rep->re2 == nullptr && rep->pcre2 == nullptr) return nullptr;
  return std::unique_ptr<const FlagRegex>(new FlagRegex(std::move(rep)));
}

FlagRegex::Outcome FlagRegex::Find(std::string_view text) const {
  if (rep_->pcre2 == nullptr || (rep_->re2 != nullptr && IsAscii(text))) {
    return rep_->FindByRe2(text);
  }
  const Outcome outcome = rep_->FindByPcre2(text);
  // Rust would not give up where RE2 does not: better ASCII's classes than none.
  return outcome == Outcome::kError && rep_->re2 != nullptr ? rep_->FindByRe2(text) : outcome;
}

FlagRegex::Outcome FlagRegex::Rep::FindByRe2(std::string_view text) const {
  if (text.size() * re2_instructions > kRe2StepsMax) return Outcome::kError;
  const bool found = re2->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(),
                                RE2::UNANCHORED, nullptr, 0);
  return found ? Outcome::kMatch : Outcome::kNoMatch;
}

FlagRegex::Outcome FlagRegex::Rep::FindByPcre2(std::string_view text) const {
  // One a thread: making them costs more than most matches.
  thread_local const std::unique_ptr<pcre2_match_data, MatchDataDeleter> data(
      pcre2_match_data_create(1, nullptr));
  thread_local const std::unique_ptr<pcre2_match_context, MatchContextDeleter> context(
      pcre2_match_context_create(nullptr));
  size_t tries_left = std::min(kTriesMax, kTriedBytesMax / (text.size() + 1));
  pcre2_set_match_limit(context.get(), kBacktracksMax);
  pcre2_set_depth_limit(context.get(), kBacktracksMax);
  pcre2_set_heap_limit(context.get(), kHeapKibMax);
  pcre2_set_callout(context.get(), CountTry, &tries_left);
  const int count = pcre2_match(pcre2.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                0, 0, data.get(), context.get());
  if (count == PCRE2_ERROR_NOMATCH) return Outcome::kNoMatch;
  // 0: there were more groups than places to note them.
  return count >= 0 ? Outcome::kMatch : Outcome::kError;
}

}  // namespace hoglet
