#include "src/flags/semver.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr size_t kComparatorsMax = 32;  // the crate's

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsIdentifierChar(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}
bool IsAllDigits(std::string_view text) { return std::all_of(text.begin(), text.end(), IsDigit); }

int Sign(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

// Unicode's White_Space at either end.
std::string_view Trim(std::string_view text) {
  static constexpr std::string_view kSpaces[] = {
      " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u0085", "\u00a0", "\u1680",
      "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
      "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) {
        text.remove_prefix(space.size());
        found = true;
      }
      if (text.ends_with(space)) {
        text.remove_suffix(space.size());
        found = true;
      }
    }
  }
  return text;
}

std::string_view WithoutV(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  return Trim(text);
}

std::string_view WithoutLeadingZeros(std::string_view component) {
  if (component.empty() || !IsAllDigits(component)) return component;
  const size_t first = component.find_first_not_of('0');
  return first == std::string_view::npos ? "0" : component.substr(first);
}

// Leading zeros go from every component of `core`; returns how many there are.
size_t AppendComponents(std::string_view core, std::string* out) {
  size_t count = 0;
  for (size_t begin = 0; begin <= core.size(); ++count) {
    const size_t end = std::min(core.find('.', begin), core.size());
    if (count > 0) out->push_back('.');
    out->append(WithoutLeadingZeros(core.substr(begin, end - begin)));
    begin = end + 1;
  }
  return count;
}

std::string Canonical(std::string_view version) {
  const std::string_view text = WithoutV(version);
  const size_t core_end = std::min(text.find_first_of("-+"), text.size());
  std::string out;
  for (size_t count = AppendComponents(text.substr(0, core_end), &out); count < 3; ++count) {
    out.append(".0");
  }
  out.append(text.substr(core_end));
  return out;
}

// Takes a number without leading zeros from the front.
bool TakeNumber(std::string_view* text, uint64_t* out) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *out);
  const auto digits = static_cast<size_t>(end - text->data());
  if (error != std::errc() || digits == 0) return false;
  if ((*text)[0] == '0' && digits > 1) return false;
  text->remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

bool TakeWildcard(std::string_view* text) {
  return TakeChar(text, '*') || TakeChar(text, 'x') || TakeChar(text, 'X');
}

void SkipSpaces(std::string_view* text) {
  while (TakeChar(text, ' ')) {
  }
}

// Takes dotted identifiers, none of them empty; those of a pre-release that are numbers have no
// leading zeros.
bool TakeIdentifiers(std::string_view* text, bool allows_leading_zeros, std::string* out) {
  size_t end = 0;
  while (end < text->size() && (IsIdentifierChar((*text)[end]) || (*text)[end] == '.')) ++end;
  const std::string_view all = text->substr(0, end);
  for (size_t begin = 0; begin <= all.size();) {
    const size_t dot = std::min(all.find('.', begin), all.size());
    const std::string_view part = all.substr(begin, dot - begin);
    if (part.empty()) return false;
    if (!allows_leading_zeros && part.size() > 1 && part[0] == '0' && IsAllDigits(part)) {
      return false;
    }
    begin = dot + 1;
  }
  out->assign(all);
  text->remove_prefix(end);
  return true;
}

// The next dotted identifier of `rest`; false at the end.
bool NextIdentifier(std::string_view* rest, bool* is_done, std::string_view* out) {
  if (*is_done) return false;
  const size_t dot = rest->find('.');
  *out = rest->substr(0, dot);
  *is_done = dot == std::string_view::npos;
  if (!*is_done) rest->remove_prefix(dot + 1);
  return true;
}

int CompareNumerals(std::string_view a, std::string_view b) {
  const std::string_view a_value = a.substr(std::min(a.find_first_not_of('0'), a.size()));
  const std::string_view b_value = b.substr(std::min(b.find_first_not_of('0'), b.size()));
  if (a_value.size() != b_value.size()) return a_value.size() < b_value.size() ? -1 : 1;
  if (const int order = a_value.compare(b_value); order != 0) return order;
  return Sign(a.size() <=> b.size());
}

// Dotted identifiers in order; numbers come before words, a list before what continues it.
int CompareIdentifiers(std::string_view a, std::string_view b) {
  bool is_a_done = false;
  bool is_b_done = false;
  std::string_view left;
  std::string_view right;
  while (NextIdentifier(&a, &is_a_done, &left)) {
    if (!NextIdentifier(&b, &is_b_done, &right)) return 1;
    const bool is_left_number = IsAllDigits(left);
    if (is_left_number != IsAllDigits(right)) return is_left_number ? -1 : 1;
    const int order = is_left_number ? CompareNumerals(left, right) : left.compare(right);
    if (order != 0) return order;
  }
  return is_b_done ? 0 : -1;
}

// A version without a pre-release comes after those that have one.
int ComparePre(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.empty() - b.empty();
  return CompareIdentifiers(a, b);
}

}  // namespace

std::optional<SemVersion> SemVersion::Parse(std::string_view text) {
  const std::string canonical = Canonical(text);
  std::string_view rest = canonical;
  SemVersion out;
  if (!TakeNumber(&rest, &out.major) || !TakeChar(&rest, '.') || !TakeNumber(&rest, &out.minor) ||
      !TakeChar(&rest, '.') || !TakeNumber(&rest, &out.patch)) {
    return std::nullopt;
  }
  if (TakeChar(&rest, '-') && !TakeIdentifiers(&rest, false, &out.pre)) return std::nullopt;
  if (TakeChar(&rest, '+') && !TakeIdentifiers(&rest, true, &out.build)) return std::nullopt;
  if (!rest.empty()) return std::nullopt;
  return out;
}

