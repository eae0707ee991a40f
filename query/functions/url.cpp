#include <algorithm>

#include "query/functions/arrays.h"
#include "query/functions/registry.h"
#include "query/functions/types.h"

// Parts of URLs, by ClickHouse's reading of them: lenient where RFC 3986 is strict, and a host must
// have a dot.

namespace hoglet::fn {
namespace {

using View = std::string_view;
constexpr size_t kNone = View::npos;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSchemeChar(char c) { return IsLetter(c) || IsDigit(c) || c == '.' || c == '-' || c == '+'; }
// What no host may have.
bool IsForbidden(char c) { return View(" \t<>%{}|\\^~[];=&").find(c) != kNone; }

View Protocol(View url) {
  if (url.empty() || !IsLetter(url[0])) return {};
  size_t end = 1;
  while (end < url.size() && IsSchemeChar(url[end])) ++end;
  return end < url.size() && url[end] == ':' ? url.substr(0, end) : View();
}

// The URL behind "scheme://" or "//"; false if it cannot be one. A scheme is looked for in the
// first bytes only.
bool SkipScheme(View url, View* rest) {
  constexpr size_t kSchemeMax = 16;
  *rest = url;
  if (url.starts_with("//")) {
    rest->remove_prefix(2);
    return true;
  }
  const size_t end = std::min(url.size(), kSchemeMax);
  size_t at = 1;
  while (at < end && IsSchemeChar(url[at])) ++at;
  if (at >= end) return true;
  if (IsForbidden(url[at])) return false;
  if (end - at > 2 && url.substr(at, 3) == "://") rest->remove_prefix(at + 3);
  return true;
}

View Host(View url) {
  View rest;
  if (!SkipScheme(url, &rest)) return {};
  size_t begin = 0, dot = kNone, end = 0;
  for (; end < rest.size(); ++end) {
    const char c = rest[end];
    if (c == ':' || c == '/' || c == '?' || c == '#') break;
    if (IsForbidden(c)) return {};
    if (c == '.') dot = end;
    if (c == '@') begin = end + 1;
  }
  if (dot == kNone || begin >= end || dot + 1 == end) return {};
  return rest.substr(begin, end - begin);
}

View CutWww(View host) {
  return host.size() > 4 && host.starts_with("www.") ? host.substr(4) : host;
}
View HostWithoutWww(View url) { return CutWww(Host(url)); }

// The last label, but none of an IPv4 address.
View TopLevelDomain(View url) {
  const View host = Host(url);
  const size_t dot = host.rfind('.');
  if (dot == kNone || host[dot + 1] <= '9') return {};
  return host.substr(dot + 1);
}

// Second-level domains under which names are registered, by country.
struct Registry {
  View country;
  View seconds;
};
constexpr View kUsual = "com net org edu gov mil";
constexpr Registry kRegistries[] = {
    {"ac", "com edu gov net mil org"},
    {"ae", "co net org sch ac gov mil"},
    {"af", kUsual},
    {"al", kUsual},
    {"ar", "com edu gob gov int mil net org tur bet coop musica mutual senasa seg"},
    {"at", "ac co gv or"},
    {"au", "com net org edu gov asn id info conf oz"},
    {"az", "com net int gov org edu info pp mil name pro biz co"},
    {"ba", kUsual},
    {"bb", "biz co com edu gov info net org store tv"},
    {"bd", "com edu ac net gov org mil info co tv"},
    {"bh", kUsual},
    {"bo", "com edu gob int org net mil tv web"},
    {"br",
     "adm adv agr am arq art ato b bio blog bmd cim cng cnt com coop ecn eco edu emp eng esp etc "
     "eti far flog fm fnd fot fst g12 ggf "
     "gov imb ind inf jor jus leg lel mat med mil mp mus net not ntr odo org ppg pro psc psi qsl "
     "radio rec slg srv taxi teo tmp trd "
     "tur tv vet vlog wiki zlg app dev log seg tec"},
    {"by", "gov mil com of"},
    {"bz", "com net org edu gov"},
    {"ca", "ab bc mb nb nf nl ns nt nu on pe qc sk yk gc"},
    {"ck", "co org edu gov net gen biz info"},
    {"cl", "co gob gov mil"},
    {"cn",
     "ac com edu gov net org mil ah bj cq fj gd gs gz gx ha hb he hi hl hn jl js jx ln nm nx qh sc "
     "sd sh sn sx tj xj xz yn zj hk mo tw"},
    {"co", "com edu gov mil net nom org arts firm info int rec web"},
    {"cr", "ac co ed fi go or sa"},
    {"cu", "com edu org net gov inf"},
    {"cy", "ac biz com ekloges gov ltd mil net org press pro tm"},
    {"do", "art com edu gob gov mil net org sld web"},
    {"dz", "art asso com edu gov org net pol soc tm"},
    {"ec", "com info net fin k12 med pro org edu gov gob mil"},
    {"ee", "edu gov riik lib med com pri aip org fie"},
    {"eg", "com edu eun gov mil name net org sci"},
    {"es", "com nom org gob edu"},
    {"et", "com gov org edu biz name info net"},
    {"fj", "ac biz com gov info mil name net org pro"},
    {"fr", "asso com gouv nom prd tm"},
    {"ge", "com edu gov org mil net pvt"},
    {"gh", "com edu gov org mil"},
    {"gr", "com edu net org gov"},
    {"gt", "com edu gob ind mil net org"},
    {"gu", "com edu gov guam info net org web"},
    {"hk", "com edu gov idv net org"},
    {"hn", "com edu org net mil gob"},
    {"hr", "iz from name com"},
    {"hu",
     "co info org priv sport tm 2000 agrar bolt casino city erotica erotika film forum games hotel "
     "ingatlan jogasz konyvelo lakas media "
     "news reklam sex shop suli szex tozsde utazas video"},
    {"id", "ac biz co desa go mil my net or ponpes sch web"},
    {"il", "ac co gov idf k12 muni net org"},
    {"im", "ac co com net org tt tv"},
    {"in", "co firm net org gen ind ac edu res gov mil nic com info io travel tv up us"},
    {"io", "com edu gov mil net nom org co"},
    {"iq", "gov edu mil com org net"},
    {"ir", "ac co gov id net org sch"},
    {"is", "net com edu gov org int"},
    {"it", "gov edu"},
    {"je", "co net org"},
    {"jo", "com org net edu sch gov mil name"},
    {"jp", "ac ad co ed go gr lg ne or"},
    {"ke", "ac co go info me mobi ne or sc"},
    {"kg", "org net com edu gov mil"},
    {"kh", "com edu gov mil net org per"},
    {"kr",
     "ac co es go hs kg mil ms ne or pe re sc busan chungbuk chungnam daegu daejeon gangwon "
     "gwangju gyeongbuk gyeonggi gyeongnam "
     "incheon jeju jeonbuk jeonnam seoul ulsan"},
    {"kw", "com edu emb gov ind net org"},
    {"ky", "com edu net org gov"},
    {"kz", "org edu net gov mil com"},
    {"lb", "com edu gov net org"},
    {"lk", "gov sch net int com org edu ngo soc web ltd assn grp hotel ac"},
    {"lv", "com edu gov org mil id net asn conf"},
    {"ly", "com net gov plc edu sch med org id"},
    {"ma", "co net gov org ac press"},
    {"mk", "com org net edu gov inf name"},
    {"mm", "com edu gov net org"},
    {"mo", "com net org edu gov"},
    {"mt", "com edu net org"},
    {"mu", "com net org gov ac co or"},
    {"mx", "com org gob edu net"},
    {"my", "biz com edu gov mil name net org"},
    {"mz", "ac adv co edu gov mil net org"},
    {"na", "info pro name school or dr us mx ca in cc tv ws mobi co com org"},
    {"ng", "com edu gov i mil mobi name net org sch"},
    {"ni", "ac biz co com edu gob in info int mil net nom org web"},
    {"no", "fhs vgs fylkesbibl folkebibl museum idrett priv mil stat dep kommune herad"},
    {"np", kUsual},
    {"nz", "ac co cri geek gen govt health iwi kiwi maori mil net org parliament school"},
    {"om", "co com edu gov med museum net org pro"},
    {"pa", "ac gob com org sld edu net ing abo med nom"},
    {"pe", "edu gob nom mil org com net"},
    {"ph", "com net org gov edu ngo mil i"},
    {"pk", "com net edu org fam biz web gov gob gok gon gop gos info"},
    {"pl",
     "com net org aid agro atm auto biz edu gmina gsm info mail miasta media mil nieruchomosci nom "
     "pc powiat priv realestate rel sex "
     "shop sklep sos szkola targi tm tourism travel turystyka gov waw"},
    {"pr", "com net org gov edu isla pro biz info name est prof ac"},
    {"pt", "net gov org edu int publ com nome"},
    {"py", "com coop edu gov mil net org"},
    {"qa", "com edu gov mil name net org sch"},
    {"ro", "arts com firm info nom nt org rec store tm www"},
    {"rs", "ac co edu gov in org"},
    {"ru", "ac edu gov int mil test com msk spb nov net org pp"},
    {"rw", "ac co coop gov mil net org"},
    {"sa", "com net org gov med pub edu sch"},
    {"sd", "com net org edu med tv gov info"},
    {"sg", "com net org gov edu per"},
    {"sv", "com edu gob org red"},
    {"sy", "edu gov net mil com org"},
    {"th", "ac co go in mi net or"},
    {"tn",
     "com ens fin gov ind intl nat net org info perso tourism edunet rnrt rns rnu mincom agrinet "
     "defense turen"},
    {"tr", "av bbs bel biz com dr edu gen gov info mil k12 kep name net org pol tel tsk tv web"},
    {"tt", "co com org net biz info pro int coop jobs mobi travel museum aero name gov edu"},
    {"tw", "edu gov mil com net org idv game ebiz club"},
    {"tz", "ac co go hotel info me mil mobi ne or sc tv"},
    {"ua",
     "com edu gov in net org cherkassy chernigov chernovtsy ck cn cr crimea cv dn dnepropetrovsk "
     "donetsk dp if ivano-frankivsk kh kharkiv "
     "kharkov kherson khmelnitskiy kiev kirovograd km kr ks kv kyiv lg lt lugansk lutsk lv lviv mk "
     "mykolaiv nikolaev od odesa odessa pl "
     "poltava rivne rovno rv sb sebastopol sevastopol sm sumy te ternopil uz uzhgorod vinnica "
     "vinnytsia vn volyn yalta zaporizhzhe "
     "zhitomir zhytomyr zp zt co pp biz"},
    {"ug", "co or ac sc go ne com org"},
    {"uk", "ac co gov ltd me net nhs org plc police sch"},
    {"us", "dni fed isa kids nsn"},
    {"uy", "com edu gub mil net org"},
    {"uz", "co com net org"},
    {"ve", "arts co com e12 edu firm gob gov info int mil net org rec store tec web"},
    {"vn", "com net org edu gov int ac biz info name pro health"},
    {"ye", "com edu gov net mil org"},
    {"za", "ac agric alt co edu gov grondar law mil net ngo nis nom org school tm web"},
    {"zm", "ac biz co com edu gov info mil net org sch"},
    {"zw", "ac co gov mil org"},
    {"com", "br cn de eu gb hu jpn kr no qc ru sa se uk us uy za africa ar gr"},
    {"net", "gb hu in jp se uk"},
    {"org", "ae us"}};

bool IsRegistry(View two_labels) {
  const size_t dot = two_labels.find('.');
  const View second = two_labels.substr(0, dot), top = two_labels.substr(dot + 1);
  for (const Registry& registry : kRegistries) {
    if (registry.country != top) continue;
    for (View seconds = registry.seconds; !seconds.empty();) {
      const size_t space = seconds.find(' ');
      if (seconds.substr(0, space) == second) return true;
      seconds = space == kNone ? View() : seconds.substr(space + 1);
    }
  }
  return false;
}

// The label that is registered, as a part of `host`: the last but one, or the one before that in
// such as example.co.uk.
View SignificantLabel(View host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const size_t last = host.rfind('.');
  if (last == kNone) return host;
  const size_t second = last == 0 ? kNone : host.rfind('.', last - 1);
  if (second == kNone) return host.substr(0, last);
  if (!IsRegistry(host.substr(second + 1))) return host.substr(second + 1, last - second - 1);
  const size_t third = second == 0 ? kNone : host.rfind('.', second - 1);
  const size_t begin = third == kNone ? 0 : third + 1;
  return host.substr(begin, second - begin);
}

View FirstSignificant(View url) { return SignificantLabel(HostWithoutWww(url)); }

template <bool with_www>
View CutToFirstSignificant(View url) {
  const View host = with_www ? Host(url) : HostWithoutWww(url);
  const View label = SignificantLabel(host);
  return label.empty() ? View() : host.substr(static_cast<size_t>(label.data() - host.data()));
}

// From the first slash that is not the "//" behind a scheme.
View PathFull(View url) {
  size_t at = url.find('/');
  if (at != kNone && at + 1 < url.size() && url[at + 1] == '/') at = url.find('/', at + 2);
  return at == kNone ? View() : url.substr(at);
}

View Path(View url) {
  const View full = PathFull(url);
  return full.substr(0, full.find_first_of("?#"));
}

View Rest(View url, size_t at) { return at == kNone ? View() : url.substr(at + 1); }
View QueryString(View url) {
  const View query = Rest(url, url.find('?'));
  return query.substr(0, query.find('#'));
}
View Fragment(View url) { return Rest(url, url.find('#')); }
// Where the query begins, or else the fragment.
size_t TailAt(View url) {
  const size_t query = url.find('?');
  return query != kNone ? query : url.find('#');
}
View QueryStringAndFragment(View url) {
  const size_t at = TailAt(url);
  if (at == kNone) return {};
  return url[at] == '?' ? url.substr(at + 1) : url.substr(at);
}

View NetLocation(View url) {
  View rest;
  if (url == "//" || !SkipScheme(url, &rest)) return {};
  size_t question = rest.size(), slash = rest.size(), stop = rest.size();
  bool has_user = false;
  for (size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '#') return rest.substr(0, i);
    if (c == '/' || c == '?') {
      if (has_user) return rest.substr(0, i);
      (c == '/' ? slash : question) = i;
    } else if (c == '@') {
      has_user = true;
      stop = rest.size();
    } else if (IsForbidden(c)) {
      // Some of these may stand in the user's part.
      const bool in_user = c == ';' || c == '=' || c == '&' || c == '~' || c == '%';
      if (!in_user || has_user) return rest.substr(0, std::min({i, question, slash}));
      stop = i;
    }
  }
  return has_user ? rest : rest.substr(0, std::min({question, slash, stop}));
}

int64_t Port(View url, int64_t fallback) {
  const View host = Host(url);
  if (host.empty()) return fallback;
  size_t at = static_cast<size_t>(host.data() - url.data()) + host.size();
  if (at == url.size() || url[at] != ':') return fallback;
  int64_t port = fallback;
  bool first = true;
  for (++at; at < url.size() && url[at] != '/'; ++at) {
    if (!IsDigit(url[at])) return fallback;
    port = (first ? 0 : port) * 10 + (url[at] - '0');
    first = false;
    if (port > UINT16_MAX) return fallback;
  }
  return port;
}

// Where the value of the parameter begins, in the query or the fragment; npos if it is not there.
// `key` ends in '='.
size_t FindParameter(View url, View key) {
  size_t at = url.find_first_of("?#");
  if (at == kNone) return kNone;
  for (++at; (at = url.find(key, at)) != kNone; at += key.size()) {
    const char before = url[at - 1];
    if (before == '?' || before == '#' || before == '&') return at + key.size();
  }
  return kNone;
}

View ParameterValue(View url, View key) {
  const size_t at = FindParameter(url, key);
  if (at == kNone) return {};
  const View value = url.substr(at);
  return value.substr(0, value.find_first_of("&#"));
}

// The part to cut out for a parameter, one of the '&' next to it included.
std::pair<size_t, size_t> ParameterRange(View url, View key) {
  const size_t value = FindParameter(url, key);
  if (value == kNone) return {0, 0};
  size_t begin = value - key.size();
  size_t end = std::min(url.find_first_of("&#", value), url.size());
  if (end < url.size() && url[end] == '&') {
    ++end;
  } else if (url[begin - 1] == '&') {
    --begin;
  }
  return {begin, end};
}

void CutParameters(View url, std::span<const std::string> keys, std::string* out) {
  std::vector<std::pair<size_t, size_t>> cuts;
  for (const std::string& key : keys) cuts.push_back(ParameterRange(url, key));
  std::sort(cuts.begin(), cuts.end());
  size_t at = 0;
  for (const auto& [begin, end] : cuts) {
    if (begin > at) out->append(url.substr(at, begin - at));
    at = std::max(at, end);
  }
  out->append(url.substr(at));
}

// "name=value" of each parameter; one without '=' counts only if another follows.
void ListParameters(View url, StringList* list) {
  size_t at = url.find_first_of("?#");
  if (at == kNone) return;
  for (size_t begin = ++at; begin < url.size();) {
    at = url.find_first_of("=&#?", begin);
    if (at == kNone) return;
    if (url[at] == '?') {
      begin = at + 1;
      continue;
    }
    if (url[at] == '=') at = url.find_first_of("&#", at + 1);
    const size_t end = std::min(at, url.size());
    list->AddView(url.substr(begin, end - begin));
    begin = end + 1;
  }
}

void ListParameterNames(View url, StringList* list) {
  size_t at = url.find_first_of("?#");
  while (at != kNone && at + 1 < url.size()) {
    size_t begin = at + 1;
    while ((at = url.find_first_of("=&#?", begin)) != kNone && url[at] == '?') begin = at + 1;
    if (at == kNone) return;
    list->AddView(url.substr(begin, at - begin));
    at = url.find_first_of("&#", at);
  }
}

// Prefixes that end behind each run of '/', '?' and '#'.
template <bool path_only>
void ListHierarchy(View url, StringList* list) {
  if (url.empty()) return;
  const auto separates = [url](size_t i) {
    return url[i] == '/' || url[i] == '?' || url[i] == '#';
  };
  size_t at = 0;
  // The outer letters and digits are left out, as they are in ClickHouse.
  while (at < url.size() && ((url[at] > 'a' && url[at] < 'z') || (url[at] > '0' && url[at] < '9')))
    ++at;
  if (at == 0 || at + 3 >= url.size() || url.substr(at, 3) != "://") {
    if (!path_only) list->AddView(url);
    return;
  }
  at += 3;
  while (at < url.size() && !separates(at)) ++at;
  const size_t begin = path_only ? at : 0;
  if (at < url.size()) ++at;
  if (!path_only) list->AddView(url.substr(0, at));
  for (;;) {
    while (at < url.size() && separates(at)) ++at;
    if (at == url.size()) return;
    while (at < url.size() && !separates(at)) ++at;
    if (at < url.size()) ++at;
    list->AddView(url.substr(begin, at - begin));
  }
}

void AppendWithoutWww(View url, std::string* out) {
  // Behind "scheme://" or "//" only.
  size_t at = Protocol(url).size();
  if (at > 0) ++at;
  const bool cut = url.substr(at).starts_with("//www.");
  out->append(url.substr(0, cut ? at + 2 : url.size()));
  if (cut) out->append(url.substr(at + 6));
}
void AppendWithoutQuery(View url, std::string* out) {
  const size_t at = url.find('?');
  out->append(url.substr(0, at));
  if (at == kNone) return;
  const size_t hash = url.find('#', at);
  if (hash != kNone) out->append(url.substr(hash));
}
View WithoutFragment(View url) { return url.substr(0, url.find('#')); }
View WithoutTail(View url) { return url.substr(0, TailAt(url)); }

template <bool form>
void AppendEncoded(View text, std::string* out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (IsLetter(c) || IsDigit(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      out->push_back(c);
    } else if (form && c == ' ') {
      out->push_back('+');
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out->push_back('%');
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
  }
}

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = LowerChar(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

template <bool form>
void AppendDecoded(View text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (form && text[i] == '+') {
      out->push_back(' ');
      continue;
    }
    if (text[i] != '%' || i + 2 >= text.size()) {
      out->push_back(text[i]);
      continue;
    }
    const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) {
      out->append(text.substr(i, 3));
    } else {
      out->push_back(static_cast<char>(high << 4 | low));
    }
    i += 2;
  }
}

absl::Status ExpectUrl(const Call& call, size_t min, size_t max) {
  HOGLET_RETURN_IF_ERROR(call.ExpectCount(min, max));
  return call.type(0).kind() == TypeKind::kString ? absl::OkStatus() : call.BadType(0);
}

template <View (*part)(View)>
Bound BindPart(const Call& call) {
  HOGLET_RETURN_IF_ERROR(ExpectUrl(call, 1, 1));
  return MapViews<View>(StringType(), part);
}

template <void (*append)(View, std::string*)>
Bound BindText(const Call& call) {
  HOGLET_RETURN_IF_ERROR(ExpectUrl(call, 1, 1));
  return MapStrings<View>(StringType(), append);
}

template <void (*list)(View, StringList*)>
Bound BindList(const Call& call) {
  HOGLET_RETURN_IF_ERROR(ExpectUrl(call, 1, 1));
  const Type type = Type::Array(StringType());
  return MakeFunction(type, [type](const Batch& batch) -> absl::StatusOr<Vector> {
    const Input<View> url(batch.args[0]);
    return BuildStringLists(type, batch, [&](size_t row, StringList* out) {
      list(url[row], out);
      return absl::OkStatus();
    });
  });
}

Bound BindPort(const Call& call) {
  HOGLET_RETURN_IF_ERROR(ExpectUrl(call, 1, 2));
  int64_t fallback = 0;
  if (call.size() == 2) {
    if (call.type(1).kind() != TypeKind::kUInt16) return call.BadType(1);
    HOGLET_ASSIGN_OR_RETURN(fallback, call.ConstantInteger(1));
  }
  return MapRows<int64_t, View>(Type(TypeKind::kUInt16),
                                [fallback](View url) { return Port(url, fallback); });
}

Bound BindParameter(const Call& call) {
  HOGLET_RETURN_IF_ERROR(ExpectUrl(call, 2, 2));
  HOGLET_ASSIGN_OR_RETURN(std::string key, call.ConstantString(1));
  key.push_back('=');
  return MapViews<View>(StringType(), [key](View url) { return ParameterValue(url, key); });
}

Bound BindCutParameter(const Call& call) {
  HOGLET_RETURN_IF_ERROR(ExpectUrl(call, 2, 2));
  std::vector<std::string> keys;
  if (IsArray(call.type(1)) && call.has_constant(1)) {
    if (!IsNothing(call.type(1).element()) && !call.type(1).element().IsStringLike())
      return call.BadType(1);
    for (const Datum& key : call.constant(1).list()) {
      if (!key.is_null()) keys.push_back(Cat(key.string(), "="));
    }
  } else {
    HOGLET_ASSIGN_OR_RETURN(std::string key, call.ConstantString(1));
    keys.push_back(Cat(key, "="));
  }
  return MapStrings<View>(StringType(),
                          [keys](View url, std::string* out) { CutParameters(url, keys, out); });
}

constexpr ScalarEntry kTable[] = {
    {"protocol", BindPart<Protocol>},
    {"domain", BindPart<Host>},
    {"domainWithoutWWW", BindPart<HostWithoutWww>},
    {"topLevelDomain", BindPart<TopLevelDomain>},
    {"firstSignificantSubdomain", BindPart<FirstSignificant>},
    {"cutToFirstSignificantSubdomain", BindPart<CutToFirstSignificant<false>>},
    {"cutToFirstSignificantSubdomainWithWWW", BindPart<CutToFirstSignificant<true>>},
    {"port", BindPort},
    {"path", BindPart<Path>},
    {"pathFull", BindPart<PathFull>},
    {"queryString", BindPart<QueryString>},
    {"fragment", BindPart<Fragment>},
    {"queryStringAndFragment", BindPart<QueryStringAndFragment>},
    {"netloc", BindPart<NetLocation>},
    {"extractURLParameter", BindParameter},
    {"extractURLParameters", BindList<ListParameters>},
    {"extractURLParameterNames", BindList<ListParameterNames>},
    {"URLHierarchy", BindList<ListHierarchy<false>>},
    {"URLPathHierarchy", BindList<ListHierarchy<true>>},
    {"encodeURLComponent", BindText<AppendEncoded<false>>},
    {"decodeURLComponent", BindText<AppendDecoded<false>>},
    {"encodeURLFormComponent", BindText<AppendEncoded<true>>},
    {"decodeURLFormComponent", BindText<AppendDecoded<true>>},
    {"cutWWW", BindText<AppendWithoutWww>},
    {"cutQueryString", BindText<AppendWithoutQuery>},
    {"cutFragment", BindPart<WithoutFragment>},
    {"cutQueryStringAndFragment", BindPart<WithoutTail>},
    {"cutURLParameter", BindCutParameter},
};

}  // namespace

std::span<const ScalarEntry> UrlFunctions() { return kTable; }

}  // namespace hoglet::fn
