/**
 * The mark of a directory whose entries are being exchanged (R-OUT-13). The mark keeps a commit
 * from mixing two versions. Other local stores, users, paths and copies do not see the record and
 * the lock.
 */
import { cpSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { isError } from '../../../src/base/errors.js';
import type { TreeEntry } from '../../../src/format/tree.js';
import { openStore, type Store } from '../../../src/index.js';
import { MARKER } from '../../../src/workspace/marker.js';
import { rejects } from '../../support/errors.js';
import { dieAt } from '../../support/exhaustive/death.js';
import { fileEntry, forged, retree, seal } from '../../support/forge.js';
import { providerOf } from '../../support/provider-content.js';
import { marksIn, overwrite, storeWith } from '../../support/session/versions.js';
import { machine } from '../../support/sync/machines.js';
import { temporary } from '../../support/temporary.js';

/**
 * Ways to the directory that bypass its record and its lock. Each way returns the store and the
 * path.
 */
const ways: Record<string, (folder: string, dir: string) => Promise<[Store, string]>> = {
  'another home': async (folder, dir) => [await openStore({ home: join(folder, 'other home') }), dir],
  'another user': async (folder, dir) => [await openStore({ home: join(folder, 'home'), userId: 'other' }), dir],
  'a copy': async (folder, dir) => {
    cpSync(dir, `${dir} copied`, { recursive: true, preserveTimestamps: true });
    return [await openStore({ home: join(folder, 'home'), userId: 'tester' }), `${dir} copied`];
  },
  'another path': async (folder, dir) => {
    renameSync(dir, `${dir} moved`);
    return [await openStore({ home: join(folder, 'home'), userId: 'tester' }), `${dir} moved`];
  },
};

const exchanges: Record<string, { soil?: boolean; keepDirectory?: boolean }> = {
  'in place': {},
  'entry by entry': { soil: true, keepDirectory: true },
};

for (const [exchange, { soil = false, keepDirectory = false }] of Object.entries(exchanges)) {
  test.serial(`R-OUT-13: a checkout ${exchange} that was killed leaves nothing that is committed as a version`, async (t) => {
    const folder = temporary(t);
    const store = await storeWith(join(folder, 'home'), join(folder, 'source'), 'one', 'two');
    let refused = 0;
    let total = Number.POSITIVE_INFINITY;
    for (let step = 1; step <= total; step += 9) {
      const dir = join(folder, `dir ${step}`);
      await store.session('s').checkout(dir);
      if (soil) overwrite(dir, 'six');
      const { steps, died } = await dieAt(step, () => store.session('s').checkout(dir, { at: 'HEAD~1', force: true, keepDirectory }));
      if (!died) total = steps;
      for (const [way, go] of Object.entries(ways)) {
        const [other, path] = await go(folder, dir);
        const outcome = await other
          .session('way')
          .commit(path, { allowShrink: true })
          .catch((error: unknown) => error);
        if (isError(outcome, 'DIRTY')) refused++;
        else t.deepEqual([outcome instanceof Error, marksIn(path).length], [false, 1], `step ${step}, ${way}`);
      }
    }
    t.true(refused > Object.keys(ways).length, `${refused} of ${total} steps`);
  });
}

test.serial('R-OUT-13: force replaces a marked directory from any local store, and leaves it whole and unmarked', async (t) => {
  const folder = temporary(t);
  const store = await storeWith(join(folder, 'home'), join(folder, 'source'), 'one', 'two');
  const other = await storeWith(join(folder, 'other'), join(folder, 'source'), 'six');
  const dir = join(folder, 'dir');
  for (const restore of [store, other]) {
    await store.session('s').checkout(dir, { force: true });
    writeFileSync(join(dir, MARKER), '');
    const { details, hint } = await rejects(t, () => other.session('s').commit(dir), 'DIRTY');
    t.like(details, { dir });
    t.regex(hint ?? '', /--force/);
    await rejects(t, () => other.session('s').checkout(dir), 'DIRTY');
    await restore.session('s').checkout(dir, { force: true });
    t.deepEqual(marksIn(dir), [restore === store ? 'two' : 'six']);
    t.false(existsSync(join(dir, MARKER)));
  }
});

test.serial('R-OUT-13: a checkout from another local store that begins and ends while a directory is read is noticed', async (t) => {
  const folder = temporary(t);
  const store = await storeWith(join(folder, 'home'), join(folder, 'source'), 'one', 'two');
  const other = await openStore({ home: join(folder, 'other') });
  const dir = join(folder, 'dir');
  await store.session('s').checkout(dir, { at: 'HEAD~1' });
  // Reading the first file begins the checkout, which ends before the next file is read.
  let restoring: Promise<unknown> | undefined;
  const begin = (progress: { phase: string }): void => {
    if (progress.phase === 'capture') restoring ??= store.session('s').checkout(dir);
  };
  const committing = other.session('s').commit(dir, { onProgress: begin });
  const outcome = await committing.catch((error: unknown) => error);
  await restoring;
  if (!isError(outcome, 'DIRTY', 'BUSY')) {
    t.false(outcome instanceof Error);
    rmSync(dir, { recursive: true });
    await other.session('s').checkout(dir);
    t.is(marksIn(dir).length, 1);
  }
  t.truthy(restoring);
  t.false(readdirSync(dir).includes(MARKER));
});

for (const kind of ['file', 'directory', 'symlink'] as const) {
  test(`R-OUT-13: a version with a ${kind} of the mark's name is rejected before the target is changed`, async (t) => {
    const repository = forged();
    const [newest] = repository.versions;
    const common = { path: MARKER, mtime: 0n };
    const entries: Record<typeof kind, TreeEntry> = {
      file: fileEntry(MARKER),
      directory: { ...common, kind: 'directory', mode: 0o700 },
      symlink: { ...common, kind: 'symlink', mode: 0o777, target: 'a' },
    };
    retree(newest, [entries[kind], ...newest.tree]);
    const { store, session, directory } = await machine(t, await providerOf(await seal(repository)));
    const dir = directory();
    await rejects(t, () => session.checkout(dir), 'UNSUPPORTED');
    t.false(existsSync(dir));
    await session.checkout(dir, { at: 'HEAD~1' });
    const before = readdirSync(dir);
    await rejects(t, () => session.checkout(dir, { force: true }), 'UNSUPPORTED');
    t.deepEqual(readdirSync(dir), before);
    await rejects(t, () => store.mount('main'), 'UNSUPPORTED');
    await session.checkout(dir, { force: true, only: ['/a'] });
    t.deepEqual(readdirSync(dir), ['a']);
  });
}
