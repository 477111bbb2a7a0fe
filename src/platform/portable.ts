/** The platform without Node. */
import { sha256 as hash } from '@noble/hashes/sha2.js';
import { deflateSync, inflateSync } from 'fflate';
import { BrowserStateError, integrity } from '../errors.js';
import { type Codec, type Effort, expectLength } from './platform.js';
import { decodeZstd } from './zstd.js';

export const preferredCodec: Codec = 'deflate';

export function sha256(...parts: Uint8Array[]): Uint8Array {
  const state = hash.create();
  for (const part of parts) state.update(part);
  return state.digest();
}

export async function compress(codec: Exclude<Codec, 'raw'>, bytes: Uint8Array, effort: Effort): Promise<Uint8Array> {
  if (codec !== 'deflate') throw new BrowserStateError('UNSUPPORTED', `this runtime cannot write ${codec}`);
  return deflateSync(bytes, { level: effort === 'max' ? 9 : 6 });
}

export async function decompress(codec: Codec, bytes: Uint8Array, length: number): Promise<Uint8Array> {
  if (codec === 'raw') return expectLength(codec, bytes, length);
  if (codec === 'zstd') return decodeZstd(bytes, length);
  if (codec === 'brotli') throw new BrowserStateError('UNSUPPORTED', 'this runtime cannot read brotli');
  try {
    return expectLength(codec, inflateSync(bytes, { out: new Uint8Array(length + 1) }), length);
  } catch (error) {
    throw integrity(`deflate stream: expected ${length} bytes, found damage: ${String(error)}`, error);
  }
}

