#include "src/flags/flag_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "re2/re2.h"
#include "src/base/strings.h"
#include "src/base/url.h"

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

// The pattern as the two engines take it.
struct Dialects {
  std::string re2;
  std::string pcre2;
  bool is_foreign = false;         // syntax that Rust refuses, or that neither engine has
  bool has_unicode_class = false;  // \w \d \s \b or their opposites: RE2's are of ASCII alone
};

// Rust's \w, of which PCRE2's lacks marks and joiners; \s, of which RE2's lacks the vertical tab.
constexpr std::string_view kWordClass = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control})";
constexpr std::string_view kSpaceClass = R"(\t\n\x0b\f\r )";
constexpr std::string_view kHexDigitClass = "0-9A-Fa-f";
// Classes in classes, and the pattern that they come to.
constexpr int kClassDepthMax = 16;
constexpr size_t kClassBytesMax = 64 << 10;

// Goes through a pattern of Rust's once and writes both dialects.
class Translator {
 public:
  // `has_sets` is false of what is known to be a simple class.
  explicit Translator(std::string_view pattern, bool has_sets = true)
      : pattern_(pattern), has_sets_(has_sets) {}

  Dialects Translate() {
    while (at_ < pattern_.size()) {
      if (pattern_[at_] == '\\') {
        Escape();
      } else if (is_in_class_) {
        InClass();
      } else {
        Outside();
      }
    }
    return std::move(out_);
  }

 private:
  std::string_view Rest() const { return pattern_.substr(at_); }
  // The next bytes as they stand.
  void Copy(size_t bytes) {
    const std::string_view text = Rest().substr(0, bytes);
    out_.re2.append(text);
    out_.pcre2.append(text);
    at_ += text.size();
  }
  void Replace(size_t bytes, std::string_view re2, std::string_view pcre2) {
    out_.re2.append(re2);
    out_.pcre2.append(pcre2);
    at_ += bytes;
  }

  void Escape();
  bool Character();
  bool Boundary();
  void Class(char name);
  bool Sets();
  void InClass();
  void Outside();

  std::string_view pattern_;
  const bool has_sets_;
  size_t at_ = 0;
  bool is_in_class_ = false;
  // Within a class: behind \w and the like, behind the dash of a range, right at the beginning.
  bool is_after_class_ = false;
  bool is_dash_pending_ = false;
  bool is_at_class_begin_ = false;
  Dialects out_;
};

void Translator::Escape() {
  const char name = Rest().size() > 1 ? Rest()[1] : '\0';
  if (!is_in_class_ && Boundary()) return;
  if (std::string_view("wWdDsSbB").find(name) != std::string_view::npos && name != '\0') {
    out_.has_unicode_class = true;
    Class(name);
    return;
  }
  if (name == 'h' || (name == 'H' && !is_in_class_)) return Class(name);
  is_after_class_ = is_in_class_ && (name == 'p' || name == 'P');
  is_at_class_begin_ = is_dash_pending_ = false;
  // Perl's, of which Rust has none or means something else; octal numbers, which are references to
  // groups outside of classes.
  const bool is_octal = name == '0' || (is_in_class_ && name >= '1' && name <= '9');
  out_.is_foreign |= is_octal || (name != '\0' && std::string_view("QECRXNHVoc").find(name) !=
                                                      std::string_view::npos);
  if (!Character()) Copy(2);
}

// \< and \>, \b{start} and its kind: what stands before or behind a word, which RE2 cannot say.
bool Translator::Boundary() {
  static const std::string in = StrCat("[", kWordClass, "]");
  static const std::string starts = StrCat("(?<!", in, ")");
  static const std::string ends = StrCat("(?!", in, ")");
  static const std::pair<std::string_view, std::string> kBoundaries[] = {
      {"\\<", StrCat(starts, "(?=", in, ")")},
      {"\\>", StrCat("(?<=", in, ")", ends)},
      {"\\b{start}", StrCat(starts, "(?=", in, ")")},
      {"\\b{end}", StrCat("(?<=", in, ")", ends)},
      {"\\b{start-half}", starts},
      {"\\b{end-half}", ends}};
  for (const auto& [text, meaning] : kBoundaries) {
    if (!Rest().starts_with(text)) continue;
    Replace(text.size(), meaning, meaning);
    return true;
  }
  return false;
}

