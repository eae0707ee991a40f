#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_split.h"
#include "include/hoglet/env.h"
#include "include/hoglet/status.h"
#include "query/exec/engine.h"
#include "query/functions/functions.h"
#include "src/api/record_table.h"
#include "src/base/json.h"
#include "src/base/strings.h"
#include "tests/conformance/suites.h"
#include "tests/conformance/value_compare.h"

// Expressions and queries of hogql-eval, run through the whole engine: expressions as SELECT
// <expression>, queries over the table `dataset`.

namespace hoglet {
namespace {

// The table of dataset.csv, typed by dataset.json.
class Dataset final : public TableCatalog {
 public:
  absl::Status Load(const std::string& folder) {
    HOGLET_ASSIGN_OR_RETURN(std::string schema,
                            Env::Posix()->ReadWholeFile(folder + "/dataset.json"));
    HOGLET_ASSIGN_OR_RETURN(csv_, Env::Posix()->ReadWholeFile(folder + "/dataset.csv"));
    Arena arena;
    JsonObjectView root;
    std::vector<JsonMember> columns;
    HOGLET_RETURN_IF_ERROR(ParseJsonObject(schema, &arena, &root));
    HOGLET_RETURN_IF_ERROR(ParseJsonArray(FindJsonMember(root, "columns")->text, &arena, &columns));
    std::vector<RecordTable::Column> fields;
    for (const JsonMember& column : columns) {
      JsonObjectView object;
      HOGLET_RETURN_IF_ERROR(ParseJsonObject(column.text, &arena, &object));
      HOGLET_ASSIGN_OR_RETURN(Type type, Type::Parse(FindJsonMember(object, "type")->text));
      const std::string name(FindJsonMember(object, "name")->text);
      plain_.columns.push_back({name, type});
      fields.push_back({name, type});
    }
    ReadRows();
    table_ = std::make_unique<RecordTable>(
        fields,
        [this](TeamId, const ScanFilter&) -> RecordTable::Rows {
          return [this](std::string_view, std::vector<VectorBuilder>& builders,
                        const RecordTable::NextRow& next) -> absl::Status {
            for (const std::vector<Field>& row : rows_) {
              if (!next("", 0)) break;
              for (size_t c = 0; c < row.size(); ++c)
                HOGLET_RETURN_IF_ERROR(Append(row[c], &builders[c]));
            }
            return absl::OkStatus();
          };
        },
        RecordTable::Options{.has_keys = false});
    return absl::OkStatus();
  }

  const ScannableTable* Find(std::string_view name) const override {
    return name == "dataset" ? table_.get() : nullptr;
  }
  const PlainTable& plain() const { return plain_; }

 private:
  struct Field {
    std::string text;
    bool null = false;
  };

  void ReadRows() {
    std::vector<Field> row;
    Field field;
    bool quoted = false;
    bool was_quoted = false;
    bool header = true;
    for (size_t i = 0; i < csv_.size(); ++i) {
      const char c = csv_[i];
      if (quoted) {
        if (c != '"') {
          field.text.push_back(c);
        } else if (i + 1 < csv_.size() && csv_[i + 1] == '"') {
          field.text.push_back('"');
          ++i;
        } else {
          quoted = false;
        }
      } else if (c == '"') {
        quoted = was_quoted = true;
      } else if (c == ',' || c == '\n') {
        field.null = !was_quoted && field.text == "\\N";
        row.push_back(std::exchange(field, {}));
        was_quoted = false;
        if (c == '\n') {
          if (!header) rows_.push_back(row);
          header = false;
          row.clear();
        }
      } else {
        field.text.push_back(c);
      }
    }
  }

  static absl::Status Append(const Field& field, VectorBuilder* out) {
    if (field.null) {
      out->AppendNull();
      return absl::OkStatus();
    }
    const Type type = out->type().NotNullable();
    if (type.kind() == TypeKind::kString) {
      out->AppendString(field.text);
      return absl::OkStatus();
    }
    if (type.kind() == TypeKind::kArray) {
      Arena arena;
      std::vector<JsonMember> elements;
      HOGLET_RETURN_IF_ERROR(ParseJsonArray(field.text, &arena, &elements));
      for (const JsonMember& element : elements) {
        if (type.element().IsStringLike()) {
          out->child().AppendString(element.text);
        } else {
          out->child().AppendInteger(element.integer);
        }
      }
      out->CloseArray();
      return absl::OkStatus();
    }
    // Everything else by the engine's own reading of text.
    FunctionArgument arguments[2];
    arguments[0].type = Type(TypeKind::kString);
    arguments[1].type = Type(TypeKind::kString);
    arguments[1].constant = Datum(type.Name());
    EvalContext context;
    HOGLET_ASSIGN_OR_RETURN(auto cast, BuiltinFunctions().BindScalar("CAST", arguments, context));
    const Vector values[2] = {Vector::Constant(arguments[0].type, Datum(field.text), 1),
                              Vector::Constant(arguments[1].type, Datum(type.Name()), 1)};
    const LambdaBody* const lambdas[2] = {nullptr, nullptr};
    HOGLET_ASSIGN_OR_RETURN(Vector value, cast->Evaluate(context, values, lambdas, 1));
    out->AppendFrom(value, 0);
    return absl::OkStatus();
  }

