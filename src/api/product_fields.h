#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "include/hoglet/env.h"
#include "src/api/flag_validation.h"
#include "src/api/json_fields.h"

// The plain members of things that clients define: read one after the other by a table of rules,
// refused as the API does it (spec rest-api.md section 4).

namespace hoglet {

enum class FieldType : uint8_t {
  kText,    // `max` characters at most
  kUrl,     // the same; http or https if not empty
  kChoice,  // one of `choices`
  kBool,
  kInteger,  // `min` .. `max`
  kDate,     // stored as RFC 3339 in UTC
  kJson,     // anything
};

struct FieldRule {
  std::string_view name;
  FieldType type = FieldType::kText;
  std::string_view initial;  // JSON of a new object that does not say; empty: it must
  bool may_be_null = false;
  bool may_be_blank = true;  // of texts
  int64_t min = INT32_MIN;
  int64_t max = INT32_MAX;
  std::span<const std::string_view> choices = {};
};

// POST makes an object, PATCH changes what its body says, and so does PUT, whose body must say all
// that a new object's must.
enum class Saving : uint8_t { kCreate, kReplace, kChange };

// Reads what `body` says, rule by rule, into `fields`; of a new object also what it does not say.
std::optional<FieldError> ReadFields(std::span<const FieldRule> rules, const JsonFields& body,
                                     Saving saving, JsonFields* fields);

// Whether a survey or web experiment was started, has not ended and is not archived.
bool IsRunning(const JsonFields& product);

// Words of letters, digits, '_' and '-', in lower case and joined by '-'; at most `bytes_max`.
std::string Slug(std::string_view text, size_t bytes_max);
// Ten random hex digits, which make a key unique.
std::string RandomKeyPart(Env* env);
// A moment as the API shows those that clients set: a fraction only if it has one.
std::string ShowDate(int64_t time_us);
// The same of a client's; nothing if it is none.
std::optional<std::string> ReadDate(std::string_view text);

}  // namespace hoglet
