/**
 * A directory that changes like a profile, for machines without a browser. Databases have pages
 * changed in place, logs grow, a JSON file is rewritten, and files are added and removed.
 */
import { appendFileSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { between, noise, png, random, text } from './_content.js';

const PAGE = 4096;

/** Returns a page that is half text and half free space, like the pages of databases. */
function page(seed: string): Buffer {
  const bytes = Buffer.alloc(PAGE);
  bytes.write(text('json', seed, 2000), 0, 3600, 'latin1');
  noise(seed, 400).copy(bytes, PAGE - 400);
  return bytes;
}

function database(file: string, pages: number, seed: string): void {
  const bytes = Buffer.concat(Array.from({ length: pages }, (_, i) => page(`${seed} page ${i}`)));
  bytes.write('SQLite format 3\0', 0, 'latin1');
  writeFileSync(file, bytes);
}

export function editPages(file: string, count: number, seed: string): void {
  const pages = readFileSync(file).length / PAGE;
  const next = random(seed);
  const handle = openSync(file, 'r+');
  for (let i = 0; i < count; i++) writeSync(handle, page(`${seed} edit ${i}`), 0, PAGE, (1 + (next() % (pages - 1))) * PAGE);
  closeSync(handle);
}

const preferences = (seed: string): string =>
  JSON.stringify({ profile: { exit_type: 'Normal', name: seed }, sites: text('json', 'sites', 30_000), last: seed }, null, 1);

/** Creates the directory: about 4 MB in some 50 files. The same seed gives the same bytes. */
export function makeSynthetic(dir: string, seed: string): void {
  const profile = join(dir, 'Default');
  for (const sub of ['Local Storage/leveldb', 'IndexedDB/http_shop_0.indexeddb.leveldb', 'Sessions', 'Cache/Cache_Data']) {
    mkdirSync(join(profile, sub), { recursive: true });
  }
  writeFileSync(join(dir, 'Local State'), preferences(`${seed} local state`));
  writeFileSync(join(dir, 'Last Version'), '156.0.0.0');
  writeFileSync(join(profile, 'Preferences'), preferences(seed));
  database(join(profile, 'History'), 400, `${seed} history`);
  database(join(profile, 'Cookies'), 40, `${seed} cookies`);
  database(join(profile, 'Favicons'), 60, `${seed} favicons`);
  writeFileSync(join(profile, 'Cookies-journal'), '');
  for (const store of ['Local Storage/leveldb', 'IndexedDB/http_shop_0.indexeddb.leveldb']) {
    writeFileSync(join(profile, store, 'CURRENT'), 'MANIFEST-000001\n');
    writeFileSync(join(profile, store, 'MANIFEST-000001'), noise(`${seed} manifest`, 300));
    writeFileSync(join(profile, store, '000003.log'), text('json', `${seed} log`, 90_000));
    writeFileSync(join(profile, store, '000005.ldb'), text('json', `${seed} table`, 500_000));
  }
  for (let i = 0; i < 40; i++) writeFileSync(join(profile, 'Cache/Cache_Data', `entry-${i}`), png(`${seed} ${i}`, 8000 + i * 500));
  writeFileSync(join(profile, 'Sessions', 'Session_1'), noise(`${seed} session`, 20_000));
}

/**
 * Creates a directory of about 24 MB in 262 files without caches. Most of it never changes, like
 * extensions and tables.
 */
export function makeLargeSynthetic(dir: string, seed: string): void {
  makeSynthetic(dir, seed);
  const profile = join(dir, 'Default');
  database(join(profile, 'History'), 2600, `${seed} history`);
  mkdirSync(join(profile, 'Extensions', 'reader'), { recursive: true });
  for (let i = 0; i < 200; i++) writeFileSync(join(profile, 'Extensions', 'reader', `script-${i}.js`), text('js', `${seed} ${i}`, 32_000));
  for (let i = 0; i < 46; i++)
    writeFileSync(
      join(profile, 'IndexedDB', `table-${i}`),
      i % 2 === 0 ? noise(`${seed} ${i}`, 120_000) : text('json', `${seed} ${i}`, 120_000),
    );
}

/** Changes the directory like a short run of a browser. */
export function changeSynthetic(dir: string, seed: string): void {
  const profile = join(dir, 'Default');
  const next = random(seed);
  editPages(join(profile, 'History'), between(next, 8, 20), `${seed} history`);
  editPages(join(profile, 'Cookies'), between(next, 2, 5), `${seed} cookies`);
  appendFileSync(join(profile, 'Local Storage/leveldb/000003.log'), text('json', `${seed} local`, between(next, 500, 4000)));
  appendFileSync(
    join(profile, 'IndexedDB/http_shop_0.indexeddb.leveldb/000003.log'),
    text('json', `${seed} indexed`, between(next, 4000, 30_000)),
  );
  writeFileSync(join(profile, 'Preferences'), preferences(seed));
  for (const old of readdirSync(join(profile, 'Sessions'))) rmSync(join(profile, 'Sessions', old));
  writeFileSync(join(profile, 'Sessions', `Session_${next()}`), noise(`${seed} session`, 20_000));
}