  std::string csv_;
  PlainTable plain_;
  std::vector<std::vector<Field>> rows_;
  std::unique_ptr<RecordTable> table_;
};

struct Case {
  std::string hogql;
  std::string expected;  // JSON of the value, of the rows, or of the list of rows
  std::string error;     // expected error text
  std::string error_prefix;
  std::string timezone = "UTC";
  int week_start_day = 0;
  double tolerance = 0;
  bool is_error = false;
  bool is_rows = false;
  bool is_columns = false;
  bool is_query = false;
  bool optional = false;
  bool nondeterministic = false;
};

class EvalRunner {
 public:
  explicit EvalRunner(const std::string& folder) : status_(dataset_.Load(folder)) {}
  const absl::Status& status() const { return status_; }

  // "" if the case holds.
  std::string Run(const Case& c) {
    QueryRequest request;
    request.team_id = 1;
    request.text = c.is_query ? c.hogql : StrCat("SELECT ", c.hogql);
    request.limit_context = LimitContext::kSavedQuery;
    request.timezone = c.timezone;
    request.timeout_us = 20'000'000;
    const auto result = EngineFor(c.week_start_day).Run(request);
    if (c.is_error) return CheckError(c, result.status());
    if (!result.ok()) return StrCat("error: ", FromAbsl(result.status().message()));
    if (c.nondeterministic) return "";
    if (c.is_query) return CheckTable(c, *result);
    std::vector<Vector> columns = Columns(*result);
    if (columns.empty()) return "no rows";
    if (c.is_columns) return CheckColumns(c, columns);
    if (c.is_rows) return CheckRows(c, columns[0]);
    if (columns[0].size() != 1) return StrCat(columns[0].size(), " rows");
    return CompareWithExpected(columns[0], 0, c.expected, c.tolerance);
  }

 private:
  QueryEngine& EngineFor(int week_start_day) {
    auto& engine = engines_[week_start_day];
    if (engine == nullptr) {
      EngineOptions options;
      options.env = Env::Posix();
      options.tables = &dataset_;
      options.project = [week_start_day](TeamId) {
        return QueryProject{.schema = nullptr, .week_start_day = week_start_day};
      };
      options.array_slices = true;
      options.workers_max = 1;
      options.plain_tables = {{"dataset", dataset_.plain()}};
      engine = MakeQueryEngine(std::move(options));
    }
    return *engine;
  }

  static std::string CheckError(const Case& c, const absl::Status& status) {
    if (status.ok()) return "no error";
    const std::string message(FromAbsl(status.message()));
    if (!c.error.empty() && !message.starts_with(c.error)) return message;
    if (!c.error_prefix.empty() && !message.starts_with(c.error_prefix)) return message;
    // A function that is missing altogether does not fail in the way the case is about.
    if (c.error.empty() && c.error_prefix.empty() &&
        message.find("not implemented") != std::string::npos)
      return message;
    return "";
  }

  static std::vector<Vector> Columns(const QueryResult& result) {
    std::vector<Vector> out;
    if (result.batches.empty()) return out;
    for (size_t c = 0; c < result.columns.size(); ++c) {
      std::vector<Vector> parts;
      for (const auto& batch : result.batches) parts.push_back(batch[c]);
      out.push_back(Vector::Concat(parts).Flatten());
    }
    return out;
  }

  static std::string CheckRows(const Case& c, const Vector& column) {
    Arena arena;
    std::vector<JsonMember> rows;
    if (!ParseJsonArray(c.expected, &arena, &rows).ok() || rows.size() != column.size())
      return StrCat(column.size(), " rows");
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::string difference = CompareMember(column, i, rows[i], c.tolerance);
      if (!difference.empty()) return StrCat("row ", i, ": ", difference);
    }
    return "";
  }

