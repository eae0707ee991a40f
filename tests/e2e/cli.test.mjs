// The command line: import, query, check, --version, --help.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import { BINARY, DATA_FILES, Server, runCli, sleep, temporaryFolder, waitFor } from './lib/server.mjs';

const EVENTS = 3000;
const COMMITS = path.join(DATA_FILES, 'duckdb-commits.jsonl.zst');

let folder;
let ndjson;
const file = (name) => path.join(folder, name);

before(() => {
  folder = temporaryFolder();
  ndjson = Array.from({ length: EVENTS }, (_, i) => JSON.stringify({
    uuid: crypto.randomUUID(), event: i % 3 ? 'seen' : 'made', distinct_id: `d${i % 50}`,
    timestamp: new Date(Date.UTC(2024, 0, 1) + i * 60_000).toISOString(),
    properties: { number: i, text: i === 7 ? 'comma, "quote"\nline' : `row ${i}`, flag: i % 2 === 0 },
  })).join('\n') + '\n';
  fs.writeFileSync(file('events.ndjson'), ndjson);
  fs.writeFileSync(file('events.ndjson.gz'), gzipSync(ndjson));
  execFileSync('zstd', ['-q', file('events.ndjson'), '-o', file('events.zst-without-its-name')]);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function assertSuccess({ status, stdout, stderr }) {
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

const ask = (data, hogql) => JSON.parse(assertSuccess(runCli(['query', hogql, '--data', data, '--format', 'json'])));

// The rows of a `--format json` answer, whether it is the API's object or a plain list.
const rowsOf = (answer) => (Array.isArray(answer) ? answer : answer.results)
  .map((row) => (Array.isArray(row) ? row : Object.values(row)));

const countOf = (data) => Number(rowsOf(ask(data, 'SELECT count() FROM events'))[0][0]);

test('--version and --help', () => {
  assert.match(assertSuccess(runCli(['--version'])), /\d+\.\d+\.\d+/);
  const help = assertSuccess(runCli(['--help']));
  for (const command of ['serve', 'import', 'query', 'check']) assert.match(help, new RegExp(`\\b${command}\\b`));
  assert.match(help, /hoglet (serve|import|query)/, 'examples');
  for (const command of ['serve', 'import', 'query', 'check']) {
    assert.match(assertSuccess(runCli([command, '--help'])), /--data/);
  }
});

test('mistakes on the command line are said on stderr, with a non-zero status', () => {
  for (const args of [['frobnicate'], ['serve', '--no-such-flag'], ['import', file('absent.ndjson'), '--data', file('none')],
    ['query', 'SELECT 1', '--format', 'xml', '--data', file('none')]]) {
    const { status, stderr } = runCli(args);
    assert.notEqual(status, 0, args.join(' '));
    assert.ok(stderr.trim().length > 5, args.join(' '));
  }
});

for (const [name, source] of [['plain', 'events.ndjson'], ['gz', 'events.ndjson.gz'], ['zst', 'events.zst-without-its-name']]) {
  test(`import of a file: ${name}; a second time changes nothing`, () => {
    const data = file(`data-${name}`);
    assertSuccess(runCli(['import', file(source), '--data', data]));
    assert.equal(countOf(data), EVENTS);
    assertSuccess(runCli(['import', file(source), '--data', data]));
    assert.equal(countOf(data), EVENTS);
  });
}

test('import from stdin', () => {
  for (const [name, input] of [['stdin', Buffer.from(ndjson)], ['stdin-gz', gzipSync(ndjson)]]) {
    const data = file(`data-${name}`);
    assertSuccess(runCli(['import', '-', '--data', data], { input }));
    assert.equal(countOf(data), EVENTS);
  }
});

test('import names the line that is malformed', () => {
  fs.writeFileSync(file('bad.ndjson'), ndjson.split('\n').slice(0, 4).concat('{"event": oops').join('\n'));
  const { stdout, stderr } = runCli(['import', file('bad.ndjson'), '--data', file('data-bad')]);
  assert.match(stdout + stderr, /(line |:)5\b/);
});

test('an import that was killed goes on where it was', { timeout: 300_000 }, async () => {
  const data = file('data-resumed');
  for (const delay_ms of [150, 400]) {
    const child = spawn(BINARY, ['import', COMMITS, '--data', data], { stdio: 'ignore' });
    const gone = new Promise((resolve) => child.on('exit', resolve));
    await Promise.race([sleep(delay_ms), gone]);
    child.kill('SIGKILL');
    await gone;
  }
  assertSuccess(runCli(['import', COMMITS, '--data', data]));
  assert.equal(countOf(data), 82_536);
});

test('the four formats', () => {
  const data = file('data-plain');
  const hogql = `SELECT toInt(properties.number) AS number, properties.text AS text, properties.nothing AS nothing FROM events
    WHERE properties.number IN ('6', '7') ORDER BY number`;
  const run = (format) => assertSuccess(runCli(['query', hogql, '--data', data, '--format', format]));
  assert.deepEqual(rowsOf(JSON.parse(run('json'))).map(([number]) => number), [6, 7]);
  const lines = run('jsonl').trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, 2);
  assert.ok(JSON.stringify(lines[0]).includes('row 6'));
  const csv = run('csv').trimEnd().split(/\r?\n/);
  assert.equal(csv[0].replaceAll('"', ''), 'number,text,nothing');
  assert.match(csv[1], /^6,"?row 6"?,/);
  assert.ok(csv.slice(2).join('\n').includes('"comma, '), 'commas are quoted');
  const table = run('table');
  assert.match(table, /number/);
  assert.match(table, /row 6/);
});

test('a query error goes to stderr with its place', () => {
  const { status, stderr } = runCli(['query', 'SELECT event FROM events WHERE', '--data', file('data-plain')]);
  assert.notEqual(status, 0);
  assert.ok(stderr.length > 10);
});

test('import to and queries against a running server', async () => {
  const server = await Server.start();
  const count = (...flags) => runCli(['query', 'SELECT count() FROM events', '--format', 'json', ...flags]);
  try {
    assertSuccess(runCli(['import', file('events.ndjson.gz'), '--url', server.url, '--token', server.token]));
    await server.expectRows('SELECT count() FROM events', [[EVENTS]]);
    assert.deepEqual(rowsOf(JSON.parse(assertSuccess(count('--url', server.url, '--key', server.key)))), [[EVENTS]]);
    const refused = count('--url', server.url, '--key', 'phx_wrong');
    assert.notEqual(refused.status, 0);
    assert.ok(refused.stderr.length > 5);
    const locked = count('--data', server.data);
    assert.notEqual(locked.status, 0, 'a folder in use is refused');
    assert.match(locked.stderr, /use|lock/i);
  } finally {
    await server.remove();
  }
});

test('check passes on good data and names the damaged file and place', () => {
  const data = file('data-plain');
  const good = runCli(['check', '--data', data]);
  assert.equal(good.status, 0, good.stdout + good.stderr);
  assert.match(good.stdout + good.stderr, /3,?000/, 'counts the events');
  const [victim] = fs.readdirSync(path.join(data, 'events'), { recursive: true })
    .map((name) => path.join(data, 'events', name))
    .filter((name) => fs.statSync(name).isFile())
    .sort((a, b) => fs.statSync(b).size - fs.statSync(a).size);
  const bytes = fs.readFileSync(victim);
  bytes[Math.floor(bytes.length / 2)] ^= 0x10;
  fs.writeFileSync(victim, bytes);
  const { status, stdout, stderr } = runCli(['check', '--data', data]);
  assert.notEqual(status, 0);
  assert.ok((stdout + stderr).includes(path.basename(victim)), `${victim} is named:\n${stdout}${stderr}`);
});

test('flags can be given as HOGLET_* variables', () => {
  const answer = runCli(['query', 'SELECT count() FROM events', '--format', 'json'], { env: { HOGLET_DATA: file('data-gz') } });
  assert.deepEqual(rowsOf(JSON.parse(assertSuccess(answer))), [[EVENTS]]);
});

test('serve reads flags from a file; mistakes in it are named', async () => {
  const config = file('serve.conf');
  const token = `phc_${crypto.randomBytes(20).toString('hex')}`;
  const key = `phx_${crypto.randomBytes(20).toString('hex')}`;
  fs.writeFileSync(config, `# a comment\nproject-token = "${token}"\npersonal-api-key = phx_of_the_file\nthreads = 1\n`);
  // The flag goes before the file.
  const server = new Server({ token: null, key: null, args: ['--config', config, '--personal-api-key', key] });
  await server.start();
  server.token = token;
  server.key = key;
  try {
    assert.equal((await server.capture({ event: 'x', distinct_id: 'a' })).status, 200);
    assert.deepEqual(await server.query('SELECT 1'), [[1]]);
  } finally {
    await server.remove();
  }
  const data = file('never-made');
  for (const [text, message] of [['bogus = 1', /bogus/], ['threads = many', /threads/], [`data = ${data}\nlisten = nowhere`, /nowhere/]]) {
    fs.writeFileSync(config, `${text}\n`);
    const { status, stderr } = runCli(['serve', '--config', config, ...(text.startsWith('data') ? [] : ['--data', data])]);
    assert.notEqual(status, 0, text);
    assert.match(stderr, message);
  }
  assert.match(runCli(['serve', '--config', file('absent.conf'), '--data', data]).stderr, /absent\.conf/);
});

test('a port in use is said at once, before the data is touched', async () => {
  const server = await Server.start();
  try {
    // The message follows the first answers.
    const memory = /Memory +up to [\d.]+ [GM]iB, of it [\d.]+ [GM]iB for each of 2 queries at once/;
    await waitFor(() => memory.test(server.output), { what: 'the message about memory' });
    const data = file('never-made');
    const { status, stderr } = runCli(['serve', '--data', data, '--listen', `127.0.0.1:${server.port}`], { timeout_ms: 10_000 });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`--listen 127.0.0.1:${server.port}: .*in use`));
    assert.ok(!fs.existsSync(data));
  } finally {
    await server.remove();
  }
});

