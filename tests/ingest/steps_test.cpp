// The steps that need no store: places, heatmaps, definitions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "include/hoglet/env.h"
#include "src/ingest/event_parser.h"
#include "tests/ingest/fakes.h"
#include "tests/ingest/mmdb_writer.h"

namespace hoglet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// One event through the parser, with everything its views need.
class Parsed {
 public:
  explicit Parsed(CapturedEvent captured, const GeoIpDatabase* geoip = nullptr)
      : parser_(&teams, geoip) {
    Parse(std::move(captured));
  }
  void Parse(CapturedEvent captured) {
    value_ = EncodeCapturedEvent(captured);
    event.value = value_;
    arena_.Reset();
    parser_.Parse(&arena_, &event);
  }
  std::string Properties() const { return SerializeJsonObject(event.properties); }
  std::vector<std::string> Definitions() const {
    std::vector<std::string> out;
    for (const SeenDefinition& seen : event.definitions) {
      out.push_back(StrCat(static_cast<int>(seen.kind), " ", seen.event,
                           seen.event.empty() ? "" : " ", seen.property, seen.type ? " " : "",
                           seen.type ? PropertyTypeName(*seen.type) : ""));
    }
    return out;
  }
  std::vector<std::string> WarningTypes() const {
    std::vector<std::string> out;
    for (const IngestionWarning& warning : event.warnings) out.emplace_back(warning.type);
    return out;
  }

  FakeTeams teams;
  ParsedEvent event;

 private:
  EventParser parser_;
  Arena arena_;
  std::string value_;
};

CapturedEvent From(const std::string& ip, const std::string& properties) {
  CapturedEvent event = MakeEvent(1, "$pageview", "anna", properties);
  event.ip = ip;
  return event;
}

