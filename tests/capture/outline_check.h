#pragma once

#include <string_view>

namespace hoglet {

// Holds the outline of a text to what simdjson reads in it, and aborts at a difference. Whether
// JsonOutline::Read took the text. For tests and fuzzers.
bool CheckOutline(std::string_view text);

}  // namespace hoglet
