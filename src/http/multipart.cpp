#include "src/http/multipart.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "include/hoglet/http_message.h"
#include "include/hoglet/status.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr size_t kBoundaryBytesMax = 70;  // RFC 2046
constexpr std::string_view kFormType = "multipart/form-data";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the value of a parameter off the front of `text`: a token, or quoted with backslashes.
std::string TakeValue(std::string_view* text) {
  std::string value;
  if (!text->starts_with('"')) {
    const size_t end = std::min(text->find(';'), text->size());
    value = std::string(Trim(text->substr(0, end)));
    text->remove_prefix(end);
    return value;
  }
  text->remove_prefix(1);
  while (!text->empty() && text->front() != '"') {
    if (text->front() == '\\' && text->size() > 1) text->remove_prefix(1);
    value.push_back(text->front());
    text->remove_prefix(1);
  }
  if (!text->empty()) text->remove_prefix(1);
  return value;
}

// A parameter of a header such as `form-data; name="a"; filename="b"`.
std::optional<std::string> FindParameter(std::string_view header, std::string_view name) {
  size_t at = header.find(';');
  while (at != std::string_view::npos) {
    header.remove_prefix(at + 1);
    const size_t equals = header.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = Trim(header.substr(0, equals));
    header.remove_prefix(equals + 1);
    while (header.starts_with(' ')) header.remove_prefix(1);
    std::string value = TakeValue(&header);
    if (EqualsIgnoreCase(key, name)) return value;
    at = header.find(';');
  }
  return std::nullopt;
}

absl::Status Invalid(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("Multipart form parse error - ", message));
}

absl::Status ReadHeaders(std::string_view headers, FormPart* part) {
  while (!headers.empty()) {
    const size_t end = std::min(headers.find("\r\n"), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 2, headers.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Invalid("a header of a part has no colon");
    const std::string_view value = Trim(line.substr(colon + 1));
    if (EqualsIgnoreCase(Trim(line.substr(0, colon)), "content-disposition")) {
      part->name = FindParameter(value, "name").value_or("");
      part->filename = FindParameter(value, "filename").value_or("");
    } else if (EqualsIgnoreCase(Trim(line.substr(0, colon)), "content-type")) {
      part->content_type = std::string(value);
    }
  }
  return part->name.empty() ? Invalid("a part has no name") : absl::OkStatus();
}

// What is left of the body after a boundary: "--" ends it, a line end begins a part.
absl::StatusOr<FormPart> TakePart(std::string_view delimiter, std::string_view* rest) {
  FormPart part;
  // Without headers their end is that of the line before them, but a part needs a name anyway.
  const size_t headers_end = rest->substr(0, kFormHeaderBytesMax).find("\r\n\r\n");
  if (headers_end == std::string_view::npos)
    return Invalid("the headers of a part are too long, or do not end");
  HOGLET_RETURN_IF_ERROR(ReadHeaders(rest->substr(0, headers_end), &part));
  rest->remove_prefix(headers_end + 4);
  // The line end before a boundary belongs to it; that of the headers will do.
  const size_t end = rest->find(delimiter);
  if (end == std::string_view::npos) return Invalid("a part does not end");
  part.content = rest->substr(0, end);
  rest->remove_prefix(end + delimiter.size());
  return part;
}

}  // namespace

bool IsMultipartForm(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return EqualsIgnoreCase(Trim(type), kFormType);
}

absl::StatusOr<std::vector<FormPart>> ParseMultipartForm(std::string_view content_type,
                                                         std::string_view body) {
  const std::string boundary = FindParameter(content_type, "boundary").value_or("");
  if (boundary.empty() || boundary.size() > kBoundaryBytesMax) return Invalid("no boundary");
  const std::string delimiter = StrCat("\r\n--", boundary);
  std::string_view rest = body;
  const std::string_view first = std::string_view(delimiter).substr(2);
  if (rest.starts_with(first)) {
    rest.remove_prefix(first.size());
  } else {
    const size_t begin = rest.find(delimiter);
    if (begin == std::string_view::npos) return Invalid("the boundary is missing");
    rest.remove_prefix(begin + delimiter.size());
  }
  std::vector<FormPart> parts;
  while (!rest.starts_with("--")) {
    const size_t line_end = rest.find("\r\n");
    if (line_end == std::string_view::npos || !Trim(rest.substr(0, line_end)).empty())
      return Invalid("a boundary does not end its line");
    if (parts.size() == kFormPartsMax) return Invalid("too many parts");
    rest.remove_prefix(line_end + 2);
    HOGLET_ASSIGN_OR_RETURN(FormPart part, TakePart(delimiter, &rest));
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return Invalid("no parts");
  return parts;
}

const FormPart* FindFormPart(const std::vector<FormPart>& parts, std::string_view name) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const FormPart& part) { return part.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

}  // namespace hoglet
