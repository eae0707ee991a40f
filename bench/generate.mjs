// A realistic stream of product-analytics events, as posthog-js would have sent it: the input of the
// bench and of the capture load.
//
//   node generate.mjs [--events 1000000] [--seed 1] [--out data/events-1000000.ndjson]
//
// The same seed and count give the same bytes. One JSON event a line, in time order, with exactly
// `events` lines; sessions are never cut, so every anonymous visitor who logs in is merged inside
// the stream. Beside the file a `.meta.json` says what is in it (see EventStream.meta()). The stream
// can also be had in slices, for more events than a disk holds; it keeps five bytes a visitor (35 MB
// for 50 million events) and the sessions under way.
//
// The world: 90 days from STREAM_START with daily and weekly rhythm; visitors who arrive, stay for a
// while and churn; power-law activity; 2,000 pages with Zipf popularity and, in the app, one set of
// URLs a project; about a third of the visitors sign up, some come back on a second device and log in.
//
// Person ids: the last twelve hex digits of a distinct_id (of a device or of a signed-up user) name
// the person, so the peers, which have no identity resolution, can derive `person_id` on load.

import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

export const STREAM_START = Date.parse('2025-07-03T00:00:00Z');
export const STREAM_DAYS = 90;
const DAY_MS = 86_400_000;
const SESSION_EVENTS_MEAN = 8;
const USERS_PER_EVENT = 0.14;

// ---------------------------------------------------------------------------------------------
// Random numbers: xoshiro128**, seeded by splitmix32.

class Random {
  constructor(seed) {
    let z = seed >>> 0;
    const next = () => {
      z = (z + 0x9e3779b9) | 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return (t ^ (t >>> 15)) >>> 0;
    };
    [this.a, this.b, this.c, this.d] = [next(), next(), next(), next()];
  }

  uint32() {
    const r = Math.imul(this.b, 5);
    const result = Math.imul((r << 7) | (r >>> 25), 9);
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result >>> 0;
  }

  unit() { return this.uint32() / 4294967296; }
  below(n) { return Math.floor(this.unit() * n); }
  chance(p) { return this.unit() < p; }
  exponential(mean) { return -Math.log(1 - this.unit()) * mean; }
  normal() { return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(6.283185307 * this.unit()); }
  pick(list) { return list[this.below(list.length)]; }
}

// A stateless number in [0, 1) for (value, salt): the traits of a user without storing the user.
function trait(value, salt) {
  let t = Math.imul(value + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca77);
  t = Math.imul(t ^ (t >>> 15), 0x2c1b3c6d);
  t = Math.imul(t ^ (t >>> 12), 0x297a2d39);
  return ((t ^ (t >>> 15)) >>> 0) / 4294967296;
}

// Draws an index from cumulative weights.
class Weighted {
  constructor(pairs) {
    this.values = pairs.map(([value]) => value);
    let sum = 0;
    this.edges = pairs.map(([, weight]) => (sum += weight));
    this.total = sum;
  }

  at(unit) {
    const x = unit * this.total;
    let low = 0;
    let high = this.edges.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.edges[middle] > x) high = middle;
      else low = middle + 1;
    }
    return this.values[low];
  }
}

// ---------------------------------------------------------------------------------------------
// Text: uuids and times from tables, because they are most of the work.

const HEX4 = Array.from({ length: 65536 }, (_, i) => i.toString(16).padStart(4, '0'));
const HEX3 = Array.from({ length: 4096 }, (_, i) => i.toString(16).padStart(3, '0'));
const TWO = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'));
const THREE = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
const INSERT_ALPHABET = Array.from({ length: 1296 }, (_, i) => i.toString(36).padStart(2, '0'));

// A version 7 uuid whose last twelve digits are `tail` (random when absent).
function uuid7(random, time_ms, tail) {
  const high = Math.floor(time_ms / 65536);
  const a = random.uint32();
  let end = tail;
  if (end === undefined) {
    const b = random.uint32();
    end = HEX4[b >>> 16] + HEX4[b & 65535] + HEX4[random.uint32() >>> 16];
  }
  return `${HEX4[high >>> 16]}${HEX4[high & 65535]}-${HEX4[time_ms % 65536]}-7${HEX3[a & 4095]}-` +
    `${'89ab'[a >>> 30]}${HEX3[(a >>> 12) & 4095]}-${end}`;
}

