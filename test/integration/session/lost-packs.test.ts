/**
 * Packs that are missing from the local store. A version that needs them never becomes a head, a
 * session or a tag (R-SYNC-11 on the local store).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { localProvider } from '../../../src/index.js';
import { noise } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { host } from '../../support/provider/folders.js';
import { storeIn } from '../../support/store.js';
import { temporary } from '../../support/temporary.js';

/** Ways to lose a pack. */
const losses: Record<string, (path: string) => void> = {
  gone: (path) => rmSync(path),
  'cut short': (path) => truncateSync(path, 1000),
  empty: (path) => truncateSync(path, 0),
  'a FIFO': (path) => {
    rmSync(path);
    execFileSync('mkfifo', [path]);
  },
  'a directory': (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  'a symlink to nowhere': (path) => {
    rmSync(path);
    symlinkSync('nowhere', path);
  },
};

for (const [what, lose] of Object.entries(losses)) {
  test(`local rollback, fork and tag of a version whose pack is ${what} are INTEGRITY, and nothing is changed`, async (t) => {
    const home = temporary(t);
    const dir = temporary(t);
    const store = await storeIn(temporary(t), localProvider(home, host));
    const session = store.session('main');
    writeFileSync(join(dir, 'large'), noise(100_000, 'large'));
    writeFileSync(join(dir, 'small'), 'one');
    await session.commit(dir);
    const packs = join(home, 'tester/.store/packs');
    const [large] = readdirSync(packs).sort((a, b) => statSync(join(packs, b)).size - statSync(join(packs, a)).size);
    lose(join(packs, String(large)));
    // A commit stores the lost bytes anew.
    writeFileSync(join(dir, 'large'), noise(100_000, 'another'));
    const { commit } = await session.commit(dir);
    await store.session('new').commit(dir);
    for (const run of [
      () => session.rollback('HEAD~1'),
      () => session.fork('other', { at: 'HEAD~1' }),
      () => session.tag('good', { at: 'HEAD~1' }),
      () => store.session('new').rollback('main:HEAD~1'),
    ]) {
      const { message, hint } = await rejects(t, run, 'INTEGRITY');
      t.regex(message, /packs\/.*needs it$/);
      t.regex(hint ?? '', /browserstate verify/);
    }
    t.deepEqual([...(await session.tags())], []);
    t.false(await store.session('other').exists());
    t.is((await session.checkout(join(temporary(t), 'there'))).commit, commit);
    await session.rollback('HEAD');
    await session.fork('whole');
  });
}
