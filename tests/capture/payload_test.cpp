#include "src/capture/payload.h"

#include <gtest/gtest.h>

#include "src/base/base64.h"
#include "src/base/url.h"

namespace hoglet {
namespace {

constexpr char kForm[] = "application/x-www-form-urlencoded";
constexpr char kJson[] = R"({"event":"a>?b","text":"ü"})";

struct PayloadCase {
  const char* name;
  std::string query;
  std::string content_type;
  std::string body;
  std::string wanted;  // begins with "!": the error's text
};

class Payload : public testing::TestWithParam<PayloadCase> {};

TEST_P(Payload, Decodes) {
  HttpRequest request;
  request.query = GetParam().query;
  request.body = GetParam().body;
  request.headers.Add("content-type", GetParam().content_type);
  const auto got = DecodePayload(&request, 1000);
  EXPECT_EQ(got.ok() ? *got : "!" + std::string(got.status().message()), GetParam().wanted);
}

std::string Encoded(std::string_view text) { return PercentEncode(Base64Encode(text)); }

INSTANTIATE_TEST_SUITE_P(
    Cases, Payload,
    testing::Values(
        PayloadCase{"plain", "", "application/json", kJson, kJson},
        PayloadCase{"no_type", "", "", kJson, kJson},
        PayloadCase{"base64", "", "text/plain", Base64Encode(kJson), kJson},
        PayloadCase{"base64_twice", "", "text/plain", Base64Encode(Base64Encode(kJson)), kJson},
        PayloadCase{"form_json", "", kForm, "data=" + PercentEncode(kJson), kJson},
        PayloadCase{"form_base64", "", kForm, "data=" + Encoded(kJson), kJson},
        PayloadCase{"form_base64_unescaped_plus", "", kForm, "data=" + Base64Encode(kJson), kJson},
        PayloadCase{"form_charset", "", std::string(kForm) + "; charset=utf-8",
                    "ip=1&data=" + Encoded(kJson), kJson},
        PayloadCase{"form_type_but_no_form", "", kForm, kJson,
                    "!failed to decode request: expected form data in POST request payload"},
        PayloadCase{"form_without_type", "", "text/plain", "data=" + Encoded(kJson),
                    "data=" + Encoded(kJson)},
        PayloadCase{"query_data", "data=" + Encoded(kJson), "", "", kJson},
        PayloadCase{"query_data_wins", "data=" + Encoded(kJson), "", "other", kJson},
        PayloadCase{"empty_query_data", "data=", "", kJson, kJson},
        PayloadCase{"nothing", "", "", "", "!request missing data payload"},
        PayloadCase{"not_utf8", "", "", "\xff\xfe",
                    "!failed to decode request: invalid UTF8 in request payload"},
        PayloadCase{"gzip_hint_on_text", "compression=gzip", "", kJson,
                    "!failed to decode request: invalid GZIP data"},
        PayloadCase{"unknown_hint", "compression=zopfli", "", kJson, kJson},
        PayloadCase{"bad_lz64", "compression=lz64", kForm, "data=!!!!!",
                    "!failed to decode request: decompress_lz64: failed decompress to UTF16"},
        PayloadCase{"lz64_in_a_form", "compression=LZ64", kForm, "data=BYUwNmD2Q%3D%3D%3D",
                    "hello"},
        PayloadCase{"lz64_named_by_the_form", "", kForm,
                    "data=BYUwNmD2Q%3D%3D%3D&compression=lz-string", "hello"},
        PayloadCase{"lz64_half_surrogate", "compression=lz64", kForm, "data=rwbQ",
                    "!failed to decode request: decompress_lz64: failed UTF16 to UTF8 conversion"},
        PayloadCase{"form_with_data_twice", "", kForm, "data=e30=&data=e30=",
                    "!failed to decode request: invalid urlencoded form data"},
        PayloadCase{"query_hint_beats_form", "compression=base64", kForm,
                    "data=" + Encoded(kJson) + "&compression=gzip", kJson},
        PayloadCase{"too_large", "", "", "{\"a\":\"" + std::string(1000, ' ') + "\"}",
                    "!maximum event size exceeded: body exceeds limit of 1000 bytes"}),
    [](const auto& info) { return info.param.name; });

TEST(Form, LooksLikeOne) {
  EXPECT_TRUE(LooksLikeForm("data=x"));
  EXPECT_TRUE(LooksLikeForm("ver=1&data=x"));
  EXPECT_TRUE(LooksLikeForm("_=12"));
  EXPECT_FALSE(LooksLikeForm("{\"data=\":1}"));
  EXPECT_FALSE(LooksLikeForm("ver=1" + std::string(200, 'x') + "&data=x"));
  EXPECT_FALSE(LooksLikeForm(""));
}

}  // namespace
}  // namespace hoglet
