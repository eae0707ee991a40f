// Packs text as posthog-js did before 2022: LZ78 over UTF-16 units, six bits a character.

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const NEW_BYTE = 0;
const NEW_UNIT = 1;
const END = 2;

export function lz64(text) {
  const bits = [];
  const codes = new Map(); // of every known stretch of text
  const unseen = new Set(); // single units whose code the reader does not know yet
  let width = 2;
  let untilWider = 2;
  const put = (value, count) => {
    for (let i = 0; i < count; i++) bits.push((value >> i) & 1);
  };
  const counted = () => {
    if (--untilWider === 0) untilWider = 2 ** width++;
  };
  const putStretch = (stretch) => {
    if (unseen.delete(stretch)) {
      const unit = stretch.charCodeAt(0);
      put(unit < 256 ? NEW_BYTE : NEW_UNIT, width);
      put(unit, unit < 256 ? 8 : 16);
      counted();
    } else {
      put(codes.get(stretch), width);
    }
    counted();
  };
  let stretch = '';
  for (const unit of text.split('')) {
    if (!codes.has(unit)) {
      codes.set(unit, codes.size + 3);
      unseen.add(unit);
    }
    if (codes.has(stretch + unit)) {
      stretch += unit;
      continue;
    }
    putStretch(stretch);
    codes.set(stretch + unit, codes.size + 3);
    stretch = unit;
  }
  if (stretch) putStretch(stretch);
  put(END, width);
  do bits.push(0); while (bits.length % 6);
  let out = '';
  for (let at = 0; at < bits.length; at += 6) out += DIGITS[parseInt(bits.slice(at, at + 6).join(''), 2)];
  return out.padEnd(Math.ceil(out.length / 4) * 4, '=');
}
