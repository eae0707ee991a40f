#include <algorithm>
#include <cmath>
#include <numbers>

#include "query/functions/registry.h"
#include "query/functions/types.h"

// Distances on the globe, geohashes, points in shapes.

namespace hoglet::fn {
namespace {

// The mean radius by surface area of WGS-84.
constexpr double kEarthRadiusMeters = 6371007.180918475;
constexpr double kRadiansPerDegree = std::numbers::pi / 180;

// A function tabulated at even steps over [low, high], straight lines between. Distances are
// computed from such tables because ClickHouse's are: their error, up to 1e-5, is part of the
// values that clients compare.
class Table {
 public:
  template <typename F>
  Table(double low, double high, size_t steps, F f)
      : low_(low), steps_(static_cast<double>(steps)), per_unit_(steps_ / (high - low)) {
    for (size_t i = 0; i <= steps; ++i) {
      values_.push_back(f(low + (high - low) * static_cast<double>(i) / steps_));
    }
    values_.push_back(values_.back());
  }
  double operator()(double x) const {
    const double at = std::clamp((x - low_) * per_unit_, 0.0, steps_);
    const auto i = static_cast<size_t>(at);
    return values_[i] + (values_[i + 1] - values_[i]) * (at - static_cast<double>(i));
  }

 private:
  double low_;
  double steps_;
  double per_unit_;
  std::vector<double> values_;
};

double Square(double x) { return x * x; }

double TabulatedCosine(double radians) {
  static const Table* const kTable =
      new Table(0, 2 * std::numbers::pi, 1024, [](double x) { return std::cos(x); });
  return (*kTable)(std::abs(radians));
}

// For angles from 0 to a half turn.
double TabulatedSine(double radians) {
  static const Table* const kTable =
      new Table(0, 2 * std::numbers::pi, 1024, [](double x) { return std::sin(x); });
  return (*kTable)(radians);
}

// asin(sqrt(x)): a series for near points, a table, and the exact value for nearly opposite ones.
double ArcOfHaversine(double x) {
  static const Table* const kTable =
      new Table(0, 1, 512, [](double at) { return std::asin(std::sqrt(at)); });
  if (x < 0.122) {
    return std::sqrt(x) * (1 + x * (1.0 / 6 + x * (3.0 / 40 + x * (5.0 / 112))));
  }
  return x < 0.948 ? (*kTable)(x) : std::asin(std::sqrt(std::min(1.0, x)));
}

enum class Globe { kSphereDegrees, kSphereMeters, kEllipsoidMeters };

// Squared length of a degree of latitude and of longitude at a latitude in degrees.
template <Globe globe>
std::pair<double, double> SquaredDegrees(double latitude) {
  constexpr double kDegree =
      globe == Globe::kSphereDegrees ? 1 : kEarthRadiusMeters * kRadiansPerDegree;
  if constexpr (globe == Globe::kEllipsoidMeters) {
    static const Table* const kLatitude = new Table(-90, 90, 1024, [](double degrees) {
      const double x = degrees * kRadiansPerDegree;
      return Square(111132.09 - 566.05 * std::cos(2 * x) + 1.20 * std::cos(4 * x));
    });
    static const Table* const kLongitude = new Table(-90, 90, 1024, [](double degrees) {
      const double x = degrees * kRadiansPerDegree;
      return Square(111415.13 * std::cos(x) - 94.55 * std::cos(3 * x) + 0.12 * std::cos(5 * x));
    });
    return {(*kLatitude)(latitude), (*kLongitude)(latitude)};
  } else {
    static const Table* const kLongitude = new Table(-90, 90, 1024, [](double degrees) {
      return Square(kDegree * std::cos(degrees * kRadiansPerDegree));
    });
    return {Square(kDegree), (*kLongitude)(latitude)};
  }
}

double DegreesApart(double a, double b) {
  const double apart = std::abs(a - b);
  return apart > 180 ? 360 - apart : apart;
}

// Points near in longitude lie on a plane; others are joined by a great circle of the sphere.
template <Globe globe>
double GlobeDistance(double longitude1, double latitude1, double longitude2, double latitude2) {
  constexpr double kPlaneDegreesMax = 13;
  if (!std::isfinite(longitude1 + latitude1 + longitude2 + latitude2)) return std::nan("");
  const double up = DegreesApart(latitude1, latitude2);
  const double side = DegreesApart(longitude1, longitude2);
  if (side < kPlaneDegreesMax) {
    const auto [per_up, per_side] = SquaredDegrees<globe>((latitude1 + latitude2) / 2);
    return std::sqrt(per_up * up * up + per_side * side * side);
  }
  const double haversine = Square(TabulatedSine(up * kRadiansPerDegree / 2)) +
                           TabulatedCosine(latitude1 * kRadiansPerDegree) *
                               TabulatedCosine(latitude2 * kRadiansPerDegree) *
                               Square(TabulatedSine(side * kRadiansPerDegree / 2));
  const double arc = 2 * ArcOfHaversine(haversine);
  return globe == Globe::kSphereDegrees ? arc / kRadiansPerDegree : arc * kEarthRadiusMeters;
}

absl::Status ExpectNumbers(const Call& call, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    if (!call.type(i).IsNumber()) return call.BadType(i);
  }
  return absl::OkStatus();
}

// Float64 if an argument is, Float32 otherwise.
template <Globe globe>
Bound BindDistance(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(4, 4));
  HOGLET_RETURN_IF_ERROR(ExpectNumbers(call, 0, 4));
  bool wide = false;
  for (size_t i = 0; i < 4; ++i) wide |= call.type(i).kind() == TypeKind::kFloat64;
  return MapRows<double, double, double, double, double>(
      wide ? F64() : Type(TypeKind::kFloat32), [wide](double a, double b, double c, double d) {
        const double distance = GlobeDistance<globe>(a, b, c, d);
        return wide ? distance : static_cast<float>(distance);
      });
}

