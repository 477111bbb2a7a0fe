/**
 * The lock of a directory, with owners that are values (R-OUT-7; rows C1 and C10). Two running
 * owners never have the lock at once.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { type BrowserStateError, isError } from '../../../src/base/errors.js';
import { systemHost } from '../../../src/base/host.js';
import type { OwnerState } from '../../../src/base/owners.js';
import { type DirectoryLock, lockDirectory } from '../../../src/workspace/lock.js';
import { recordFailure, recordPath } from '../../../src/workspace/workspace.js';
import { dice } from '../../support/dice.js';
import { rejects } from '../../support/errors.js';
import { temporary } from '../../support/temporary.js';

const DIR = '/some/directory';

/** Owners that share a folder, each with its state. */
class Village {
  readonly states = new Map<string, OwnerState>();
  /** An owner that has looked at a lock acts only after this promise is resolved. */
  slow: Promise<unknown> | undefined;

  constructor(readonly folder: string) {}

  lock(name: string, isSlow = false): Promise<DirectoryLock> {
    if (!this.states.has(name)) this.states.set(name, 'running');
    const hold = async () => ({ name, release: async () => undefined });
    const state = async (other: string) => {
      const found = this.states.get(other) ?? 'unknown';
      if (isSlow) await this.slow;
      return found;
    };
    const owners = { hold, state };
    return lockDirectory(this.folder, DIR, { random: systemHost.random, owners: () => owners });
  }
}

/** Resolves to the lock, or to undefined if another owner has it. */
async function attempt(village: Village, name: string, isSlow = false): Promise<DirectoryLock | undefined> {
  try {
    return await village.lock(name, isSlow);
  } catch (error) {
    if (!isError(error, 'BUSY')) throw error;
    return undefined;
  }
}

test('R-OUT-7: exactly one of many gets the lock of an owner that is gone, 100 times', async (t) => {
  const village = new Village(temporary(t));
  for (let round = 0; round < 100; round++) {
    const gone = `gone-${round}`;
    await village.lock(gone);
    village.states.set(gone, 'gone');
    const locks = await Promise.all(Array.from({ length: 16 }, (_, i) => attempt(village, `${round}-${i}`)));
    const held = locks.filter((lock) => lock !== undefined);
    t.is(held.length, 1);
    await held[0]?.release();
  }
  t.deepEqual(readdirSync(village.folder), []);
});

test('R-OUT-7: an owner that found the previous one gone does not take the lock of one that acquired it first', async (t) => {
  const village = new Village(temporary(t));
  await village.lock('gone');
  village.states.set('gone', 'gone');
  let go: () => void = () => undefined;
  village.slow = new Promise<void>((resolve) => {
    go = resolve;
  });
  const slow = Array.from({ length: 8 }, (_, i) => attempt(village, `slow-${i}`, true));
  const lock = await village.lock('fast');
  go();
  t.deepEqual(
    await Promise.all(slow),
    Array.from({ length: 8 }, () => undefined),
  );
  t.deepEqual(readdirSync(recordPath(village.folder, DIR, 'lock')), ['fast']);
  await lock.release();
});

test('owners that acquire, keep, release and die at random never have the lock at once, and never block it for good', async (t) => {
  const village = new Village(temporary(t));
  const roll = dice(7);
  let holder: string | undefined;
  let taken = 0;
  const live = async (id: number): Promise<void> => {
    for (let life = 0; life < 60; life++) {
      const name = `${id}-${life}`;
      const lock = await attempt(village, name);
      if (lock === undefined) continue;
      t.is(holder, undefined, `${holder} and ${name} have the lock at once`);
      holder = name;
      taken++;
      for (let i = roll(4); i > 0; i--) await setImmediate();
      holder = undefined;
      if (roll(3) === 0) village.states.set(name, 'gone');
      else await lock.release();
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, id) => live(id)));
  t.true(taken > 60);
  t.truthy(await village.lock('last'));
});

for (const state of ['running', 'unknown'] as const) {
  test(`an owner that is ${state} keeps its lock, and is named with a hint`, async (t) => {
    const village = new Village(temporary(t));
    await village.lock('first');
    village.states.set('first', state);
    const { details, hint } = await rejects(t, () => village.lock('second'), 'BUSY');
    t.deepEqual(details, { path: DIR, owner: 'first', state, lock: recordPath(village.folder, DIR, 'lock') });
    t.regex(hint ?? '', state === 'running' ? /when it is done/ : /remove \/.*\.lock first/);
  });
}

test('a lock whose folder was emptied, by a crash of the system or by hand, is free', async (t) => {
  const village = new Village(temporary(t));
  mkdirSync(recordPath(village.folder, DIR, 'lock'));
  const lock = await village.lock('first');
  await lock.release();
  t.deepEqual(readdirSync(village.folder), []);
});

test('an owner whose lock was removed by hand does not release that of the next', async (t) => {
  const village = new Village(temporary(t));
  const first = await village.lock('first');
  village.states.set('first', 'gone');
  const second = await village.lock('second');
  await first.release();
  t.deepEqual(readdirSync(recordPath(village.folder, DIR, 'lock')), ['second']);
  await second.release();
});

test('something else in place of a lock is reported', async (t) => {
  const village = new Village(temporary(t));
  writeFileSync(recordPath(village.folder, DIR, 'lock'), '');
  await rejects(t, () => village.lock('first'), 'USAGE');
  const below = new Village(join(recordPath(village.folder, DIR, 'lock'), 'records'));
  await rejects(t, () => below.lock('first'), 'USAGE');
});

test('C16: a store that cannot be written is named, with a hint', (t) => {
  for (const code of ['EROFS', 'EACCES', 'EPERM']) {
    const error = recordFailure('/home/notes', Object.assign(new Error(code), { code, syscall: 'open' }));
    t.like(error, { code: 'FORBIDDEN', message: `/home/notes could not be written: ${code}`, details: { path: '/home/notes' } });
    t.regex((error as BrowserStateError).hint ?? '', /writable .* --home/);
  }
});
