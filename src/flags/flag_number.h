#pragma once

#include <optional>
#include <string_view>

namespace hoglet {

// A number as Rust's f64::from_str reads it: a sign, digits with a point, an exponent; "inf",
// "infinity" and "nan" in any case. No spaces. nullopt for anything else.
std::optional<double> ParseFlagNumber(std::string_view text);

}  // namespace hoglet
