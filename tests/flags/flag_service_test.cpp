#include "src/flags/flag_service.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "src/base/memory_env.h"
#include "src/base/strings.h"
#include "src/flags/flag_set.h"

namespace hoglet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr TeamId kTeam = 3;

class OneProject : public TokenDirectory {
 public:
  bool IsKnownToken(std::string_view token) const override { return token == "t"; }
  std::optional<TeamId> FindTeam(std::string_view) const override { return kTeam; }
  SdkSettings SettingsOf(std::string_view) const override { return {.has_feature_flags = true}; }
};

// A source whose persons come at once, late, or not at all.
class FakeSource : public FlagSource {
 public:
  enum class Persons { kInMemory, kOnDisk, kFail, kHang };

  explicit FakeSource(std::vector<std::string> flags) {
    FlagSetSource source;
    source.team_id = kTeam;
    source.group_types = {"company"};
    source.flags = std::move(flags);
    set_ = FlagSet::Compile(std::move(source));
  }
  ~FakeSource() override { Release(); }

  std::shared_ptr<const FlagSet> Flags(TeamId) override { return set_; }
  std::optional<PersonStore::Facts> Remember(const PersonStore::FactsWanted& wanted) override {
    ++asked;
    if (persons != Persons::kInMemory) return std::nullopt;
    return FactsOf(wanted);
  }
  absl::StatusOr<PersonStore::Facts> Ask(const PersonStore::FactsWanted& wanted) override {
    if (persons == Persons::kFail) return absl::DataLossError("damaged");
    if (persons == Persons::kHang) {
      std::unique_lock lock(mutex_);
      released_.wait(lock, [&] { return is_released_; });
    }
    return FactsOf(wanted);
  }
  bool FindPlace(std::string_view ip, Arena*, JsonObjectView* facts) override {
    if (ip != "1.2.3.4") return false;
    facts->push_back({.key = "country_code", .kind = JsonKind::kString, .text = "DE"});
    return true;
  }
  bool IsMember(TeamId, int64_t, const Uuid&) override { return false; }
  void KeepHashKeys(const FlagHashKeyWrite& write,
                    std::function<void(absl::StatusOr<uint64_t>)> done) override {
    writes.push_back(write);
    if (write_status.ok()) {
      done(writes.size() - 1);
    } else {
      done(write_status);
    }
  }
  uint64_t applied() const override { return applied_to; }
  void Release() {
    std::lock_guard lock(mutex_);
    is_released_ = true;
    released_.notify_all();
  }

  Persons persons = Persons::kInMemory;
  PersonStore::Facts facts;
  std::atomic<int> asked{0};
  std::vector<FlagHashKeyWrite> writes;
  absl::Status write_status;
  uint64_t applied_to = 0;

 private:
  PersonStore::Facts FactsOf(const PersonStore::FactsWanted& wanted) const {
    PersonStore::Facts out = facts;
    out.groups.resize(wanted.groups.size());
    return out;
  }

  std::shared_ptr<const FlagSet> set_;
  std::mutex mutex_;
  std::condition_variable released_;
  bool is_released_ = false;
};

std::string Flag(int id, std::string_view key, std::string_view properties,
                 std::string_view extra = "") {
  return StrCat(R"({"id":)", id, R"(,"key":")", key, R"(","active":true,"filters":{"groups":[{)",
                R"("properties":[)", properties, R"(],"rollout_percentage":100}]})", extra, "}");
}

constexpr char kPlanIsPro[] = R"({"key":"plan","type":"person","operator":"exact","value":"pro"})";

PersonPtr MakePerson(uint8_t id, std::string_view properties) {
  auto person = std::make_shared<Person>();
  person->team_id = kTeam;
  person->id.bytes[15] = id;
  person->properties = *PropertySet::Parse(properties);
  return person;
}

// A service over the source; requests are answered before Ask() returns.
class FlagServiceTest : public testing::Test {
 protected:
  void Serve(std::vector<std::string> flags, FlagService::Options options = {}) {
    source = std::make_unique<FakeSource>(std::move(flags));
    service =
        std::make_unique<FlagService>(Env::Posix(), &project, source.get(), options, &metrics);
  }
  void TearDown() override {
    if (source != nullptr) source->Release();
    service.reset();
  }

