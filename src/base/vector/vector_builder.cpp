#include <cstring>
#include <utility>

#include "src/base/vector/vector.h"

namespace hoglet {

struct VectorBuilder::Rep {
  std::vector<uint8_t> bytes;
  std::vector<int64_t> integers;
  std::vector<double> doubles;
  std::vector<Int128> wides;
  std::vector<std::string_view> strings;
  std::shared_ptr<StringHeap> heap = std::make_shared<StringHeap>();
  std::vector<uint32_t> offsets = {0};
  std::vector<size_t> nulls;
};

VectorBuilder::VectorBuilder(Type type) : type_(std::move(type)), rep_(std::make_unique<Rep>()) {
  if (type_.kind() == TypeKind::kMap) {
    children_.push_back(std::make_unique<VectorBuilder>(Type::Tuple(type_.children())));
  } else if (type_.physical() == Physical::kArray || type_.physical() == Physical::kTuple) {
    for (const Type& child : type_.children())
      children_.push_back(std::make_unique<VectorBuilder>(child));
  }
}

VectorBuilder::~VectorBuilder() = default;
VectorBuilder::VectorBuilder(VectorBuilder&&) noexcept = default;
VectorBuilder& VectorBuilder::operator=(VectorBuilder&&) noexcept = default;

void VectorBuilder::AppendNull() {
  rep_->nulls.push_back(rows_);
  type_ = type_.Nullable();
  AppendDefault();
}

void VectorBuilder::AppendDefault() {
  switch (type_.physical()) {
    case Physical::kU8:
      rep_->bytes.push_back(0);
      break;
    case Physical::kI64:
      rep_->integers.push_back(0);
      break;
    case Physical::kF64:
      rep_->doubles.push_back(0);
      break;
    case Physical::kI128:
      rep_->wides.push_back(0);
      break;
    case Physical::kString:
      rep_->strings.emplace_back();
      break;
    case Physical::kArray:
      rep_->offsets.push_back(rep_->offsets.back());
      break;
    case Physical::kTuple:
      for (auto& child : children_) child->AppendDefault();
      break;
    case Physical::kNone:
      break;
  }
  ++rows_;
}

void VectorBuilder::AppendInteger(int64_t value) {
  if (type_.physical() == Physical::kU8) {
    rep_->bytes.push_back(static_cast<uint8_t>(value));
  } else {
    HOGLET_ASSERT(type_.physical() == Physical::kI64);
    rep_->integers.push_back(value);
  }
  ++rows_;
}

void VectorBuilder::AppendDouble(double value) {
  HOGLET_ASSERT(type_.physical() == Physical::kF64);
  rep_->doubles.push_back(value);
  ++rows_;
}

void VectorBuilder::AppendWide(Int128 value) {
  HOGLET_ASSERT(type_.physical() == Physical::kI128);
  rep_->wides.push_back(value);
  ++rows_;
}

void VectorBuilder::AppendString(std::string_view value) {
  HOGLET_ASSERT(type_.physical() == Physical::kString);
  rep_->strings.push_back(rep_->heap->Add(value));
  ++rows_;
}

void VectorBuilder::Append(const Datum& value) {
  if (value.is_null())
    return type_.nullable() || type_.physical() == Physical::kNone ? AppendNull() : AppendDefault();
  switch (type_.physical()) {
    case Physical::kU8:
    case Physical::kI64:
      return AppendInteger(value.integer());
    case Physical::kF64:
      return AppendDouble(std::holds_alternative<int64_t>(value.value)
                              ? static_cast<double>(value.integer())
                              : value.number());
    case Physical::kI128:
      return AppendWide(std::holds_alternative<int64_t>(value.value) ? Int128{value.integer()}
                                                                     : value.wide());
    case Physical::kString:
      return AppendString(value.string());
    case Physical::kArray:
      for (const Datum& element : value.list()) children_[0]->Append(element);
      return CloseArray();
    case Physical::kTuple: {
      const std::vector<Datum>& list = value.list();
      HOGLET_ASSERT(list.size() == children_.size());
      for (size_t i = 0; i < list.size(); ++i) children_[i]->Append(list[i]);
      return CloseTuple();
    }
    case Physical::kNone:
      return AppendNull();
  }
}

void VectorBuilder::AppendFrom(const Vector& vector, size_t row) {
  if (vector.IsNull(row)) return AppendNull();
  if (vector.form() == Vector::Form::kDictionary)
    return AppendFrom(*vector.dictionary(), vector.codes()[row]);
  const size_t at = vector.Position(row);
  switch (type_.physical()) {
    case Physical::kU8:
      return AppendInteger(vector.data<uint8_t>()[at]);
    case Physical::kI64:
      return AppendInteger(vector.data<int64_t>()[at]);
    case Physical::kF64:
      return AppendDouble(vector.data<double>()[at]);
    case Physical::kI128:
      return AppendWide(vector.data<Int128>()[at]);
    case Physical::kString:
      return AppendString(vector.data<std::string_view>()[at]);
    case Physical::kArray:
      for (uint32_t i = vector.offsets()[at]; i < vector.offsets()[at + 1]; ++i)
        children_[0]->AppendFrom(vector.child(), i);
      return CloseArray();
    case Physical::kTuple:
      for (size_t i = 0; i < children_.size(); ++i)
        children_[i]->AppendFrom(vector.children()[i], at);
      return CloseTuple();
    case Physical::kNone:
      return AppendNull();
  }
}

void VectorBuilder::CloseArray() {
  HOGLET_ASSERT(type_.physical() == Physical::kArray);
  rep_->offsets.push_back(static_cast<uint32_t>(children_[0]->size()));
  ++rows_;
}

void VectorBuilder::CloseTuple() {
  HOGLET_ASSERT(type_.physical() == Physical::kTuple);
  ++rows_;
  for (const auto& child : children_) HOGLET_ASSERT(child->size() == rows_);
}

Vector VectorBuilder::Build() {
  Vector out = Vector::Flat(type_, rows_);
  const auto copy = [&]<typename T>(const std::vector<T>& values) {
    if (!values.empty())
      std::memcpy(out.mutable_data<T>(), values.data(), values.size() * sizeof(T));
  };
  switch (type_.physical()) {
    case Physical::kU8:
      copy(rep_->bytes);
      break;
    case Physical::kI64:
      copy(rep_->integers);
      break;
    case Physical::kF64:
      copy(rep_->doubles);
      break;
    case Physical::kI128:
      copy(rep_->wides);
      break;
    case Physical::kString:
      copy(rep_->strings);
      out.KeepAlive(rep_->heap);
      break;
    case Physical::kArray: {
      auto offsets = std::shared_ptr<uint32_t[]>(new uint32_t[rows_ + 1]);
      std::copy(rep_->offsets.begin(), rep_->offsets.end(), offsets.get());
      out.codes_ = std::move(offsets);
      out.children_.push_back(children_[0]->Build());
      break;
    }
    case Physical::kTuple:
      for (auto& child : children_) out.children_.push_back(child->Build());
      break;
    case Physical::kNone:
      break;
  }
  for (size_t row : rep_->nulls) out.SetNull(row);
  rep_ = std::make_unique<Rep>();
  rows_ = 0;
  return out;
}

}  // namespace hoglet
