/**
 * Failing calls of the file system (C16). Each call of every operation fails in turn. The operation
 * succeeds, or fails with an error of this library that has a code and a hint. The store and the
 * profile are whole, and the operation can be repeated.
 */

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../../src/base/host.js';
import { type ErrorCode, isError, openStore, type Session, type Store } from '../../../src/index.js';
import { type Faults, withFaults } from '../faults/system-calls.js';
import { fakeHost } from '../host.js';
import { file, type Profile, readListing, writeProfile } from '../profile.js';
import { findingsOf } from '../store.js';
import { temporary } from '../temporary.js';

const version = (mark: string): Profile =>
  new Map([
    ['Local State', file('{}')],
    ['Default', { kind: 'directory', mode: 0o700, mtime: 1_700_000_000_000_000n }],
    ['Default/Cookies', file(`cookies ${mark}`)],
    ['Default/Preferences', file('{}')],
  ]);

class Place {
  readonly #folder: string;
  #opened = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Returns the store as a process opens it. The processes in `dead` are gone. */
  open({ dead = false, home = 'home' } = {}): Promise<Store> {
    const host = fakeHost(`system calls ${this.#opened++}`);
    const owners = dead
      ? () => ({ hold: async () => ({ name: 'dead', release: async () => undefined }), state: async () => 'gone' as const })
      : systemHost.owners;
    const remote = pathToFileURL(this.path('remote')).href;
    return openStore({ home: this.path(home), remote, transfer: { maxRetries: 0 }, host: { ...host, owners } });
  }

  save(): void {
    for (const name of ['home', 'remote']) this.#copy(name, `${name}-before`);
  }

  reset(): void {
    for (const name of ['home', 'remote']) this.#copy(`${name}-before`, name);
    for (const name of ['profile', 'other', 'fresh']) rmSync(this.path(name), { recursive: true, force: true });
  }

  #copy(from: string, to: string): void {
    rmSync(this.path(to), { recursive: true, force: true });
    cpSync(this.path(from), this.path(to), { recursive: true, preserveTimestamps: true });
  }
}

interface Operation {
  /** Sets up the state, without faults. */
  prepare?: (place: Place) => Promise<unknown>;
  run: (session: Session, place: Place, store: Store) => Promise<unknown>;
  /** The local store that the operation uses. */
  home?: string;
  /** True if the operation reads the profile and does not change it. */
  isCommit?: boolean;
  /**
   * The errors that a repetition may report after an attempt that took effect, or left something.
   */
  again?: ErrorCode[];
}

const drain = async (items: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of items);
};

async function checkedOut(place: Place): Promise<void> {
  const store = await place.open();
  await store.session('work').checkout(place.path('profile'));
  writeFileSync(join(place.path('profile'), 'Default/Cookies'), 'cookies third');
  await store.close();
}

const operations: Record<string, Operation> = {
  'a commit': { isCommit: true, prepare: checkedOut, run: (session, place) => session.commit(place.path('profile')) },
  'a first commit': {
    isCommit: true,
    prepare: async (place) => writeProfile(place.path('profile'), version('first')),
    run: (_, place, store) => store.session('new').commit(place.path('profile')),
  },
  'a checkout': { run: (session, place) => session.checkout(place.path('other')) },
  'a checkout over a version': {
    prepare: checkedOut,
    run: (session, place) => session.checkout(place.path('profile'), { at: 'HEAD~1', force: true }),
  },
  'a checkout in a directory that is kept': {
    prepare: checkedOut,
    run: (session, place) => session.checkout(place.path('profile'), { at: 'HEAD~1', force: true, keepDirectory: true }),
  },
  'a checkout of a version that the remote has': { home: 'fresh', run: (session, place) => session.checkout(place.path('other')) },
  'a mount': {
    run: async (_, __, store) => {
      const mount = await store.mount('work');
      await mount.discard();
    },
  },
  'an unmount': {
    run: async (_, __, store) => {
      const mount = await store.mount('work');
      writeFileSync(join(mount.dir, 'Default/Cookies'), 'cookies mounted');
      await mount.unmount();
    },
  },
  'a recovery': {
    prepare: async (place) => {
      const mount = await (await place.open({ dead: true })).mount('work');
      writeFileSync(join(mount.dir, 'Default/Cookies'), 'cookies left');
    },
    run: async (_, __, store) => {
      for (const left of await store.abandonedMounts()) await store.recover({ ...left, isCertain: true }, 'commit');
      await store.unfinishedCheckouts();
    },
  },
  'a push': { run: (session) => session.push() },
  'a pull': { home: 'fresh', run: (session) => session.pull() },
  'a log': { run: (session) => drain(session.log()) },
  'a status': { prepare: checkedOut, run: (session, place) => session.status(place.path('profile')) },
  'a diff': { run: (session) => session.diff('HEAD~1', 'HEAD') },
  'a fork': { run: (session) => session.fork('forked'), again: ['CONFLICT'] },
  'a tag': { run: (session) => session.tag('good') },
  'a rollback': { run: (session) => session.rollback('HEAD~1') },
  'a deletion': { run: (session) => session.delete(), again: ['NOT_FOUND'] },
  'a list of sessions': { run: (_, __, store) => drain(store.sessions()) },
  'a verification': { run: (_, __, store) => store.verify({ readData: true }) },
  'a verification of the remote': { run: (_, __, store) => store.verify({ readData: true, on: 'remote' }) },
  'a look at the usage': { run: (_, __, store) => store.usage() },
};

