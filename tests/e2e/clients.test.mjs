// Clients that are slow, idle or hostile: the others are served meanwhile, and memory stays bounded.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { memoryIs, Server, sleep, waitFor } from './lib/server.mjs';

const MIB = 1 << 20;

let server;
before(async () => {
  server = await Server.start();
});
after(() => server.remove());

async function metric(name) {
  const { text } = await server.get('/metrics');
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}
const residentBytes = () => metric('hoglet_resident_bytes');

// Opens a connection and sends `head`; resolves once connected.
function open(head = '') {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => {
      if (head) socket.write(head);
      resolve(socket);
    });
    socket.on('error', reject);
    socket.received = '';
    socket.on('data', (bytes) => (socket.received += bytes));
  });
}

const header = (length, extra = '') => 'POST /batch/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
  `${extra}Content-Length: ${length}\r\n\r\n`;

// Sends ordinary events until `done` resolves; every one must be acknowledged. Returns the slowest, ms.
async function serveOthersUntil(done, event) {
  let over = false;
  done.finally(() => (over = true));
  let slowest = 0;
  let sent = 0;
  do {
    const begun = performance.now();
    const answer = await server.capture({ event, distinct_id: 'other' });
    assert.equal(answer.status, 200, answer.text);
    slowest = Math.max(slowest, performance.now() - begun);
    sent += 1;
  } while (!over);
  await done;
  assert.ok(sent > 10, `${sent} requests were served meanwhile`);
  await server.expectRows(`SELECT count() FROM events WHERE event = '${event}'`, [[sent]]);
  return slowest;
}

test('bodies that come at 1 KB/s hold nobody up', { timeout: 60_000 }, async () => {
  const before = await residentBytes();
  const sockets = await Promise.all(Array.from({ length: 100 }, () => open(header(20 * MIB))));
  const trickle = (async () => {
    for (let second = 0; second < 3; second++) {
      for (const socket of sockets) socket.write('x'.repeat(1024));
      await sleep(1000);
    }
  })();
  const slowest = await serveOthersUntil(trickle, 'beside slow bodies');
  assert.ok(slowest < 1000, `the slowest answer took ${slowest} ms`);
  memoryIs(await residentBytes() - before < 64 * MIB, 'what was announced was not reserved');
  assert.ok(sockets.every((socket) => socket.received === '' && !socket.destroyed), 'slow is not wrong');
  for (const socket of sockets) socket.destroy();
});

test('a slow body that comes to its end is taken', { timeout: 60_000 }, async () => {
  const body = JSON.stringify({ api_key: server.token, batch: [{ event: 'slow', distinct_id: 's', properties: { pad: 'x'.repeat(3000) } }] });
  const socket = await open(header(body.length));
  for (let at = 0; at < body.length; at += 512) {
    socket.write(body.slice(at, at + 512));
    await sleep(100);
  }
  await waitFor(() => socket.received.includes('{"status":"Ok"}'), { timeout_ms: 5000, what: 'the answer' });
  await server.expectRows(`SELECT count() FROM events WHERE event = 'slow'`, [[1]]);
  socket.destroy();
});

test('10,000 idle connections leave memory and the others alone', { timeout: 120_000 }, async () => {
  // Where a process may not open that many files, as many as it may.
  const files = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  const count = Math.min(10_000, files === 'unlimited' ? Infinity : Number(files) - 1200);
  assert.ok(count > 1000, `the system allows ${files} open files`);
  const before = await residentBytes();
  const sockets = [];
  while (sockets.length < count) {
    // Some have had an answer before they fall silent.
    const batch = Array.from({ length: Math.min(500, count - sockets.length) }, (_, i) =>
      open(i % 4 === 0 ? 'GET /_livez HTTP/1.1\r\nHost: x\r\n\r\n' : ''));
    sockets.push(...await Promise.all(batch));
  }
  await waitFor(async () => await metric('hoglet_http_connections_open') >= count,
    { timeout_ms: 20_000, what: `${count} open connections` });
  const slowest = await serveOthersUntil(sleep(3000), 'beside idle connections');
  assert.ok(slowest < 1000, `the slowest answer took ${slowest} ms`);
  const grown = await residentBytes() - before;
  memoryIs(grown < 100 * MIB, `${Math.round(grown / count)} bytes a connection`);
  assert.ok(sockets.every((socket) => !socket.destroyed), 'nobody was cut');
  for (const socket of sockets) socket.destroy();
  await waitFor(async () => await metric('hoglet_http_connections_open') < 10, { timeout_ms: 20_000, what: 'closed connections' });
});

test('gzip bombs are 413 and hold nobody up', { timeout: 120_000 }, async () => {
  const bomb = gzipSync(Buffer.alloc(256 * MIB, 0x20), { level: 9 });
  const before = await residentBytes();
  const answers = Promise.all(Array.from({ length: 6 }, () => server.request('POST', '/batch/', bomb,
    { 'content-type': 'application/json', 'content-encoding': 'gzip' })));
  const slowest = await serveOthersUntil(answers, 'beside bombs');
  for (const { status, text } of await answers) {
    assert.equal(status, 413);
    assert.match(text, /^maximum event size exceeded: /);
  }
  assert.ok(slowest < 5000, `the slowest answer took ${slowest} ms`);
  memoryIs(await residentBytes() - before < 300 * MIB, 'memory stays bounded');
});

test('a small body of very many values takes no memory to speak of', { timeout: 60_000 }, async () => {
  const dense = gzipSync(`[${'1,'.repeat(30 * MIB)}1]`);
  assert.ok(dense.length < 100_000);
  for (const body of [dense, dense]) {
    const { status, text } = await server.request('POST', '/e/', body, { 'content-type': 'text/plain' });
    assert.equal(status, 400);
    assert.match(text, /^failed to parse request: more than \d+ values/);
  }
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) * 1024;
  memoryIs(peak < 512 * MIB, `the peak was ${peak} bytes`);
});

test('a client that never reads its answers is not waited for', { timeout: 60_000 }, async () => {
  const socket = await open();
  socket.pause();
  const ask = `GET /static/array.full.js HTTP/1.1\r\nHost: x\r\n\r\n`;
  for (let i = 0; i < 50; i++) socket.write(ask);
  const slowest = await serveOthersUntil(sleep(1000), 'beside a deaf client');
  assert.ok(slowest < 1000, `the slowest answer took ${slowest} ms`);
  socket.destroy();
});