int CompareVersions(const SemVersion& a, const SemVersion& b) {
  if (a.major != b.major) return a.major < b.major ? -1 : 1;
  if (a.minor != b.minor) return a.minor < b.minor ? -1 : 1;
  if (a.patch != b.patch) return a.patch < b.patch ? -1 : 1;
  if (const int order = ComparePre(a.pre, b.pre); order != 0) return order;
  return CompareIdentifiers(a.build, b.build);
}

std::optional<SemRequirement> SemRequirement::Tilde(std::string_view version) {
  return Parse(StrCat("~", Canonical(version)));
}

std::optional<SemRequirement> SemRequirement::Caret(std::string_view version) {
  return Parse(StrCat("^", Canonical(version)));
}

std::optional<SemRequirement> SemRequirement::Wildcard(std::string_view pattern) {
  std::string text;
  AppendComponents(WithoutV(pattern), &text);
  return Parse(text);
}

std::optional<SemRequirement> SemRequirement::Parse(std::string_view text) {
  SkipSpaces(&text);
  SemRequirement out;
  if (TakeWildcard(&text)) {
    SkipSpaces(&text);
    if (!text.empty()) return std::nullopt;
    return out;
  }
  while (true) {
    Comparator comparator;
    if (out.comparators_.size() == kComparatorsMax || !ParseComparator(&text, &comparator)) {
      return std::nullopt;
    }
    out.comparators_.push_back(std::move(comparator));
    if (text.empty()) return out;
    if (!TakeChar(&text, ',')) return std::nullopt;
    SkipSpaces(&text);
  }
}

bool SemRequirement::ParseComparator(std::string_view* text, Comparator* out) {
  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {">=", Op::kGreaterEqual}, {">", Op::kGreater}, {"<=", Op::kLessEqual}, {"<", Op::kLess},
      {"=", Op::kExact},         {"~", Op::kTilde},   {"^", Op::kCaret}};
  bool has_op = false;
  for (const auto& [name, op] : kOps) {
    if (!text->starts_with(name)) continue;
    text->remove_prefix(name.size());
    out->op = op;
    has_op = true;
    break;
  }
  SkipSpaces(text);
  if (!TakeNumber(text, &out->major)) return false;
  bool has_wildcard = false;
  for (std::optional<uint64_t>* component : {&out->minor, &out->patch}) {
    if (!TakeChar(text, '.')) break;
    if (TakeWildcard(text)) {
      has_wildcard = true;
      if (!has_op) out->op = Op::kWildcard;
    } else if (has_wildcard || !TakeNumber(text, &component->emplace())) {
      return false;
    }
  }
  std::string build;  // allowed, and ignored
  if (out->patch.has_value() && TakeChar(text, '-') && !TakeIdentifiers(text, false, &out->pre)) {
    return false;
  }
  if (out->patch.has_value() && TakeChar(text, '+') && !TakeIdentifiers(text, true, &build)) {
    return false;
  }
  SkipSpaces(text);
  return true;
}

bool SemRequirement::Comparator::IsExactly(const SemVersion& version) const {
  return version.major == major && (!minor.has_value() || version.minor == *minor) &&
         (!patch.has_value() || version.patch == *patch) && version.pre == pre;
}

int SemRequirement::Comparator::Place(const SemVersion& version) const {
  if (version.major != major) return Sign(version.major <=> major);
  if (!minor.has_value()) return 0;
  if (version.minor != *minor) return Sign(version.minor <=> *minor);
  if (!patch.has_value()) return 0;
  if (version.patch != *patch) return Sign(version.patch <=> *patch);
  return ComparePre(version.pre, pre);
}

bool SemRequirement::Comparator::IsTilde(const SemVersion& version) const {
  if (version.major != major || (minor.has_value() && version.minor != *minor)) return false;
  if (patch.has_value() && version.patch != *patch) return version.patch > *patch;
  return ComparePre(version.pre, pre) >= 0;
}

bool SemRequirement::Comparator::IsCaret(const SemVersion& version) const {
  if (version.major != major) return false;
  if (!minor.has_value()) return true;
  if (!patch.has_value()) return major > 0 ? version.minor >= *minor : version.minor == *minor;
  if (major == 0 && version.minor != *minor) return false;
  if (major == 0 && *minor == 0 && version.patch != *patch) return false;
  if (version.minor != *minor) return version.minor > *minor;
  if (version.patch != *patch) return version.patch > *patch;
  return ComparePre(version.pre, pre) >= 0;
}

bool SemRequirement::Comparator::Matches(const SemVersion& version) const {
  switch (op) {
    case Op::kExact:
    case Op::kWildcard:
      return IsExactly(version);
    case Op::kGreater:
      return Place(version) > 0;
    case Op::kGreaterEqual:
      return IsExactly(version) || Place(version) > 0;
    case Op::kLess:
      return Place(version) < 0;
    case Op::kLessEqual:
      return IsExactly(version) || Place(version) < 0;
    case Op::kTilde:
      return IsTilde(version);
    case Op::kCaret:
      return IsCaret(version);
  }
  return false;
}

bool SemRequirement::Matches(const SemVersion& version) const {
  const auto holds = [&](const Comparator& comparator) { return comparator.Matches(version); };
  if (!std::all_of(comparators_.begin(), comparators_.end(), holds)) return false;
  if (version.pre.empty()) return true;
  // A pre-release is wanted only where it is named.
  return std::any_of(comparators_.begin(), comparators_.end(), [&](const Comparator& comparator) {
    return !comparator.pre.empty() && comparator.major == version.major &&
           comparator.minor == version.minor && comparator.patch == version.patch;
  });
}

}  // namespace hoglet
