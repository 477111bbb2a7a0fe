/**
 * The platform without Node, for web pages and edge workers. This platform reads all codecs and
 * writes deflate. Tests compare Node's platform with it.
 */
import { sha256 as hash } from '@noble/hashes/sha2.js';
import { deflateSync, Inflate } from 'fflate';
import { check, integrity, isError } from '../base/errors.js';
import { decodeBrotli } from './brotli/stream.js';
import { type Codec, type Effort, expectLength, unwritable } from './platform.js';
import { decodeZstd } from './zstd/frame.js';

/**
 * Compressed bytes that are inflated at once. Each byte can become 1,032 bytes, and fflate checks
 * no bound in between.
 */
const STEP = 8 * 1024;

export const preferredCodec: Codec = 'deflate';

/** Does nothing: only Node warns of many listeners. */
export function allowListeners(_signal: AbortSignal): void {}

export function sha256(...parts: Uint8Array[]): Uint8Array {
  const state = hash.create();
  for (const part of parts) state.update(part);
  return state.digest();
}

export async function compress(codec: Exclude<Codec, 'raw'>, bytes: Uint8Array, effort: Effort): Promise<Uint8Array> {
  if (codec !== 'deflate') throw unwritable(codec);
  return deflateSync(bytes, { level: effort === 'max' ? 9 : 6 });
}

export async function decompress(codec: Codec, bytes: Uint8Array, length: number): Promise<Uint8Array> {
  switch (codec) {
    case 'raw':
      return expectLength(codec, bytes, length);
    case 'deflate':
      return inflate(bytes, length);
    case 'brotli':
      return decodeBrotli(bytes, length);
    case 'zstd':
      return decodeZstd(bytes, length);
  }
}

function inflate(bytes: Uint8Array, length: number): Uint8Array {
  check(bytes.length > 0, 'deflate frame: expected a stream, found nothing');
  const out = new Uint8Array(length);
  let filled = 0;
  const stream = new Inflate((part) => {
    check(filled + part.length <= length, `deflate frame: expected ${length} bytes, found more`);
    out.set(part, filled);
    filled += part.length;
  });
  try {
    for (let at = 0; at < bytes.length; at += STEP) stream.push(bytes.subarray(at, at + STEP), at + STEP >= bytes.length);
  } catch (error) {
    if (isError(error)) throw error;
    throw integrity(`deflate frame: expected ${length} bytes, found damage (${String(error)})`, error);
  }
  return expectLength('deflate', out.subarray(0, filled), length);
}