class GeoIp : public testing::Test {
 protected:
  void SetUp() override {
    using M = MmdbWriter;
    M writer;
    writer.Add(
        81, 2, 69,
        M::Map({{"city", M::Names("London")},
                {"continent",
                 M::Map({{"code", M::Text("EU")}, {"names", M::Map({{"en", M::Text("Europe")}})}})},
                {"country", M::Map({{"iso_code", M::Text("GB")},
                                    {"confidence", M::Number(95)},
                                    {"names", M::Map({{"en", M::Text("United Kingdom")}})}})},
                {"location", M::Map({{"latitude", M::Double(51.5142)},
                                     {"longitude", M::Double(-0.0931)},
                                     {"accuracy_radius", M::Number(10)},
                                     {"time_zone", M::Text("Europe/London")}})},
                {"subdivisions",
                 M::List({M::Map({{"iso_code", M::Text("ENG")},
                                  {"names", M::Map({{"en", M::Text("England")}})}})})}}));
    writer.Add(89, 160, 20, M::Map({{"country", M::Map({{"iso_code", M::Text("SE")}})}}));
    const std::string path = scratch_.path("places.mmdb");
    ASSERT_TRUE(Env::Posix()->ReplaceFile(path, writer.Build()).ok());
    auto opened = GeoIpDatabase::Open(path);
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  ScratchDirectory scratch_;
  std::unique_ptr<GeoIpDatabase> database_;
};

TEST_F(GeoIp, FillsEventAndPerson) {
  const Parsed parsed(From("81.2.69.142", R"({"$set":{"$geoip_city_name":"old","plan":"x"}})"),
                      database_.get());
  const std::string properties = parsed.Properties();
  EXPECT_THAT(properties, HasSubstr(R"("$geoip_city_name":"London")"));
  EXPECT_THAT(properties, HasSubstr(R"("$geoip_country_code":"GB")"));
  EXPECT_THAT(properties, HasSubstr(R"("$geoip_country_confidence":95)"));
  EXPECT_THAT(properties, HasSubstr(R"("$geoip_latitude":51.5142)"));
  EXPECT_THAT(properties, HasSubstr(R"("$geoip_subdivision_1_name":"England")"));
  EXPECT_THAT(properties, HasSubstr(R"("$ip":"81.2.69.142")"));
  std::string set;
  for (const PropertyAssignment& one : parsed.event.request.set) {
    StrAppend(&set, one.member.key, "=");
    AppendJsonValue(one.member, &set);
    set += ";";
  }
  EXPECT_THAT(set, HasSubstr("$geoip_city_name=\"London\";"));
  EXPECT_THAT(set, HasSubstr("$geoip_postal_code=null;")) << "what is not known is cleared";
  EXPECT_THAT(set, HasSubstr("$geoip_subdivision_2_name=null;"));
  EXPECT_THAT(set, HasSubstr("plan=\"x\";"));
  EXPECT_THAT(set, Not(HasSubstr("initial")));
  EXPECT_THAT(properties, HasSubstr(R"("$initial_geoip_city_name":"London")"));
  EXPECT_THAT(properties, HasSubstr(R"("$initial_geoip_postal_code":null)"));
}

TEST_F(GeoIp, TakesTheEventsOwnAddressFirst) {
  EXPECT_THAT(Parsed(From("81.2.69.142", R"({"$ip":"10.0.0.1"})"), database_.get()).Properties(),
              Not(HasSubstr("geoip")));
  EXPECT_THAT(Parsed(From("", R"({"$ip":"81.2.69.1"})"), database_.get()).Properties(),
              HasSubstr("London"));
}

TEST_F(GeoIp, LeavesOutWhatItMay) {
  for (const char* properties : {R"({"$geoip_disable":true})", R"({"$ip":""})", R"({"$ip":7})",
                                 R"({"$ip":"not an address"})", R"({"$ip":"9.9.9.9"})"}) {
    EXPECT_THAT(Parsed(From("81.2.69.142", properties), database_.get()).Properties(),
                Not(HasSubstr("$geoip_country")))
        << properties;
  }
  EXPECT_THAT(Parsed(From("127.0.0.1", "{}"), database_.get()).Properties(),
              HasSubstr(R"("$geoip_country_code":"SE")"));
}

TEST_F(GeoIp, SeesAddressesThatAreNotKept) {
  CapturedEvent captured = From("81.2.69.142", R"({"$process_person_profile":false})");
  captured.token = "private";
  Parsed parsed(From("", "{}"), database_.get());
  parsed.teams.teams["private"] = {.team_id = 2, .project_id = 2, .anonymize_ips = true};
  parsed.Parse(captured);
  EXPECT_THAT(parsed.Properties(), HasSubstr(R"("$geoip_city_name":"London")"));
  EXPECT_THAT(parsed.Properties(), Not(HasSubstr("81.2.69.142")));
  EXPECT_THAT(parsed.Properties(), Not(HasSubstr("$set")));
}

TEST(GeoIpFile, RefusesWhatIsNone) {
  ScratchDirectory scratch;
  EXPECT_EQ(GeoIpDatabase::Open(scratch.path("absent")).status().code(),
            absl::StatusCode::kNotFound);
  ASSERT_TRUE(Env::Posix()->ReplaceFile(scratch.path("text"), std::string(5000, 'x')).ok());
  EXPECT_EQ(GeoIpDatabase::Open(scratch.path("text")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Heatmaps, RowsOfAnEvent) {
  const Parsed parsed(MakeEvent(1, "$pageview", "anna", R"({
    "$session_id":"s1","$viewport_width":1000,"$viewport_height":603.9,
    "$current_url":"https://a.b/now?q=1#f","$prev_pageview_pathname":"/before",
    "$prev_pageview_max_scroll":-24,
    "$heatmap_data":{
      "https://a.b/":[{"x":8,"y":-8,"target_fixed":true,"type":"click"},
                      {"x":"8","y":1,"target_fixed":true,"type":"click"},
                      {"x":1,"y":1,"target_fixed":1,"type":"click"},
                      {"x":1,"y":1,"target_fixed":false,"type":" "},
                      {"x":7.9,"y":40,"target_fixed":false,"type":"rageclick"}],
      " ":[],
      "https://c.d/":{"x":1}}})"));
  std::vector<std::string> rows;
  for (const HeatmapRow& row : parsed.event.heatmaps) {
    rows.push_back(StrCat(row.current_url, " ", row.type, " ", row.x, " ", row.y, " ",
                          row.pointer_target_fixed ? "fixed" : "free", " ", row.viewport_width, " ",
                          row.viewport_height, " ", row.session_id, " ", row.distinct_id));
  }
  EXPECT_THAT(rows, ElementsAre("https://a.b/ click 1 0 fixed 63 38 s1 anna",
                                "https://a.b/ rageclick 0 3 free 63 38 s1 anna",
                                "https://a.b/before?q=1#f scrolldepth 0 -1 free 63 38 s1 anna"));
  EXPECT_THAT(
      parsed.WarningTypes(),
      UnorderedElementsAre("invalid_event_session_id", "rejecting_heatmap_data_with_invalid_url",
                           "rejecting_heatmap_data_with_invalid_items"));
  EXPECT_THAT(parsed.Properties(), Not(HasSubstr("$heatmap_data")));
  EXPECT_FALSE(parsed.event.is_row_dropped);
  EXPECT_EQ(parsed.event.fate, ParsedEvent::Fate::kStore);
}

TEST(Heatmaps, TheEventGoesWithoutAnIdOrAViewport) {
  const std::string data = R"("$heatmap_data":{"u":[]})";
  EXPECT_TRUE(Parsed(MakeEvent(1, "e", "anna", "{" + data + "}")).event.is_row_dropped);
  EXPECT_TRUE(Parsed(MakeEvent(1, "e", "anonymous",
                               R"({"$viewport_width":1,"$viewport_height":1,)" + data + "}"))
                  .event.is_row_dropped);
  EXPECT_FALSE(
      Parsed(MakeEvent(1, "e", "anonymous", R"({"$viewport_width":1})")).event.is_row_dropped);
  Parsed parsed(MakeEvent(1, "e", "anna",
                          R"({"$viewport_width":1,"$viewport_height":1,"$current_url":"no url",
                              "$prev_pageview_pathname":"/x"})"));
  EXPECT_FALSE(parsed.event.is_row_dropped);
  EXPECT_THAT(parsed.WarningTypes(), ElementsAre("invalid_heatmap_data"));
}

TEST(Heatmaps, AnEventOfItsOwnIsNoRow) {
  const Parsed parsed(MakeEvent(1, "$$heatmap", "anna", R"({
    "$viewport_width":16,"$viewport_height":16,"$set":{"a":1},
    "$heatmap_data":{"u":[{"x":0,"y":0,"target_fixed":false,"type":"click"}]}})"));
  EXPECT_EQ(parsed.event.fate, ParsedEvent::Fate::kHeatmap);
  EXPECT_EQ(parsed.event.heatmaps.size(), 1u);
  EXPECT_EQ(parsed.event.heatmaps[0].session_id, "undefined");
  EXPECT_THAT(parsed.Definitions(), IsEmpty());
  EXPECT_THAT(parsed.WarningTypes(), IsEmpty());
}

TEST(Definitions, AreHandedOnOnce) {
  Parsed parsed(MakeEvent(1, "paid", "anna", R"({
    "price":3,"note":null,"$feature/x":"on","$groups":{"g":"k"},"$set":{"mail":"a@b.c"}})"));
  EXPECT_THAT(parsed.Definitions(),
              ElementsAre("0 paid ", "1 price Numeric", "4 paid price", "1 note", "4 paid note",
                          "1 $feature/x String", "2 mail String"));
  parsed.Parse(MakeEvent(2, "paid", "anna", R"({"price":"3","note":null})"));
  EXPECT_THAT(parsed.Definitions(), IsEmpty());
  parsed.Parse(MakeEvent(3, "paid", "anna", R"({"price":"3","note":true})"));
  EXPECT_THAT(parsed.Definitions(), ElementsAre("1 note Boolean")) << "its type is known now";
  parsed.Parse(MakeEvent(4000, "sold", "anna", R"({"price":"3"})"));
  EXPECT_THAT(parsed.Definitions(), ElementsAre("0 sold ", "4 sold price"));
  parsed.Parse(MakeEvent(4001, "paid", "anna", "{}"));
  EXPECT_THAT(parsed.Definitions(), ElementsAre("0 paid ")) << "an hour later: last seen";
}

// Whatever the events before have been, all that is new is handed on, and nothing else.
TEST(Definitions, AreThoseOfAPlainList) {
  std::mt19937_64 random(5);
  const char* const values[] = {"null", "true", "\"text\"", "{}", "7"};
  const char* const names[] = {"a", "b", "$browser", "c", "d", "$app_name", "e"};
  Parsed parsed(MakeEvent(0, "first", "anna", "{}"));
  std::set<std::string> met;
  std::set<std::string> typed;
  for (int64_t number = 1; number <= 3000; ++number) {
    const uint64_t kind = random() % 4;
    // "survey shown" sets a property of its own accord, which is not handed on.
    const std::string event = kind == 0 ? "survey shown" : StrCat("event ", kind);
    std::set<std::string> expected;
    if (met.insert(event).second) expected.insert(StrCat("0 ", event, " "));
    const auto members = [&](uint64_t one_in, const auto& see) {
      std::string json = "{";
      for (const char* name : names) {
        if (random() % one_in != 0) continue;
        const std::string value = values[random() % 40 < 3 ? random() % 5 : 0];
        StrAppend(&json, json.size() > 1 ? "," : "", "\"", name, "\":", value);
        see(std::string(name), value);
      }
      return json + "}";
    };
    const auto see = [&](const std::string& kind, const std::string& name,
                         const std::string& value) {
      const std::string key = StrCat(kind, " ", name);
      const bool is_new = met.insert(key).second;
      const bool has_type = value != "null" && value != "{}";
      if (has_type && typed.insert(key).second) {
        expected.insert(StrCat(key, value == "true" ? " Boolean"
                                    : value == "7"  ? " Numeric"
                                                    : " String"));
      } else if (is_new) {
        expected.insert(key);
      }
    };
    std::map<std::string, std::string> automatic;
    std::string json = members(3, [&](const std::string& name, const std::string& value) {
      see("1", name, value);
      if (met.insert(StrCat("4 ", event, " ", name)).second) {
        expected.insert(StrCat("4 ", event, " ", name));
      }
      if (name[0] == '$') automatic[name] = value;
    });
    const std::string set = members(4, [&](const std::string& name, const std::string& value) {
      see("2", name, value);
      if (automatic.contains(name)) see("2", StrCat("$initial_", name.substr(1)), automatic[name]);
      automatic.erase(name);
    });
    for (const auto& [name, value] : automatic) {
      see("2", name, value);
      see("2", StrCat("$initial_", name.substr(1)), value);
    }
    json.pop_back();
    StrAppend(&json, json.size() > 1 ? "," : "", "\"$set\":", set, "}");
    parsed.Parse(MakeEvent(1, event, "anna", json));
    const auto got = parsed.Definitions();
    ASSERT_EQ(std::set<std::string>(got.begin(), got.end()), expected)
        << number << " " << event << " " << json;
    ASSERT_EQ(got.size(), expected.size()) << "once each: " << json;
  }
  EXPECT_GT(typed.size(), 8u);
}

TEST(Definitions, OfGroupsAndLongNames) {
  const Parsed group(MakeEvent(1, "$groupidentify", "anna", R"({
    "$group_type":"org","$group_key":"k","$group_set":{"size":3,"$x":null}})"));
  EXPECT_THAT(group.Definitions(), ElementsAre("0 $groupidentify ", "3 size Numeric", "3 $x"));
  const std::string name(201, 'n');
  EXPECT_THAT(Parsed(MakeEvent(1, "e", "anna", "{\"" + name + "\":1}")).Definitions(),
              ElementsAre("0 e "));
}

TEST(Exceptions, WarnOfPersonProperties) {
  EXPECT_THAT(Parsed(MakeEvent(1, "$exception", "anna", R"({"$set":{"a":1}})")).WarningTypes(),
              ElementsAre("set_on_exception"));
  EXPECT_THAT(Parsed(MakeEvent(1, "$exception", "anna")).WarningTypes(), IsEmpty());
}

}  // namespace
}  // namespace hoglet