// The person's digits: a bijection of the user's number, so that neighbours do not share a prefix.
function personDigits(user) {
  const high = Math.imul(user + 1, 0x2545f491) & 0xffffff;
  const low = Math.imul(user + 1, 0x9e3779b1) >>> 8;
  return HEX4[high >>> 8] + HEX3[((high & 255) << 4) | (low >>> 20)] + HEX3[(low >>> 8) & 4095] +
    HEX3[low & 255].slice(1);
}

// The same text as one piece of memory: what is pasted into many events is put together only once.
function flat(text) {
  return Buffer.from(text, 'latin1').toString('latin1');
}

let day_start = -1;
let day_text = '';
function isoTime(time_ms) {
  const day = time_ms - (time_ms % DAY_MS);
  if (day !== day_start) {
    day_start = day;
    day_text = new Date(day).toISOString().slice(0, 11);
  }
  const ms = time_ms - day;
  const s = Math.floor(ms / 1000);
  return `${day_text}${TWO[Math.floor(s / 3600)]}:${TWO[Math.floor(s / 60) % 60]}:${TWO[s % 60]}.` +
    `${THREE[ms % 1000]}Z`;
}

// ---------------------------------------------------------------------------------------------
// The static world.

const UA = {
  mac: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) ',
  windows: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) ',
  linux: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ',
  android: 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) ',
  iphone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ',
};
// os, os version, browser, device, user agent without the version, weight
const PLATFORMS = [
  ['Windows', '10.0', 'Chrome', 'Desktop', `${UA.windows}Chrome/%.0.0.0 Safari/537.36`, 31],
  ['Windows', '10.0', 'Microsoft Edge', 'Desktop', `${UA.windows}Chrome/%.0.0.0 Safari/537.36 Edg/%.0.0.0`, 9],
  ['Windows', '10.0', 'Firefox', 'Desktop', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:%.0) Gecko/20100101 Firefox/%.0', 4],
  ['Mac OS X', '10.15.7', 'Chrome', 'Desktop', `${UA.mac}Chrome/%.0.0.0 Safari/537.36`, 17],
  ['Mac OS X', '10.15.7', 'Safari', 'Desktop', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.% Safari/605.1.15', 7],
  ['Mac OS X', '10.15', 'Firefox', 'Desktop', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:%.0) Gecko/20100101 Firefox/%.0', 2],
  ['iOS', '18.5.0', 'Mobile Safari', 'Mobile', `${UA.iphone}Version/18.% Mobile/15E148 Safari/604.1`, 13],
  ['Android', '10', 'Chrome', 'Mobile', `${UA.android}Chrome/%.0.0.0 Mobile Safari/537.36`, 11],
  ['Android', '13', 'Samsung Internet', 'Mobile', `${UA.android}SamsungBrowser/%.0 Chrome/125.0.0.0 Mobile Safari/537.36`, 2],
  ['Linux', '', 'Chrome', 'Desktop', `${UA.linux}Chrome/%.0.0.0 Safari/537.36`, 2.5],
  ['Linux', '', 'Firefox', 'Desktop', 'Mozilla/5.0 (X11; Linux x86_64; rv:%.0) Gecko/20100101 Firefox/%.0', 1.5],
];
const SCREENS = {
  Desktop: [[1920, 1080], [1536, 864], [2560, 1440], [1440, 900], [1366, 768], [1728, 1117], [3840, 2160]],
  Mobile: [[390, 844], [393, 852], [430, 932], [412, 915], [360, 800]],
};
const PLACES = new Weighted([
  ['America/New_York', 240, 'en-US', 21], ['America/Los_Angeles', 420, 'en-US', 13],
  ['America/Chicago', 300, 'en-US', 9], ['Europe/London', -60, 'en-GB', 10],
  ['Europe/Berlin', -120, 'de-DE', 9], ['Europe/Paris', -120, 'fr-FR', 6],
  ['Asia/Kolkata', -330, 'en-IN', 8], ['America/Sao_Paulo', 180, 'pt-BR', 6],
  ['Asia/Tokyo', -540, 'ja-JP', 4], ['Australia/Sydney', -600, 'en-AU', 4],
  ['Europe/Madrid', -120, 'es-ES', 4], ['Asia/Singapore', -480, 'en-SG', 3],
  ['Europe/Warsaw', -120, 'pl-PL', 3],
].map(([zone, offset, language, weight]) => [
  `"$timezone":"${zone}","$timezone_offset":${offset},"$browser_language":"${language}",` +
  `"$browser_language_prefix":"${language.slice(0, 2)}",`, weight]));
const REFERRERS = new Weighted([
  ['$direct', 46], ['https://www.google.com/', 29], ['https://duckduckgo.com/', 4], ['https://www.bing.com/', 4],
  ['https://news.ycombinator.com/', 3], ['https://github.com/', 5], ['https://t.co/', 3],
  ['https://www.reddit.com/', 3], ['https://www.linkedin.com/', 3],
].map(([url, weight]) => [
  `"$referrer":"${url}","$referring_domain":"${url === '$direct' ? url : new URL(url).host}",`, weight]));
const CAMPAIGNS = ['spring_launch', 'brand_search', 'retargeting', 'newsletter_0725', 'partner_webinar'];
const FEATURES = ['export_csv', 'share_link', 'dark_mode', 'bulk_edit', 'api_key', 'comment', 'template', 'shortcut'];
const PLANS = new Weighted([['starter', 52], ['team', 29], ['business', 14], ['enterprise', 5]]);
const PLAN_PRICE = { starter: 19, team: 79, business: 249, enterprise: 1200 };
const CURRENCIES = new Weighted([['USD', 62], ['EUR', 22], ['GBP', 10], ['BRL', 6]]);
const ERROR_CODES = ['E_QUOTA', 'E_TIMEOUT', 'E_FORBIDDEN', 'E_CONFLICT', 'E_UPLOAD'];
const BUTTONS = ['Sign up', 'Start free trial', 'Save', 'Next', 'Add widget', 'Invite', 'Filter', 'Zurück', 'Close',
  'Download', 'Read more', 'Compare plans', 'Run query', 'Share', 'Menu'];
const CHAINS = BUTTONS.map((text, i) => [
  `button.btn.btn-${i % 2 ? 'primary' : 'link'}:attr__data-attr="action-${i}"nth-child="${1 + (i % 5)}"` +
  `nth-of-type="1"text="${text}";div.toolbar:nth-child="2"nth-of-type="2"`, text,
].map((value) => Buffer.from(JSON.stringify(value)).toString('latin1')));

// Pages: the site's are shared by everybody; `%` in the app's is the project.
function makePages() {
  const random = new Random(7);
  const words = ['data', 'events', 'funnels', 'growth', 'metrics', 'privacy', 'cohorts', 'teams', 'launch', 'scale',
    'pipeline', 'retention', 'query', 'sessions', 'flags', 'replay', 'surveys', 'pricing', 'mobile', 'web'];
  const slug = () => `${random.pick(words)}-${random.pick(words)}-${random.below(90) + 10}`;
  const pages = [['www', '/', 'Home'], ['www', '/pricing', 'Pricing'], ['www', '/signup', 'Sign up'],
    ['app', '/project/%/home', 'Home'], ['app', '/project/%/insights', 'Insights'], ['docs', '/docs', 'Docs']];
  for (let i = pages.length; i < 2000; ++i) {
    const kind = random.unit();
    const name = slug();
    const title = name.replaceAll('-', ' ');
    if (kind < 0.3) pages.push(['www', `/blog/${name}`, `${title} | Blog`]);
    else if (kind < 0.62) pages.push(['docs', `/docs/${random.pick(words)}/${name}`, `${title} - Docs`]);
    else if (kind < 0.7) pages.push(['www', `/customers/${name}`, `Customer story: ${title}`]);
    else pages.push(['app', `/project/%/${random.pick(['insights', 'dashboard', 'cohorts', 'events'])}/${name}`, title]);
  }
  return pages.map(([host, pathname, title]) => ({ host: `${host}.example.com`, pathname, title }));
}
const PAGES = makePages();
const PAGE_RANKS = new Weighted(PAGES.map((page, rank) => [page, 1 / (rank + 1) ** 0.9]));

// Days weighted by weekday (the first is a Thursday) and a little growth.
const DAYS = {
  edges: Array.from({ length: STREAM_DAYS }).reduce((edges, _, day) => {
    const weekend = (day + 4) % 7 === 0 || (day + 4) % 7 === 6;
    return [...edges, edges.at(-1) + (weekend ? 0.55 : 1) * (1 + day / 200)];
  }, [0]),
  // The day that holds the share `progress` of the stream, and how far into it.
  split(progress) {
    const x = progress * this.edges.at(-1);
    let day = 0;
    while (day < STREAM_DAYS - 1 && this.edges[day + 1] <= x) ++day;
    return [day, (x - this.edges[day]) / (this.edges[day + 1] - this.edges[day])];
  },
};

function deviceFragment(user, device) {
  const [os, os_version, browser, kind, agent] = PLATFORM_RANKS.at(trait(user, 10 + device));
  const screens = SCREENS[kind];
  const [width, height] = screens[Math.floor(trait(user, 20 + device) * screens.length)];
  const newest = { Firefox: 141, Safari: 5, 'Mobile Safari': 5, 'Samsung Internet': 28 }[browser] ?? 138;
  const version = newest - Math.floor(trait(user, 30 + device) ** 3 * Math.min(newest, 12));
  const key = `${browser}|${os}|${width}|${version}`;
  let text = fragment_cache.get(key);
  if (text === undefined) {
    text = `"$os":"${os}",${os_version && `"$os_version":"${os_version}",`}"$browser":"${browser}",` +
      `"$browser_version":${version},"$device_type":"${kind}",` +
      `"$raw_user_agent":"${agent.replaceAll('%', version)}",` +
      `"$screen_height":${height},"$screen_width":${width},"$viewport_height":${height - 139},` +
      `"$viewport_width":${width},"$lib":"web","$lib_version":"1.258.${version % 7}",`;
    fragment_cache.set(key, text);
  }
  return text;
}
const PLATFORM_RANKS = new Weighted(PLATFORMS.map((row) => [row, row[5]]));
const fragment_cache = new Map();

// ---------------------------------------------------------------------------------------------

export class EventStream {
  constructor({ events, seed = 1 }) {
    this.events = events;
    this.random = new Random(seed);
    this.users = Math.max(50, Math.ceil(events * USERS_PER_EVENT));
    this.users_power = this.users ** 0.45;
    this.flags = new Uint8Array(this.users); // 1: signed up; 2: second device logged in
    this.event_counts = new Uint32Array(this.users);
    this.active = []; // a binary heap of running sessions, by the time of their next event
    this.planned = 0;
    this.emitted = 0;
    this.next_session = this.#drawSession();
    this.first_ms = 0;
    this.last_ms = 0;
  }

  // The next event as JSON, or undefined after the last. The string holds UTF-8 bytes, one a
  // character: write it as latin1.
  next() {
    while (this.next_session && (this.active.length === 0 || this.next_session.time <= this.active[0].time)) {
      this.#push(this.next_session);
      this.next_session = this.#drawSession();
    }
    const session = this.active[0];
    if (session === undefined) return undefined;
    this.last_ms = session.time;
    this.first_ms ||= session.time;
    ++this.emitted;
    ++this.event_counts[session.user];
    const text = this.#step(session);
    this.#advance(session);
    return text;
  }

  // What was produced so far: the busiest signed-up user is the subject of the bench's user queries.
  meta() {
    let top = -1;
    let persons = 0;
    for (let user = 0; user < this.users; ++user) {
      const count = this.event_counts[user];
      persons += count > 0;
      if (this.flags[user] & 1 && (top < 0 || count > this.event_counts[top])) top = user;
    }
    return {
      events: this.emitted,
      persons,
      first: new Date(this.first_ms).toISOString(),
      last: new Date(this.last_ms).toISOString(),
      top_distinct_id: top < 0 ? '' : `user_${personDigits(top)}`,
    };
  }

  // Sessions start so that `events` of them fill the 90 days, denser by day and on weekdays.
  #drawSession() {
    const left = this.events - this.planned;
    if (left <= 0) return undefined;
    const random = this.random;
    const progress = this.planned / this.events;
    const [day, within] = DAYS.split(progress);
    // The inverse of a daily wave by fixed-point steps: nights are three times as quiet as noon.
    let phase = within;
    for (let i = 0; i < 5; ++i) phase = within + 0.08 * Math.sin(6.283185307 * phase);
    const time = Math.floor(STREAM_START + (day + Math.min(0.98, phase)) * DAY_MS);
    const user = this.#drawUser(progress);
    const signed_up = (this.flags[user] & 1) === 1;
    const device = signed_up && random.chance(0.06) ? 1 : 0;
    const login = device === 1 && (this.flags[user] & 2) === 0;
    const signup = !signed_up && random.chance(0.16);
    let length = 1 + Math.floor(random.exponential(SESSION_EVENTS_MEAN - 1));
    if (login || signup) length = Math.max(4, length);
    length = Math.min(length, 300);
    if (left - length < 4) length = left;
    this.planned += length;

    const digits = personDigits(user);
    const device_id = uuid7(new Random(user * 2 + device), STREAM_START - 1000 * (user % 500_000), digits);
    const session_id = uuid7(random, time);
    const session = {
      time, user, device, device_id, digits, length,
      step: 0, page: undefined, url: '', page_ms: 0, project: 1000 + (user % 40_000),
      login_at: login ? 1 : signup ? 2 + random.below(length - 3) : -1,
      signup,
      text: '',
    };
    this.#open(session, PAGE_RANKS.at(random.unit()));
    const campaign = random.chance(0.07)
      ? `"utm_source":"google","utm_medium":"cpc","utm_campaign":"${random.pick(CAMPAIGNS)}",` : '';
    session.text = flat(deviceFragment(user, device) + PLACES.at(trait(user, 3)) +
      `"$device_id":"${device_id}","$session_id":"${session_id}",` +
      `"$window_id":"${uuid7(random, time)}",${REFERRERS.at(random.unit())}${campaign}`);
    return session;
  }

  // Power-law activity among the users who have arrived and not left.
  #drawUser(progress) {
    let user = 0;
    for (let tries = 0; tries < 8; ++tries) {
      const x = this.random.unit() * (this.users_power - 1) + 1;
      user = Math.min(this.users - 1, Math.floor(x ** (1 / 0.45)) - 1);
      const arrival = trait(user, 1) * 1.3 - 0.3;
      const life = user < 40 ? 2 : -Math.log(1 - trait(user, 2)) * 0.35;
      if (arrival <= progress && progress <= arrival + life) return user;
    }
    return user;
  }

  #open(session, page) {
    session.page = page;
    session.page_ms = session.time;
    session.pathname = page.pathname.replace('%', session.project);
    session.url = `https://${page.host}${session.pathname}`;
    session.page_text = flat(`"$current_url":"${session.url}","$host":"${page.host}",` +
      `"$pathname":"${session.pathname}","title":"${page.title}",`);
  }

  #step(session) {
    const random = this.random;
    const step = session.step;
    if (step === 0) return this.#event(session, '$pageview', this.#pageview());
    if (step === session.login_at) return this.#identify(session);
    if (session.signup && step === session.login_at - 1) {
      return this.#event(session, 'signup', `"method":"${random.chance(0.4) ? 'google' : 'email'}","plan":"free",`);
    }
    if (session.leaving) {
      session.leaving = false;
      this.#open(session, PAGE_RANKS.at(random.unit()));
      return this.#event(session, '$pageview', this.#pageview());
    }
    const kind = random.unit();
    if (kind < 0.44) {
      const [chain, text] = random.pick(CHAINS);
      return this.#event(session, '$autocapture',
        `"$event_type":"click","$ce_version":1,"$el_text":${text},"$elements_chain":${chain},`);
    }
    if (kind < 0.72) {
      session.leaving = true;
      const seconds = Math.round(session.time - session.page_ms) / 1000;
      return this.#event(session, '$pageleave', `"$prev_pageview_pathname":"${session.pathname}",` +
        `"$prev_pageview_duration":${seconds},"$prev_pageview_max_scroll_percentage":${random.below(101) / 100},`);
    }
    if (kind < 0.8) {
      this.#open(session, PAGE_RANKS.at(random.unit()));
      return this.#event(session, '$pageview', this.#pageview());
    }
    return this.#custom(session, random);
  }

  #pageview() {
    return `"load_time_ms":${Math.round(Math.exp(6.6 + 0.7 * this.random.normal()) * 10) / 10},`;
  }

  #custom(session, random) {
    const kind = random.unit();
    if (kind < 0.46) {
      return this.#event(session, 'feature used',
        `"feature":"${random.pick(FEATURES)}","duration_ms":${Math.floor(random.exponential(900))},`);
    }
    if (kind < 0.72) {
      return this.#event(session, 'search performed',
        `"query_length":${1 + random.below(40)},"results":${random.below(200)},`);
    }
    if (kind < 0.9 && this.flags[session.user] & 1) {
      const plan = PLANS.at(random.unit());
      const seats = 1 + Math.floor(random.exponential(2));
      const amount = (PLAN_PRICE[plan] * seats * (random.chance(0.3) ? 0.85 : 1)).toFixed(2);
      return this.#event(session, 'purchase',
        `"amount":${Number(amount)},"plan":"${plan}","currency":"${CURRENCIES.at(random.unit())}","seats":${seats},`);
    }
    if (kind >= 0.9 && kind < 0.912) {
      return this.#event(session, 'error shown',
        `"error_code":"${random.pick(ERROR_CODES)}","retries":${random.below(4)},`);
    }
    return this.#event(session, 'invite sent', `"role":"${random.chance(0.8) ? 'member' : 'admin'}",`);
  }

  #identify(session) {
    const digits = session.digits;
    const anonymous = session.device_id;
    this.flags[session.user] |= session.device === 1 ? 2 : 1;
    return this.#event(session, '$identify',
      `"$anon_distinct_id":"${anonymous}","$set":{"email":"${digits}@customer.example","plan":"free"},` +
      `"$set_once":{"$initial_os":"${PLATFORM_RANKS.at(trait(session.user, 10))[0]}"},`);
  }

  #event(session, name, extra) {
    const known = this.flags[session.user] & (session.device === 1 ? 2 : 1);
    const distinct_id = known ? `user_${session.digits}` : session.device_id;
    const time = session.time;
    const a = this.random.uint32();
    const b = this.random.uint32();
    const insert_id = INSERT_ALPHABET[a % 1296] + INSERT_ALPHABET[(a >>> 11) % 1296] +
      INSERT_ALPHABET[b % 1296] + INSERT_ALPHABET[(b >>> 11) % 1296] + INSERT_ALPHABET[((a ^ b) >>> 0) % 1296];
    return `{"uuid":"${uuid7(this.random, time)}","event":"${name}","distinct_id":"${distinct_id}",` +
      `"properties":{${session.text}${session.page_text}${extra}` +
      `"$is_identified":${known ? 'true' : 'false'},"$process_person_profile":${known ? 'true' : 'false'},` +
      `"$insert_id":"${insert_id}","$time":${time / 1000}},"timestamp":"${isoTime(time)}"}`;
  }

  #advance(session) {
    ++session.step;
    if (session.step >= session.length) {
      const last = this.active.pop();
      if (this.active.length > 0) this.active[0] = last;
    } else {
      const random = this.random;
      session.time += Math.floor(80 + random.exponential(random.chance(0.02) ? 400_000 : 17_000));
    }
    this.#sink();
  }

  #push(session) {
    const heap = this.active;
    let i = heap.push(session) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent].time <= session.time) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = session;
  }

  #sink() {
    const heap = this.active;
    if (heap.length === 0) return;
    const session = heap[0];
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].time < heap[child].time) ++child;
      if (heap[child].time >= session.time) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = session;
  }
}

