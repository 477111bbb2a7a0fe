/**
 * Broken files that a login depends on (R-CAP-18, A2). If a file was whole in the previous version,
 * its broken form is committed only if the caller allows it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import sqlite from 'node-sqlite3-wasm';
import { rejects } from '../../support/errors.js';
import { freshStore } from '../../support/store.js';
import { withTemporary } from '../../support/temporary.js';

type Content = Uint8Array | string;

/** Databases by their number of rows. Each row has a kilobyte. */
const databases = new Map<number, Buffer>();
test.before(() =>
  withTemporary(async (dir) => {
    for (const rows of [1, 50, 500]) {
      const path = join(dir, String(rows));
      const made = new sqlite.Database(path);
      made.exec('CREATE TABLE cookies (value BLOB)');
      made.exec(
        `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${rows}) INSERT INTO cookies SELECT zeroblob(1000) FROM n`,
      );
      made.close();
      databases.set(rows, readFileSync(path));
    }
  }),
);
const database = (rows = 50): Buffer => Buffer.from(databases.get(rows) as Buffer);
const withHeader = (change: (header: Buffer) => void) => (): Buffer => {
  const bytes = database();
  change(bytes);
  return bytes;
};

const brokenDatabases: Record<string, () => Content> = {
  empty: () => '',
  'a text': () => 'no database at all, but longer than its header would be'.repeat(10),
  zeros: () => Buffer.alloc(database().length),
  'half of it': () => database().subarray(0, database().length / 2),
  'a page less': () => database().subarray(0, -4096),
  'a part of its header': () => database().subarray(0, 50),
  'pages of 3 bytes': withHeader((header) => header.writeUInt16BE(3, 16)),
};
const json = JSON.stringify({ profile: { exit_type: 'Normal', list: Array.from({ length: 30_000 }, (_, i) => `entry ${i}`) } });
const brokenTexts: Record<string, () => Content> = {
  empty: () => '',
  zeros: () => Buffer.alloc(json.length),
  'half of it': () => json.slice(0, json.length / 2),
  'a byte less': () => json.slice(0, -1),
  'no object': () => '[]',
};
const prefs = 'user_pref("a", 1);\nuser_pref("b", "x");\n';
const brokenPrefs: Record<string, () => Content> = {
  empty: () => '',
  zeros: () => Buffer.alloc(100),
  'half of it': () => prefs.slice(0, 30),
};

const files: Record<string, { whole: () => Content; broken: Record<string, () => Content> }> = {
  'Default/Cookies': { whole: database, broken: brokenDatabases },
  'Default/Network/Cookies': { whole: database, broken: brokenDatabases },
  'Profile 7/Cookies': { whole: database, broken: { empty: () => '' } },
  'Default/Login Data': { whole: database, broken: { empty: () => '' } },
  'Local State': { whole: () => json, broken: brokenTexts },
  'Default/Preferences': { whole: () => json, broken: brokenTexts },
  'Default/Secure Preferences': { whole: () => json, broken: { empty: () => '' } },
  'Default/Local Storage/leveldb/CURRENT': { whole: () => 'MANIFEST-000001\n', broken: { empty: () => '', zeros: () => Buffer.alloc(16) } },
  'cookies.sqlite': { whole: database, broken: brokenDatabases },
  'key4.db': { whole: database, broken: { empty: () => '' } },
  'logins.json': { whole: () => '{"logins":[]}', broken: { empty: () => '', 'cut short': () => '{"logins":[' } },
  'prefs.js': { whole: () => prefs, broken: brokenPrefs },
};

function write(dir: string, path: string, content: Content): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), content);
}

