/**
 * The platform on Node: hashing by node:crypto, codecs by node:zlib on libuv's threads. zstd is native from Node 22.15 on; an
 * older Node reads it by the portable decoder and writes brotli instead.
 */
import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';
import { BrowserStateError, check, integrity } from '../errors.js';
import { type Codec, type Effort, expectLength } from './platform.js';
import { checkZstdHeader, decodeZstd } from './zstd.js';

type Compressed = Exclude<Codec, 'raw'>;
type Options = zlib.ZlibOptions & zlib.BrotliOptions & { pledgedSrcSize?: number };
type Transform<Result> = (input: Uint8Array, options: Options, done: (error: Error | null, result: Result) => void) => void;
/** The result that the option `info` asks for: also how much of the input the stream took. */
interface Inflated {
  buffer: Uint8Array;
  engine: { bytesWritten: number };
}
interface NativeCodec {
  compress: Transform<Uint8Array>;
  decompress: Transform<Inflated>;
  effort: Record<Effort, Options>;
}

const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN } = zlib.constants;
const ZSTD_COMPRESSION_LEVEL = 100;
const ZSTD_WINDOW_LOG_MAX = 100;
/** No window of a stream may need more: with the default of 27 a tiny frame could claim 128 MiB. */
const MAX_WINDOW_LOG = 23;

const codecs: Partial<Record<Compressed, NativeCodec>> = {
  deflate: {
    compress: zlib.deflateRaw as Transform<Uint8Array>,
    decompress: zlib.inflateRaw as unknown as Transform<Inflated>,
    effort: { auto: { level: 1 }, max: { level: 9 } },
  },
  brotli: {
    compress: zlib.brotliCompress as Transform<Uint8Array>,
    decompress: zlib.brotliDecompress as unknown as Transform<Inflated>,
    effort: {
      auto: { params: { [BROTLI_PARAM_QUALITY]: 1, [BROTLI_PARAM_LGWIN]: 18 } },
      max: { params: { [BROTLI_PARAM_QUALITY]: 9, [BROTLI_PARAM_LGWIN]: 18 } },
    },
  },
};
if ('zstdCompress' in zlib) {
  const native = zlib as unknown as { zstdCompress: Transform<Uint8Array>; zstdDecompress: Transform<Inflated> };
  codecs.zstd = {
    compress: native.zstdCompress,
    decompress: native.zstdDecompress,
    effort: { auto: { params: { [ZSTD_COMPRESSION_LEVEL]: 3 } }, max: { params: { [ZSTD_COMPRESSION_LEVEL]: 12 } } },
  };
}

export const preferredCodec: Codec = codecs.zstd === undefined ? 'brotli' : 'zstd';

export function sha256(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function compress(codec: Compressed, bytes: Uint8Array, effort: Effort): Promise<Uint8Array> {
  const native = codecs[codec];
  if (native === undefined) return Promise.reject(new BrowserStateError('UNSUPPORTED', `this runtime cannot write ${codec}`));
  const options = { ...native.effort[effort], chunkSize: bytes.length + 1024, pledgedSrcSize: bytes.length };
  return new Promise((resolve, reject) => {
    native.compress(bytes, options, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

export async function decompress(codec: Codec, bytes: Uint8Array, length: number): Promise<Uint8Array> {
  if (codec === 'raw') return expectLength(codec, bytes, length);
  if (codec === 'zstd') checkZstdHeader(bytes, length);
  const native = codecs[codec];
  if (native === undefined) return decodeZstd(bytes, length);
  const { buffer, engine } = await inflate(native, codec, bytes, length);
  check(engine.bytesWritten === bytes.length, `${codec} stream: expected to end after ${bytes.length} bytes, found its end at ${engine.bytesWritten}`);
  return expectLength(codec, buffer, length);
}

function inflate(native: NativeCodec, codec: Codec, bytes: Uint8Array, length: number): Promise<Inflated> {
  const options = {
    info: true,
    chunkSize: Math.max(length, 64),
    maxOutputLength: Math.max(length, 1),
    ...(codec === 'zstd' && { params: { [ZSTD_WINDOW_LOG_MAX]: MAX_WINDOW_LOG } }),
  };
  return new Promise((resolve, reject) => {
    native.decompress(bytes, options, (error, result) => {
      if (error === null) resolve(result);
      else reject(integrity(`${codec} stream: expected ${length} bytes, found damage: ${error.message}`, error));
    });
  });
}

