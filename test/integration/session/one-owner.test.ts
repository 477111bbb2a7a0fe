/**
 * One owner of a directory at a time (R-OUT-7; rows C1, C2 and C10). An unfinished operation makes
 * every other operation on its directory BUSY until it is done or provably gone. Its process may be
 * in another PID namespace.
 */
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../../src/base/host.js';
import { openStore, type Session, type Store } from '../../../src/index.js';
import { scan } from '../../../src/workspace/capture/scan.js';
import { recordPath, Workspace } from '../../../src/workspace/workspace.js';
import { rejects } from '../../support/errors.js';
import { file, writeProfile } from '../../support/profile.js';
import { places, start, startHeld } from '../../support/session/held.js';
import { marksIn, storeWith, writeVersion } from '../../support/session/versions.js';
import { temporary } from '../../support/temporary.js';

interface Desk {
  home: string;
  records: string;
  dir: string;
  store: Store;
  session: Session;
}

/**
 * Returns a local store whose session has the versions `one` and `two`, and a directory with `two`.
 */
async function begin(t: ExecutionContext): Promise<Desk> {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const dir = join(folder, 'place', 'dir');
  const store = await storeWith(home, join(folder, 'source'), 'one', 'two');
  const session = store.session('s');
  await session.checkout(dir);
  return { home, records: join(home, 'tester/.store/records'), dir, store, session };
}

const others: Record<string, (desk: Desk) => Promise<unknown>> = {
  'a restore': ({ session, dir }) => session.checkout(dir),
  'a restore by force': ({ session, dir }) => session.checkout(dir, { force: true }),
  'a restore that keeps the directory': ({ session, dir }) => session.checkout(dir, { force: true, keepDirectory: true }),
  'a restore of a part': ({ session, dir }) => session.checkout(dir, { only: ['Default/Cookies'] }),
  'a snapshot': ({ session, dir }) => session.commit(dir),
  'a snapshot for another session': ({ store, dir }) => store.session('other').commit(dir),
  'a checkpoint': ({ session, dir }) => session.checkpoint(dir),
};

const operations = ['restore HEAD~1', 'force HEAD~1', 'part', 'snapshot', 'checkpoint'];

for (const [place, { declare, before }] of Object.entries(places)) {
  for (const [i, operation] of operations.entries()) {
    declare(`R-OUT-7, C1: while a ${operation} is halfway in ${place} everything else on its directory is BUSY`, async (t) => {
      const desk = await begin(t);
      if (operation === 'snapshot' || operation === 'checkpoint') writeVersion(desk.dir, 'six');
      const held = await startHeld(t, { ...desk, operation, before });
      for (const [name, act] of Object.entries(others)) {
        const { hint, details } = await rejects(t, () => act(desk), 'BUSY', name);
        t.truthy(hint, name);
        t.like(details, { path: desk.dir, state: 'running' }, name);
      }
      // Reading the status needs no lock.
      await t.notThrowsAsync(() => desk.session.status(desk.dir));
      t.is((await held.go())?.code, undefined);
      t.is(marksIn(desk.dir).length, 1);
      // Each of these tests tries some of the other operations. Together they try all operations.
      const next = Object.entries(others).filter((_, j) => j % operations.length === i);
      for (const [name, act] of next) await t.notThrowsAsync(() => act(desk), name);
      t.deepEqual(readdirSync(join(desk.dir, '..')), ['dir']);
      t.deepEqual(
        readdirSync(desk.records).filter((name) => name.includes('.lock')),
        [],
      );
    });
  }

  for (const operation of ['restore HEAD~1', 'force HEAD~1']) {
    declare(
      `R-OUT-7: status of a directory that a ${operation} in ${place} is changing is BUSY, and DIRTY when that was killed`,
      async (t) => {
        const { home, dir, session } = await begin(t);
        const held = await startHeld(t, { home, dir, operation, hold: 'changing', before });
        const { hint, details } = await rejects(t, () => session.status(dir), 'BUSY');
        t.is(hint, 'Repeat the command when it is done.');
        t.like(details, { path: dir, state: 'running' });
        await held.kill();
        const { message } = await rejects(t, () => session.status(dir), 'DIRTY');
        t.regex(message, /was cut off/);
      },
    );
  }

  declare(`C1, C10: a restore that is killed in ${place} is taken over by one of many at once`, async (t) => {
    const { home, records, dir, session } = await begin(t);
    const held = await startHeld(t, { home, dir, operation: 'force HEAD~1', before });
    await held.kill();
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => start(home, dir, 'restore HEAD').outcome));
    t.true(outcomes.some((outcome) => outcome?.code === undefined));
    for (const outcome of outcomes) t.true(outcome?.code === undefined || outcome.code === 'BUSY', outcome?.code);
    t.deepEqual(marksIn(dir), ['two']);
    t.false((await session.commit(dir)).changed);
    t.deepEqual(readdirSync(join(dir, '..')), ['dir']);
    t.deepEqual(
      readdirSync(records).filter((name) => name.includes('.lock')),
      [],
    );
  });

  declare(`R-OWN-4, C10: the stage of a checkpoint that runs in ${place} is not deleted; that of a killed one is`, async (t) => {
    const { home, records, dir } = await begin(t);
    const elsewhere = join(dir, '..', 'elsewhere');
    const stages = (): string[] => readdirSync(join(records, 'checkpoints'));
    writeVersion(dir, 'six');
    writeVersion(elsewhere, 'ten');
    const held = await startHeld(t, { home, dir, operation: 'checkpoint', hold: 'stage', before });
    const [stage] = stages();
    const checkpoint = async () => (await openStore({ home, userId: 'tester' })).session('s').checkpoint(elsewhere);
    await checkpoint();
    t.deepEqual(stages(), [stage]);
    await held.kill();
    writeVersion(elsewhere, 'two');
    await checkpoint();
    t.deepEqual(stages(), []);
  });
}

