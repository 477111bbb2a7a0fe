/** File content that is the same in every run. */
import { createCipheriv, createHash } from 'node:crypto';

/** Returns bytes that no compressor makes smaller. `seed` decides the bytes. */
export function noise(length: number, seed: string | number): Uint8Array {
  const key = createHash('sha256').update(`noise ${seed}`).digest();
  return new Uint8Array(createCipheriv('aes-256-ctr', key, new Uint8Array(16)).update(new Uint8Array(length)));
}

/** Returns bytes that compress well, like a browser's text files. */
export function prose(length: number, seed: string | number): Uint8Array {
  const words = ['{"last_visited":', 'https://example.org/', 'true,', 'Cookie', '"profile":', '0123456789', '\n'];
  const order = noise(Math.ceil(length / 4) + 1, seed);
  const text = Array.from(order, (byte) => words[byte % words.length]).join('');
  return new TextEncoder().encode(text).slice(0, length);
}

/** Returns the bytes with the 4 KiB pages of the given numbers replaced. */
export function withPages(bytes: Uint8Array, pages: readonly number[], seed: string | number): Uint8Array {
  const changed = bytes.slice();
  for (const page of pages) {
    const start = page * 4096;
    if (start < changed.length) changed.set(noise(Math.min(4096, changed.length - start), `${seed} ${page}`), start);
  }
  return changed;
}
