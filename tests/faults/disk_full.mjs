// A full disk: capture answers 503, queries go on, and nothing acknowledged is lost once there is room
// again.
//
//   node tests/faults/disk_full.mjs BUILD_DIR [--megabytes 512] [--spare 120]
//
// The data folder is a tmpfs of that size (a loop-mounted ext4 image where tmpfs cannot be mounted;
// needs root either way). Once the server runs, a ballast file leaves `spare` megabytes; batches are
// sent until one is refused; then the ballast goes away. Exit code 1 on a failure, 2 when nothing can
// be mounted.

import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { useBinaryOf } from './common.mjs';

const { values: flags, positionals } = parseArgs({ allowPositionals: true, options: {
  megabytes: { type: 'string', default: '512' },
  spare: { type: 'string', default: '120' },
} });
const build = positionals[0];
if (!build) throw new Error('usage: disk_full.mjs BUILD_DIR [--megabytes N] [--spare N]');
useBinaryOf(build);
const { Server, temporaryFolder, waitFor } = await import('../e2e/lib/server.mjs');

const BATCH_EVENTS = 500;
const REFUSALS = 5;
const MEGABYTE = 1 << 20;

const folder = temporaryFolder('hoglet-full-');
const mount = path.join(folder, 'disk');
const ballast = path.join(mount, 'ballast');

function mountDisk() {
  fs.mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${flags.megabytes}m`, 'tmpfs', mount], { stdio: 'pipe' });
    return 'tmpfs';
  } catch {
    try {
      const image = path.join(folder, 'image');
      fs.closeSync(fs.openSync(image, 'w'));
      fs.truncateSync(image, Number(flags.megabytes) * MEGABYTE);
      execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'pipe' });
      execFileSync('mount', ['-o', 'loop', image, mount], { stdio: 'pipe' });
      return 'ext4 on a loop device';
    } catch (error) {
      console.log(`cannot mount a small disk here: ${String(error.stderr ?? error.message).trim()}`);
      fs.rmSync(folder, { recursive: true, force: true });
      return process.exit(2);
    }
  }
}

function freeBytes() {
  const { bavail, bsize } = fs.statfsSync(mount);
  return Number(bavail) * Number(bsize);
}

// Fills the disk but for `spare` bytes.
function writeBallast(spare) {
  const file = fs.openSync(ballast, 'w');
  const block = Buffer.alloc(MEGABYTE);
  for (let left = freeBytes() - spare; left > 0; left -= block.length) fs.writeSync(file, block, 0, Math.min(left, block.length));
  fs.closeSync(file);
}

const failures = [];
function expect(holds, text) {
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${text}`);
  if (!holds) failures.push(text);
}

const acknowledged = new Set();
const refused = new Set();

async function send(server) {
  const batch = Array.from({ length: BATCH_EVENTS }, (_, i) => ({
    uuid: crypto.randomUUID(), event: 'filled', distinct_id: `user-${i % 40}`, timestamp: '2024-06-01T10:00:00Z',
    properties: { noise: crypto.randomBytes(400).toString('base64') },
  }));
  const answer = await server.capture(batch).catch((error) => ({ status: 0, text: error.message, headers: {} }));
  for (const { uuid } of batch) (answer.status === 200 ? acknowledged : refused).add(uuid);
  return answer;
}

async function uuids(server) {
  const found = new Map();
  for (let offset = 0; ; offset += 50_000) {
    const rows = await server.query(`SELECT uuid, count() AS n FROM events WHERE event = 'filled' GROUP BY uuid
      ORDER BY uuid LIMIT 50000 OFFSET ${offset}`);
    for (const [uuid, n] of rows) found.set(uuid, n);
    if (rows.length < 50_000) return found;
  }
}

// Every acknowledged event once, no event that was not sent.
async function checkAll(server, when) {
  let found = new Map();
  await waitFor(async () => {
    found = await uuids(server);
    return [...acknowledged].every((uuid) => found.has(uuid));
  }, { timeout_ms: 60_000, interval_ms: 200, what: 'acknowledged events' }).catch(() => {});
  const lost = [...acknowledged].filter((uuid) => !found.has(uuid)).length;
  expect(lost === 0, `${when}: all ${acknowledged.size} acknowledged events are there (${lost} lost)`);
  expect([...found.values()].every((n) => n === 1), `${when}: each is counted once`);
  expect([...found.keys()].every((uuid) => acknowledged.has(uuid) || refused.has(uuid)), `${when}: none is invented`);
}

console.log(`data on ${mountDisk()} of ${flags.megabytes} MB`);
const server = new Server({ data: path.join(mount, 'data') });
try {
  await server.start();
  expect((await send(server)).status === 200, 'capture works while there is room');
  writeBallast(Number(flags.spare) * MEGABYTE);
  let answer;
  for (let mb = 0; mb < Number(flags.megabytes) * 4; ++mb) {
    answer = await send(server);
    if (answer.status !== 200) break;
  }
  expect(answer.status === 503, `a full disk is answered with 503 (got ${answer.status}: ${answer.text.slice(0, 120)})`);
  for (let i = 0; i < REFUSALS; ++i) {
    const status = (await send(server)).status;
    expect(status === 503 || status === 200, `the next answers are 503, or 200 if it fitted (got ${status})`);
  }
  expect((await server.get('/_livez')).status === 200, 'the server is alive');
  const before = await server.query(`SELECT count() FROM events`).catch((error) => [[error.message]]);
  expect(before[0][0] >= BATCH_EVENTS, `queries go on (count() = ${before[0][0]})`);

  fs.rmSync(ballast);
  const again = await waitFor(async () => (await send(server)).status === 200, { timeout_ms: 20_000, what: 'capture' })
    .catch(() => false);
  expect(again, 'capture works again with room again, without a restart');
  await checkAll(server, 'with room again');
  await server.restart();
  await checkAll(server, 'after a restart');
  await server.kill();
  await server.start();
  await checkAll(server, 'after a kill');
} catch (error) {
  expect(false, `${error.message}\n${server.output.slice(-2000)}`);
} finally {
  if (server.child !== undefined) await server.kill();
  execFileSync('umount', [mount]);
  fs.rmSync(folder, { recursive: true, force: true });
}
console.log(failures.length === 0 ? 'passed' : `${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
