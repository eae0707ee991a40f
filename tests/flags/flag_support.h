#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/arena.h"
#include "src/flags/evaluate.h"

namespace hoglet {

// A set of flags and cohorts in UTC with group types "company" and "project".
std::shared_ptr<const FlagSet> CompileFlags(std::vector<std::string> flags,
                                            std::vector<std::string> cohorts = {});

// An active flag: {"id":ID,"key":KEY,"active":true,"filters":FILTERS EXTRA}.
std::string FlagJson(int64_t id, std::string_view key, std::string_view filters,
                     std::string_view extra = "");

// Properties of a JSON object; keeps what its values point to.
class SentProperties {
 public:
  explicit SentProperties(std::string_view json);
  const FlagProperties* get() const { return &properties_; }

 private:
  Arena arena_;
  FlagProperties properties_;
};

PersonPtr MakePerson(std::string_view properties_json, int64_t created_at_us = 0);
GroupPtr MakeGroup(std::string_view properties_json);

// "on", "off" or the variant, the reason and the condition: "on condition_match 0".
std::string Summary(const FlagResult& result);
// Of the flag of that key; "absent" if there is no result of it.
std::string Summary(const FlagEvaluation& evaluation, std::string_view key);

}  // namespace hoglet