// \u0041, \u{41}, \U00000041: neither engine's own.
bool Translator::Character() {
  const std::string_view rest = Rest();
  if (rest.size() < 2 || (rest[1] != 'u' && rest[1] != 'U')) return false;
  const size_t wanted = rest[1] == 'u' ? 4 : 8;
  const bool is_braced = rest.size() > 2 && rest[2] == '{';
  const size_t end = is_braced ? rest.find('}') : 2 + wanted;
  const size_t begin = is_braced ? 3 : 2;
  if (end == std::string_view::npos || end > rest.size() || end == begin || end - begin > 8) {
    out_.is_foreign = true;
    return false;
  }
  const std::string_view digits = rest.substr(begin, end - begin);
  const bool is_hex =
      std::all_of(digits.begin(), digits.end(), [](char c) { return HexDigitValue(c) >= 0; });
  out_.is_foreign |= !is_hex;
  const std::string text = StrCat("\\x{", digits, "}");
  Replace(end + (is_braced ? 1 : 0), text, text);
  return true;
}

void Translator::Class(char name) {
  out_.is_foreign |= is_in_class_ && is_dash_pending_;  // nor can a range end with one
  is_after_class_ = is_in_class_;
  is_at_class_begin_ = is_dash_pending_ = false;
  if (name == 'h' || name == 'H') {
    const std::string digits(kHexDigitClass);
    const std::string text = is_in_class_ ? digits : StrCat(name == 'h' ? "[" : "[^", digits, "]");
    return Replace(2, text, text);
  }
  const std::string word(kWordClass);
  const std::string space(kSpaceClass);
  if (is_in_class_) {
    if (name == 'w') return Replace(2, "\\w", word);
    if (name == 's') return Replace(2, space, "\\s");
    return Copy(2);
  }
  if (name == 'w') return Replace(2, "\\w", StrCat("[", word, "]"));
  if (name == 'W') return Replace(2, "\\W", StrCat("[^", word, "]"));
  if (name == 's') return Replace(2, StrCat("[", space, "]"), "\\s");
  if (name == 'S') return Replace(2, StrCat("[^", space, "]"), "\\S");
  const std::string in = StrCat("[", word, "]");
  if (name == 'b') {
    return Replace(2, "\\b", StrCat("(?:(?<=", in, ")(?!", in, ")|(?<!", in, ")(?=", in, "))"));
  }
  if (name == 'B') {
    return Replace(2, "\\B", StrCat("(?:(?<=", in, ")(?=", in, ")|(?<!", in, ")(?!", in, "))"));
  }
  Copy(2);
}

void Translator::InClass() {
  const std::string_view rest = Rest();
  if (rest.starts_with("[:")) {
    const size_t end = rest.find(":]");
    Copy(end == std::string_view::npos ? rest.size() : end + 2);
    return;
  }
  out_.is_foreign |=
      rest[0] == '[' || rest.starts_with("&&") || rest.starts_with("--") || rest.starts_with("~~");
  // A range cannot begin with \w and the like; a dash at the end is a dash.
  const bool is_last = rest.size() > 1 && rest[1] == ']';
  out_.is_foreign |= rest[0] == '-' && is_after_class_ && !is_last;
  is_dash_pending_ = rest[0] == '-' && !is_last && !is_at_class_begin_;
  is_after_class_ = false;
  is_at_class_begin_ = false;
  if (rest[0] == ']') is_in_class_ = false;
  Copy(1);
}

// A class that holds others, or of which others are cut out, as alternatives and looks ahead; what
// is simple in it stays a class. One operator is as strong as the next, and they go from left to
// right (https://docs.rs/regex/latest/regex/#character-classes).
class ClassReader {
 public:
  // `pattern` begins with the bracket.
  explicit ClassReader(std::string_view pattern) : pattern_(pattern) {}

  // Whether there is anything but a simple class.
  bool Read() {
    expression_ = Class(0);
    return is_sound_ && has_sets_;
  }
  size_t size() const { return at_; }
  const Dialects& expression() const { return expression_; }

 private:
  struct Operand {
    std::string simple;
    std::vector<Dialects> classes;
  };

  std::string_view Rest() const { return pattern_.substr(at_); }
  Dialects Class(int depth);
  void Item(int depth, Operand* operand);
  Dialects Finish(Operand operand);
  Dialects Combine(const Dialects& left, char op, const Dialects& right);
  // Puts the same texts around and between two expressions, in both dialects.
  static Dialects Join(std::string_view before, const Dialects& a, std::string_view between,
                       const Dialects& b, std::string_view after);

  std::string_view pattern_;
  size_t at_ = 0;
  bool is_sound_ = true;
  bool has_sets_ = false;
  Dialects expression_;
};

Dialects ClassReader::Join(std::string_view before, const Dialects& a, std::string_view between,
                           const Dialects& b, std::string_view after) {
  return {.re2 = StrCat(before, a.re2, between, b.re2, after),
          .pcre2 = StrCat(before, a.pcre2, between, b.pcre2, after),
          .is_foreign = a.is_foreign || b.is_foreign,
          .has_unicode_class = a.has_unicode_class || b.has_unicode_class};
}

