/** Copies of a directory that changes between two steps of the copy (SPEC.md 11.7). */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';
import { readManifest } from '../../../../src/profile/formats/leveldb.js';
import type { Filter } from '../../../../src/workspace/capture/filter.js';
import { copyLive } from '../../../../src/workspace/capture/live-copy.js';
import { scan } from '../../../../src/workspace/capture/scan.js';
import type { ScannedEntry } from '../../../../src/workspace/capture/scanned.js';
import { noise } from '../../../support/content.js';
import { temporary } from '../../../support/temporary.js';

const filter: Filter = { excludes: (path) => /(?:^|\/)(?:LOCK|LOG|LOG\.old|excluded.*)$/.test(path) };

interface Directory {
  dir: string;
  /** Path in the directory. */
  at(path: string): string;
}

function directory(t: ExecutionContext, files: Record<string, string> = {}): Directory {
  const dir = temporary(t);
  const at = (path: string): string => join(dir, path);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), content);
  }
  return { dir, at };
}

/**
 * Copies a directory, and calls `before` before each file. Resolves to the content of each copied
 * file and the size of each known file, by path. Resolves to the path of the entry if an entry
 * changed all the time.
 */
async function copy(
  t: ExecutionContext,
  { dir }: Directory,
  before: (path: string, nth: number) => void = () => undefined,
  isKnown: (entry: ScannedEntry) => boolean = () => false,
): Promise<Record<string, string | number> | string> {
  const found = await scan(dir, filter);
  let isScanned = true;
  const times = new Map<string, number>();
  const made = await copyLive(found, {
    stage: temporary(t),
    filter,
    isKnown: (entry) => {
      // The first look at a unit comes before anything is copied.
      if (isScanned && !isKnown(entry)) isScanned = false;
      else {
        const nth = (times.get(entry.path) ?? 0) + 1;
        times.set(entry.path, nth);
        before(entry.path, nth);
      }
      return isKnown(entry);
    },
  });
  if ('unsteady' in made) return made.unsteady;
  const files = made.found.entries.filter(({ kind }) => kind === 'file');
  return Object.fromEntries(
    files.map(({ path, size }) => {
      const from = made.copies.get(path);
      const content = from && readFileSync(from);
      if (content) t.is(content.length, size, path);
      return [path, content?.toString('latin1') ?? size];
    }),
  );
}

test('R-LIVE-1: a file that does not change is copied as it is, and a known one is not copied', async (t) => {
  const there = directory(t, { a: 'one', 'b/c': 'two', 'b/c-journal': '', excluded: 'no' });
  t.deepEqual(await copy(t, there), { a: 'one', 'b/c': 'two', 'b/c-journal': '' });
  t.deepEqual(await copy(t, there, undefined, ({ path }) => path !== 'a'), { a: 'one', 'b/c': 3, 'b/c-journal': 0 });
});

test('R-LIVE-2: a database that changes after it was copied, and before its journal was, is copied again', async (t) => {
  const there = directory(t, { db: 'old', 'db-journal': 'hot' });
  const found = await copy(t, there, (path, nth) => {
    if (path !== 'db-journal' || nth > 2) return;
    writeFileSync(there.at('db'), `new ${nth}`);
    writeFileSync(there.at('db-journal'), '');
  });
  t.deepEqual(found, { db: 'new 2', 'db-journal': '' });
});

test('R-LIVE-2: a journal that appears or disappears meanwhile restarts the copy', async (t) => {
  const there = directory(t, { db: 'old' });
  const came = await copy(t, there, (path, nth) => path === 'db' && nth === 1 && writeFileSync(there.at('db-journal'), 'hot'));
  t.deepEqual(came, { db: 'old', 'db-journal': 'hot' });
  const gone = await copy(t, there, (path, nth) => {
    if (path !== 'db' || nth !== 1) return;
    writeFileSync(there.at('db'), 'new');
    rmSync(there.at('db-journal'));
  });
  t.deepEqual(gone, { db: 'new' });
});

