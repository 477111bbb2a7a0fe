/** Hostile profile databases (C6). Reading them always ends, and a mount continues. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { sampleCookies } from '../../../src/profile/cookie-samples.js';
import { prepareProfile } from '../../../src/profile/prepare.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { encrypted, keychain, writeCookies } from '../../support/profile/cookies.js';
import { hostileCookies } from '../../support/profile/hostile-cookies.js';
import { temporary } from '../../support/temporary.js';

/** A time limit that no database reaches, even on a busy machine. */
const PATIENCE_MS = 300_000;

for (const { name, make, found, timeoutMs = PATIENCE_MS } of hostileCookies) {
  test.serial(`C6: ${name}`, async (t) => {
    const dir = temporary(t);
    const path = join(dir, 'Cookies');
    make(path);
    const before = readFileSync(path);
    const answer = (await sampleCookies([path], { timeoutMs })).get(path);
    if (answer === undefined) return t.fail();
    if (typeof found === 'number') t.is('sample' in answer ? (answer.sample?.values.length ?? 0) : answer.problem, found);
    else t.regex('problem' in answer ? answer.problem : JSON.stringify(answer.sample), found);
    t.true(before.equals(readFileSync(path)), 'the database was written to');
    t.deepEqual(readdirSync(dir), ['Cookies']);
  });
}

const endless = new URL('../../support/programs/endless-reader.js', import.meta.url);

test.serial('C6: a thread that SQLite does not give back is ended, by time and by the signal', async (t) => {
  const [one, other] = ['one', 'other'] as [string, string];
  const found = await sampleCookies([one, other], { reader: endless, timeoutMs: 50 });
  for (const path of [one, other]) t.deepEqual(found.get(path), { problem: 'reading took longer than 0.05 s' });
  const abort = new AbortController();
  const reading = sampleCookies([one], { reader: endless, timeoutMs: PATIENCE_MS, signal: abort.signal });
  abort.abort();
  await rejects(t, () => reading, 'CANCELLED');
  await rejects(t, () => sampleCookies([one], { signal: abort.signal }), 'CANCELLED');
});

test.serial('C6: without the file of the thread the cookies are not looked at', async (t) => {
  const reader = new URL('not-there.js', import.meta.url);
  const found = (await sampleCookies(['one'], { reader, timeoutMs: PATIENCE_MS })).get('one');
  t.true(found !== undefined && 'problem' in found);
});

test.serial('C6: a profile that holds hostile databases is made ready; a warning names each that could not be read', async (t) => {
  const dir = temporary(t);
  writeFileSync(join(dir, 'Local State'), '{}');
  const unreadable: string[] = [];
  for (const [i, { make, found, timeoutMs }] of hostileCookies.entries()) {
    const store = `Profile ${i + 1}/Cookies`;
    mkdirSync(join(dir, `Profile ${i + 1}`));
    make(join(dir, store));
    // A database that is only slow may be read in time.
    if (typeof found !== 'number' && timeoutMs === undefined) unreadable.push(store);
  }
  const warnings = await prepareProfile(dir, {}, fakeHost());
  const named = warnings.filter(({ code }) => code === 'COOKIES_NOT_READ').map(({ message }) => message.split(':')[0]);
  for (const store of unreadable) t.true(named.includes(store), store);
});

test.serial('C6: the bundled package finds its thread', async (t) => {
  const { BrowserState } = (await import(new URL('../../../lib/index.js', import.meta.url).href)) as typeof import('../../../src/index.js');
  const warnings: string[] = [];
  const state = new BrowserState({ home: join(temporary(t), 'home'), onWarning: (warning) => warnings.push(warning) });
  const path = join(await state.mount('work'), 'Default/Cookies');
  mkdirSync(dirname(path));
  // Only the thread can read views.
  hostileCookies.find(({ name }) => name === 'cookies is a view without end')?.make(path);
  await state.unmount();
  await state.mount('work');
  await state.cleanup();
  t.regex(warnings.join('\n'), /^Default\/Cookies: .*its "cookies" is a view, not a table/m);
});

test.serial(
  "C13: cookies are read where they lie: nothing is copied to the system's temporary folder, which need not be there",
  async (t) => {
    const dir = temporary(t);
    writeFileSync(join(dir, 'Local State'), '{}');
    const host = '.example.org';
    writeCookies(join(dir, 'Default/Cookies'), [[host, encrypted('v11', host, 'ada', keychain)]]);
    const { TMPDIR } = process.env;
    process.env['TMPDIR'] = join(dir, 'not there');
    try {
      const codes = (await prepareProfile(dir, {}, fakeHost())).map(({ code }) => code);
      t.deepEqual(codes, ['KEY_DOES_NOT_TRAVEL']);
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
    t.deepEqual(readdirSync(dir).sort(), ['Default', 'Local State']);
  },
);