  static std::string CheckColumns(const Case& c, const std::vector<Vector>& columns) {
    Arena arena;
    std::vector<JsonMember> values;
    if (!ParseJsonArray(c.expected, &arena, &values).ok() || values.size() != columns.size())
      return StrCat(columns.size(), " columns");
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string difference = CompareMember(columns[i], 0, values[i], c.tolerance);
      if (!difference.empty()) return StrCat("column ", i, ": ", difference);
    }
    return "";
  }

  static std::string CheckTable(const Case& c, const QueryResult& result) {
    const std::vector<Vector> columns = Columns(result);
    Arena arena;
    std::vector<JsonMember> rows;
    if (!ParseJsonArray(c.expected, &arena, &rows).ok())
      return "(the expected rows cannot be read)";
    const size_t got = columns.empty() ? 0 : columns[0].size();
    if (rows.size() != got) return StrCat(got, " rows");
    for (size_t i = 0; i < rows.size(); ++i) {
      std::vector<JsonMember> values;
      if (!ParseJsonArray(rows[i].text, &arena, &values).ok() || values.size() != columns.size())
        return StrCat(columns.size(), " columns");
      for (size_t k = 0; k < values.size(); ++k) {
        const std::string difference = CompareMember(columns[k], i, values[k], c.tolerance);
        if (!difference.empty()) return StrCat("row ", i, ", column ", k, ": ", difference);
      }
    }
    return "";
  }

  static std::string CompareMember(const Vector& column, size_t row, const JsonMember& expected,
                                   double tolerance) {
    std::string json;
    AppendJsonValue(expected, &json);
    return CompareWithExpected(column, row, json, tolerance);
  }

  Dataset dataset_;
  absl::Status status_;
  std::map<int, std::unique_ptr<QueryEngine>> engines_;
};

std::string TextOf(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  return member != nullptr && member->kind == JsonKind::kString ? std::string(member->text) : "";
}

bool IsSet(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  return member != nullptr && member->kind == JsonKind::kBool && member->boolean;
}

double NumberOf(const JsonObjectView& object, std::string_view key) {
  const JsonMember* member = FindJsonMember(object, key);
  if (member == nullptr) return 0;
  return member->kind == JsonKind::kInt64 ? static_cast<double>(member->integer) : member->number;
}

Case ReadCase(const JsonObjectView& object, bool is_query) {
  Case c;
  c.is_query = is_query;
  c.hogql = TextOf(object, "hogql");
  c.is_error = IsSet(object, "error");
  c.error = TextOf(object, "hogql_error");
  c.error_prefix = TextOf(object, "hogql_error_prefix");
  c.optional = IsSet(object, "optional");
  c.nondeterministic = IsSet(object, "nondeterministic");
  c.is_columns = IsSet(object, "columns");
  c.tolerance = std::max(NumberOf(object, "tol"), NumberOf(object, "approx"));
  const JsonMember* rows = FindJsonMember(object, "rows");
  const JsonMember* value = rows != nullptr ? rows : FindJsonMember(object, "value");
  c.is_rows = rows != nullptr && !c.is_columns;
  if (value != nullptr) AppendJsonValue(*value, &c.expected);
  if (const JsonMember* settings = FindJsonMember(object, "settings"); settings != nullptr) {
    Arena arena;
    JsonObjectView members;
    if (ParseJsonObject(settings->text, &arena, &members).ok()) {
      if (const std::string zone = TextOf(members, "project_timezone"); !zone.empty())
        c.timezone = zone;
      c.week_start_day = static_cast<int>(NumberOf(members, "week_start_day"));
    }
  }
  return c;
}

}  // namespace

SuiteRun RunEvalSuite(const std::string& text, const std::string& file, const std::string& folder) {
  SuiteRun run;
  EvalRunner runner(folder);
  if (!runner.status().ok()) {
    run.error = std::string(FromAbsl(runner.status().message()));
    return run;
  }
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    if (line.empty()) continue;
    Arena arena;
    JsonObjectView object;
    if (!ParseJsonObject(FromAbsl(line), &arena, &object).ok()) {
      run.Fail(StrCat(file, ":", line_number), "not a JSON object");
      continue;
    }
    // Functions of the store that HogQL cannot name have suites of their own (hashes).
    if (IsSet(object, "internal")) continue;
    const Case c = ReadCase(object, file.starts_with("aggregates"));
    const std::string difference = runner.Run(c);
    if (difference.empty()) {
      ++run.passed;
    } else if (!c.optional) {
      const std::string expected =
          c.is_error ? StrCat("error ", c.error, c.error_prefix) : c.expected;
      run.Fail(StrCat(file, ":", line_number, " ", c.hogql),
               StrCat("expected ", expected, "\n    got      ", difference));
    }
  }
  return run;
}

}  // namespace hoglet
