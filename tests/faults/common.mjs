// What the fault programs share.

import fs from 'node:fs';
import path from 'node:path';

// The binary of a build folder; the end-to-end library takes it from the environment when it is loaded.
export function useBinaryOf(build) {
  process.env.HOGLET_BIN = [path.join(build, 'hoglet'), path.join(build, 'src/hoglet')].map((name) => path.resolve(name))
    .find((name) => fs.existsSync(name));
}

// mulberry32: a small seeded generator of numbers below 2^32.
export function seededRandom(seed) {
  let state = Number(seed) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}
