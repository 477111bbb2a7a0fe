/** zstd for a runtime that does not have it natively. */
import { decompress } from 'fzstd';
import { check, integrity } from '../errors.js';

export function readZstdHeader(bytes: Uint8Array, length: number): void {
  check(bytes.length >= 6 && length >= 0, 'zstd frame: expected a header');
}

export function decodeZstd(bytes: Uint8Array, length: number): Uint8Array {
  try {
    return checkLength(decompress(bytes), length, 'zstd');
  } catch (error) {
    throw integrity(`zstd frame: expected ${length} bytes, found damage: ${String(error)}`, error);
  }
}

/** The bytes as they are, if there are `length` of them. */
export function checkLength(bytes: Uint8Array, length: number, what: string): Uint8Array {
  check(bytes.length === length, `${what}: expected ${length} bytes, found ${bytes.length}`);
  return bytes;
}
