#include "src/http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/base/strings.h"

namespace hoglet {
namespace {

using testing::HasSubstr;

constexpr char kType[] = "multipart/form-data; boundary=xx";

std::string Part(const std::string& disposition, const std::string& content) {
  return StrCat("--xx\r\nContent-Disposition: form-data; ", disposition, "\r\n\r\n", content,
                "\r\n");
}

TEST(MultipartForm, HasFieldsAndFiles) {
  const std::string body = StrCat(
      "ignored\r\n", Part("name=\"a\"", "1"),
      Part("name=\"c\\\"d\"; filename=\"f;g.csv\"", "x\r\n--x\r\n\r\n"), Part("name=e", ""),
      "--xx\r\ncontent-type: text/csv\r\nContent-Disposition: form-data; FileName=\"h\"; Name=\"i\""
      "\r\n\r\nj\r\n--xx--\r\nignored");
  const auto parts = ParseMultipartForm(kType, body);
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_EQ(parts->size(), 4u);
  EXPECT_EQ((*parts)[0].content, "1");
  EXPECT_EQ((*parts)[0].filename, "");
  EXPECT_EQ((*parts)[1].name, "c\"d");
  EXPECT_EQ((*parts)[1].filename, "f;g.csv");
  EXPECT_EQ((*parts)[1].content, "x\r\n--x\r\n\r\n");
  EXPECT_EQ((*parts)[2].content, "");
  EXPECT_EQ((*parts)[3].content_type, "text/csv");
  EXPECT_EQ((*parts)[3].filename, "h");
  EXPECT_EQ(FindFormPart(*parts, "i"), &(*parts)[3]);
  EXPECT_EQ(FindFormPart(*parts, "z"), nullptr);
}

TEST(MultipartForm, BoundaryMayBeQuoted) {
  EXPECT_TRUE(ParseMultipartForm("Multipart/Form-Data; charset=utf-8; boundary=\"xx\"",
                                 StrCat(Part("name=a", "1"), "--xx--"))
                  .ok());
  EXPECT_TRUE(IsMultipartForm("Multipart/Form-Data; boundary=x"));
  EXPECT_FALSE(IsMultipartForm("multipart/mixed; boundary=x"));
  EXPECT_FALSE(IsMultipartForm("application/json"));
}

struct BadCase {
  const char* name;
  std::string type;
  std::string body;
  const char* message;
};

std::string Many(size_t count) {
  std::string body;
  for (size_t i = 0; i < count; ++i) body += Part("name=a", "");
  return body + "--xx--";
}

TEST(MultipartForm, SaysWhatIsWrong) {
  const BadCase cases[] = {
      {"no boundary", "multipart/form-data", "", "no boundary"},
      {"empty boundary", "multipart/form-data; boundary=\"\"", "", "no boundary"},
      {"long boundary", StrCat("multipart/form-data; boundary=", std::string(71, 'x')), "",
       "no boundary"},
      {"another boundary", kType, "--yy\r\n", "the boundary is missing"},
      {"no parts", kType, "--xx--", "no parts"},
      {"no end", kType, Part("name=a", "1"), "a part does not end"},
      {"boundary goes on", kType, "--xxy\r\n\r\n--xx--", "does not end its line"},
      {"no name", kType, StrCat(Part("filename=a", "1"), "--xx--"), "no name"},
      {"no headers", kType, "--xx\r\n", "too long, or do not end"},
      {"headers too long", kType, Part(std::string(kFormHeaderBytesMax, 'a'), ""), "too long"},
      {"no colon", kType, "--xx\r\nabc\r\n\r\n\r\n--xx--", "no colon"},
      {"too many", kType, Many(kFormPartsMax + 1), "too many parts"},
  };
  for (const BadCase& c : cases) {
    const auto parts = ParseMultipartForm(c.type, c.body);
    ASSERT_FALSE(parts.ok()) << c.name;
    EXPECT_THAT(std::string(parts.status().message()), HasSubstr(c.message)) << c.name;
  }
  EXPECT_TRUE(ParseMultipartForm(kType, Many(kFormPartsMax)).ok());
}

}  // namespace
}  // namespace hoglet
