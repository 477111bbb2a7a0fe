/**
 * False alarms of the guards of a commit (A2, A3). Real profiles never cause one: after a close,
 * after a kill, from run to run.
 */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import puppeteer, { type Browser } from 'puppeteer-core';
import { openStore, type Session } from '../../src/index.js';
import { ask, chromiumPath, firefoxPath, kill, quietArguments, type Site, startSite } from '../support/browser/login.js';
import { rejects } from '../support/errors.js';
import { temporary } from '../support/temporary.js';

const browsers: Record<string, { launch(profile: string): Promise<Browser>; logins: string[] }> = {
  Chromium: {
    launch: (userDataDir) => puppeteer.launch({ executablePath: chromiumPath(), userDataDir, args: quietArguments }),
    logins: ['Default/Cookies', 'Local State', 'Default/Preferences'],
  },
  Firefox: {
    launch: (userDataDir) => puppeteer.launch({ browser: 'firefox', executablePath: firefoxPath(), userDataDir }),
    logins: ['cookies.sqlite', 'prefs.js'],
  },
};

interface Scene {
  site: Site;
  session: Session;
  profile: string;
}

async function scene(t: ExecutionContext): Promise<Scene> {
  const folder = temporary(t);
  const site = await startSite();
  t.teardown(() => site.close());
  const store = await openStore({ home: join(folder, 'home') });
  t.teardown(() => store.close());
  return { site, session: store.session('work'), profile: join(folder, 'profile') };
}

for (const [name, { launch, logins }] of Object.entries(browsers)) {
  test.serial(`${name}: every commit is made, without a word, after a close and after a kill`, async (t) => {
    const { site, session, profile } = await scene(t);
    for (let round = 0; round < 6; round++) {
      const browser = await launch(profile);
      await ask(browser, site, `login("visitor-${round}")`, ['shop']);
      if (round % 2 === 0) await browser.close();
      else await kill(browser);
      t.deepEqual((await session.commit(profile)).warnings, [], `round ${round}`);
    }
    for (const path of logins) {
      truncateSync(join(profile, path));
      const { details } = await rejects(t, () => session.commit(profile), 'SHRUNK', path);
      t.true((details['files'] as string[]).includes(path));
    }
    await session.checkout(profile, { force: true });
    const restored = await launch(profile);
    await restored.close();
    t.deepEqual((await session.commit(profile)).warnings, []);
  });
}

test.serial('A4: a real Default is recognized, and its caches are left out', async (t) => {
  const { site, session, profile } = await scene(t);
  const browser = await puppeteer.launch({ executablePath: chromiumPath(), userDataDir: profile, args: quietArguments });
  await ask(browser, site, 'login("ada")', ['shop']);
  await browser.close();
  const dir = join(profile, 'Default');
  t.is((await rejects(t, () => session.commit(dir), 'SHRUNK')).details['parent'], profile);
  const { stats } = await session.commit(dir, { allowPartialProfile: true });
  t.true(stats.excluded.files > 0);
  t.deepEqual((await session.status(dir)).removed, []);
});
