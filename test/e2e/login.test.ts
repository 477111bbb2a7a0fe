import { join } from 'node:path';
import test from 'ava';
import { chromium } from 'playwright-core';
import { openStore } from '../../src/index.js';
import { chromiumPath, everywhere, known, nobody, startSite, visit } from '../support/browser/login.js';
import { temporary } from '../support/temporary.js';

test('a login outlives snapshot, restore to another place and relaunch, and a rollback takes it away', async (t) => {
  const folder = temporary(t);
  const site = await startSite();
  const store = await openStore({ home: join(folder, 'home') });
  const session = store.session('work');
  const profile = join(folder, 'profile');
  try {
    t.deepEqual(await visit(profile, site, 'who()'), everywhere(nobody));
    await session.commit(profile, { message: 'before' });
    await visit(profile, site, 'login("ada")');
    const { stats } = await session.commit(profile, { message: 'logged in' });
    t.true(stats.excluded.files > 0);

    const elsewhere = join(folder, 'elsewhere');
    await session.checkout(elsewhere);
    t.deepEqual(await visit(elsewhere, site, 'who()'), everywhere(known('ada')));

    await session.rollback('HEAD~1');
    const before = join(folder, 'before');
    await session.checkout(before);
    t.deepEqual(await visit(before, site, 'who()'), everywhere(nobody));

    await session.fork('again', { at: 'HEAD~1' });
    const again = join(folder, 'again');
    await store.session('again').checkout(again);
    t.deepEqual(await visit(again, site, 'who()'), everywhere(known('ada')));
    t.deepEqual((await store.verify({ readData: true })).findings, []);
  } finally {
    await site.close();
    await store.close();
  }
});

test('a directory in which Chromium runs is rejected, and committed once it is closed', async (t) => {
  const folder = temporary(t);
  const site = await startSite();
  const store = await openStore({ home: join(folder, 'home') });
  const session = store.session('work');
  const profile = join(folder, 'profile');
  try {
    await visit(profile, site, 'login("ada")');
    const { commit } = await session.commit(profile);
    const context = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath(), args: ['--no-sandbox'] });
    await t.throwsAsync(session.commit(profile), { code: 'BUSY' });
    await t.throwsAsync(session.checkout(profile, { force: true }), { code: 'BUSY' });
    await context.close();
    await visit(profile, site, 'who()');
    t.not((await session.commit(profile)).parent, undefined);
    t.is((await session.resolve('HEAD~1')).commit, commit);
  } finally {
    await site.close();
    await store.close();
  }
});
