/**
 * Changes in place that fail at any step and are undone (C8). A change that cannot be undone is
 * reported, and mended later.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isError, openStore, type Session } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { testWith } from '../../support/machine.js';
import { directory, file, type ProfileEntry, readListing, symlink, writeProfile } from '../../support/profile.js';
import { watched } from '../../support/session/steps.js';
import { temporary } from '../../support/temporary.js';

const first = new Map<string, ProfileEntry>([
  ['Default', directory()],
  ['Default/Cookies', file('one')],
  ['Default/Gone', file('one')],
  ['Default/Mode', file('same', 0o600)],
  ['Default/Old', directory(0o500)],
  ['Default/Old/file', file('one')],
  ['Default/link', symlink('Cookies')],
  ['Default/other', symlink('Cookies')],
  ['Local State', file('one')],
  ['kind', file('one')],
]);
const second = new Map<string, ProfileEntry>([
  ['Default', directory(0o750)],
  ['Default/Cookies', file('two')],
  ['Default/Mode', file('same', 0o640)],
  ['Default/New', directory()],
  ['Default/New/file', file('two')],
  ['Default/link', symlink('New')],
  ['Default/other', file('two')],
  ['Local State', file('two')],
  ['kind', directory()],
  ['kind/file', file('two')],
]);

interface Work {
  folder: string;
  dir: string;
  session: Session;
}

async function begin(t: ExecutionContext): Promise<Work> {
  const folder = temporary(t);
  const session = (await openStore({ home: join(folder, 'home') })).session('s');
  const source = join(folder, 'source');
  for (const version of [first, second]) {
    rmSync(source, { recursive: true, force: true });
    writeProfile(source, version);
    await session.commit(source, { allowShrink: true });
  }
  return { folder, dir: join(folder, 'dir'), session };
}

const leftIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('.'));

function fault(code: string): Error {
  return Object.assign(new Error(`${code}: a fault that the test asked for`), { code, errno: -5, syscall: 'rename' });
}

for (const lasting of [false, true]) {
  test.serial(`C8: a change in place fails at any step${lasting ? ', and so does all that follows' : ''}`, async (t) => {
    const { folder, dir, session } = await begin(t);
    await session.checkout(dir);
    const after = readListing(dir);
    let steps = 0;
    let failed = 0;
    let mixtures = 0;
    // Nothing fails before step 0: this checkout is undisturbed, and counts the steps.
    for (let at = 0; at <= steps; at += at === 0 ? 1 : 2) {
      await session.checkout(dir, { at: 'HEAD~1', force: true });
      // Entries that no version holds stay in place.
      mkdirSync(join(dir, 'Default', 'Cache'), { recursive: true });
      const before = readListing(dir);
      let last = 0;
      const failure = await watched(
        () =>
          session.checkout(dir).then(
            () => undefined,
            (error: unknown) => error,
          ),
        (step) => {
          last = step;
          if (at > 0 && (lasting ? step >= at : step === at)) throw fault('EIO');
        },
      );
      if (at === 0) steps = last;
      const listing = readListing(dir);
      const isWhole = [before, withCache(after, before)].some((version) => same(version, listing));
      if (failure !== undefined) failed++;
      if (!isWhole) {
        mixtures++;
        t.true(lasting, `step ${at} of ${steps}`);
        t.true(isError(failure, 'DIRTY'), String(failure));
        t.regex(String(failure), /parts of two versions/);
      }
      await session.checkout(dir);
      rmSync(join(dir, 'Default', 'Cache'), { recursive: true, force: true });
      t.deepEqual([...readListing(dir).keys()], [...after.keys()], `step ${at} of ${steps}`);
      t.deepEqual(leftIn(folder), []);
    }
    t.true(failed > 15);
    t.is(mixtures > 0, lasting);
    t.log(`${steps} steps, ${failed} failures, ${mixtures} mixtures`);
  });
}

type Listing = ReturnType<typeof readListing>;

function withCache(version: Listing, before: Listing): Listing {
  return new Map([...version, ['Default/Cache', before.get('Default/Cache') as string]]);
}

/** Compares listings. Ignores the times of a cache, and of directories that hold one. */
function same(a: Listing, b: Listing): boolean {
  return a.size === b.size && [...a].every(([path, line]) => path === 'Default/Cache' || b.get(path) === line);
}

for (const path of ['Default/Cookies', 'Default/Gone', 'Local State', 'Default/Old/file']) {
  testWith(['immutable files'])(`C8: ${path} may only be appended to, and a change in place leaves the directory as it was`, async (t) => {
    const { folder, dir, session } = await begin(t);
    await session.checkout(dir, { at: 'HEAD~1' });
    const before = readListing(dir);
    execFileSync('chattr', ['+a', join(dir, path)]);
    try {
      await rejects(t, () => session.checkout(dir), 'FORBIDDEN');
      t.deepEqual(readListing(dir), before);
      t.deepEqual(leftIn(folder), []);
    } finally {
      execFileSync('chattr', ['-a', join(dir, path)]);
    }
    await session.checkout(dir);
    t.is(readFileSync(join(dir, 'Default', 'Cookies'), 'utf8'), 'two');
  });
}

test.serial('C8: a restore of a part that fails halfway is undone, and the replaced files are back', async (t) => {
  const { folder, dir, session } = await begin(t);
  const only = ['Default/Cookies', 'Local State', 'Default/link'];
  // Nothing fails before step 0.
  let steps = 0;
  let takenBack = 0;
  for (let at = 0; at <= steps; at++) {
    await session.checkout(dir, { at: 'HEAD~1', force: true });
    writeFileSync(join(dir, 'Default', 'Cookies'), 'of nobody');
    writeFileSync(join(dir, 'Local State'), 'of nobody');
    const before = readListing(dir);
    const failure = await watched(
      () =>
        session.checkout(dir, { only, force: true }).then(
          () => undefined,
          (error: unknown) => error,
        ),
      (step) => {
        steps = Math.max(steps, step);
        if (step === at) throw fault('EIO');
      },
    );
    if (failure === undefined || readFileSync(join(dir, 'Local State'), 'utf8') === 'two') continue;
    takenBack++;
    t.deepEqual(readListing(dir), before, `step ${at}`);
    t.deepEqual(leftIn(folder), []);
  }
  t.true(takenBack > 10);
});
