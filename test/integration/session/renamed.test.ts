/**
 * Entries that are renamed while a directory is committed (A4). Renamed entries are in the version,
 * and removed entries are not. Entries that move all the time are an error.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openStore, type Session } from '../../../src/index.js';
import { orCode, rejects } from '../../support/errors.js';
import { readListing } from '../../support/profile.js';
import { aroundLooks, type Look } from '../../support/session/looks.js';
import { temporary } from '../../support/temporary.js';

/**
 * Runs `work` with `change` instead of the chosen system call at `path`, at most `times` times.
 * `change` gets the call itself.
 */
async function watched<T>(
  look: Look,
  path: string,
  times: number,
  change: (look: () => unknown) => unknown,
  work: () => Promise<T>,
): Promise<{ result: T; seen: number }> {
  let seen = 0;
  const result = await aroundLooks(work, (each, at, run) => (each === look && at === path && ++seen <= times ? change(run) : run()));
  return { result, seen };
}

function scene(folder: string): string {
  const dir = join(folder, 'dir');
  for (const name of ['s0', 's1', 's2']) {
    mkdirSync(join(dir, 'Default', name), { recursive: true });
    for (const file of ['a', 'b']) writeFileSync(join(dir, 'Default', name, file), `${name}/${file}`);
  }
  writeFileSync(join(dir, 'Local State'), '{}');
  return dir;
}

/** Returns a listing without the times of directories, which may be older than the last change. */
function timeless(root: string): string {
  return [...readListing(root)].map(([path, line]) => `${path} ${line.replace(/^(directory \S+) \S+/, '$1')}`).join('\n');
}

async function restored(session: Session, folder: string): Promise<string> {
  const target = join(folder, 'target');
  await session.checkout(target);
  return timeless(target);
}

async function holdsAll(session: Session, folder: string, dir: string): Promise<boolean> {
  return (await restored(session, folder)) === timeless(dir);
}

const looks: [Look, string][] = [
  ['lstatSync', 'Default/s1'],
  ['readdirSync', 'Default/s1'],
  ['lstatSync', 'Default/s1/a'],
  ['openSync', 'Default/s1/a'],
];
const changes: [string, (path: string, look: () => unknown) => unknown][] = [
  [
    'is renamed',
    (path, look) => {
      renameSync(path, `${path}-new`);
      return look();
    },
  ],
  [
    'is away for a moment',
    (path, look) => {
      renameSync(path, `${path}-new`);
      try {
        return look();
      } finally {
        renameSync(`${path}-new`, path);
      }
    },
  ],
  [
    'is removed',
    (path, look) => {
      rmSync(path, { recursive: true });
      return look();
    },
  ],
];

for (const [look, at] of looks) {
  for (const [what, change] of changes) {
    test.serial(`A4: ${at} ${what} before ${look} of it: the version is what the directory holds`, async (t) => {
      const folder = temporary(t);
      const dir = scene(folder);
      const session = (await openStore({ home: join(folder, 'home') })).session('s');
      const path = join(dir, at);
      const { seen } = await watched(
        look,
        path,
        1,
        (run) => change(path, run),
        () => session.commit(dir),
      );
      t.true(seen > 0);
      t.true(await holdsAll(session, folder, dir));
    });
  }

  test.serial(
    `A4: ${at} is away at every ${look} of it: it is committed whole, or UNREADABLE names the directory that loses it`,
    async (t) => {
      const folder = temporary(t);
      const dir = scene(folder);
      const session = (await openStore({ home: join(folder, 'home') })).session('s');
      const path = join(dir, at);
      // Names are read from the directory itself, at any path.
      const isHeld = look === 'readdirSync';
      const commit = async () => (isHeld ? session.commit(dir) : rejects(t, () => session.commit(dir), 'UNREADABLE'));
      const { result } = await watched(look, path, Number.POSITIVE_INFINITY, (run) => changes[1]?.[1](path, run), commit);
      if (!('message' in result)) return t.true(await holdsAll(session, folder, dir));
      t.regex(`${result.message} ${result.details['path']}`, /Default\/s1|Default$/);
      await rejects(t, () => session.checkout(join(folder, 'target')), 'NOT_FOUND');
    },
  );
}

/** Entries that are moved during a scan, to a directory that is listed earlier or later. */
const moves: [from: string, to: string][] = [
  ['Default/s2/a', 'Default/s0/moved'],
  ['Default/s0', 'Default/s2/moved'],
];

for (const [from, to] of moves) {
  test.serial(`A4: ${from} is moved to ${to} at any look: the version is what the directory held before or after`, async (t) => {
    const folder = temporary(t);
    const dir = join(folder, 'dir');
    let looks = 1;
    for (let at = 1; at <= looks; at++) {
      rmSync(dir, { recursive: true, force: true });
      scene(folder);
      const before = timeless(dir);
      const session = (await openStore({ home: join(folder, 'home') })).session(`s${at}`);
      let seen = 0;
      await aroundLooks(
        () => session.commit(dir),
        (_, path, run) => {
          if ((path === dir || path.startsWith(`${dir}/`)) && ++seen === at) renameSync(join(dir, from), join(dir, to));
          return run();
        },
      );
      looks = seen;
      const version = await restored(session, folder);
      t.true(version === before || version === timeless(dir), `look ${at} of ${looks}`);
      rmSync(join(folder, 'target'), { recursive: true });
    }
    t.log(`${looks} looks`);
  });
}

test.serial('A4: a file that is moved back and forth at every look is in no version twice, and missing from none', async (t) => {
  const folder = temporary(t);
  const dir = scene(folder);
  const session = (await openStore({ home: join(folder, 'home') })).session('s');
  const places = ['s0', 's2'].map((name) => join(dir, 'Default', name, 'moving')) as [string, string];
  writeFileSync(places[0], 'one');
  let at = 0;
  const commit = aroundLooks(
    () => session.commit(dir),
    (_, path, run) => {
      if (path.startsWith(join(dir, 'Default'))) {
        renameSync(places[at] as string, places[1 - at] as string);
        at = 1 - at;
      }
      return run();
    },
  );
  t.is(await orCode(() => commit, 'UNREADABLE', 'BUSY'), undefined);
});
