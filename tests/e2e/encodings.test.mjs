// Every form in which an SDK, old or new, has ever sent an event, on every path that takes events.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { lz64 } from './lib/lz64.mjs';
import { Server } from './lib/server.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server.remove());

const PATHS = ['/e', '/e/', '/i/v0/e', '/i/v0/e/', '/i/v0/ai/batch', '/capture/', '/track/', '/engage/', '/batch', '/batch/'];
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const TEXT = { 'content-type': 'text/plain' };
const JSON_TYPE = { 'content-type': 'application/json' };

const SHAPES = {
  single: (event) => ({ api_key: server.token, ...event }),
  'single with the token in its properties': (event) => ({ ...event, properties: { ...event.properties, token: server.token } }),
  array: (event) => [{ token: server.token, ...event }],
  batch: (event) => ({ api_key: server.token, batch: [event], sent_at: new Date().toISOString() }),
};

const base64 = (text) => Buffer.from(text).toString('base64');
const field = (value) => `data=${encodeURIComponent(value)}`;

// name: text => { method, query, headers, body }
const ENCODINGS = {
  plain: (text) => ({ headers: JSON_TYPE, body: text }),
  'plain, no type': (text) => ({ body: text }),
  'plain, a charset': (text) => ({ headers: { 'content-type': 'application/json; charset=utf-8' }, body: text }),
  'plain, by GET': (text) => ({ method: 'GET', headers: JSON_TYPE, body: text }),
  base64: (text) => ({ headers: TEXT, body: base64(text) }),
  'base64, named': (text) => ({ query: 'compression=base64', headers: TEXT, body: base64(text) }),
  'gzip by its magic': (text) => ({ headers: TEXT, body: gzipSync(text) }),
  'gzip by the query': (text) => ({ query: 'compression=gzip-js&ip=1&ver=1.0', headers: TEXT, body: gzipSync(text) }),
  'gzip by the header': (text) => ({ headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, body: gzipSync(text) }),
  'form with JSON': (text) => ({ headers: FORM, body: field(text) }),
  'form with base64': (text) => ({ query: 'compression=base64', headers: FORM, body: field(base64(text)) }),
  'form with base64 and naked pluses': (text) => ({ headers: FORM, body: `data=${base64(text)}` }),
  'form that says so itself': (text) => ({ headers: FORM, body: `${field(base64(text))}&compression=base64&ip=0` }),
  'form with lz64': (text) => ({ query: 'compression=lz64', headers: FORM, body: field(lz64(text)) }),
  'query with JSON': (text) => ({ method: 'GET', query: field(text) }),
  'query with base64': (text) => ({ method: 'GET', query: field(base64(text)) }),
  'query by POST': (text) => ({ query: field(base64(text)) }),
};

for (const [shape, shaped] of Object.entries(SHAPES)) {
  test(`${shape}: every encoding on every path`, { timeout: 60_000 }, async () => {
    let sent = 0;
    for (const [encoding, encoded] of Object.entries(ENCODINGS)) {
      for (const path of PATHS) {
        const event = { event: shape, distinct_id: 'ü☕😀 ÿþ?>', properties: { encoding, path, note: 'Grüße, ☕ and 😀 >?~' } };
        const { method = 'POST', query = '', headers = {}, body } = encoded(JSON.stringify(shaped(event)));
        const answer = await server.request(method, `${path}?${query}`, body, headers);
        assert.deepEqual([answer.status, answer.text], [200, '{"status":"Ok"}'], `${encoding} on ${path}`);
        sent += 1;
      }
    }
    await server.expectRows(`SELECT count(), count(DISTINCT uuid), count(DISTINCT concat(properties.encoding, properties.path)),
      any(distinct_id), count(DISTINCT distinct_id), any(properties.note), count(DISTINCT properties.note)
      FROM events WHERE event = '${shape}'`,
    [[sent, sent, sent, 'ü☕😀 ÿþ?>', 1, 'Grüße, ☕ and 😀 >?~', 1]]);
  });
}
