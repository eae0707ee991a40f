// Writes a record into the log of a stopped server, as src/log/FORMAT.md has it: what a program of
// another version, or a fault before the log, could leave there.

import fs from 'node:fs';
import path from 'node:path';

const HEADER_BYTES = 64;
const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

// CRC-32C of bytes, going on from `crc`.
function crc32c(bytes, crc = 0) {
  let state = ~crc >>> 0;
  for (const byte of bytes) state = (TABLE[(state ^ byte) & 0xff] ^ (state >>> 8)) >>> 0;
  return ~state >>> 0;
}

function varint(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.from([...bytes, value]);
}

// Where the batches of a segment end, and the offset after their last record.
function endOf(segment) {
  let at = HEADER_BYTES;
  let next = segment.readBigUInt64LE(16);
  while (at + HEADER_BYTES <= segment.length && segment.toString('latin1', at, at + 4) === 'HOGB') {
    next = segment.readBigUInt64LE(at + 8) + BigInt(segment.readUInt32LE(at + 28));
    at += Math.ceil((HEADER_BYTES + segment.readUInt32LE(at + 24)) / 8) * 8;
  }
  return { at, next };
}

// Appends one record to the topic of a data folder that no server holds; returns its offset.
export function appendRecord(data, topic, value) {
  const folder = path.join(data, 'log', topic);
  const file = path.join(folder, fs.readdirSync(folder).filter((name) => name.endsWith('.log')).sort().at(-1));
  const segment = fs.readFileSync(file);
  const { at, next } = endOf(segment);
  const payload = Buffer.concat([varint(0), varint(0), varint(value.length), value]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('HOGB', 0, 'latin1');
  header.writeBigUInt64LE(next, 8);
  header.writeBigUInt64LE(BigInt(Date.now()) * 1000n, 16);
  header.writeUInt32LE(payload.length, 24);
  header.writeUInt32LE(1, 28);
  header.writeUInt32LE(crc32c(payload), 32);
  header.writeBigUInt64LE(BigInt(at), 40);
  header.writeBigUInt64LE(BigInt(at), 48);
  header.writeUInt32LE(crc32c(header.subarray(8), segment.readUInt32LE(12)), 4);
  const batch = Buffer.alloc(Math.ceil((HEADER_BYTES + payload.length) / 8) * 8);
  header.copy(batch);
  payload.copy(batch, HEADER_BYTES);
  const handle = fs.openSync(file, 'r+');
  fs.writeSync(handle, batch, 0, batch.length, at);
  fs.closeSync(handle);
  return Number(next);
}
