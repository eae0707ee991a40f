#pragma once

#include <string>
#include <vector>

#include "include/hoglet/person_store.h"
#include "src/base/json.h"

// Persons as lists of the REST API show them (spec rest-api.md section 10).

namespace hoglet {

struct ShownPerson {
  PersonRecord record;
  std::vector<std::string> distinct_ids;  // those that people chose first
  std::string name;                       // what people call it: a property, or a distinct id
  std::string email;                      // property; empty: none
};

ShownPerson ShowPerson(PersonRecord record, std::vector<std::string> distinct_ids);

// At most `ids_max` distinct ids.
void WritePersonRow(const ShownPerson& person, size_t ids_max, JsonWriter* json);

// id, email, name, created_at, properties, distinct_ids.
std::string PersonCsvHeader();
void AppendPersonCsv(const ShownPerson& person, std::string* out);

}  // namespace hoglet