test('C1: the same holds for two operations of one process on one directory', async (t) => {
  const { dir, session } = await begin(t);
  const outcomes = await Promise.allSettled([session.checkout(dir, { at: 'HEAD~1' }), session.checkout(dir)]);
  t.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  t.like(
    outcomes.find(({ status }) => status === 'rejected'),
    { reason: { code: 'BUSY' } },
  );
  t.deepEqual(marksIn(dir), [outcomes[0]?.status === 'fulfilled' ? 'one' : 'two']);
});

test('R-CAP-13, R-CAP-16, C1: a restore caches facts only of files that it wrote, also if another local store restores into its directory', async (t) => {
  const { home, dir, session } = await begin(t);
  const other = `${home}-other`;
  cpSync(home, other, { recursive: true });
  const target = join(dir, '..', 'target');
  const held = await startHeld(t, { home, dir: target, operation: 'restore HEAD', hold: 'placed' });
  t.is((await start(other, target, 'force HEAD~1').outcome)?.code, undefined);
  t.is((await held.go())?.code, undefined);
  t.deepEqual(marksIn(target), ['one']);
  t.true((await session.status(target)).changed.length > 0);
  const { changed, commit } = await session.commit(target);
  t.true(changed);
  await session.checkout(join(dir, '..', 'proof'), { at: commit });
  t.deepEqual(marksIn(join(dir, '..', 'proof')), ['one']);
});

test('R-CAP-13: a restore caches facts of the files that it wrote in place, and of those that it read and left alone', async (t) => {
  const { records, dir, session } = await begin(t);
  const vouchedFor = async (of: string): Promise<string[]> => {
    const cache = await (await Workspace.open(records, of, systemHost)).readCache();
    const { entries } = await scan(of, { excludes: () => false });
    return entries.filter((entry) => cache.lookup(entry) !== undefined).map(({ path }) => path);
  };
  const all = await vouchedFor(dir);
  t.is(all.length, 23);
  const source = join(dir, '..', '..', 'source');
  writeProfile(source, new Map([['Default/Cookies', file('{"mark": "new"}')]]));
  await session.commit(source);
  await session.checkout(dir);
  t.is(readFileSync(join(dir, 'Default/Cookies'), 'utf8'), '{"mark": "new"}');
  // Renaming changes the ctime, so the next commit reads the file again.
  t.deepEqual(
    await vouchedFor(dir),
    all.filter((path) => path !== 'Default/Cookies'),
  );
  t.false((await session.commit(dir)).changed);
  t.deepEqual(await vouchedFor(dir), all);
});

test('R-OUT-7, C2: a commit fails if the record of its directory was written meanwhile, also with the same content', async (t) => {
  const { records, dir, session } = await begin(t);
  writeVersion(dir, 'six');
  const { commit: head } = await session.resolve('HEAD');
  const path = recordPath(records, dir, 'json');
  const before = readFileSync(path);
  const workspace = await Workspace.open(records, dir, systemHost);
  await workspace.write(workspace.record);
  const again = readFileSync(path);
  writeFileSync(path, before);
  await rejects(t, () => session.commit(dir, { onProgress: () => writeFileSync(path, again) }), 'BUSY');
  t.is((await session.resolve('HEAD')).commit, head);
  t.true((await session.commit(dir)).changed);
});

test('C2: a commit fails if another directory replaced the one that is read, as a restore from another local store does', async (t) => {
  const { dir, session } = await begin(t);
  writeVersion(dir, 'six');
  const { commit: head } = await session.resolve('HEAD');
  const onProgress = (): void => {
    if (existsSync(`${dir}-old`)) return;
    renameSync(dir, `${dir}-old`);
    writeVersion(dir, 'ten');
  };
  await rejects(t, () => session.commit(dir, { onProgress }), 'BUSY');
  t.is((await session.resolve('HEAD')).commit, head);
});

const { declare, before } = places['another PID namespace'];

declare('C10: a mount of a running process in another PID namespace is not abandoned, and is after that process was killed', async (t) => {
  const { home, store } = await begin(t);
  const held = await startHeld(t, { home, dir: join(home, '..', 'none'), operation: 'mount six', before });
  t.deepEqual(await store.abandonedMounts(), []);
  const next = await store.mount('s');
  t.is(readdirSync(join(home, 'tester/.store/records/mounts')).length, 2);
  await next.unmount();
  await held.kill();
  const [left] = await store.abandonedMounts();
  t.true(left?.isCertain);
  await store.mount('s').then((mount) => mount.unmount());
  t.deepEqual(readdirSync(join(home, 'tester/.store/workspaces')), []);
});
