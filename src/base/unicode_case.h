#pragma once

#include <string>
#include <string_view>

namespace hoglet {

// Unicode's full lower case, as Rust's str::to_lowercase and JavaScript's toLowerCase make it: by
// the letter alone, except that a capital sigma at the end of a word becomes the final one. Bytes
// that are not UTF-8 stay as they are.
void AppendLowercase(std::string_view text, std::string* out);

}  // namespace hoglet