  HttpResponse Send(const std::string& body, const std::string& query = "v=2",
                    const std::string& path = "/flags/", const std::string& method = "POST") {
    HttpRequest request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    request.peer_ip = peer_ip;
    struct Answer {
      std::mutex mutex;
      std::condition_variable changed;
      std::optional<HttpResponse> response;
    };
    auto answer = std::make_shared<Answer>();
    service->Handle(std::move(request), [answer](HttpResponse response) {
      std::lock_guard lock(answer->mutex);
      EXPECT_FALSE(answer->response.has_value()) << "answered twice";
      answer->response = std::move(response);
      answer->changed.notify_all();
    });
    std::unique_lock lock(answer->mutex);
    answer->changed.wait(lock, [&] { return answer->response.has_value(); });
    return *answer->response;
  }
  std::string Ask(const std::string& more = "", const std::string& query = "v=2",
                  const std::string& path = "/flags/") {
    const HttpResponse response =
        Send(StrCat(R"({"token":"t","distinct_id":"d")", more, "}"), query, path);
    EXPECT_EQ(response.status, 200) << response.Body();
    return std::string(response.Body());
  }

  std::string peer_ip;
  MetricRegistry metrics;
  OneProject project;
  std::unique_ptr<FakeSource> source;
  std::unique_ptr<FlagService> service;
};

TEST_F(FlagServiceTest, EveryVersionHasItsShape) {
  Serve({Flag(1, "on", "", R"(,"version":4)"), Flag(2, "off", kPlanIsPro)});
  const std::string details = Ask();
  EXPECT_THAT(details,
              HasSubstr(R"("errorsWhileComputingFlags":false,"flags":{"on":{"key":"on",)"
                        R"("enabled":true,"variant":null,"reason":{"code":"condition_match",)"
                        R"("condition_index":0,"description":"Matched condition set 1"},)"
                        R"("metadata":{"id":1,"version":4,"description":null,"payload":null,)"
                        R"("has_experiment":false}},"off":{"key":"off","enabled":false)"));
  EXPECT_THAT(details, Not(HasSubstr("supportedCompression")));
  EXPECT_THAT(Ask("", "v=1"),
              HasSubstr(R"("featureFlags":{"on":true,"off":false},"featureFlagPayloads":{})"));
  EXPECT_THAT(Ask("", "v=3", "/decide"), HasSubstr(R"("featureFlags":{"on":true,"off":false})"));
  EXPECT_THAT(Ask("", "v=2", "/decide"), HasSubstr(R"("featureFlags":{"on":true},"requestId")"));
  EXPECT_THAT(Ask("", "", "/decide"), HasSubstr(R"("featureFlags":["on"])"));
  EXPECT_THAT(Ask("", ""), HasSubstr(R"("hasFeatureFlags":true)"));
  EXPECT_THAT(Ask(R"(,"disable_flags":true)"), HasSubstr(R"("flags":{})"));
  EXPECT_THAT(Ask(R"(,"flag_keys":["off"])"), Not(HasSubstr("\"on\"")));
}

TEST_F(FlagServiceTest, RefusesWhatItCannotAnswer) {
  Serve({}, {.body_bytes_max = 100});
  const auto is = [&](const char* body, int status, const char* part) {
    const HttpResponse response = Send(body);
    EXPECT_EQ(response.status, status) << body;
    EXPECT_THAT(std::string(response.Body()), HasSubstr(part)) << body;
  };
  is("{}", 401, R"("code":"not_authenticated")");
  is(R"({"token":"x","distinct_id":"d"})", 401, R"("code":"authentication_failed")");
  is(R"({"token":"t"})", 400, "The distinct_id field is missing");
  is(R"({"token":"t","distinct_id":""})", 200, R"("flags":{})");
  is("nonsense!", 400, "Failed to decode request: invalid JSON.");
  is(std::string(200, ' ').c_str(), 413, "too large");
  EXPECT_THAT(std::string(Send("", "v=2", "/flags", "GET").Body()), HasSubstr(R"("flags":{})"));
  EXPECT_THAT(std::string(Send("", "v=1", "/flags", "GET").Body()),
              HasSubstr(R"("featureFlags":{},"featureFlagPayloads":{})"));
}