test('a data directory that lost a part is refused, and the stop does not hang', () => {
  const data = file('data-lost');
  assertSuccess(runCli(['import', file('events.ndjson'), '--data', data, '--quiet']));
  fs.rmSync(path.join(data, 'events'), { recursive: true });
  for (const args of [['serve', '--listen', '127.0.0.1:0'], ['query', 'SELECT 1']]) {
    const { status, stderr } = runCli([...args, '--data', data], { timeout_ms: 20_000 });
    assert.equal(status, 1);
    assert.match(stderr, /events is lost or old.*move .*persons away/);
  }
  fs.rmSync(path.join(data, 'persons'), { recursive: true });
  assert.equal(countOf(data), EVENTS);
  fs.rmSync(path.join(data, 'metadata'), { recursive: true });
  assert.match(runCli(['query', 'SELECT 1', '--data', data]).stderr, /metadata\.json is missing/);
});

test('numbers out of range are refused', () => {
  for (const flags of [['--threads', '100000'], ['--threads', '-1'], ['--memory-limit', '-5'], ['--memory-limit', 'lots']]) {
    const { status, stderr } = runCli(['serve', '--data', file('never-made'), '--listen', '127.0.0.1:0', ...flags], { timeout_ms: 10_000 });
    assert.notEqual(status, 0, flags.join(' '));
    assert.ok(stderr.includes(flags[0]), stderr);
  }
});
