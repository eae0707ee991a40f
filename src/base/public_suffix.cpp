#include "src/base/public_suffix.h"

#include <algorithm>
#include <string>

#include "src/base/strings.h"

// The list as its publishers write it, brought in whole by the assembler.
asm(R"(
  .section .rodata
  .balign 16
hoglet_public_suffix_list:
  .incbin ")" HOGLET_PUBLIC_SUFFIX_LIST R"("
hoglet_public_suffix_list_end:
  .byte 0
  .previous
)");

extern "C" {
extern const char hoglet_public_suffix_list[] __attribute__((visibility("hidden")));
extern const char hoglet_public_suffix_list_end[] __attribute__((visibility("hidden")));
}

namespace hoglet {
namespace {

// A name can be a suffix of its own and carry a wildcard too.
struct SuffixList {
  StringSet<std::string_view> suffixes;
  StringSet<std::string_view> wildcards;   // "*." before it: any label there is part of the suffix
  StringSet<std::string_view> exceptions;  // "!" before it: registrable, despite a wildcard

  SuffixList() {
    std::string_view text(
        hoglet_public_suffix_list,
        static_cast<size_t>(hoglet_public_suffix_list_end - hoglet_public_suffix_list));
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      Add(line.substr(0, line.find_first_of(" \t\r")));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void Add(std::string_view rule) {
    if (rule.empty() || rule.starts_with("//")) return;
    if (rule.front() == '!') {
      exceptions.insert(rule.substr(1));
    } else if (rule.starts_with("*.")) {
      wildcards.insert(rule.substr(2));
    } else {
      suffixes.insert(rule);
    }
  }
};

}  // namespace

std::string_view RegistrableDomain(std::string_view host) {
  static const auto* const list = new SuffixList();
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string lower(host);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  // From the whole name on to shorter ones: the first rule that fits is the longest. `before` is
  // where the label in front of `at` begins.
  size_t before = std::string::npos;
  size_t before_that = std::string::npos;
  for (size_t at = 0;;) {
    const std::string_view name = std::string_view(lower).substr(at);
    const size_t dot = name.find('.');
    if (list->exceptions.contains(name)) return host.substr(at);
    if (list->wildcards.contains(name) && before != std::string::npos) {
      // The label before belongs to the suffix: the one before that is registered.
      return before_that == std::string::npos ? std::string_view() : host.substr(before_that);
    }
    // A last label that no rule names counts as a suffix.
    if (list->suffixes.contains(name) || dot == std::string_view::npos) {
      return before == std::string::npos ? std::string_view() : host.substr(before);
    }
    before_that = before;
    before = at;
    at += dot + 1;
  }
}

}  // namespace hoglet
