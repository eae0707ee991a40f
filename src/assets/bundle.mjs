// Turns the scripts of the posthog-js package into one C++ table, each compressed once and for all:
//   node bundle.mjs PACKAGE_FOLDER OUTPUT.inc
// The table's form is what assets.cpp includes: ASSET_VERSION("1.2.3"), then an
// ASSET(name, etag, plain size, gzip bytes as a literal, gzip size) for each file, sorted by name.

import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

// What a page may load by script tag: the snippet's own script in its variants, and what each
// fetches when a feature needs it.
const KINDS = ['all-external-dependencies', 'array', 'array.full', 'array.full.es5', 'array.full.no-external',
  'array.no-external', 'conversations', 'crisp-chat-integration', 'dead-clicks-autocapture', 'exception-autocapture',
  'external-scripts-loader', 'intercom-integration', 'lazy-recorder', 'logs', 'posthog-recorder', 'product-tours',
  'recorder', 'recorder-v2', 'surveys', 'surveys-preview', 'tracing-headers', 'web-vitals', 'web-vitals-soft-navs',
  'web-vitals-with-attribution', 'web-vitals-with-attribution-soft-navs'];

const [packageFolder, output] = process.argv.slice(2);
const { version } = JSON.parse(fs.readFileSync(path.join(packageFolder, 'package.json'), 'utf8'));

// Always three octal digits, so that no digit after an escape can join it.
const ESCAPES = Array.from({ length: 256 }, (_, byte) => `\\${byte.toString(8).padStart(3, '0')}`);

function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 4096) {
    lines.push(`"${Array.from(bytes.subarray(at, at + 4096), (byte) => ESCAPES[byte]).join('')}"`);
  }
  return lines.join('\n');
}

const files = [...KINDS.map((kind) => [`${kind}.js`, path.join('dist', `${kind}.js`)]), ['LICENSE.txt', 'LICENSE']];
files.sort(([a], [b]) => (a < b ? -1 : 1));
const entries = files.map(([name, file]) => {
  const plain = fs.readFileSync(path.join(packageFolder, file));
  const packed = zlib.gzipSync(plain, { level: 9 });
  const etag = crypto.createHash('sha256').update(plain).digest('hex').slice(0, 16);
  return `ASSET("${name}", "${etag}", ${plain.length},\n${literal(packed)},\n${packed.length})`;
});
fs.writeFileSync(output, [`ASSET_VERSION("${version}")`, ...entries, ''].join('\n'));
