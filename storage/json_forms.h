#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/vector/vector.h"
#include "storage/scan.h"
#include "storage/schema.h"

// From the typed columns of a JSON key to the forms a query reads (ColumnRef::Json), by HogQL's
// rules (how ClickHouse prints JSON).

namespace hoglet {

// JSON escapes without quotes as ClickHouse writes them: '/' as it is, U+2028 and U+2029 escaped.
void AppendQueryEscaped(std::string_view text, std::string* out);
bool NeedsQueryEscape(std::string_view text);
// A number as ClickHouse prints it ("1e21" where JavaScript has "1e+21").
void AppendQueryNumber(double value, std::string* out);

// The type of a form: Nullable(String), Nullable(Float64) or Nullable(Bool).
Type FormType(ColumnRef::Json form);
// Whether values of this variant have anything to say in the form; where not, they read as NULL.
bool VariantMatters(JsonVariant variant, ColumnRef::Json form);
// One variant's values in the form; dictionaries stay dictionaries, rows that are NULL stay NULL.
Vector VariantToForm(const Vector& values, JsonVariant variant, ColumnRef::Json form);
// One vector of `rows` rows from those of several variants, of which at most one is valid in a row.
// None: all NULL.
Vector CombineForms(const std::vector<Vector>& forms, ColumnRef::Json form, size_t rows);

// The same from members: `member_of(row, &member)` says whether the row has one.
Vector MembersToForm(size_t rows, ColumnRef::Json form,
                     const std::function<bool(size_t, JsonMember*)>& member_of);

// accurateCastOrNull(text, 'Float64').
bool ParseQueryNumber(std::string_view text, double* value);

}  // namespace hoglet