TEST_F(FlagServiceTest, LimitsTheRequestsOfAProject) {
  Serve({}, {.requests_per_second = 1, .requests_burst = 2});
  for (int i = 0; i < 2; ++i) Ask();
  const HttpResponse response = Send(R"({"token":"t","distinct_id":"d"})");
  EXPECT_EQ(response.status, 429);
  EXPECT_THAT(std::string(response.Body()), HasSubstr(R"("code":"rate_limit_exceeded")"));
  EXPECT_EQ(response.headers.Find("retry-after"), "1");
}

TEST_F(FlagServiceTest, AsksForAPersonOnlyIfAFlagDoes) {
  Serve({Flag(1, "all", "")});
  Ask();
  EXPECT_EQ(source->asked, 0);
  Serve({Flag(1, "pros", kPlanIsPro)});
  source->facts.person = MakePerson(1, R"({"plan":"pro"})");
  EXPECT_THAT(Ask(), HasSubstr(R"("enabled":true)"));
  EXPECT_EQ(source->asked, 1);
}

TEST_F(FlagServiceTest, KnowsWhereTheClientIs) {
  const std::string germans = R"({"key":"$geoip_country_code","operator":"exact","value":"DE"})";
  Serve({Flag(1, "germans", germans)});
  peer_ip = "1.2.3.4";
  EXPECT_THAT(Ask(), HasSubstr(R"("enabled":true)"));
  EXPECT_THAT(Ask(R"(,"geoip_disable":true)"), HasSubstr(R"("enabled":false)"));
  EXPECT_THAT(Ask(R"(,"person_properties":{"$geoip_country_code":"AT"})"),
              HasSubstr(R"("enabled":false)"));
  EXPECT_THAT(Ask(R"(,"person_properties":{"$geoip_country_code":null})"),
              HasSubstr(R"("enabled":true)"));
  peer_ip = "5.6.7.8";
  EXPECT_THAT(Ask(), HasSubstr(R"("enabled":false)"));
}

TEST_F(FlagServiceTest, WaitsForThePersonOnDisk) {
  Serve({Flag(1, "pros", kPlanIsPro)});
  source->persons = FakeSource::Persons::kOnDisk;
  source->facts.person = MakePerson(1, R"({"plan":"pro"})");
  EXPECT_THAT(Ask(), HasSubstr(R"("enabled":true)"));
}

// Flags that need no stored person are answered as ever.
void ExpectAnsweredWithout(const std::string& answer, std::string_view code) {
  EXPECT_THAT(answer, HasSubstr(R"("errorsWhileComputingFlags":true)"));
  EXPECT_THAT(answer, HasSubstr(R"("all":{"key":"all","enabled":true)"));
  EXPECT_THAT(answer, HasSubstr(R"("pros":{"key":"pros","enabled":false,"variant":null,)"
                                R"("failed":true,"reason":{"code":")" +
                                std::string(code)));
}

TEST_F(FlagServiceTest, AFailingStoreFailsOnlyWhatNeedsIt) {
  Serve({Flag(1, "all", ""), Flag(2, "pros", kPlanIsPro)});
  source->persons = FakeSource::Persons::kFail;
  ExpectAnsweredWithout(Ask(), "database_error");
  // What the request says itself needs no store.
  EXPECT_THAT(Ask(R"(,"person_properties":{"plan":"pro"})"),
              HasSubstr(R"("errorsWhileComputingFlags":false)"));
}