// Writes the next `events` lines of the stream (fewer at its end) to `file`; returns { events, bytes }.
function writeLines(stream, file, events) {
  const out = fs.openSync(file, 'w');
  const buffer = Buffer.allocUnsafe(4 << 20);
  const before = stream.emitted;
  let filled = 0;
  let bytes = 0;
  const flush = () => {
    fs.writeSync(out, buffer, 0, filled);
    bytes += filled;
    filled = 0;
  };
  while (stream.emitted - before < events) {
    const line = stream.next();
    if (line === undefined) break;
    if (filled + line.length + 1 > buffer.length) flush();
    filled += buffer.latin1Write(line, filled);
    buffer[filled++] = 10;
  }
  flush();
  fs.fsyncSync(out);  // whoever loads it should not share the disk with its being written out
  fs.closeSync(out);
  return { events: stream.emitted - before, bytes };
}

const metaOf = (stream, seed, bytes) => (
  { ...stream.meta(), seed, bytes, bytes_per_event: Math.round(bytes / stream.emitted) });

const metaFile = (file) => `${file}.meta.json`;

// What an earlier call noted of the stream with these events and this seed; undefined if none did.
export function readMeta(file, { events, seed = 1 }) {
  if (!fs.existsSync(metaFile(file))) return undefined;
  const meta = JSON.parse(fs.readFileSync(metaFile(file), 'utf8'));
  return meta.events === events && meta.seed === seed ? meta : undefined;
}