test('R-LIVE-2: a known database is used with a new journal only if it has not changed itself', async (t) => {
  const there = directory(t, { db: 'known', 'db-journal': 'hot' });
  const { mtimeNs } = statSync(there.at('db'), { bigint: true });
  const isKnown = (entry: ScannedEntry): boolean => entry.path === 'db' && entry.mtimeNs === mtimeNs;
  t.deepEqual(await copy(t, there, undefined, isKnown), { db: 5, 'db-journal': 'hot' });
  const changed = (path: string, nth: number): void => {
    if (path === 'db-journal' && nth === 1) writeFileSync(there.at('db'), 'other');
  };
  t.deepEqual(await copy(t, there, changed, isKnown), { db: 'other', 'db-journal': 'hot' });
});

test('R-LIVE-1: a file that changes during every copy is reported', async (t) => {
  const there = directory(t, { still: '', 'b/db': '', 'b/db-journal': '' });
  t.is(await copy(t, there, (path, nth) => path === 'b/db-journal' && appendFileSync(there.at('b/db'), `${nth}`)), 'b/db');
});

test('R-LIVE-4: the copy of a mapped file is compared with the file, even if its times are unchanged', async (t) => {
  const there = directory(t, { data_0: 'mapped', 'data_0-journal': '', plain: 'plain', 'plain-journal': '' });
  const stage = temporary(t);
  const altered = new Set<string>();
  const made = await copyLive(await scan(there.dir, filter), {
    stage,
    filter,
    // The journal is copied after its file. By then the copy of the file exists, and becomes
    // another.
    isKnown: ({ path }) => {
      const owner = path.replace(/-journal$/, '');
      const copies = readdirSync(stage).map((name) => join(stage, name));
      const copied = copies.find((name) => readFileSync(name, 'utf8') === (owner === 'plain' ? 'plain' : 'mapped'));
      if (owner !== path && copied !== undefined && !altered.has(owner)) {
        altered.add(owner);
        writeFileSync(copied, 'altered');
      }
      return false;
    },
  });
  if ('unsteady' in made) return t.fail(made.unsteady);
  const content = (path: string): string => readFileSync(made.copies.get(path) as string, 'utf8');
  t.is(content('data_0'), 'mapped');
  t.is(content('plain'), 'altered');
});

test('R-LIVE-1: a file that vanished is absent, and one that was replaced is copied again', async (t) => {
  const there = directory(t, { a: 'one', b: 'two' });
  const replaced = await copy(t, there, (path, nth) => {
    if (path !== 'a' || nth !== 1) return;
    writeFileSync(there.at('a.new'), 'three');
    renameSync(there.at('a.new'), there.at('a'));
    rmSync(there.at('b'));
  });
  t.deepEqual(replaced, { a: 'three' });
});

test('R-LIVE-2: a wal that grows is copied as it was, and one that begins anew is copied again with its database', async (t) => {
  const header = (n: number): string => String(n).repeat(32);
  const there = directory(t, { db: 'pages', 'db-wal': `${header(1)}frame` });
  // The hook runs before the copy, so the change after the copy is made at the next file.
  const grows = await copy(t, there, (path) => path === 'db-wal' && appendFileSync(there.at('db-wal'), ' and more'));
  t.deepEqual(grows, { db: 'pages', 'db-wal': `${header(1)}frame and more` });
  const anew = await copy(t, there, (path, nth) => {
    if (path !== 'db-wal' || nth !== 1) return;
    writeFileSync(there.at('db'), 'later pages');
    writeFileSync(there.at('db-wal'), `${header(2)}other`);
  });
  t.deepEqual(anew, { db: 'later pages', 'db-wal': `${header(2)}other` });
  t.is(await copy(t, there, (path, nth) => path === 'db-wal' && writeFileSync(there.at('db'), `checkpoint ${nth}`)), 'db');
});

const ENTRIES = 150;

/**
 * Returns a closed, idle LevelDB with some tables in `ldb`. The tables are too few to be compacted,
 * and all are named. There is one log.
 */
async function levelDb(t: ExecutionContext): Promise<Directory & { name(kind: string): string }> {
  const there = directory(t);
  const open = () => new Level<string, Uint8Array>(there.at('ldb'), { valueEncoding: 'view', writeBufferSize: 64 * 1024 });
  const db = open();
  for (let i = 0; i < ENTRIES; i++) await db.put(String(i).padStart(5, '0'), noise(1000, i));
  await db.close();
  // Closing interrupts a table that is being written, without its name. Opening finishes the table,
  // and removes unnamed files.
  const again = open();
  await again.open();
  await again.close();
  const name = (suffix: string): string => {
    const [found, ...others] = readdirSync(there.at('ldb')).filter((each) => each.includes(suffix));
    if (suffix === '.log') t.deepEqual(others, []);
    return `ldb/${found}`;
  };
  return { ...there, name };
}

