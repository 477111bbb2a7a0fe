/**
 * Preparation of real profiles. Each test shows the behavior of the browser without preparation,
 * and then with it.
 */
import { cpSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import puppeteer, { type Browser } from 'puppeteer-core';
import { systemHost } from '../../src/base/host.js';
import { versionOf } from '../../src/drivers/browser-version.js';
import { prepareProfile } from '../../src/profile/prepare.js';
import {
  askAndClose,
  chromiumPath,
  everywhere,
  firefoxPath,
  kill,
  known,
  quietArguments,
  type Site,
  startSite,
  visit,
} from '../support/browser/login.js';
import { temporary } from '../support/temporary.js';

function exitType(profile: string): unknown {
  return JSON.parse(readFileSync(join(profile, 'Default/Preferences'), 'utf8')).profile.exit_type;
}

async function site(t: ExecutionContext): Promise<Site> {
  const started = await startSite();
  t.teardown(() => started.close());
  return started;
}

test.serial('a Chromium that was killed is mended, and the next one starts as after a proper end', async (t) => {
  const profile = join(temporary(t), 'profile');
  const place = await site(t);
  await visit(profile, place, 'login("ada")');
  const browser = await puppeteer.launch({ executablePath: chromiumPath(), userDataDir: profile, args: quietArguments });
  await (await browser.newPage()).goto(`http://shop.localhost:${place.port}/`);
  // Chromium records only after some seconds that it has not ended yet.
  while (exitType(profile) !== 'Crashed') await setTimeout(100);
  await kill(browser);
  t.is(exitType(profile), 'Crashed');
  await prepareProfile(profile, {}, systemHost);
  t.is(exitType(profile), 'Normal');
  t.deepEqual(await visit(profile, place, 'who()'), everywhere(known('ada')));
  t.is(exitType(profile), 'Normal');
});

test.serial('Chromium does not restore its last session once the crash is mended', async (t) => {
  const folder = temporary(t);
  const [profile, crashed] = [join(folder, 'profile'), join(folder, 'crashed')];
  const place = await site(t);
  await visit(profile, place, 'login("ada")');
  const preferences = readFileSync(join(profile, 'Default/Preferences'), 'utf8');
  writeFileSync(join(profile, 'Default/Preferences'), preferences.replace('"exit_type":"Normal"', '"exit_type":"Crashed"'));
  cpSync(profile, crashed, { recursive: true });
  t.deepEqual(await visit(crashed, place, 'who()'), everywhere({ ...known('ada'), session: 'ada' }));
  await prepareProfile(profile, {}, systemHost);
  t.deepEqual(await visit(profile, place, 'who()'), everywhere(known('ada')));
});

test.serial('a lock of another machine keeps Chromium from starting until it is removed', async (t) => {
  const profile = join(temporary(t), 'profile');
  const place = await site(t);
  await visit(profile, place, 'login("ada")');
  symlinkSync('elsewhere-1234', join(profile, 'SingletonLock'));
  await t.throwsAsync(visit(profile, place, 'who()'));
  await prepareProfile(profile, {}, systemHost);
  t.deepEqual(await visit(profile, place, 'who()'), everywhere(known('ada')));
});

test.serial('session cookies of Chromium outlive restarts on request alone', async (t) => {
  const profile = join(temporary(t), 'profile');
  const place = await site(t);
  await visit(profile, place, 'login("ada")');
  for (let restarts = 0; restarts < 2; restarts++) {
    await prepareProfile(profile, { keepSessionCookies: true }, systemHost);
    t.deepEqual(await visit(profile, place, 'who()'), everywhere({ ...known('ada'), session: 'ada' }));
  }
  const other = join(temporary(t), 'profile');
  await visit(other, place, 'login("ada")');
  await prepareProfile(other, {}, systemHost);
  t.deepEqual(await visit(other, place, 'who()'), everywhere(known('ada')));
});

test.serial('a profile that moved to another path keeps its login, nothing is warned of, and an older browser is', async (t) => {
  const folder = temporary(t);
  const [profile, elsewhere] = [join(folder, 'profile'), join(folder, 'another place')];
  const place = await site(t);
  await visit(profile, place, 'login("ada")');
  renameSync(profile, elsewhere);
  const browserVersion = await versionOf(chromiumPath());
  t.regex(browserVersion ?? '', /\d+\.\d+\.\d+\.\d+/);
  t.deepEqual(await prepareProfile(elsewhere, { browserVersion }, systemHost), []);
  t.deepEqual(await visit(elsewhere, place, 'who()'), everywhere(known('ada')));
  const warnings = await prepareProfile(elsewhere, { browserVersion: 'Chrome/100.0.4896.60' }, systemHost);
  t.deepEqual(
    warnings.map(({ code }) => code),
    ['NEWER_PROFILE'],
  );
});

function firefox(profile: string, extraPrefsFirefox = {}): Promise<Browser> {
  return puppeteer.launch({ browser: 'firefox', executablePath: firefoxPath(), userDataDir: profile, extraPrefsFirefox });
}

test.serial('Firefox keeps a login, starts in spite of a lock of another machine, and keeps session cookies on request', async (t) => {
  const profile = join(temporary(t), 'profile');
  const place = await site(t);
  await askAndClose(await firefox(profile), place, 'login("ada")');
  rmSync(join(profile, 'lock'), { force: true });
  symlinkSync('192.0.2.1:+1234', join(profile, 'lock'));
  await prepareProfile(profile, { keepSessionCookies: true }, systemHost);
  const restored = { 'browser.startup.page': 3 };
  t.deepEqual(await askAndClose(await firefox(profile, restored), place, 'who()'), everywhere({ ...known('ada'), session: 'ada' }));
});