// The ellipses come as (x, y, a, b) after the point.
Bound BindInEllipses(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(6, SIZE_MAX));
  HOGLET_RETURN_IF_ERROR(ExpectNumbers(call, 0, call.size()));
  if (call.size() % 4 != 2) {
    return Error("number_of_arguments_doesnt_match", "Function ", call.name,
                 " needs four numbers for each ellipse");
  }
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    std::vector<Input<double>> in;
    for (const Vector& arg : batch.args) in.emplace_back(arg);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      bool inside = false;
      for (size_t e = 2; e < in.size() && !inside; e += 4) {
        const double x = (in[0][i] - in[e][i]) / in[e + 2][i];
        const double y = (in[1][i] - in[e + 1][i]) / in[e + 3][i];
        inside = x * x + y * y <= 1;
      }
      out.mutable_data<uint8_t>()[i] = inside;
    }
    return out;
  });
}

bool IsPair(const Type& type) {
  return type.kind() == TypeKind::kTuple && type.children().size() == 2 &&
         type.children()[0].IsNumber() && type.children()[1].IsNumber();
}

// A polygon is an array of points; every edge that a ray from the point crosses turns inside to
// outside.
Bound BindInPolygon(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 2));
  if (!IsPair(call.type(0))) return call.BadType(0);
  if (call.type(1).kind() != TypeKind::kArray || !IsPair(call.type(1).element()))
    return call.BadType(1);
  return MakeFunction(U8(), [](const Batch& batch) -> absl::StatusOr<Vector> {
    const Vector points = batch.args[0].Flatten();
    const Vector polygons = batch.args[1].Flatten();
    const Input<double> px(points.children()[0]), py(points.children()[1]);
    const Input<double> x(polygons.child().children()[0]), y(polygons.child().children()[1]);
    Vector out = Vector::Flat(U8(), batch.rows);
    for (size_t i = 0; i < batch.rows; ++i) {
      const uint32_t begin = polygons.offsets()[i];
      const uint32_t end = polygons.offsets()[i + 1];
      if (end - begin < 3) return Error("bad_arguments", "A polygon needs at least three points");
      bool inside = false;
      for (uint32_t a = begin, b = end - 1; a < end; b = a++) {
        if ((y[a] > py[i]) == (y[b] > py[i])) continue;
        inside ^= px[i] < (x[b] - x[a]) * (py[i] - y[a]) / (y[b] - y[a]) + x[a];
      }
      out.mutable_data<uint8_t>()[i] = inside;
    }
    return out;
  });
}

// Geohashes: bits of longitude and latitude in turn, five a character.

constexpr std::string_view kAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
constexpr int kCharactersMax = 12;

int LongitudeBits(int characters) { return (characters * 5 + 1) / 2; }
int LatitudeBits(int characters) { return characters * 5 / 2; }

// The cell of a coordinate in [-half, half] among 2^bits.
uint64_t CellOf(double value, double half, int bits) {
  const double cells = std::exp2(bits);
  return static_cast<uint64_t>(
      std::clamp(std::floor((value + half) / (2 * half) * cells), 0.0, cells - 1));
}

std::string EncodeCells(uint64_t longitude, uint64_t latitude, int characters) {
  std::string out;
  int longitude_bit = LongitudeBits(characters);
  int latitude_bit = LatitudeBits(characters);
  for (int c = 0, bit = 0; c < characters; ++c) {
    unsigned value = 0;
    for (int k = 0; k < 5; ++k, ++bit) {
      value = value << 1 |
              (bit % 2 == 0 ? longitude >> --longitude_bit & 1 : latitude >> --latitude_bit & 1);
    }
    out.push_back(kAlphabet[value]);
  }
  return out;
}

