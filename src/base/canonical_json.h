#pragma once

#include <string>
#include <string_view>

namespace simdjson::dom {
class element;
}

// JSON as serde_json writes it, which is how flags compare values and how events are hashed:
// compact, object keys sorted (of duplicates the last is kept), floats always with a point or an
// exponent.

namespace hoglet {

std::string CanonicalJson(const simdjson::dom::element& value);
void AppendCanonicalJson(const simdjson::dom::element& value, std::string* out);
// As the ryu crate prints: the shortest digits, plain from 1e-5 to below 1e16.
void AppendSerdeFloat(double value, std::string* out);

// The JSON text with ".0" behind every integer too long for 64 bits, which simdjson would refuse;
// nothing else changes.
std::string WithoutLongIntegers(std::string_view text);

}  // namespace hoglet
