#include "src/metadata/metadata_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_format.h"
#include "src/base/crc32c.h"
#include "src/base/fault_env.h"
#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/base/uuid.h"
#include "src/metadata/metadata_codec.h"

namespace hoglet {
namespace {

constexpr char kFile[] = "data/metadata.json";

TEST(MetadataStore, IsCreatedWithAProjectAndAKey) {
  MemoryEnv env;
  auto store = MetadataStore::Open(&env, "data");
  ASSERT_TRUE(store.ok()) << store.status();
  const std::vector<Project> projects = (*store)->Projects();
  ASSERT_EQ(projects.size(), 1u);
  EXPECT_EQ(projects[0].id, 1);
  EXPECT_TRUE(projects[0].api_token.starts_with("phc_"));
  EXPECT_GE(projects[0].api_token.size(), 40u);
  EXPECT_TRUE((*store)->initial_api_key().starts_with("phx_"));
  EXPECT_EQ((*store)->FindProjectByToken(projects[0].api_token)->id, 1);
  EXPECT_FALSE((*store)->FindProjectByToken("phc_other").has_value());
  EXPECT_TRUE((*store)->FindApiKey((*store)->initial_api_key()).has_value());
  EXPECT_FALSE((*store)->FindApiKey("phx_other").has_value());
}

TEST(MetadataStore, KeepsNoTextOfAKey) {
  MemoryEnv env;
  const auto store = *MetadataStore::Open(&env, "data");
  EXPECT_EQ(env.Contents(kFile).find(store->initial_api_key()), std::string::npos);
  const std::string mask = store->ApiKeys()[0].mask;
  EXPECT_TRUE(store->initial_api_key().starts_with(mask.substr(0, 8)));
  EXPECT_LT(mask.size(), 20u);
}

TEST(MetadataStore, SurvivesACrash) {
  MemoryEnv env;
  std::string token;
  std::string key;
  std::string first_key;
  {
    const auto store = *MetadataStore::Open(&env, "data");
    first_key = store->initial_api_key();
    Project project = *store->FindProject(1);
    project.name = "Shop";
    project.timezone = "Europe/Berlin";
    project.week_start_day = 1;
    project.anonymize_ips = true;
    const uint64_t version = store->version();
    ASSERT_TRUE(store->UpdateProject(project).ok());
    EXPECT_GT(store->version(), version);
    token = *store->ResetProjectToken(1);
    key = *store->CreateApiKey("script");
  }
  env.CrashDroppingAll();
  const auto store = *MetadataStore::Open(&env, "data");
  EXPECT_TRUE(store->initial_api_key().empty());
  const Project project = *store->FindProjectByToken(token);
  EXPECT_EQ(project.name, "Shop");
  EXPECT_EQ(project.timezone, "Europe/Berlin");
  EXPECT_EQ(project.week_start_day, 1);
  EXPECT_TRUE(project.anonymize_ips);
  EXPECT_EQ(store->FindApiKey(key)->label, "script");
  EXPECT_TRUE(store->FindApiKey(first_key).has_value());
  ASSERT_TRUE(store->DeleteApiKey(store->FindApiKey(key)->id).ok());
  EXPECT_FALSE(store->FindApiKey(key).has_value());
  EXPECT_EQ(store->DeleteApiKey(99).code(), absl::StatusCode::kNotFound);
}

TEST(MetadataStore, RefusesWhatMakesNoSense) {
  MemoryEnv env;
  const auto store = *MetadataStore::Open(&env, "data");
  const Project good = *store->FindProject(1);
  Project project = good;
  project.timezone = "Mars/Olympus";
  EXPECT_EQ(store->UpdateProject(project).code(), absl::StatusCode::kInvalidArgument);
  project = good;
  project.week_start_day = 2;
  EXPECT_EQ(store->UpdateProject(project).code(), absl::StatusCode::kInvalidArgument);
  project = good;
  project.name = "";
  EXPECT_EQ(store->UpdateProject(project).code(), absl::StatusCode::kInvalidArgument);
  project = good;
  project.drop_events_older_than_s = INT64_MAX / 1000;  // as microseconds it would be negative
  EXPECT_EQ(store->UpdateProject(project).code(), absl::StatusCode::kInvalidArgument);
  project = good;
  project.id = 7;
  project.api_token = "phc_other";
  EXPECT_EQ(store->UpdateProject(project).code(), absl::StatusCode::kNotFound);
}

// A file around them is three levels deeper than the modifiers of a request.
TEST(MetadataStore, ReadsAgainWhatItTookHoweverDeep) {
  for (size_t depth = 120; depth < 130; ++depth) {
    MemoryEnv env;
    {
      const auto store = *MetadataStore::Open(&env, "data");
      Project project = *store->FindProject(1);
      project.modifiers_json =
          StrCat("{\"a\":", std::string(depth - 1, '['), std::string(depth - 1, ']'), "}");
      const absl::Status status = store->UpdateProject(project);
      EXPECT_EQ(status.code(),
                depth <= 125 ? absl::StatusCode::kOk : absl::StatusCode::kInvalidArgument)
          << depth;
    }
    EXPECT_TRUE(MetadataStore::Open(&env, "data").ok()) << depth;
  }
}

TEST(MetadataStore, ChangesAtATimeDoNotUndoEachOther) {
  MemoryEnv env;
  const auto store = *MetadataStore::Open(&env, "data");
  constexpr int kChanges = 200;
  const auto count = [&](auto add) {
    for (int i = 0; i < kChanges; ++i) {
      EXPECT_TRUE(store
                      ->ChangeProject(1,
                                      [&](Project* project) {
                                        add(project);
                                        return absl::OkStatus();
                                      })
                      .ok());
    }
  };
  std::thread other([&] { count([](Project* project) { ++project->events_retention_days; }); });
  count([](Project* project) { ++project->drop_events_older_than_s; });
  other.join();
  EXPECT_EQ(store->FindProject(1)->events_retention_days, kChanges);
  EXPECT_EQ(store->FindProject(1)->drop_events_older_than_s, kChanges);
  const auto refuse = [](Project*) { return absl::InvalidArgumentError("no"); };
  EXPECT_EQ(store->ChangeProject(1, refuse).message(), "no");
  EXPECT_EQ(store->ChangeProject(2, refuse).code(), absl::StatusCode::kNotFound);
}

TEST(MetadataStore, NamesADamagedFile) {
  MemoryEnv env;
  ASSERT_TRUE(MetadataStore::Open(&env, "data").ok());
  const std::string good = env.Contents(kFile);
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string damaged = good;
    damaged[i] ^= 1;
    env.Write(kFile, damaged);
    const auto store = MetadataStore::Open(&env, "data");
    ASSERT_FALSE(store.ok()) << "byte " << i;
    EXPECT_THAT(std::string(store.status().message()), testing::HasSubstr(kFile));
    EXPECT_EQ(env.Contents(kFile), damaged);
  }
  env.Write(kFile, "hoglet-metadata 2 00000000\n{}\n");
  EXPECT_EQ(MetadataStore::Open(&env, "data").status().code(), absl::StatusCode::kUnimplemented);
}

TEST(MetadataStore, KeysKeepWhatTheyMayDo) {
  MemoryEnv env;
  std::string text;
  int64_t id = 0;
  {
    const auto store = *MetadataStore::Open(&env, "data");
    const auto created = store->CreateApiKey({.label = "flags",
                                              .scopes = {"feature_flag:read", "cohort:write"},
                                              .scoped_teams = {1, 7},
                                              .scoped_organizations = {"a", "b"}});
    ASSERT_TRUE(created.ok()) << created.status();
    text = created->text;
    id = created->record.id;
    ASSERT_TRUE(store
                    ->ChangeApiKey(id,
                                   [](PersonalApiKey* key) {
                                     key->label = "new";
                                     key->id = 99;
                                     key->sha256_hex = "x";
                                     return absl::OkStatus();
                                   })
                    .ok());
    PersonalApiKey many{.scopes = std::vector<std::string>(2'000, "a:read")};
    EXPECT_EQ(store->CreateApiKey(many).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store->RollApiKey(99).status().code(), absl::StatusCode::kNotFound);
  }
  auto store = *MetadataStore::Open(&env, "data");
  const PersonalApiKey key = *store->FindApiKey(text);
  EXPECT_EQ(key.id, id);
  EXPECT_EQ(key.label, "new");
  EXPECT_EQ(key.user_id, kOwnerId);
  EXPECT_THAT(key.scopes, testing::ElementsAre("feature_flag:read", "cohort:write"));
  EXPECT_THAT(key.scoped_teams, testing::ElementsAre(1, 7));
  EXPECT_THAT(key.scoped_organizations, testing::ElementsAre("a", "b"));
  env.AdvanceMicros(5);
  const auto rolled = store->RollApiKey(id);
  ASSERT_TRUE(rolled.ok()) << rolled.status();
  EXPECT_FALSE(store->FindApiKey(text).has_value());
  EXPECT_EQ(store->FindApiKey(rolled->text)->id, id);
  EXPECT_EQ(store->FindApiKey(rolled->text)->last_rolled_at_us, env.NowMicros());
}

TEST(MetadataStore, NotesTheUseOfAKeyOnceAnHour) {
  MemoryEnv memory;
  FaultEnv env(&memory);
  auto store = *MetadataStore::Open(&env, "data");
  const auto use = [&] {
    const PersonalApiKey key = *store->FindApiKey(store->initial_api_key());
    store->NoteApiKeyUse(key);
    return store->ApiKeys()[0].last_used_at_us;
  };
  EXPECT_EQ(store->ApiKeys()[0].last_used_at_us, 0);
  const uint64_t before = env.operations();
  const int64_t first = use();
  EXPECT_EQ(first, memory.NowMicros());
  memory.AdvanceMicros(3'599'000'000);
  EXPECT_EQ(use(), first);
  EXPECT_EQ(env.operations(), before);  // nothing was written yet
  ASSERT_TRUE(store->FlushApiKeyUses().ok());
  const uint64_t written = env.operations();
  EXPECT_GT(written, before);
  ASSERT_TRUE(store->FlushApiKeyUses().ok());
  EXPECT_EQ(env.operations(), written);
  memory.AdvanceMicros(1'000'000);
  EXPECT_EQ(use(), memory.NowMicros());
  store.reset();  // which writes it, too
  memory.CrashDroppingAll();
  store = *MetadataStore::Open(&env, "data");
  EXPECT_EQ(store->ApiKeys()[0].last_used_at_us, memory.NowMicros());
}

TEST(MetadataStore, SecretTokens) {
  MemoryEnv env;
  std::string first;
  std::string second;
  {
    const auto store = *MetadataStore::Open(&env, "data");
    first = store->FindProject(1)->secret_api_token;
    EXPECT_TRUE(first.starts_with("phs_"));
    second = *store->RotateSecretToken(1);
    EXPECT_EQ(store->RotateSecretToken(2).status().code(), absl::StatusCode::kNotFound);
  }
  const auto store = *MetadataStore::Open(&env, "data");
  EXPECT_NE(first, second);
  EXPECT_EQ(store->FindProjectBySecret(first)->id, 1);
  EXPECT_EQ(store->FindProjectBySecret(second)->id, 1);
  EXPECT_FALSE(store->FindProjectBySecret("phs_").has_value());
  EXPECT_FALSE(store->FindProjectBySecret("").has_value());
  const std::string third = *store->RotateSecretToken(1);
  EXPECT_FALSE(store->FindProjectBySecret(first).has_value());
  EXPECT_TRUE(store->FindProjectBySecret(second).has_value());
  EXPECT_TRUE(store->FindProjectBySecret(third).has_value());
}

// As the program wrote it before there were users, scopes and secrets.
constexpr char kOldBody[] =
    R"({"organization":{"id":1,"uuid":"018bcfe5-6800-7000-8000-000000000001","name":"O","created_at_us":5},)"
    R"("projects":[{"id":1,"uuid":"018bcfe5-6800-7000-8000-000000000002","name":"P","api_token":"phc_a",)"
    R"("timezone":"UTC","week_start_day":0,"anonymize_ips":false,"person_processing_opt_out":false,)"
    R"("drop_events_older_than_seconds":0,"created_at_us":5}],"api_keys":[{"id":1,"label":"l","sha256":"x",)"
    R"("mask":"phx_","created_at_us":5}],"next_api_key_id":2})";

TEST(MetadataStore, OpensFilesOfBefore) {
  MemoryEnv env;
  const std::string body = StrCat(kOldBody, "\n");
  env.Write(kFile, StrCat("hoglet-metadata 1 ", absl::StrFormat("%08x", Crc32c(body)), "\n", body));
  std::string secret;
  Uuid owner;
  for (int i = 0; i < 2; ++i) {
    const auto store = MetadataStore::Open(&env, "data");
    ASSERT_TRUE(store.ok()) << store.status();
    const User user = *(*store)->FindUser(kOwnerId);
    EXPECT_EQ(user.email, "owner@hoglet.local");
    EXPECT_EQ(UuidVersion(user.uuid), 5);
    const Project project = *(*store)->FindProject(1);
    EXPECT_TRUE(project.secret_api_token.starts_with("phs_"));
    if (i == 1) {
      EXPECT_EQ(user.uuid, owner);
      EXPECT_EQ(project.secret_api_token, secret);
    }
    owner = user.uuid;
    secret = project.secret_api_token;
    EXPECT_EQ((*store)->ApiKeys()[0].user_id, kOwnerId);
    EXPECT_TRUE((*store)->ApiKeys()[0].scopes.empty());
    EXPECT_EQ((*store)->has_objects(), i == 1);
    ASSERT_TRUE((*store)->RememberObjects().ok());
  }
}

TEST(MetadataStore, AFullDiskChangesNothing) {
  MemoryEnv env;
  const auto store = *MetadataStore::Open(&env, "data");
  Project project = *store->FindProject(1);
  project.name = "New";
  env.SetCapacityBytes(env.UsedBytes());
  EXPECT_FALSE(store->UpdateProject(project).ok());
  EXPECT_EQ(store->FindProject(1)->name, "Default project");
}

}  // namespace
}  // namespace hoglet
