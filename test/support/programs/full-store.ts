/**
 * A program for a namespace in which it may mount: `full-store.js FOLDER ROUNDS`. It commits more
 * than fits in the file system of the store. It prints the outcome of each commit and the number of
 * bytes that remain.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { openStore } from '../../../src/index.js';
import { noise } from '../content.js';
import { bytesBelow, outcomeOf } from '../session/outcomes.js';

const MIB = 2 ** 20;
const [folder, rounds] = process.argv.slice(2) as [string, string];
const home = join(folder, 'home');
const dir = join(folder, 'profile');
for (const each of [home, dir]) mkdirSync(each);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', home]);
writeFileSync(join(dir, 'file'), 'small');
const store = await openStore({ home, userId: 'tester' });
await store.session('main').commit(dir);
const found: { outcome: string; grown: number }[] = [];
for (let round = 0; round < Number(rounds); round++) {
  for (let i = 0; i < 32; i++) writeFileSync(join(dir, `file-${i}`), noise(MIB, `${round} ${i}`));
  const before = bytesBelow(home);
  const outcome = await outcomeOf(store.session('big').commit(dir));
  found.push({ outcome, grown: bytesBelow(home) - before });
}
process.stdout.write(JSON.stringify(found));
