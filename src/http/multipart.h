#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// Bodies of the type multipart/form-data (RFC 7578): what browsers send for a form with a file.

namespace hoglet {

struct FormPart {
  std::string name;
  std::string filename;  // empty: a plain field
  std::string content_type;
  std::string_view content;  // points into the body
};

inline constexpr size_t kFormPartsMax = 100;
inline constexpr size_t kFormHeaderBytesMax = 8 << 10;  // of one part

bool IsMultipartForm(std::string_view content_type);

// The parts in their order. kInvalidArgument says what is wrong: no boundary in the content type,
// no part, a part that does not end or has no name, too many or too long headers. Linear in the
// size of the body.
absl::StatusOr<std::vector<FormPart>> ParseMultipartForm(std::string_view content_type,
                                                         std::string_view body);

// The first part of that name, or null.
const FormPart* FindFormPart(const std::vector<FormPart>& parts, std::string_view name);

}  // namespace hoglet
