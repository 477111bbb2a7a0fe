/**
 * A profile of very many small files, and the peak memory of each operation on it. Each operation
 * is its own process. Linux only.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTimedBeside, type Timed } from './timed.js';

const FILES_PER_DIRECTORY = 500;
const program = fileURLToPath(new URL('../programs/memory-step.js', import.meta.url));

const directoryOf = (profile: string, i: number): string =>
  join(profile, 'Default', 'Service Worker', 'CacheStorage', String(Math.floor(i / FILES_PER_DIRECTORY)).padStart(8, '0'));

const fileOf = (profile: string, i: number): string => join(directoryOf(profile, i), `${i.toString(16).padStart(16, '0')}_0`);

/** Writes `count` files of 10 to 110 bytes, each with different content. */
function makeSmallFiles(profile: string, count: number): void {
  for (let i = 0; i < count; i++) {
    if (i % FILES_PER_DIRECTORY === 0) mkdirSync(directoryOf(profile, i), { recursive: true });
    writeFileSync(fileOf(profile, i), `file ${i} ${'x'.repeat(i % 100)}`);
  }
}

export type SmallFilesStep = 'first commit' | 'second commit' | 'checkout' | 'verify' | 'verify --read-data';

/**
 * Creates the profile below `place` and runs every step once, in order. The caller's event loop
 * keeps running.
 */
export async function measureSmallFiles(place: string, count: number): Promise<Record<SmallFilesStep, Timed>> {
  const profile = join(place, 'profile');
  makeSmallFiles(profile, count);
  const run = (step: string, dir = ''): Promise<Timed> => runTimedBeside(process.execPath, [program, step, join(place, 'home'), '', dir]);
  const first = await run('commit', profile);
  appendFileSync(fileOf(profile, 0), 'changed');
  return {
    'first commit': first,
    'second commit': await run('commit', profile),
    checkout: await run('checkout', join(place, 'restored')),
    verify: await run('verify'),
    'verify --read-data': await run('verify-data'),
  };
}
