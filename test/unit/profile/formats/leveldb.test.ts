/** The content of a MANIFEST, checked against LevelDB itself (SPEC.md R-LIVE-3). */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';
import { levelDbFile, readManifest } from '../../../../src/profile/formats/leveldb.js';
import { noise } from '../../../support/content.js';
import { temporary } from '../../../support/temporary.js';

/** Returns a closed LevelDB with several tables, after some compactions. */
async function levelDb(t: ExecutionContext): Promise<{ dir: string; manifest: Uint8Array }> {
  const dir = temporary(t);
  const db = new Level<string, Uint8Array>(dir, { valueEncoding: 'view', writeBufferSize: 64 * 1024, maxFileSize: 1024 * 1024 });
  for (let i = 0; i < 600; i++) await db.put(String(i % 400), noise(8000, i));
  await db.close();
  return { dir, manifest: readFileSync(join(dir, readFileSync(join(dir, 'CURRENT'), 'utf8').trim())) };
}

test('a MANIFEST names the existing tables with their sizes, and the log', async (t) => {
  const { dir, manifest } = await levelDb(t);
  const state = readManifest(manifest);
  const files = readdirSync(dir).map((name) => ({ name, ...levelDbFile(name) }));
  const tables = files.filter(({ kind }) => kind === 'table');
  t.true(tables.length > 2);
  // Compacted tables may still exist.
  const sizes = new Map(tables.map(({ name, number }) => [number, statSync(join(dir, name)).size]));
  t.true((state?.tables.size ?? 0) > 2);
  for (const [number, size] of state?.tables ?? []) t.is(sizes.get(number), size);
  const logs = files.filter(({ kind }) => kind === 'log').map(({ number }) => number);
  // A newer log exists too if the database was closed before the older log had become a table.
  t.true(logs.includes(state?.log as number));
  t.is(state?.previousLog, 0);
});

test('a MANIFEST that is cut off anywhere is an earlier state', async (t) => {
  const { manifest } = await levelDb(t);
  const named = new Set<number>();
  for (let length = 0; length <= manifest.length; length++) {
    const state = readManifest(manifest.subarray(0, length));
    t.truthy(state, `${length} bytes`);
    for (const number of state?.tables.keys() ?? []) named.add(number);
  }
  t.true(named.size > (readManifest(manifest)?.tables.size ?? 0));
});

test('a MANIFEST with content that LevelDB does not write is no state', (t) => {
  const record = (...body: number[]): Uint8Array => Uint8Array.of(0, 0, 0, 0, body.length, 0, 1, ...body);
  t.deepEqual(readManifest(record(2, 7)), { tables: new Map(), log: 7, previousLog: 0 });
  t.is(readManifest(record(8, 7)), undefined);
  t.is(readManifest(record(7, 0, 5)), undefined);
  t.is(readManifest(record(1, 200, 0)), undefined);
  t.deepEqual(readManifest(new Uint8Array(100)), { tables: new Map(), log: 0, previousLog: 0 });
});

test('the names of the files of a LevelDB determine their kind', (t) => {
  t.deepEqual(levelDbFile('MANIFEST-000012'), { kind: 'manifest', number: 12 });
  t.deepEqual(levelDbFile('000003.log'), { kind: 'log', number: 3 });
  t.deepEqual(levelDbFile('1000005.ldb'), { kind: 'table', number: 1_000_005 });
  t.deepEqual(levelDbFile('000005.sst'), { kind: 'table', number: 5 });
  t.deepEqual(levelDbFile('CURRENT'), { kind: 'current', number: 0 });
  for (const name of ['LOG', 'LOCK', '000005', '000005.dbtmp', 'MANIFEST-000012.log', 'x.log', '']) {
    t.deepEqual(levelDbFile(name), { kind: 'other', number: 0 }, name);
  }
});
