/**
 * The host of a reader, on any runtime. It only spreads the waits between two attempts, because a
 * reader writes nothing.
 */
import type { WriterHost } from './host.js';

export const portableHost: WriterHost = {
  now: () => Date.now(),
  random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  author: () => 'reader',
};
