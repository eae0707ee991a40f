// What Linux tells about a process, and the page cache.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

// User and system CPU seconds in a stat file of /proc.
export function cpuOf(stat_file) {
  const fields = fs.readFileSync(stat_file, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// rss_mb: resident now; peak_mb: the most since the start or resetPeak(). Both count the pages of mapped files that
// are in memory, which the kernel takes back when it needs them; anon_mb is what is resident without them.
export function memoryOf(pid) {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (field) => Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)[1]) / 102.4) / 10;
  return { rss_mb: mb('VmRSS'), peak_mb: mb('VmHWM'), anon_mb: mb('RssAnon') };
}

// Lets peak_mb begin anew at what is resident now; false where that is not possible.
export function resetPeak(pid) {
  try {
    fs.writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}

// The most anonymous memory seen, in MB, while `work` runs: looked at every two milliseconds, so for untimed runs only.
export async function peakAnonMb(pid, work) {
  let peak = memoryOf(pid).anon_mb;
  const look = () => (peak = Math.max(peak, memoryOf(pid).anon_mb));
  const timer = setInterval(look, 2);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  look();
  return peak;
}

const DROP_CACHES = '/proc/sys/vm/drop_caches';

// Nothing, or why dropPageCache() is not possible here.
export function cannotDropPageCache() {
  try {
    fs.closeSync(fs.openSync(DROP_CACHES, 'w'));
    return undefined;
  } catch (error) {
    return `a cold page cache needs root on Linux: ${error.message}`;
  }
}

// Writes out what is dirty and forgets the contents of all files.
export function dropPageCache() {
  execFileSync('sync');
  fs.writeFileSync(DROP_CACHES, '3');
}

// The files a process has mapped as code: its program and its libraries.
export function programFiles(pid) {
  const lines = fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  const files = lines.filter((line) => line.split(' ')[1]?.includes('x')).map((line) => line.slice(line.indexOf('/')))
    .filter((file) => file.startsWith('/') && fs.existsSync(file));
  return [...new Set(files)];
}

// Brings files into the page cache.
export function readThrough(files) {
  const buffer = Buffer.allocUnsafe(4 << 20);
  for (const file of files) {
    const input = fs.openSync(file, 'r');
    while (fs.readSync(input, buffer, 0, buffer.length, null) > 0);
    fs.closeSync(input);
  }
}

// Adds up the time between start() and stop(): what happens in between, such as the making of input, is not counted.
export class Stopwatch {
  constructor() {
    this.before = 0;
  }

  start() {
    this.started = performance.now();
  }

  stop() {
    this.before = this.seconds();
    this.started = undefined;
  }

  seconds() {
    return this.before + (this.started === undefined ? 0 : (performance.now() - this.started) / 1000);
  }
}
