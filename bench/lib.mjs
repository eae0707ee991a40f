// What the programs of bench/ share: a hoglet process, posting batches, small statistics.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

export const TOKEN = 'phc_bench0000000000000000000000000000000';
export const API_KEY = 'phx_bench0000000000000000000000000000000';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function cpuOf(stat_file) {
  const fields = fs.readFileSync(stat_file, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// One kept-alive connection that posts batches, with no more of HTTP than that takes: a general client costs more
// processor time than the server, and both share the machine.
class BatchConnection {
  constructor(port) {
    this.received = '';
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text) => this.#take(text));
    this.socket.on('error', (error) => this.#fail(error));
    this.socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  // Resolves to { status, headers, body } of the one answer.
  post(target, pieces, headers) {
    const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return new Promise((resolve, reject) => {
      if (this.error) return reject(this.error);
      this.waiting = { resolve, reject };
      this.socket.cork();
      this.socket.write(`POST ${target} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines}content-length: ${bytes}\r\n\r\n`, 'latin1');
      for (const piece of pieces) this.socket.write(piece);
      this.socket.uncork();
    });
  }

  close() {
    this.closing = true;
    this.socket.destroy();
  }

  #take(text) {
    this.received += text;
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const [first, ...lines] = this.received.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const length = Number(headers['content-length']);
    if (!Number.isInteger(length)) return this.#fail(new Error(`an answer without a length: ${first}`));
    if (this.received.length < end + 4 + length) return;
    const answer = { status: Number(first.split(' ')[1]), headers, body: this.received.slice(end + 4, end + 4 + length) };
    this.received = this.received.slice(end + 4 + length);
    const { resolve } = this.waiting;
    this.waiting = undefined;
    resolve(answer);
  }

  #fail(error) {
    if (this.closing) return;
    this.error ??= error;
    this.waiting?.reject(this.error);
    this.waiting = undefined;
  }
}

// A running `hoglet serve`. start() resolves when /_readyz answers 200; ready_ms is how long that took.
// `flags` are added to its command line; it is put into the control group `cgroup`, if one is given.
export class Hoglet {
  constructor(binary, data, flags = [], cgroup = undefined) {
    Object.assign(this, { binary, data, flags, cgroup });
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
    this.idle = [];  // connections of postBatch()
  }

  async start() {
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const log = fs.openSync(`${this.data}.log`, 'a');
    const started = performance.now();
    this.child = spawn(this.binary, ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`,
      '--project-token', TOKEN, '--personal-api-key', API_KEY, ...this.flags], { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    if (this.cgroup) fs.writeFileSync(path.join(this.cgroup, 'cgroup.procs'), String(this.child.pid));
    let exited;
    this.child.on('exit', (code, signal) => (exited = { code, signal }));
    for (;;) {
      if (exited) throw new Error(`hoglet exited: ${JSON.stringify(exited)}; see ${this.data}.log`);
      const status = await this.request('GET', '/_readyz').then((r) => r.status, () => 0);
      if (status === 200) break;
      if (performance.now() - started > 120_000) throw new Error('hoglet is not ready after 120 s');
      await sleep(2);
    }
    this.ready_ms = performance.now() - started;
    return this;
  }

  async stop() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    for (const connection of this.idle.splice(0)) connection.close();
    this.child.kill('SIGTERM');
    await gone;
    this.agent.destroy();
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  }

  // `body`: a string, bytes, or a list of bytes to be written one after the other.
  request(method, target, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.agent, headers: { ...headers } };
      const pieces = Array.isArray(body) ? body : body === undefined ? [] : [body];
      if (body !== undefined) {
        options.headers['content-length'] = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
      }
      const request = http.request(this.url + target, options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({
          status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks),
        }));
      });
      request.on('error', reject);
      request.cork();
      for (const piece of pieces) request.write(piece);
      request.end();
    });
  }

  // Posts one batch, once.
  async postOnce(body, headers) {
    const connection = this.idle.pop() ?? new BatchConnection(this.port);
    const answer = await connection.post('/batch/', Array.isArray(body) ? body : [body], headers);
    if (answer.headers.connection === 'close') {
      connection.close();
    } else {
      this.idle.push(connection);
    }
    return answer;
  }

  // Posts one batch until it is acknowledged; back-pressure (429, 503) is waited for and counted.
  async postBatch(body, headers) {
    for (let refused = 0; ; ++refused) {
      const { status, headers: answer, body: text } = await this.postOnce(body, headers);
      if (status === 200) return refused;
      if (status !== 429 && status !== 503) throw new Error(`/batch/ answered ${status}: ${text}`);
      await sleep(Math.min(1000, Number(answer['retry-after'] ?? 0.1) * 1000));
    }
  }

  // The text of the query API's answer; throws with the server's message on an error.
  async queryText(hogql) {
    const { status, body } = await this.request('POST', '/api/projects/1/query/',
      JSON.stringify({ query: { kind: 'HogQLQuery', query: hogql } }),
      { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` });
    if (status !== 200) throw new Error(`query answered ${status}: ${body}`);
    return body;
  }

  async query(hogql) {
    return JSON.parse(await this.queryText(hogql)).results;
  }

  memory() {
    const text = fs.readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    const mb = (field) => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)[1]) / 102.4) / 10;
    return { rss_mb: mb('VmRSS'), peak_mb: mb('VmHWM') };
  }

  // User and system CPU seconds so far.
  cpuSeconds() {
    return cpuOf(`/proc/${this.child.pid}/stat`);
  }

  // The same by the name of the threads.
  cpuSecondsByThread() {
    const tasks = `/proc/${this.child.pid}/task`;
    const seconds = {};
    for (const task of fs.readdirSync(tasks)) {
      const name = fs.readFileSync(`${tasks}/${task}/comm`, 'utf8').trim();
      seconds[name] = (seconds[name] ?? 0) + cpuOf(`${tasks}/${task}/stat`);
    }
    return seconds;
  }
}

// Bytes allocated under `directory`, hard links once.
export function diskBytes(directory) {
  let bytes = 0;
  const seen = new Set();
  const walk = (entry) => {
    const stat = fs.lstatSync(entry, { throwIfNoEntry: false });
    if (stat === undefined || seen.has(stat.ino)) return;
    if (stat.isDirectory()) for (const name of fs.readdirSync(entry)) walk(path.join(entry, name));
    else if (stat.isFile()) {
      seen.add(stat.ino);
      bytes += stat.blocks * 512;
    }
  };
  walk(directory);
  return bytes;
}

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

export const median = (values) => quantile(values, 0.5);

export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

// Pads a table of strings: the first column to the left, the others to the right.
export function formatTable(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  return rows.map((row) => row.map((cell, i) =>
    (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  ')).join('\n');
}