int Precision(int64_t wanted) {
  return wanted < 1 || wanted > kCharactersMax ? kCharactersMax : static_cast<int>(wanted);
}

Bound BindGeohashEncode(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(2, 3));
  for (size_t i = 0; i < 2; ++i) {
    if (!call.type(i).IsFloat()) return call.BadType(i);
  }
  auto encode = [](double longitude, double latitude, int64_t wanted,
                   std::string* out) -> absl::Status {
    if (!std::isfinite(longitude) || !std::isfinite(latitude)) {
      return Error("bad_arguments", "The coordinates of a geohash must be finite");
    }
    const int size = Precision(wanted);
    *out = EncodeCells(CellOf(longitude, 180, LongitudeBits(size)),
                       CellOf(latitude, 90, LatitudeBits(size)), size);
    return absl::OkStatus();
  };
  if (call.size() == 3) {
    if (!call.type(2).IsInteger()) return call.BadType(2);
    return MapStrings<double, double, int64_t>(StringType(), encode);
  }
  return MapStrings<double, double>(StringType(),
                                    [encode](double longitude, double latitude, std::string* out) {
                                      return encode(longitude, latitude, kCharactersMax, out);
                                    });
}

// The middle of the geohash's cell; (0, 0) for a text that is none.
std::pair<double, double> DecodeGeohash(std::string_view text) {
  double low[2] = {-180, -90};
  double high[2] = {180, 90};
  int bit = 0;
  for (char c : text.substr(0, kCharactersMax)) {
    const size_t value = kAlphabet.find(LowerChar(c));
    if (value == std::string_view::npos) return {0, 0};
    for (int k = 4; k >= 0; --k, ++bit) {
      const double middle = (low[bit % 2] + high[bit % 2]) / 2;
      double* const moved = (value >> k & 1) != 0 ? low : high;
      moved[bit % 2] = middle;
    }
  }
  return {(low[0] + high[0]) / 2, (low[1] + high[1]) / 2};
}

Bound BindGeohashDecode(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(1, 1));
  if (!call.type(0).IsStringLike()) return call.BadType(0);
  const Type type = Type::Tuple({F64(), F64()}, {"longitude", "latitude"});
  return MapDatums(type, [](std::span<const Datum> in) -> absl::StatusOr<Datum> {
    const auto [longitude, latitude] = DecodeGeohash(in[0].string());
    return Datum(std::vector<Datum>{longitude, latitude});
  });
}

// All geohashes of a size that touch a box, from the south-west corner northwards.
Bound BindGeohashesInBox(const Call& call) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(5, 5));
  for (size_t i = 0; i < 4; ++i) {
    if (!call.type(i).IsFloat()) return call.BadType(i);
  }
  if (!call.type(4).IsInteger()) return call.BadType(4);
  constexpr uint64_t kCellsMax = 1'000'000;
  const Type type = Type::Array(StringType());
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<double> west(batch.args[0]), south(batch.args[1]), east(batch.args[2]),
        north(batch.args[3]);
    const Input<int64_t> precision(batch.args[4]);
    return BuildStringLists(type, batch, [&](size_t i, StringList* list) -> absl::Status {
      const int size = Precision(precision[i]);
      if (!(west[i] <= east[i]) || !(south[i] <= north[i])) return absl::OkStatus();
      const uint64_t x0 = CellOf(west[i], 180, LongitudeBits(size)),
                     x1 = CellOf(east[i], 180, LongitudeBits(size));
      const uint64_t y0 = CellOf(south[i], 90, LatitudeBits(size)),
                     y1 = CellOf(north[i], 90, LatitudeBits(size));
      if (x1 - x0 >= kCellsMax || y1 - y0 >= kCellsMax ||
          (x1 - x0 + 1) * (y1 - y0 + 1) > kCellsMax) {
        return Error("too_large_array_size", "The box has too many geohashes of that precision");
      }
      for (uint64_t x = x0; x <= x1; ++x) {
        for (uint64_t y = y0; y <= y1; ++y) list->AddCopy(EncodeCells(x, y, size));
      }
      return absl::OkStatus();
    });
  });
}

constexpr ScalarEntry kTable[] = {
    {"greatCircleDistance", BindDistance<Globe::kSphereMeters>},
    {"geoDistance", BindDistance<Globe::kEllipsoidMeters>},
    {"greatCircleAngle", BindDistance<Globe::kSphereDegrees>},
    {"pointInEllipses", BindInEllipses},
    {"pointInPolygon", BindInPolygon},
    {"geohashEncode", BindGeohashEncode},
    {"geohashDecode", BindGeohashDecode},
    {"geohashesInBox", BindGeohashesInBox},
};

}  // namespace

std::span<const ScalarEntry> GeoFunctions() { return kTable; }

}  // namespace hoglet::fn