/** Makes a local store and a remote with two commits. The second commit is not pushed. */
async function scene(t: ExecutionContext): Promise<Place> {
  const place = new Place(temporary(t));
  const store = await place.open();
  const dir = place.path('source');
  mkdirSync(dir);
  writeProfile(dir, version('first'));
  await store.session('work').commit(dir);
  await store.session('work').push();
  writeFileSync(join(dir, 'Default/Cookies'), 'cookies second');
  await store.session('work').commit(dir);
  await store.close();
  place.save();
  return place;
}

/** Runs an operation with faults. Returns its calls, and the problems of its outcome. */
async function attempt(place: Place, operation: Operation, faults: Faults): Promise<{ calls: number; wrong: string[] }> {
  place.reset();
  await operation.prepare?.(place);
  const { home = 'home', again = [], run, isCommit = false } = operation;
  const before = isCommit && JSON.stringify([...readListing(place.path('profile'))]);
  const once = async (): Promise<void> => {
    const store = await place.open({ home });
    try {
      await run(store.session('work'), place, store);
    } finally {
      await store.close();
    }
  };
  const { error, made } = await withFaults(faults, once);
  const wrong: string[] = [];
  if (error !== undefined && !isTold(error)) wrong.push(stackOf(error));
  const store = await place.open();
  for (const on of ['local', 'remote'] as const) {
    const findings = await findingsOf(store, on);
    if (findings.length > 0) wrong.push(`${on}: ${JSON.stringify(findings)}`);
  }
  await store.close();
  if (isCommit && JSON.stringify([...readListing(place.path('profile'))]) !== before) wrong.push('the profile was changed');
  await once().catch((found: unknown) => {
    if (again.length === 0 || !isError(found, ...again)) wrong.push(`again: ${stackOf(found)}`);
  });
  const failed = made.find((call, i) => faults.fails(i + 1, call));
  return { calls: made.length, wrong: wrong.map((each) => `${failed}: ${each}`) };
}

/** Returns whether an error is one of this library, with a message and a hint. */
function isTold(error: unknown): boolean {
  return isError(error) && error.code !== 'INTERNAL' && error.hint !== undefined && !/undefined|a file:|\/proc\/self/.test(error.message);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? `${error.stack}` : String(error);
}

/** Declares the tests. Every `step`th call of an operation fails. */
export function systemCallTests(step: number): void {
  for (const [name, operation] of Object.entries(operations)) {
    for (const errno of ['EIO', 'EMFILE'] as const) {
      test.serial(`C16: ${name}: ${errno} at ${step === 1 ? 'every call' : `one call of ${step}`}`, async (t) => {
        const place = await scene(t);
        const { calls } = await attempt(place, operation, { errno, fails: () => false });
        t.true(calls > 0);
        for (let n = 1; n <= calls; n += step) {
          const { wrong } = await attempt(place, operation, { errno, fails: (index) => index === n });
          t.deepEqual(wrong, [], `call ${n} of ${calls}`);
        }
      });
    }
  }
}
