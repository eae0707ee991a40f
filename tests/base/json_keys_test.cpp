#include "src/base/json_keys.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "src/base/json.h"
#include "src/base/key_ids.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

JsonObjectView Parse(const std::string& text, Arena* arena) {
  JsonObjectView members;
  const absl::Status status = ParseJsonObject(text, arena, &members);
  EXPECT_TRUE(status.ok()) << status << " " << text;
  return members;
}

TEST(KeyIds, KnownNamesHaveTheirPlaces) {
  for (size_t i = 0; i < kKnownKeyIdMax; ++i) {
    EXPECT_EQ(KnownKeyId(kKnownKeys[i]), i + 1) << kKnownKeys[i] << " stands there twice";
    EXPECT_EQ(FindKeyId(kKnownKeys[i]), i + 1);
  }
  EXPECT_EQ(KeyRef("$ip").id(), KnownKeyId("$ip"));
  EXPECT_EQ(KeyRef("no such name").id(), kNoKeyId);
}

TEST(KeyIds, ANumberIsGivenOnce) {
  EXPECT_EQ(FindKeyId("key_ids_test a"), kNoKeyId);
  const KeyId a = MakeKeyId("key_ids_test a");
  EXPECT_GT(a, kKnownKeyIdMax);
  EXPECT_EQ(MakeKeyId("key_ids_test a"), a);
  EXPECT_EQ(FindKeyId("key_ids_test a"), a);
  EXPECT_NE(MakeKeyId("key_ids_test b"), a);
  EXPECT_EQ(MakeKeyId(std::string_view("x\0y", 3)), kNoKeyId);
}

TEST(KeyIds, NamesAreToldByNumberOrText) {
  const JsonMember numbered{.key = "$ip", .key_id = KnownKeyId("$ip")};
  const JsonMember plain{.key = "$ip"};
  for (const JsonMember& member : {numbered, plain}) {
    EXPECT_TRUE(KeyRef("$ip").Names(member));
    EXPECT_TRUE(KeyRef(std::string_view("$ip")).Names(member));
    EXPECT_FALSE(KeyRef("$os").Names(member));
    EXPECT_FALSE(KeyRef(std::string_view("$os")).Names(member));
  }
}

JsonKeyPaths::Node* Follow(const JsonKeyPaths::Node* at, const std::string& text) {
  const std::string padded = text + std::string(JsonKeyPaths::kSlack, ' ');
  return JsonKeyPaths::Follow(at, padded.data(), padded.data() + padded.size());
}

TEST(JsonKeys, APathIsFollowedOnceItWasTaken) {
  JsonKeyPaths paths;
  auto* const root = paths.Root(JsonKeyPaths::kOuter);
  EXPECT_EQ(Follow(root, "\"a\":1"), nullptr);
  auto* const a = paths.Step(root, "a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(Follow(root, "\"a\":1"), a);
  EXPECT_EQ(Follow(root, "\"a\" :1"), nullptr);
  EXPECT_EQ(Follow(root, "\"ab\":1"), nullptr);
  const std::string short_text = "\"a\":12345";
  EXPECT_EQ(JsonKeyPaths::Follow(root, short_text.data(), short_text.data() + short_text.size()),
            nullptr);
  auto* const b = paths.Step(root, "b");
  EXPECT_NE(b, a);
  EXPECT_EQ(Follow(root, "\"b\":1"), b);
  EXPECT_EQ(paths.Step(root, "a"), a);
  EXPECT_FALSE(paths.Step(a, "b")->is_repeat);
  EXPECT_TRUE(paths.Step(paths.Step(a, "b"), "a")->is_repeat);
  EXPECT_NE(paths.Root(JsonKeyPaths::kInner), root);
}

TEST(JsonKeys, KeysOfAnyLengthAreToldApart) {
  JsonKeyPaths paths;
  for (size_t length = 0; length <= 64; ++length) {
    auto* const root = paths.Root(JsonKeyPaths::kOuter);
    const std::string key(length, 'k');
    auto* const node = paths.Step(root, key);
    const std::string text = "\"" + key + "\":0";
    EXPECT_EQ(Follow(root, text), node) << length;
    for (size_t i = 0; i < length + 3; ++i) {
      std::string other = text;
      other[i] = 'x';
      EXPECT_EQ(Follow(root, other), nullptr) << length << " at " << i;
    }
  }
}

TEST(JsonKeys, NamesGetANumberWhenTheyRepeat) {
  Arena arena;
  const std::string once = R"({"json_keys_test once":1})";
  EXPECT_EQ(Parse(once, &arena)[0].key_id, kNoKeyId);
  const std::string often = R"({"json_keys_test often":1, "$ip":"::1"})";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Parse(often, &arena)[1].key_id, KnownKeyId("$ip"));
  const KeyId id = Parse(often, &arena)[0].key_id;
  EXPECT_NE(id, kNoKeyId);
  EXPECT_EQ(id, FindKeyId("json_keys_test often"));
  EXPECT_EQ(FindKeyId("json_keys_test once"), kNoKeyId);
  // An escaped name is the same name, but has no number.
  const JsonObjectView escaped = Parse(R"({"\u0024ip":1, "$ip":2, "x":3})", &arena);
  ASSERT_EQ(escaped.size(), 2u);
  EXPECT_EQ(escaped[0].integer, 1);
  EXPECT_EQ(escaped[0].key_id, kNoKeyId);
}

// Objects of all kinds in any order: with the paths of those before, each is read as if alone.
TEST(JsonKeys, WhatWasReadBeforeDoesNotMatter) {
  std::mt19937_64 random(7);
  const auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  Arena arena;
  for (int round = 0; round < 20'000; ++round) {
    const size_t names = round % 100 == 0 ? 30'000 : 12;
    const size_t count = round % 97 == 0 ? 300 : below(12);
    std::string text = "{";
    std::string expected;
    StringSet<std::string> seen;
    for (size_t i = 0; i < count; ++i) {
      std::string name = "k" + std::to_string(below(names));
      if (below(40) == 0) name += std::string(below(300), '.');
      const bool is_escaped = below(20) == 0;
      text += i > 0 ? (below(10) == 0 ? " , " : ",") : "";
      text += "\"" + (is_escaped ? "\\u006b" + name.substr(1) : name) + "\"";
      text += below(10) == 0 ? " : " : ":";
      text += std::to_string(i);
      if (seen.insert(name).second) expected += name + "=" + std::to_string(i) + ";";
    }
    text += "}";
    std::string read;
    for (const JsonMember& member : Parse(text, &arena)) {
      read += std::string(member.key) + "=" + std::to_string(member.integer) + ";";
      if (member.key_id != kNoKeyId) {
        ASSERT_EQ(member.key_id, FindKeyId(member.key)) << text;
      }
    }
    ASSERT_EQ(read, expected) << text;
    arena.Reset();
  }
}

}  // namespace
}  // namespace hoglet
