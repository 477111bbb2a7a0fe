/** A host whose clock and randomness are the same in every run. */
import { createHash } from 'node:crypto';
import type { Host } from '../../src/base/host.js';

/**
 * The start of the clock, older than any file that a test writes. The stat cache trusts only files
 * that were given an older time.
 */
export const EPOCH_START = Date.UTC(2026, 0, 1);

/**
 * Returns a host. Its clock advances by a second with every reading, and its random bytes follow
 * from `seed`.
 */
export function fakeHost(seed = 'host'): Host {
  let looks = 0;
  let blocks = 0;
  return {
    now: () => EPOCH_START + 1000 * looks++,
    sleep: async () => undefined,
    random: (length) => {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 32) bytes.set(pseudoRandom(`${seed} ${blocks++}`).subarray(0, length - at), at);
      return bytes;
    },
    author: () => 'tester@machine',
    hostname: () => 'machine',
    addresses: () => [],
    platform: () => 'linux',
    isAlive: () => false,
    startedAt: () => undefined,
    listens: async () => 'unknown',
    commandName: String,
    commandProcesses: () => [],
    owners: () => ({
      hold: async () => ({ name: 'test', release: async () => undefined }),
      state: async (owner) => (owner === 'test' ? 'running' : 'gone'),
    }),
    onStop: () => () => undefined,
    stop: () => undefined,
    defaultHome: () => {
      throw new Error('a test names its home');
    },
    temporaryFolder() {
      return this.defaultHome();
    },
  };
}

function pseudoRandom(seed: string): Uint8Array {
  return createHash('sha256').update(seed).digest();
}
