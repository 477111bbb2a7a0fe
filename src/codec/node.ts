/**
 * Hashing by node:crypto and codecs by node:zlib on libuv's threads: the platform on Node. zstd is
 * native from Node 22.15 on. An older Node uses the portable reader for zstd and writes brotli
 * instead.
 *
 * The settings were measured on compressible frames of 256 KiB of real profiles. Each entry is the
 * level, the MB/s of one thread, and the ratio; the bold levels are used.
 *
 * - brotli 1: 268, 3.0; **2: 170, 3.2**; 4: 85, 3.2; **5: 45, 3.3**; **10: 2, 3.9**.
 * - zstd 1: 370, 3.1; **2: 330, 3.2**; 4: 140, 3.2; **6: 100, 3.3**; **15: 8, 3.5**.
 * - deflate 1: 130, 2.9; **3: 95, 3.0**; **6: 50, 3.2**; **9**.
 */
import { createHash, hash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import * as zlib from 'node:zlib';
import { check, integrity } from '../base/errors.js';
import { type Codec, type Effort, expectLength, unwritable } from './platform.js';
import { checkZstdHeader, decodeZstd } from './zstd/frame.js';

type Compressed = Exclude<Codec, 'raw'>;
type Options = zlib.ZlibOptions & zlib.BrotliOptions & { pledgedSrcSize?: number };
type Transform<Result> = (input: Uint8Array, options: Options, done: (error: Error | null, result: Result) => void) => void;
/** The result of node:zlib with the option `info`: also the length of the consumed input. */
interface Inflated {
  buffer: Uint8Array;
  engine: { bytesWritten: number };
}
interface NativeCodec {
  compress: Transform<Uint8Array>;
  decompress: Transform<Inflated>;
  settings(effort: Effort, length: number): Options;
}

const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = zlib.constants;
/** ZSTD_c_compressionLevel, which @types/node of Node 20 does not declare. */
const ZSTD_COMPRESSION_LEVEL = 100;
const ZSTD_WINDOW_LOG_MAX = 100;
/** Logarithm of the window size: the window is as large as a frame's content. */
const BROTLI_WINDOW_LOG = 18;

const codecs: Partial<Record<Compressed, NativeCodec>> = {
  deflate: {
    compress: zlib.deflateRaw as Transform<Uint8Array>,
    decompress: zlib.inflateRaw as unknown as Transform<Inflated>,
    settings: (effort) => ({ level: { fast: 3, good: 6, max: 9 }[effort] }),
  },
  brotli: {
    compress: zlib.brotliCompress as Transform<Uint8Array>,
    decompress: zlib.brotliDecompress as unknown as Transform<Inflated>,
    settings: (effort, length) => ({
      params: {
        [BROTLI_PARAM_QUALITY]: { fast: 2, good: 5, max: 10 }[effort],
        [BROTLI_PARAM_LGWIN]: BROTLI_WINDOW_LOG,
        [BROTLI_PARAM_SIZE_HINT]: length,
      },
    }),
  },
};
if ('zstdCompress' in zlib) {
  const { zstdCompress, zstdDecompress } = zlib as unknown as { zstdCompress: Transform<Uint8Array>; zstdDecompress: Transform<Inflated> };
  codecs.zstd = {
    compress: zstdCompress,
    decompress: zstdDecompress,
    settings: (effort, length) => ({ params: { [ZSTD_COMPRESSION_LEVEL]: { fast: 2, good: 6, max: 15 }[effort] }, pledgedSrcSize: length }),
  };
}

export const preferredCodec: Codec = codecs.zstd === undefined ? 'brotli' : 'zstd';

/** Disables a warning of Node, which starts at the eleventh listener of a signal. */
export function allowListeners(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

/**
 * A buffer in which parts are joined before they are hashed by one call. That takes an eighth of
 * the time of a hash object.
 */
const joined = new Uint8Array(66 * 1024);

export function sha256(...parts: Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > joined.length) {
    const state = createHash('sha256');
    for (const part of parts) state.update(part);
    return state.digest();
  }
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return hash('sha256', joined.subarray(0, at), 'buffer');
}

export function compress(codec: Compressed, bytes: Uint8Array, effort: Effort): Promise<Uint8Array> {
  const native = codecs[codec];
  if (native === undefined) return Promise.reject(unwritable(codec));
  // Room for the whole result, so that one pass through a thread is enough.
  const options = { ...native.settings(effort, bytes.length), chunkSize: bytes.length + 1024 };
  return new Promise((resolve, reject) => {
    native.compress(bytes, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

export async function decompress(codec: Codec, bytes: Uint8Array, length: number): Promise<Uint8Array> {
  if (codec === 'raw') return expectLength(codec, bytes, length);
  const native = codecs[codec];
  if (native === undefined) return decodeZstd(bytes, length);
  if (codec === 'zstd') checkZstdHeader(bytes, length);
  const { buffer, engine } = await inflate(native, codec, bytes, length);
  check(
    engine.bytesWritten === bytes.length,
    `${codec} frame: expected its end after ${bytes.length} bytes, found it after ${engine.bytesWritten}`,
  );
  return expectLength(codec, buffer, length);
}

function inflate(native: NativeCodec, codec: Codec, bytes: Uint8Array, length: number): Promise<Inflated> {
  // One byte of room beyond the result lets zlib detect the end in one pass.
  const options = { info: true, chunkSize: Math.max(64, length + 1), maxOutputLength: Math.max(1, length) };
  const windowLog = Math.ceil(Math.log2(Math.max(length, 8 * 1024 * 1024)));
  const params = codec === 'zstd' ? { params: { [ZSTD_WINDOW_LOG_MAX]: windowLog } } : {};
  return new Promise((resolve, reject) => {
    native.decompress(bytes, { ...options, ...params }, (error, result) => {
      if (error === null) resolve(result);
      else reject(integrity(`${codec} frame: expected ${length} bytes, found damage (${error.message})`, error));
    });
  });
}
