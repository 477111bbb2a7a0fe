/**
 * A program for a namespace in which it may mount. It restores a version that is too large for a
 * file system of 8 MiB, then a sparse file that fits. It prints the outcomes.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type BrowserStateError, openStore } from '../../../src/index.js';
import { noise } from '../content.js';

const MiB = 1024 * 1024;
const folder = process.argv[2] as string;
const disk = join(folder, 'disk');
mkdirSync(disk);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]);
writeFileSync(join(disk, 'small'), 'there before');
const store = await openStore({ home: join(folder, 'home') });

async function commit(session: string, size: number, content: Uint8Array): Promise<void> {
  const dir = join(folder, session);
  mkdirSync(dir);
  writeFileSync(join(dir, 'file'), content);
  truncateSync(join(dir, 'file'), size);
  await store.session(session).commit(dir);
}

await commit('dense', 24 * MiB, noise(24 * MiB, 'dense'));
await commit('sparse', 512 * MiB, Buffer.alloc(0));
const failure = await store
  .session('dense')
  .checkout(join(disk, 'out'))
  .then(
    () => undefined,
    (error: BrowserStateError) => error,
  );
const { needed, available } = (failure?.details ?? {}) as Record<string, number>;
const left = readdirSync(disk);
const restored = await store.session('sparse').checkout(join(disk, 'out'));
const isLess = (available ?? Number.POSITIVE_INFINITY) < (needed ?? 0);
process.stdout.write(
  JSON.stringify({ code: failure?.code, needed, isLess, left, sparse: restored.bytes === 512 * MiB ? 'restored' : 'wrong' }),
);
