/**
 * Special files instead of a file or directory of a folder store (B6). No command blocks on them or
 * treats them as absent, and verify names them.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, join, relative } from 'node:path';
import type { ExecutionContext } from 'ava';
import { isError, openStore, type Store } from '../../../src/index.js';
import { noise } from '../content.js';
import { testWith } from '../machine.js';
import { readListing, smallProfile, writeProfile } from '../profile.js';
import { temporary } from '../temporary.js';

/** Functions that make each kind of special file at a path. `before` is the former content. */
const things: Record<string, (t: ExecutionContext, path: string, before: string) => unknown> = {
  FIFO: (_, path) => execFileSync('mkfifo', [path]),
  socket: async (t, path) => {
    const server = createServer();
    t.teardown(() => server.close());
    // The path may be too long for a socket.
    const short = join(temporary(t), 's');
    await new Promise<void>((resolve) => void server.listen(short, resolve));
    renameSync(short, path);
  },
  'symbolic link to it': (_, path, before) => symlinkSync(before, path),
  'dangling symbolic link': (_, path) => symlinkSync('nowhere', path),
  'directory or file': (_, path, before) => (statSync(before).isDirectory() ? writeFileSync(path, 'x') : mkdirSync(path)),
  device: (_, path) => execFileSync('mknod', [path, 'c', '1', '5']),
};

/** Paths in the folder of a store. The last component may be a pattern. */
const places = [
  ['packs', /^\d+-/],
  ['manifests', /^\d+-/],
  ['packs'],
  ['manifests'],
  ['refs'],
  ['refs', 'main.cell'],
  ['refs', 'main.cell', /^g-/],
  ['refs', 'main.cell', /^g-/, /^\d+$/],
  ['config.cell'],
  ['config.cell', /^g-/],
  ['config.cell', /^g-/, '1'],
  ['gc'],
  ['gc', 'epoch.cell'],
  ['gc', 'epoch.cell', /^g-/],
  ['gc', 'epoch.cell', /^g-/, '1'],
];

function find(root: string, place: readonly (string | RegExp)[]): string {
  return place.reduce<string>((dir, part) => {
    const name = readdirSync(dir)
      .sort()
      .findLast((each) => (typeof part === 'string' ? each === part : part.test(each)));
    return join(dir, name ?? `nothing like ${part}`);
  }, root);
}

async function scene(t: ExecutionContext) {
  const folder = temporary(t);
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeProfile(dir, smallProfile(noise));
  const open = (home: string, remote?: string): Promise<Store> =>
    openStore({
      home: join(folder, home),
      userId: 'u',
      remote: remote && `file://${join(folder, remote)}`,
      transfer: { maxRetries: 0 },
    });
  const store = await open('home', 'remote');
  await store.session('main').commit(dir);
  await store.session('main').push();
  return { folder, open, listing: readListing(dir), dir };
}

const declareFor = (what: string) => testWith(what === 'device' ? ['device files'] : []);

/**
 * Declares a test for each special file and store, each with every `stride`th path. Every path has
 * a test.
 */
export function testPlaces(stride: number): void {
  const share = stride === 1 ? 'each place' : `1 of ${stride} places`;
  for (const [number, [what, make]] of Object.entries(things).entries()) {
    for (const on of ['local', 'remote'] as const) {
      declareFor(what)(`B6: a ${what} in ${share} of ${on} is rejected by name and blocks nothing`, async (t) => {
        const { folder, open, listing, dir } = await scene(t);
        const root = join(folder, on === 'local' ? 'home' : on, 'u/.store');
        const pristine = join(folder, 'pristine');
        cpSync(root, pristine, { recursive: true });
        const versions = new Set([JSON.stringify([...listing])]);
        for (const place of places.filter((_, i) => i % stride === number % stride)) {
          const path = find(root, place);
          const where = `${what} at ${relative(root, path)}`;
          const before = join(folder, 'before');
          renameSync(path, before);
          await make(t, path, before);
          const store = await open(
            on === 'local' ? 'home' : `fresh-${relative(root, path).replaceAll('/', '-')}`,
            on === 'local' ? undefined : 'remote',
          );
          const { findings } = await store.verify({ on, readData: true });
          t.true(
            findings.some(({ key, message }) => `${key} ${message}`.includes(String(place[0]).replace('.cell', ''))),
            `${where}: ${JSON.stringify(findings)}`,
          );
          for (const { message } of findings) t.notRegex(message, /undefined|EISDIR|proc/, where);
          const target = join(folder, 'target');
          const session = store.session('main');
          await restoresOrRefuses(t, where, () => session.checkout(target, { force: true }));
          if (existsSync(target)) t.true(versions.has(JSON.stringify([...readListing(target)])), where);
          appendFileSync(join(dir, 'Default/Preferences'), ' ');
          versions.add(JSON.stringify([...readListing(dir)]));
          const isCommitted = await restoresOrRefuses(t, where, () => session.commit(dir));
          if (on === 'remote' && isCommitted) await restoresOrRefuses(t, where, () => session.push());
          await restoresOrRefuses(t, where, async () => {
            for await (const _ of store.sessions());
          });
          for (const each of [target, root, before]) rmSync(each, { recursive: true, force: true });
          cpSync(pristine, root, { recursive: true });
        }
      });
    }
  }
}

/** Declares a test for each special file and store, in the index. */
export function testIndexes(): void {
  for (const [what, make] of Object.entries(things)) {
    for (const on of ['local', 'remote'] as const) {
      declareFor(what)(`B6: a ${what} as CURRENT of the index of ${on} blocks nothing, and the index is rebuilt`, async (t) => {
        const { folder, open, dir } = await scene(t);
        const index = readdirSync(join(folder, 'home'), { recursive: true, encoding: 'utf8' })
          .filter((path) => basename(path) === 'index' && path.includes('remotes') === (on === 'remote'))
          .map((path) => join(folder, 'home', path))[0] as string;
        const before = join(folder, 'before');
        renameSync(join(index, 'CURRENT'), before);
        await make(t, join(index, 'CURRENT'), before);
        const store = await open('home', 'remote');
        appendFileSync(join(dir, 'Default/Preferences'), ' ');
        t.true((await store.session('main').commit(dir)).changed);
        await store.session('main').push();
        const target = join(folder, 'target');
        await store.session('main').checkout(target);
        t.deepEqual(readListing(target), readListing(dir));
        t.true(readdirSync(index, { withFileTypes: true }).every((entry) => entry.isFile()));
      });
    }
  }
}

/** Runs a restore. Its error names the special file, and never reports that the file is absent. */
async function restoresOrRefuses(t: ExecutionContext, where: string, run: () => Promise<unknown>): Promise<boolean> {
  const error = await run().then(
    () => undefined,
    (found: unknown) => found,
  );
  // C16: the special file is damage of the store. Only a file instead of a directory may be an
  // object of another program.
  const isTold = isError(error, 'INTEGRITY') || (where.startsWith('directory or file') && isError(error, 'USAGE'));
  t.true(error === undefined || (isTold && error.message.includes('/') && error.hint !== undefined), `${where}: ${error}`);
  return error === undefined;
}