TEST_F(FlagServiceTest, ASlowStoreIsNotWaitedFor) {
  Serve({Flag(1, "all", ""), Flag(2, "pros", kPlanIsPro)},
        {.reading_threads = 1, .reading_queue_max = 1, .reading_us_max = 20'000});
  source->persons = FakeSource::Persons::kHang;
  // The first hangs, the second waits in the queue, for others there is no room.
  ExpectAnsweredWithout(Ask(), "timeout:person_properties");
  ExpectAnsweredWithout(Ask(), "timeout:person_properties");
  ExpectAnsweredWithout(Ask(), "database_error");
  source->Release();
  service->Stop();
}

class Continuity : public FlagServiceTest {
 protected:
  void ServeContinuity() {
    // Of half of the visitors: what cannot be otherwise needs no hash.
    std::string kept = Flag(1, "kept", "", R"(,"ensure_experience_continuity":true)");
    kept.replace(kept.find("100"), 3, "50");
    Serve({kept, Flag(2, "other", "")});
    source->facts.person = MakePerson(1, "{}");
  }
  static constexpr char kAnon[] = R"(,"$anon_distinct_id":"anon")";
};

TEST_F(Continuity, KeepsTheHashKeyOnce) {
  ServeContinuity();
  Ask();
  EXPECT_TRUE(source->writes.empty()) << "nothing was said of who it was before";
  Ask(kAnon);
  ASSERT_EQ(source->writes.size(), 1u);
  const FlagHashKeyWrite& write = source->writes[0];
  EXPECT_EQ(write.team_id, kTeam);
  EXPECT_EQ(write.distinct_ids, (std::vector<std::string>{"d", "anon"}));
  EXPECT_EQ(write.flags, std::vector<std::string>{"kept"});
  EXPECT_EQ(write.hash_key, "anon");
  Ask(kAnon);
  EXPECT_EQ(source->writes.size(), 1u) << "it is on its way";
  // Another device's is not kept, and does not count.
  Ask(R"(,"$anon_distinct_id":"elsewhere")");
  EXPECT_EQ(source->writes.size(), 1u);
}

// Whether the flag is on shows which key was hashed.
TEST_F(Continuity, TheNextRequestSeesTheKeyBeforeTheStoreDoes) {
  ServeContinuity();
  const auto is_on = [this](const std::string& more) {
    return Ask(more).find(R"("kept":{"key":"kept","enabled":true)") != std::string::npos;
  };
  // An id whose bucket is the other one.
  const bool is_on_by_itself = is_on("");
  std::string anon = "a";
  while (is_on(StrCat(R"(,"$anon_distinct_id":")", anon, "\"")) == is_on_by_itself) {
    anon += 'a';
    ServeContinuity();
  }
  EXPECT_NE(is_on(""), is_on_by_itself);
  // Once it was applied the store says what there is.
  source->applied_to = source->writes.size();
  EXPECT_EQ(is_on(""), is_on_by_itself);
}

TEST_F(Continuity, WritesNothingThatIsThereOrForNobody) {
  ServeContinuity();
  source->facts.hash_keys = {{"kept", "earlier"}};
  Ask(kAnon);
  EXPECT_TRUE(source->writes.empty());
  ServeContinuity();
  source->facts.person = nullptr;
  Ask(kAnon);
  EXPECT_TRUE(source->writes.empty());
  ServeContinuity();
  Ask(R"(,"$anon_distinct_id":"anon","flag_keys":["other"])");
  EXPECT_TRUE(source->writes.empty()) << "no flag of the answer keeps anything";
}

TEST_F(Continuity, AWriteThatFailsFailsThoseFlags) {
  ServeContinuity();
  source->write_status = absl::ResourceExhaustedError("disk full");
  const std::string answer = Ask(kAnon);
  EXPECT_THAT(answer, HasSubstr(R"("errorsWhileComputingFlags":true)"));
  EXPECT_THAT(answer, HasSubstr(R"("code":"hash_key_override_error")"));
  EXPECT_THAT(answer, HasSubstr(R"("other":{"key":"other","enabled":true)"));
  source->write_status = absl::OkStatus();
  EXPECT_THAT(Ask(kAnon), HasSubstr(R"("errorsWhileComputingFlags":false)"));
  EXPECT_EQ(source->writes.size(), 2u) << "it was tried again";
}

}  // namespace
}  // namespace hoglet
