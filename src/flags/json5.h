#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hoglet {

// The strict JSON text of what a lenient client wrote: JSON5 (https://spec.json5.org: comments,
// single quotes, bare names, trailing commas, hexadecimal and signed numbers), NaN and infinities
// as null, bytes that are not UTF-8 as U+FFFD. nullopt for anything else, or nesting beyond
// limits::kJsonDepthMax. One pass; the answer is at most six times as long as the text.
std::optional<std::string> StrictJson(std::string_view text);

}  // namespace hoglet