for (const [path, { whole, broken }] of Object.entries(files)) {
  test(`A2: ${path} is not committed broken: ${Object.keys(broken).join(', ')}`, async (t) => {
    const { session, folder } = await freshStore(t);
    const dir = join(folder, 'profile');
    write(dir, path, whole());
    write(dir, 'another file', 'of many');
    const { commit } = await session.commit(dir);
    for (const [what, content] of Object.entries(broken)) {
      write(dir, path, content());
      const error = await rejects(t, () => session.commit(dir), 'SHRUNK', what);
      t.true(error.message.includes(path), error.message);
      t.deepEqual(error.details['files'], [path]);
      t.regex(error.hint ?? '', /--allow-shrink/);
    }
    write(dir, path, whole());
    t.is((await session.commit(dir)).commit, commit);
    write(dir, path, '');
    t.true((await session.commit(dir, { allowShrink: true })).changed);
    // The previous version loses nothing.
    write(dir, path, 'something else');
    t.true((await session.commit(dir)).changed);
    write(dir, path, 'another thing');
    t.true((await session.commit(dir)).changed);
    write(dir, path, '');
    await rejects(t, () => session.commit(dir), 'SHRUNK');
  });
}

test('A2: an empty database is a loss even with a wal, which has only the newest pages', async (t) => {
  const { session, folder } = await freshStore(t);
  const dir = join(folder, 'profile');
  write(dir, 'cookies.sqlite', database());
  await session.commit(dir);
  write(dir, 'cookies.sqlite', '');
  write(dir, 'cookies.sqlite-wal', Buffer.alloc(4152));
  await rejects(t, () => session.commit(dir), 'SHRUNK');
});

test('A2: several broken files are named together', async (t) => {
  const { session, folder } = await freshStore(t);
  const dir = join(folder, 'profile');
  for (const path of ['Default/Cookies', 'Local State', 'Default/Preferences']) write(dir, path, files[path]?.whole() ?? '');
  await session.commit(dir);
  for (const path of ['Default/Cookies', 'Default/Preferences']) write(dir, path, '');
  const { message } = await rejects(t, () => session.commit(dir), 'SHRUNK');
  t.regex(message, /Default\/Cookies is empty, Default\/Preferences is empty/);
});

const harmless: [what: string, before: Record<string, Content>, after: () => Record<string, Content | undefined>][] = [
  ['a database that became smaller', {}, () => ({ 'Default/Cookies': database(1) })],
  ['a database that became larger', {}, () => ({ 'Default/Cookies': database(500) })],
  [
    'a database whose newest pages are in its wal',
    {},
    () => ({ 'Default/Cookies': database().subarray(0, -4096), 'Default/Cookies-wal': Buffer.alloc(4152) }),
  ],
  ['a database that has always been empty', { 'Profile 1/Cookies': '' }, () => ({ 'Profile 1/Cookies-wal': Buffer.alloc(4152) })],
  [
    'a database in a transaction',
    {},
    () => ({ 'Default/Cookies': database().subarray(0, -4096), 'Default/Cookies-journal': Buffer.alloc(512) }),
  ],
  ['a new file that is broken', {}, () => ({ 'Profile 1/Cookies': '', 'Profile 1/Preferences': '{' })],
  [
    'a file that was broken before',
    { 'Profile 1/Cookies': 'nothing', 'Profile 1/Preferences': '', 'Profile 2/Cookies': '' },
    () => ({ 'Profile 1/Cookies': 'nothing else', 'Profile 1/Preferences': '{' }),
  ],
  ['preferences that went', { 'Default/Preferences': '{}' }, () => ({ 'Default/Preferences': undefined })],
  [
    'a file that only has such a name',
    { 'Extensions/a/b/Cookies': 'x', 'Default/a/Preferences': '{}' },
    () => ({ 'Extensions/a/b/Cookies': '', 'Default/a/Preferences': '' }),
  ],
  ['a text of more bytes than are read', { 'Local State': '{}' }, () => ({ 'Local State': Buffer.alloc(9 * 1024 * 1024, 'x') })],
];

for (const [what, before, after] of harmless) {
  test(`A2: ${what} is committed`, async (t) => {
    const { session, folder } = await freshStore(t);
    const dir = join(folder, 'profile');
    for (const [path, content] of Object.entries({ 'Default/Cookies': database(), 'another file': 'x', ...before }))
      write(dir, path, content);
    await session.commit(dir);
    for (const [path, content] of Object.entries(after())) {
      if (content === undefined) rmSync(join(dir, path));
      else write(dir, path, content);
    }
    t.true((await session.commit(dir)).changed);
  });
}
