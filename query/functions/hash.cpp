#include "src/base/hash.h"

#include "query/functions/arrays.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"
#include "src/base/digest.h"

// Hashes that SQL can see.

namespace hoglet::fn {
namespace {

struct City {
  static uint64_t Bytes(std::string_view bytes) { return CityHash64(bytes); }
  static uint64_t Combine(uint64_t a, uint64_t b) { return CityHash64Combine(a, b); }
  // Numbers are mixed by their value unless the type counts as a decimal.
  static uint64_t Number(uint64_t bits, size_t bytes, bool decimal) {
    if (!decimal) return IntHash64(bits);
    return CityHash64(std::string_view(reinterpret_cast<const char*>(&bits), bytes));
  }
  static uint64_t Id(const Uuid& id) { return CityHash64Uuid(id); }
};

struct Sip {
  static uint64_t Bytes(std::string_view bytes) { return SipHash64(bytes); }
  static uint64_t Combine(uint64_t a, uint64_t b) { return SipHash64Combine(a, b); }
  static uint64_t Number(uint64_t bits, size_t bytes, bool) {
    return SipHash64(std::string_view(reinterpret_cast<const char*>(&bits), bytes));
  }
  static uint64_t Id(const Uuid& id) { return SipHash64Uuid(id); }
};

uint64_t NumberBits(const Vector& in, size_t row, size_t width) {
  uint64_t bits = 0;
  switch (in.type().physical()) {
    case Physical::kU8:
      return in.data<uint8_t>()[row];
    case Physical::kF64:
      if (width == 4) {
        const auto narrow = static_cast<float>(in.data<double>()[row]);
        std::memcpy(&bits, &narrow, sizeof(narrow));
      } else {
        std::memcpy(&bits, in.data<double>() + row, sizeof(bits));
      }
      return bits;
    default:
      bits = static_cast<uint64_t>(in.data<int64_t>()[row]);
      return width >= 8 ? bits : bits & ((uint64_t{1} << (8 * width)) - 1);
  }
}

// A value of 16 bytes: ids by their bytes, numbers little-endian.
template <typename Hash>
uint64_t HashWide(const Vector& in, size_t row) {
  const Int128 value = in.data<Int128>()[row];
  if (in.type().kind() != TypeKind::kUuid && in.type().kind() != TypeKind::kIPv6) {
    return Hash::Bytes(std::string_view(reinterpret_cast<const char*>(&value), sizeof(value)));
  }
  Uuid id;
  for (size_t b = 0; b < 16; ++b) {
    id.bytes[b] = static_cast<uint8_t>(static_cast<UInt128>(value) >> (8 * (15 - b)));
  }
  if (in.type().kind() == TypeKind::kUuid) return Hash::Id(id);
  return Hash::Bytes(std::string_view(reinterpret_cast<const char*>(id.bytes.data()), 16));
}

// Folds the hashes of a flat vector's rows into `out`; the first ones are taken as they are.
template <typename Hash>
absl::Status HashInto(const Vector& in, bool first, std::vector<uint64_t>* out) {
  auto add = [&](size_t row, uint64_t hash) {
    (*out)[row] = first ? hash : Hash::Combine((*out)[row], hash);
  };
  const Type& type = in.type();
  switch (type.physical()) {
    case Physical::kNone:
      for (size_t i = 0; i < out->size(); ++i) add(i, 0);
      return absl::OkStatus();
    case Physical::kString:
      for (size_t i = 0; i < out->size(); ++i) {
        add(i, Hash::Bytes(in.IsNull(i) ? std::string_view() : in.data<std::string_view>()[i]));
      }
      return absl::OkStatus();
    case Physical::kI128:
      for (size_t i = 0; i < out->size(); ++i) add(i, HashWide<Hash>(in, i));
      return absl::OkStatus();
    case Physical::kTuple:
      for (const Vector& child : in.children()) {
        HOGLET_RETURN_IF_ERROR(HashInto<Hash>(child, first, out));
        first = false;
      }
      return absl::OkStatus();
    case Physical::kArray: {
      std::vector<uint64_t> elements(in.child().size());
      HOGLET_RETURN_IF_ERROR(HashInto<Hash>(in.child(), true, &elements));
      for (size_t i = 0; i < out->size(); ++i) {
        const uint32_t begin = in.offsets()[i];
        const uint32_t end = in.offsets()[i + 1];
        add(i, IntHash64(end - begin));
        for (uint32_t e = begin; e < end; ++e) (*out)[i] = Hash::Combine((*out)[i], elements[e]);
      }
      return absl::OkStatus();
    }
    default:
      break;
  }
  const size_t width = StoredBytes(type);
  const bool decimal = type.kind() == TypeKind::kDecimal || type.kind() == TypeKind::kDateTime64;
  for (size_t i = 0; i < out->size(); ++i) {
    add(i, Hash::Number(in.IsNull(i) ? 0 : NumberBits(in, i, width), width, decimal));
  }
  return absl::OkStatus();
}

template <typename Hash>
Bound BindHash(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, SIZE_MAX));
  return MakeFunction(U64(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<uint64_t> hashes(batch.rows);
    for (size_t a = 0; a < batch.args.size(); ++a) {
      HOGLET_RETURN_IF_ERROR(HashInto<Hash>(batch.args[a].Flatten(), a == 0, &hashes));
    }
    Vector out = Vector::Flat(U64(), batch.rows);
    std::memcpy(out.mutable_data<int64_t>(), hashes.data(), batch.rows * sizeof(uint64_t));
    return out;
  });
}

template <auto digest, int bytes>
Bound BindDigest(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapStrings<std::string_view>(
      Type::FixedString(bytes), [](std::string_view text, std::string* out) {
        const auto result = digest(text);
        out->append(reinterpret_cast<const char*>(result.data()), result.size());
      });
}

Bound BindHalfMd5(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  return MapRows<int64_t, std::string_view>(U64(), [](std::string_view text) {
    uint64_t half = 0;
    const auto digest = Md5(text);
    for (size_t b = 0; b < 8; ++b) half = half << 8 | digest[b];
    return static_cast<int64_t>(half);
  });
}

Bound BindIntHash64(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsInteger()) return call.BadType(0);
  const size_t width = StoredBytes(call.type(0));
  return MapRows<int64_t, int64_t>(U64(), [width](int64_t x) {
    const uint64_t mask = width >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * width)) - 1;
    return static_cast<int64_t>(IntHash64(static_cast<uint64_t>(x) & mask));
  });
}

constexpr ScalarEntry kTable[] = {
    {"cityHash64", BindHash<City>},     {"sipHash64", BindHash<Sip>},
    {"intHash64", BindIntHash64},       {"halfMD5", BindHalfMd5},
    {"MD5", BindDigest<Md5, 16>},       {"SHA1", BindDigest<Sha1, 20>},
    {"SHA256", BindDigest<Sha256, 32>},
};

}  // namespace

std::span<const ScalarEntry> HashFunctions() { return kTable; }

}  // namespace hoglet::fn
