#include "src/flags/flag_request.h"

#include <gtest/gtest.h>

#include "src/base/base64.h"
#include "src/base/strings.h"
#include "src/base/url.h"

namespace hoglet {
namespace {

constexpr uint64_t kBytesMax = 1 << 20;

struct QueryCase {
  const char* path;
  const char* query;
  std::optional<int> version;
  std::optional<bool> config;
  FlagsShape shape;
};

TEST(FlagQuery, HasItsDefaults) {
  const QueryCase kCases[] = {
      {"/flags", "", 2, true, FlagsShape::kDetails},
      {"/flags/", "v=2", 2, std::nullopt, FlagsShape::kDetails},
      {"/flags", "v=1", 1, std::nullopt, FlagsShape::kValues},
      {"/flags", "v=two&config=0", 1, false, FlagsShape::kValues},
      {"/flags", "v=2x", 1, std::nullopt, FlagsShape::kValues},
      {"/flags", "version=3", 3, std::nullopt, FlagsShape::kDetails},
      {"/flags", "config=true", std::nullopt, true, FlagsShape::kValues},
      {"/flags", "v=&config=", std::nullopt, true, FlagsShape::kValues},
      {"/flags", "v=2&config", 2, true, FlagsShape::kDetails},
      {"/flags", "v=2&config=yes", 2, true, FlagsShape::kDetails},
      {"/flags", "v=2&config=NO", 2, false, FlagsShape::kDetails},
      {"/flags", "v=2&config=off", 2, false, FlagsShape::kDetails},
      {"/decide", "", std::nullopt, true, FlagsShape::kEnabledArray},
      {"/decide/", "v=2", 2, true, FlagsShape::kEnabledObject},
      {"/decide", "v=3&config=false", 3, false, FlagsShape::kValues},
      {"/decide", "v=4", 4, true, FlagsShape::kDetails},
      {"/decide", "v=-7", -7, true, FlagsShape::kEnabledArray},
  };
  for (const QueryCase& c : kCases) {
    const FlagQuery query = ReadFlagQuery(c.path, c.query);
    EXPECT_EQ(query.version, c.version) << c.path << "?" << c.query;
    EXPECT_EQ(query.config, c.config) << c.path << "?" << c.query;
    EXPECT_EQ(query.shape, c.shape) << c.path << "?" << c.query;
  }
}

absl::StatusOr<std::unique_ptr<FlagRequest>> Read(std::string body, const char* type = "",
                                                  const char* query = "") {
  HttpRequest request;
  request.body = std::move(body);
  if (*type != '\0') request.headers.Add("content-type", type);
  return ReadFlagRequest(&request, ReadFlagQuery("/flags", query), kBytesMax);
}

constexpr char kBody[] = R"({"api_key":"t","distinct_id":"d"})";
constexpr char kForm[] = "application/x-www-form-urlencoded";

TEST(FlagRequest, ComesInEveryEncoding) {
  const std::string base64 = Base64Encode(kBody);
  const std::pair<std::string, const char*> kSound[] = {
      {kBody, ""},
      {kBody, "text/plain; charset=utf-8"},
      {kBody, "APPLICATION/JSON"},
      {base64, ""},
      {PercentEncode(base64), "application/json"},
      {"data=" + base64, kForm},
      {"data=" + PercentEncode(base64), kForm},
      {base64, kForm},
      {"{api_key:'t',distinct_id:'d',}", ""},
  };
  for (const auto& [body, type] : kSound) {
    const auto read = Read(body, type);
    ASSERT_TRUE(read.ok()) << body << ": " << read.status();
    EXPECT_EQ((*read)->token, "t") << body;
    EXPECT_EQ((*read)->distinct_id, "d") << body;
  }
  for (const auto& [body, type] : {std::pair("hello", ""), std::pair("", ""), std::pair("[1]", ""),
                                   std::pair(kBody, "text/html"), std::pair(kBody, kForm)}) {
    EXPECT_EQ(Read(body, type).status().code(), absl::StatusCode::kInvalidArgument) << body;
  }
  EXPECT_FALSE(Read(kBody, "", "compression=lz64").ok());
  EXPECT_FALSE(Read(kBody, "", "compression=gzip").ok());
  EXPECT_TRUE(Read(kBody, "", "compression=").ok());
  EXPECT_EQ(Read(std::string(kBytesMax + 1, ' ')).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(FlagRequest, CompressionIsNamedInAnyCase) {
  EXPECT_TRUE(Read(Base64Encode(kBody), "", "compression=Base64").ok());
  EXPECT_EQ(Read(kBody, "", "compression=GZIP").status().message(),
            Read(kBody, "", "compression=gzip").status().message());
}

TEST(FlagRequest, TheAnonymousIdMayBeAProperty) {
  const auto id = [](std::string_view fields) -> std::string {
    const auto read = Read(StrCat(R"({"token":"t","distinct_id":"d",)", fields, "}"));
    return read.ok() ? std::string((*read)->anon_distinct_id.value_or("none")) : "refused";
  };
  EXPECT_EQ(id(R"("$anon_distinct_id":"a","person_properties":{"$anon_distinct_id":"b"})"), "a");
  EXPECT_EQ(id(R"("person_properties":{"$anon_distinct_id":"b"})"), "b");
  EXPECT_EQ(id(R"("person_properties":{"$anon_distinct_id":7})"), "none");
  EXPECT_EQ(id(R"("$anon_distinct_id":"$posthog_cookieless",)"
               R"("person_properties":{"$anon_distinct_id":"b"})"),
            "none");
  EXPECT_EQ(id(R"("person_properties":{"$anon_distinct_id":"$posthog_cookieless"})"), "none");
}

TEST(FlagRequest, NullIsAbsentAndAWrongTypeIsRefused) {
  const char* const kFields[] = {"distinct_id",
                                 "person_properties",
                                 "groups",
                                 "group_properties",
                                 "$anon_distinct_id",
                                 "$device_id",
                                 "geoip_disable",
                                 "disable_flags",
                                 "flag_keys",
                                 "evaluation_runtime",
                                 "evaluation_contexts",
                                 "token",
                                 "$group_properties",
                                 "timezone"};
  for (const char* field : kFields) {
    EXPECT_TRUE(Read(StrCat(R"({"token":"t","distinct_id":"d",")", field, "\":null}")).ok())
        << field;
    EXPECT_FALSE(Read(StrCat("{\"", field, "\":[[7]]}")).ok()) << field;
  }
}

TEST(FlagRequest, ReadsItsFields) {
  const std::string id(300, 'x');
  const auto read = Read(StrCat(R"({"$token":"t","distinct_id":")", id,
                                R"(","person_properties":{"a":1.0,"$device_id":"dev"},)"
                                R"("groups":{"company":5,"p":true},)"
                                R"("group_properties":{"company":{"size":3}},)"
                                R"("flag_keys_to_evaluate":["k"],"evaluation_runtime":"SERVER",)"
                                R"("evaluation_environments":["prod"],"device_id":""})"));
  ASSERT_TRUE(read.ok()) << read.status();
  const FlagRequest& request = **read;
  EXPECT_EQ(request.distinct_id, std::string(200, 'x'));
  EXPECT_EQ(request.device_id, "dev");
  EXPECT_EQ(request.person_properties.Find("a")->text, "1.0");
  EXPECT_EQ(request.groups.at(0).second.text, "5");
  EXPECT_EQ(request.groups.at(1).second.kind, FlagValue::Kind::kBool);
  EXPECT_EQ(request.GroupProperties("company")->Find("size")->text, "3");
  EXPECT_EQ(request.GroupProperties("p"), nullptr);
  EXPECT_EQ(request.flag_keys, std::vector<std::string>{"k"});
  EXPECT_EQ(request.runtime, FlagRuntime::kServer);
  EXPECT_EQ(request.contexts, std::vector<std::string>{"prod"});
}

TEST(FlagRequest, RuntimeIsGuessedFromHeaders) {
  struct Case {
    const char* header;
    const char* value;
    std::optional<FlagRuntime> runtime;
  };
  const Case kCases[] = {
      {"user-agent", "Mozilla/5.0 (X11)", FlagRuntime::kClient},
      {"user-agent", "posthog-node/5.1", FlagRuntime::kServer},
      {"user-agent", "python-requests/2.31", FlagRuntime::kServer},
      {"user-agent", "curl/8", FlagRuntime::kServer},
      {"user-agent", "posthog-ios/3", FlagRuntime::kClient},
      {"user-agent", "my posthog-node/5.1", std::nullopt},
      {"sec-fetch-mode", "cors", FlagRuntime::kClient},
      {"accept", "*/*", std::nullopt},
  };
  for (const Case& c : kCases) {
    HttpHeaders headers;
    headers.Add(c.header, c.value);
    EXPECT_EQ(RuntimeOf(headers, std::nullopt), c.runtime) << c.value;
    EXPECT_EQ(RuntimeOf(headers, FlagRuntime::kAll), FlagRuntime::kAll) << c.value;
  }
}

}  // namespace
}  // namespace hoglet
