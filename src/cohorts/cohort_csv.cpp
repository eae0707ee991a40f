#include "src/cohorts/cohort_csv.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "include/hoglet/status.h"
#include "src/base/json.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kColumnsMax = 1000;
constexpr size_t kIdBytesMax = 1000;

struct ColumnName {
  std::string_view name;
  CohortCsv::Kind kind;
};
// The better ones first.
constexpr std::array<ColumnName, 7> kColumnNames = {{
    {"person_id", CohortCsv::Kind::kPersonIds},
    {"person-id", CohortCsv::Kind::kPersonIds},
    {"person .id", CohortCsv::Kind::kPersonIds},
    {"distinct_id", CohortCsv::Kind::kDistinctIds},
    {"distinct-id", CohortCsv::Kind::kDistinctIds},
    {"email", CohortCsv::Kind::kEmails},
    {"e-mail", CohortCsv::Kind::kEmails},
}};

std::string Stripped(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace(ToAbsl(text)));
}

// Record by record.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : rest_(text) {}

  // False at the end.
  bool Next(std::vector<std::string>* fields) {
    fields->clear();
    if (rest_.empty()) return false;
    bool goes_on = true;
    while (goes_on) {
      std::string field;
      goes_on = Field(&field);
      if (fields->size() < kColumnsMax) fields->push_back(std::move(field));
    }
    return true;
  }

 private:
  // True if another field of the record follows.
  bool Field(std::string* out) {
    const bool is_quoted = rest_.starts_with('"');
    if (is_quoted) Quoted(out);
    const size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
    // Behind a closing quote there should be nothing.
    out->append(rest_.substr(0, end));
    rest_.remove_prefix(end);
    if (rest_.empty()) return false;
    const bool is_comma = rest_.front() == ',';
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    return is_comma;
  }

  void Quoted(std::string* out) {
    rest_.remove_prefix(1);
    for (;;) {
      const size_t quote = std::min(rest_.find('"'), rest_.size());
      out->append(rest_.substr(0, quote));
      rest_.remove_prefix(std::min(quote + 1, rest_.size()));
      if (!rest_.starts_with('"')) return;
      out->push_back('"');
      rest_.remove_prefix(1);
    }
  }

  std::string_view rest_;
};

struct Column {
  size_t index = 0;
  CohortCsv::Kind kind = CohortCsv::Kind::kDistinctIds;
};

std::optional<Column> FindColumn(const std::vector<std::string>& header) {
  for (const ColumnName& column : kColumnNames) {
    for (size_t i = 0; i < header.size(); ++i) {
      if (absl::AsciiStrToLower(Stripped(header[i])) == column.name) return Column{i, column.kind};
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<CohortCsv> ReadCohortCsv(std::string_view file) {
  if (file.starts_with(kByteOrderMark)) file.remove_prefix(kByteOrderMark.size());
  if (!IsValidUtf8(file))
    return absl::InvalidArgumentError("The file is not UTF-8. Please save it as UTF-8.");
  CsvReader reader(file);
  std::vector<std::string> fields;
  std::optional<Column> column;
  CohortCsv csv;
  bool is_first = true;
  while (reader.Next(&fields)) {
    if (fields.size() == 1 && Stripped(fields[0]).empty()) continue;  // a blank line
    if (std::exchange(is_first, false)) {
      column = FindColumn(fields);
      if (!column.has_value() && fields.size() > 1) {
        return absl::InvalidArgumentError(
            "The file has several columns, but none of them is named person_id, distinct_id or "
            "email.");
      }
      csv.kind = column.value_or(Column()).kind;
      // A single column of distinct ids has no header: any text may be one.
      if (column.has_value() && (fields.size() > 1 || csv.kind != CohortCsv::Kind::kDistinctIds)) {
        continue;
      }
    }
    const size_t index = column.value_or(Column()).index;
    if (index >= fields.size()) continue;
    std::string id = Stripped(fields[index]);
    if (id.empty() || id.size() > kIdBytesMax) continue;
    if (csv.ids.size() == kCohortCsvIdsMax) {
      return absl::InvalidArgumentError(
          StrCat("The file has more than ", kCohortCsvIdsMax, " ids."));
    }
    csv.ids.push_back(std::move(id));
  }
  if (csv.ids.empty()) {
    return absl::InvalidArgumentError(is_first ? "The file is empty."
                                               : "The file has no valid ids.");
  }
  std::sort(csv.ids.begin(), csv.ids.end());
  csv.ids.erase(std::unique(csv.ids.begin(), csv.ids.end()), csv.ids.end());
  return csv;
}

}  // namespace hoglet
