#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/base/vector/vector_support.h"

namespace hoglet {

// Rows of one column: dictionaries with values in common, and now and then rows without one.
class NumberedColumn {
 public:
  NumberedColumn(Type type, unsigned seed, uint32_t values = 400)
      : type_(std::move(type)), values_(values), random_(seed) {
    for (int i = 0; i < 6; ++i) AddDictionary();
  }

  Vector Rows(bool with_dictionary) {
    const size_t rows = 1 + random_() % 300;
    const auto& dictionary = dictionaries_[random_() % dictionaries_.size()];
    std::shared_ptr<uint32_t[]> codes(new uint32_t[rows]);
    for (size_t i = 0; i < rows; ++i)
      codes[i] = static_cast<uint32_t>(random_() % dictionary->size());
    const Vector all = Vector::Dictionary(dictionary, std::move(codes), rows);
    return with_dictionary ? all : all.Flatten();
  }
  const Type& type() const { return type_; }

 private:
  void AddDictionary() {
    std::map<uint32_t, Datum> values;
    for (int i = 0; i < 100; ++i) {
      const uint32_t value = random_() % values_;
      values.emplace(value, type_.physical() == Physical::kString
                                ? Datum("value " + std::to_string(value))
                                : Datum(static_cast<Int128>(value) << 70));
    }
    std::vector<Datum> list;
    for (const auto& [key, value] : values) list.push_back(value);
    list.emplace_back();  // NULL
    dictionaries_.push_back(std::make_shared<const Vector>(BuildVector(type_, list)));
  }

  Type type_;
  uint32_t values_;
  std::mt19937 random_;
  std::vector<std::shared_ptr<const Vector>> dictionaries_;
};

}  // namespace hoglet