Dialects ClassReader::Class(int depth) {
  ++at_;
  const bool is_negated = Rest().starts_with('^');
  at_ += is_negated ? 1 : 0;
  Operand operand;
  if (Rest().starts_with(']')) operand.simple = "\\]", ++at_;
  Dialects left;
  char op = '\0';
  while (is_sound_) {
    const std::string_view rest = Rest();
    if (rest.empty() || depth > kClassDepthMax || left.pcre2.size() > kClassBytesMax) {
      is_sound_ = false;
      break;
    }
    const bool is_op = rest.starts_with("&&") || rest.starts_with("--") || rest.starts_with("~~");
    if (!is_op && rest[0] != ']') {
      Item(depth, &operand);
      continue;
    }
    const Dialects right = Finish(std::exchange(operand, {}));
    left = op == '\0' ? right : Combine(left, op, right);
    at_ += is_op ? 2 : 1;
    if (!is_op) break;
    op = rest[0];
    has_sets_ = true;
  }
  const Dialects none;
  return is_negated ? Join("(?:(?!", left, ")(?s:.))", none, "") : left;
}

void ClassReader::Item(int depth, Operand* operand) {
  const std::string_view rest = Rest();
  size_t bytes = 1;
  if (rest.starts_with("[:")) {
    const size_t end = rest.find(":]");
    bytes = end == std::string_view::npos ? rest.size() : end + 2;
  } else if (rest[0] == '[') {
    has_sets_ = true;
    operand->classes.push_back(Class(depth + 1));
    return;
  } else if (rest[0] == '\\') {
    const bool is_braced = rest.size() > 2 && rest[2] == '{';
    const size_t end = is_braced ? rest.find('}') : 1;
    bytes = end == std::string_view::npos ? rest.size() : end + 1;
  }
  operand->simple.append(rest.substr(0, bytes));
  at_ += bytes;
}

Dialects ClassReader::Finish(Operand operand) {
  Dialects out;
  if (!operand.simple.empty()) {
    if (operand.simple[0] == '^') operand.simple.insert(0, 1, '\\');
    const std::string text = StrCat("[", operand.simple, "]");
    out = Translator(text, /*has_sets=*/false).Translate();
  } else if (operand.classes.empty()) {
    out.re2 = out.pcre2 = "(?!)";
  }
  if (operand.classes.empty()) return out;
  bool is_first = operand.simple.empty();
  for (const Dialects& other : operand.classes) {
    out = Join("", out, is_first ? "" : "|", other, "");
    is_first = false;
  }
  const Dialects none;
  return Join("(?:", out, ")", none, "");
}

Dialects ClassReader::Combine(const Dialects& left, char op, const Dialects& right) {
  if (op == '&') return Join("(?:(?=", left, ")", right, ")");
  if (op == '-') return Join("(?:(?!", right, ")", left, ")");
  const Dialects only_left = Join("(?!", right, ")", left, "");
  const Dialects only_right = Join("(?!", left, ")", right, "");
  return Join("(?:", only_left, "|", only_right, ")");
}

// Whether a class of sets was there, and is written.
bool Translator::Sets() {
  ClassReader reader(Rest());
  if (!reader.Read()) return false;
  const Dialects& expression = reader.expression();
  out_.is_foreign |= expression.is_foreign;
  out_.has_unicode_class |= expression.has_unicode_class;
  Replace(reader.size(), expression.re2, expression.pcre2);
  return true;
}

void Translator::Outside() {
  const std::string_view rest = Rest();
  for (const char* foreign : {"(*", "(?R", "(?C", "(?|", "(?n", "(?J", "(?^"}) {
    out_.is_foreign |= rest.starts_with(foreign);
  }
  if (rest.starts_with("{,")) {
    const size_t end = rest.find_first_not_of("0123456789", 2);
    const bool is_repeat = end != std::string_view::npos && end > 2 && rest[end] == '}';
    if (is_repeat) return Replace(2, "{0,", "{0,");
  }
  if (rest[0] != '[') return Copy(1);
  if (has_sets_ && Sets()) return;
  is_in_class_ = true;
  is_after_class_ = is_dash_pending_ = false;
  is_at_class_begin_ = true;
  Copy(rest.size() > 1 && rest[1] == '^' ? 2 : 1);
  // A bracket right at the beginning is a member.
  if (Rest().starts_with(']')) Copy(1);
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
  const Dialects dialects = Translator(pattern).Translate();
  if (dialects.is_foreign) return nullptr;
  auto rep = std::make_unique<Rep>();
  rep->re2 = CompileRe2(dialects.re2);
  if (rep->re2 != nullptr) {
    const int forward = rep->re2->ProgramSize();
    rep->re2_instructions = static_cast<uint64_t>(std::max(forward, 1));
  }
  if (rep->re2 == nullptr || dialects.has_unicode_class) {
    rep->pcre2 = CompilePcre2(dialects.pcre2);
  }
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
