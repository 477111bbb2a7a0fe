/**
 * A directory that is swapped for a symlink to an outside directory and back, at random moments,
 * during snapshots and restores (C9).
 */
import { lstatSync, mkdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { isError } from '../../src/base/errors.js';
import { openStore } from '../../src/index.js';
import { directory, file, type ProfileEntry, readListing, symlink, writeProfile } from '../support/profile.js';
import { temporary } from '../support/temporary.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 1000);

function profile(content: string, mtime?: bigint): Map<string, ProfileEntry> {
  const entries = new Map<string, ProfileEntry>([
    ['Default', directory()],
    ['Default/Sub', directory()],
    ['Local State', file('{}')],
  ]);
  for (let i = 0; i < 20; i++) {
    entries.set(`Default/Sub/dir ${i}`, directory());
    entries.set(`Default/Sub/dir ${i}/file`, file(content, 0o600, mtime));
    entries.set(`Default/Sub/file ${i}`, file(content, 0o600, i % 2 === 0 ? undefined : mtime));
    entries.set(`Default/Sub/link ${i}`, symlink(content));
  }
  return entries;
}

function scene(t: ExecutionContext) {
  const folder = temporary(t);
  const [dir, outside, away] = ['dir', 'outside', 'away'].map((name) => join(folder, name)) as [string, string, string];
  const others = [...profile('of others')].map(([path, entry]): [string, ProfileEntry] => [
    path,
    entry.kind === 'directory' ? directory(0o711) : entry,
  ]);
  writeProfile(outside, new Map(others));
  mkdirSync(join(outside, 'Default/Sub/only of others'));
  const place = join(dir, 'Default/Sub');
  const state = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('../support/programs/swapper.js', import.meta.url), {
    workerData: { state, place, away, outside: join(outside, 'Default/Sub') },
  });
  t.teardown(() => worker.terminate());
  return {
    folder,
    dir,
    outside,
    /** Runs `work` while the directory is swapped. Puts the directory back if its path is free. */
    async whileSwapping<T>(work: () => Promise<T>): Promise<T> {
      Atomics.store(state, 0, 1);
      Atomics.notify(state, 0);
      try {
        return await work();
      } finally {
        Atomics.store(state, 0, 0);
        Atomics.notify(state, 0);
        while (Atomics.load(state, 0) !== 2) Atomics.wait(state, 0, 0, 10);
        if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(place);
        if (lstatSync(away, { throwIfNoEntry: false }) !== undefined) {
          if (lstatSync(place, { throwIfNoEntry: false }) === undefined) renameSync(away, place);
          else rmSync(away, { recursive: true });
        }
      }
    },
  };
}

/** Returns the code of an error of this library. */
function codeOf(error: unknown): string {
  if (isError(error)) return (error as { code: string }).code;
  throw error;
}

test.serial(`C9: ${ROUNDS} snapshots and checkpoints take nothing from outside`, async (t) => {
  t.timeout(3_600_000);
  const { folder, dir, outside, whileSwapping } = scene(t);
  writeProfile(dir, profile('mine'));
  const session = (await openStore({ home: join(folder, 'home') })).session('s');
  await session.commit(dir);
  const strange = new Set(readListing(outside).values());
  const good = new Set<string>();
  const outcomes: Record<string, number> = {};
  let wrong = 0;
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(join(dir, 'Default/Sub/file 1'), `mine ${round}`);
    const read = round % 2 === 0 ? 'commit' : 'checkpoint';
    const outcome = await whileSwapping(() => session[read](dir, { allowShrink: true }).catch(codeOf));
    const name = typeof outcome === 'object' ? 'committed' : String(outcome);
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    if (typeof outcome !== 'object' || good.has(outcome.tree)) continue;
    good.add(outcome.tree);
    const target = join(folder, 'target');
    rmSync(target, { recursive: true, force: true });
    await session.checkout(target);
    const isStrange = ([path, line]: [string, string]): boolean =>
      path.includes('of others') ||
      /^directory 711/.test(line) ||
      (!line.startsWith('directory') && path !== 'Local State' && strange.has(line));
    if ([...readListing(target)].some(isStrange)) wrong++;
  }
  t.log(`${wrong} of ${ROUNDS}: ${JSON.stringify(outcomes)}`);
  t.is(wrong, 0);
  t.true((outcomes['committed'] ?? 0) > 0);
});

test.serial(`C9: ${ROUNDS} restores in place change nothing outside`, async (t) => {
  t.timeout(3_600_000);
  const { folder, dir, outside, whileSwapping } = scene(t);
  const session = (await openStore({ home: join(folder, 'home') })).session('s');
  for (const content of ['one', 'two']) {
    const source = join(folder, content);
    writeProfile(source, profile(content));
    await session.commit(source, { allowShrink: true });
  }
  const before = [...readListing(outside)].join('\n');
  const outcomes: Record<string, number> = {};
  let wrong = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await session.checkout(dir, { at: round % 2 === 0 ? 'HEAD' : 'HEAD~1', force: true });
    const outcome = await whileSwapping(() => session.checkout(dir, { at: round % 2 === 0 ? 'HEAD~1' : 'HEAD' }).catch(codeOf));
    const name = typeof outcome === 'object' ? 'restored' : String(outcome);
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    if ([...readListing(outside)].join('\n') !== before) wrong++;
  }
  t.log(`${wrong} of ${ROUNDS}: ${JSON.stringify(outcomes)}`);
  t.is(wrong, 0);
  t.true((outcomes['restored'] ?? 0) > 0);
});
