/**
 * Content of the benchmarks' loopback sites: text that compresses like web text, and images that do
 * not. All bytes derive from a seed string, so that two runs serve the same content.
 */
import { crc32, deflateSync } from 'node:zlib';

/** A source of uniform 32-bit unsigned integers. */
export type Random = () => number;

/**
 * Returns sfc32 seeded with the FNV-1a hash of `seed`: small, fast, and the same on every machine.
 */
export function random(seed: string): Random {
  let hash = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 0x01000193);
  let a = hash | 0;
  let b = 0x9e3779b9 | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** Returns an integer in [low, high]. */
export const between = (next: Random, low: number, high: number): number => low + (next() % (high - low + 1));

/** Returns `size` incompressible bytes. */
export function noise(seed: string, size: number): Buffer {
  const next = random(seed);
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = next();
  return Buffer.from(words.buffer, 0, size);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** Returns a valid PNG of noise of about `size` bytes (at least 100), instead of a photograph. */
export function png(seed: string, size: number): Buffer {
  const side = Math.max(4, Math.round(Math.sqrt(Math.max(size - 100, 48) / 3)));
  const row = side * 3 + 1;
  const pixels = noise(seed, row * side);
  for (let y = 0; y < side; y++) pixels[y * row] = 0;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(pixels, { level: 0 })),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

const WORDS = (
  'account action article author basket button cache client color column config content cookie count course date detail ' +
  'element error event field filter footer format frame global group handle header height image index input item label ' +
  'layout length level limit list local margin market member message method model module native network node number ' +
  'object offset option order origin output owner page panel parent payment place player point policy position price ' +
  'product profile promise query radius reason record region render report request result review route sample scroll ' +
  'search season select server session shadow signal size source stage state status storage stream string style ' +
  'summary switch system table target template text theme ticket title token total track update upload user value ' +
  'vector version view visit volume weight widget width window'
).split(' ');

export const word = (next: Random): string => WORDS[next() % WORDS.length] as string;

type Line = (next: Random) => string;

const LINES: Record<'js' | 'css' | 'html' | 'json', Line> = {
  js: (n) => {
    const [a, b, c] = [word(n), word(n), word(n)];
    return `function ${a}${n() % 9999}(${b},${c}){if(${b}>${n() % 512})return ${c}.${word(n)}(${b},"${word(n)}-${word(n)}");return{${a}:${b},${c}:${n() % 99991}}}\n`;
  },
  css: (n) =>
    `.${word(n)}-${word(n)}{color:#${(n() >>> 8).toString(16).padStart(6, '0')};margin:${n() % 32}px ${n() % 32}px;${word(n)}-${word(n)}:${n() % 100}%}\n`,
  html: (n) =>
    `<li class="${word(n)}"><a href="/page/${n() % 5000}">${word(n)} ${word(n)}</a><p>${word(n)} ${word(n)} ${word(n)} ${word(n)} ${word(n)} ${n() % 1000}</p></li>\n`,
  json: (n) =>
    `{"id":"${n().toString(16)}${n().toString(16)}","${word(n)}":"${word(n)} ${word(n)} ${word(n)}","price":${n() % 100000},"updated":${1.7e9 + (n() % 1e8)}},\n`,
};

/**
 * Returns about `size` characters of source text of one kind. Scripts are valid; other kinds only
 * look real.
 */
export function text(kind: keyof typeof LINES, seed: string, size: number): string {
  const next = random(seed);
  const line = LINES[kind];
  const parts: string[] = [];
  for (let length = 0; length < size; ) {
    const part = line(next);
    parts.push(part);
    length += part.length;
  }
  return parts.join('');
}
