import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { unportablePrefix } from '../../../src/profile/cookie-key.js';
import { sampleCookies } from '../../../src/profile/cookie-samples.js';
import { basic, encrypted, keychain, mockKeychain, writeCookies } from '../../support/profile/cookies.js';
import { temporary } from '../../support/temporary.js';

const host = '.example.org';
const value = (prefix: string, key = basic, version = 24): [string, Uint8Array] => [host, encrypted(prefix, host, 'ada', key, version)];

/** Returns the prefix in the answer for a database that can be read. */
async function unportable(path: string, platform: string): Promise<string | undefined> {
  const found = (await sampleCookies([path], { timeoutMs: 60_000 })).get(path);
  if (found === undefined || 'problem' in found) throw new Error(found?.problem ?? 'no answer');
  return found.sample && unportablePrefix(found.sample, platform);
}

async function prefixOf(t: ExecutionContext, rows: [string, Uint8Array][], { version = 24, platform = 'linux' } = {}) {
  const dir = temporary(t);
  const path = join(dir, 'Cookies');
  writeCookies(path, rows, version);
  const before = readFileSync(path);
  const found = await unportable(path, platform);
  t.deepEqual(readdirSync(dir), ['Cookies']);
  t.deepEqual(readFileSync(path), before);
  return found;
}

test('values under the basic key, plain values and no values travel', async (t) => {
  t.is(await prefixOf(t, [value('v10'), [host, new Uint8Array()]]), undefined);
  t.is(await prefixOf(t, []), undefined);
  t.is(await prefixOf(t, [value('v10', basic, 23)], { version: 23 }), undefined);
});

test('values of a keyring and of app-bound encryption do not travel, be they among thousands', async (t) => {
  const many = Array.from({ length: 2000 }, () => value('v10'));
  t.is(await prefixOf(t, [...many, value('v11')]), 'v11');
  t.is(await prefixOf(t, [...many, value('v20')]), 'v20');
});

test('a v10 value under another key than the basic one does not travel', async (t) => {
  t.is(await prefixOf(t, [value('v10', keychain)]), 'v10');
  t.is(await prefixOf(t, [value('v10', keychain, 23)], { version: 23 }), 'v10');
  // DPAPI's values are AES-GCM: no whole blocks.
  t.is(await prefixOf(t, [[host, Buffer.from('v10 of twenty-seven bytes..')]]), 'v10');
});

test('the basic key of macOS is that of the mock keychain, and it is none elsewhere', async (t) => {
  t.is(await prefixOf(t, [value('v10', mockKeychain)], { platform: 'darwin' }), undefined);
  t.is(await prefixOf(t, [value('v10', mockKeychain)]), 'v10');
  t.is(await prefixOf(t, [value('v10', basic)], { platform: 'darwin' }), 'v10');
});

test('no database and an empty one have no key', async (t) => {
  const dir = temporary(t);
  const path = join(dir, 'Cookies');
  t.is(await unportable(path, 'linux'), undefined);
  for (const content of ['', 'no database at all']) {
    writeFileSync(path, content);
    t.is(await unportable(path, 'linux'), undefined);
  }
});
