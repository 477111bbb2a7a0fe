/** A4: what is renamed while a directory is committed is in the version; what went away is not; what never rests is refused. */
import fs, { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import test from 'ava';
import { openRepository, type Session } from '../../src/index.js';
import { rejects } from '../helpers/errors.js';
import { readListing } from '../helpers/profile.js';
import { temporary } from '../helpers/temporary.js';

type Look = 'lstatSync' | 'readdirSync' | 'openSync';

/** Runs `work`; `change` stands in for that look at `path`, as often as `times` says, and is given the look itself. */
async function watched<T>(
  look: Look,
  path: string,
  times: number,
  change: (look: () => unknown) => unknown,
  work: () => Promise<T>,
): Promise<{ result: T; seen: number }> {
  const functions = fs as unknown as Record<string, (...parameters: unknown[]) => unknown>;
  const original = functions[look] as (...parameters: unknown[]) => unknown;
  let seen = 0;
  functions[look] = (...parameters) => {
    const run = () => original.apply(fs, parameters);
    return parameters[0] === path && ++seen <= times ? change(run) : run();
  };
  syncBuiltinESMExports();
  try {
    return { result: await work(), seen };
  } finally {
    functions[look] = original;
    syncBuiltinESMExports();
  }
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

async function holdsAll(session: Session, folder: string, dir: string): Promise<boolean> {
  const target = join(folder, 'target');
  await session.checkout(target);
  // The time of a directory may be that of before the change.
  const listing = (root: string) => [...readListing(root)].map(([path, line]) => `${path} ${line.replace(/^(directory \S+) \S+/, '$1')}`);
  return listing(target).join('\n') === listing(dir).join('\n');
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
      const session = (await openRepository({ home: join(folder, 'home') })).session('s');
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
    `A4: ${at} is away at every ${look} of it: UNREADABLE names the directory that loses it, and nothing is committed`,
    async (t) => {
      const folder = temporary(t);
      const dir = scene(folder);
      const session = (await openRepository({ home: join(folder, 'home') })).session('s');
      const path = join(dir, at);
      const commit = () => rejects(t, () => session.commit(dir), 'UNREADABLE');
      const { result } = await watched(look, path, Number.POSITIVE_INFINITY, (run) => changes[1]?.[1](path, run), commit);
      t.regex(`${result.message} ${result.details['path']}`, /Default\/s1|Default$/);
      await rejects(t, () => session.checkout(join(folder, 'target')), 'NOT_FOUND');
    },
  );
}