/** Returns the number of entries in the LevelDB of a copy. */
async function open(t: ExecutionContext, copied: Record<string, string | number> | string): Promise<number> {
  if (typeof copied === 'string') throw new Error(`${copied} would not hold still`);
  const { dir } = directory(t);
  for (const [path, content] of Object.entries(copied)) writeFileSync(join(dir, basename(path)), String(content), 'latin1');
  const db = new Level<string, Uint8Array>(dir, { valueEncoding: 'view', createIfMissing: false });
  const keys = await db.keys().all();
  await db.close();
  return keys.length;
}

test('R-LIVE-3: a LevelDB whose log grows meanwhile is copied as it was', async (t) => {
  const there = await levelDb(t);
  t.is(
    await open(t, await copy(t, there, (path) => path.includes('MANIFEST') && appendFileSync(there.at(there.name('.log')), 'torn'))),
    ENTRIES,
  );
});

test('R-LIVE-3: a missing or incomplete table that the MANIFEST names makes no copy', async (t) => {
  for (const spoil of [rmSync, (path: string) => truncateSync(path, 1000)]) {
    const there = await levelDb(t);
    const grow = (path: string): void => {
      if (path.includes('MANIFEST')) appendFileSync(there.at(there.name('.log')), 'torn');
    };
    spoil(there.at(there.name('.ldb')));
    t.is(await copy(t, there, grow), 'ldb');
  }
});

test('R-LIVE-3: a table that was copied while it was written is copied again once it is named', async (t) => {
  const there = await levelDb(t);
  const table = there.name('.ldb');
  const whole = readFileSync(there.at(table));
  truncateSync(there.at(table), 1000);
  const copied = await copy(t, there, (path) => path.includes('MANIFEST') && writeFileSync(there.at(table), whole));
  t.is(await open(t, copied), ENTRIES);
});

test('R-LIVE-3: an older log that grows after it was copied restarts the copy', async (t) => {
  const there = await levelDb(t);
  const log = there.name('.log');
  const next = 'ldb/999999.log';
  writeFileSync(there.at(next), '');
  const copied = await copy(t, there, (path, nth) => path === next && nth === 1 && appendFileSync(there.at(log), 'late'));
  t.true(typeof copied === 'object' && String(copied[log]).endsWith('late'));
  t.is(await copy(t, there, (path) => path === next && appendFileSync(there.at(log), 'later')), 'ldb');
});

test('R-LIVE-3: a CURRENT that is replaced meanwhile restarts the copy', async (t) => {
  const there = await levelDb(t);
  const other = 'ldb/MANIFEST-999999';
  const copied = await copy(t, there, (path, nth) => {
    if (!path.endsWith('CURRENT') || nth !== 1) return;
    writeFileSync(there.at(other), readFileSync(there.at(there.name('MANIFEST'))));
    writeFileSync(there.at('ldb/new'), `${basename(other)}\n`);
    renameSync(there.at('ldb/new'), there.at('ldb/CURRENT'));
  });
  t.true(typeof copied === 'object' && other in copied);
  t.true(readManifest(Buffer.from(String((copied as Record<string, string>)[other]), 'latin1')) !== undefined);
  t.is(await open(t, copied), ENTRIES);
});

test('R-LIVE-3: a CURRENT that is replaced during every copy makes no copy, with any content', async (t) => {
  const there = await levelDb(t);
  const replace = (path: string): void => {
    if (!path.endsWith('CURRENT')) return;
    writeFileSync(there.at('ldb/new'), readFileSync(there.at('ldb/CURRENT')));
    renameSync(there.at('ldb/new'), there.at('ldb/CURRENT'));
  };
  t.is(await copy(t, there, replace), 'ldb');
});

test('R-LIVE-3: other files in the directory of a LevelDB must not change', async (t) => {
  const there = await levelDb(t);
  writeFileSync(there.at('ldb/other'), 'one');
  t.is(await copy(t, there, (path, nth) => path.includes('MANIFEST') && writeFileSync(there.at('ldb/other'), `other ${nth}`)), 'ldb');
});