// Writes the stream to `file` and its meta beside it; returns the meta. Kept when it already exists.
export function generateFile(file, { events, seed = 1 }) {
  const known = readMeta(file, { events, seed });
  if (known && fs.statSync(file, { throwIfNoEntry: false })?.size === known.bytes) return known;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const stream = new EventStream({ events, seed });
  const started = performance.now();
  const { bytes } = writeLines(stream, file, Infinity);
  const seconds = (performance.now() - started) / 1000;
  const meta = metaOf(stream, seed, bytes);
  fs.writeFileSync(metaFile(file), `${JSON.stringify(meta, null, 2)}\n`);
  process.stderr.write(`${file}: ${events} events, ${meta.bytes_per_event} bytes each, ` +
    `${Math.round(events / seconds)} events/s\n`);
  return meta;
}

// The same stream in slices of `slice` events: yields { file, events } with each slice in turn in `${file}.slice`, which
// lasts until the next one is asked for. After the last, the meta is written as generateFile() does.
export function* generateSlices(file, { events, seed = 1, slice }) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const stream = new EventStream({ events, seed });
  const part = `${file}.slice`;
  let bytes = 0;
  try {
    while (stream.emitted < events) {
      fs.rmSync(part, { force: true });  // its pages need not be kept while the next is written
      const written = writeLines(stream, part, slice);
      if (written.events === 0) throw new Error(`the stream ended after ${stream.emitted} of ${events} events`);
      bytes += written.bytes;
      yield { file: part, events: written.events };
    }
  } finally {
    fs.rmSync(part, { force: true });
  }
  const meta = metaOf(stream, seed, bytes);
  const known = readMeta(file, { events, seed });
  if (known && JSON.stringify(known) !== JSON.stringify(meta)) {
    throw new Error(`${metaFile(file)} is of another version of the stream: remove it and what was loaded`);
  }
  fs.writeFileSync(metaFile(file), `${JSON.stringify(meta, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: {
    events: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  } });
  const events = Number(values.events);
  const data = path.join(path.dirname(fileURLToPath(import.meta.url)), 'data');
  const file = values.out ?? path.join(data, `events-${events}.ndjson`);
  console.log(JSON.stringify(generateFile(file, { events, seed: Number(values.seed) }), null, 2));
}
