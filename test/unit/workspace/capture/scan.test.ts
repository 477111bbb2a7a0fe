/** The entries that a scan finds, their order, and the entries that it rejects. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { BrowserStateError } from '../../../../src/base/errors.js';
import { MAX_DEPTH, MAX_FILE_SIZE, MAX_PATH_BYTES } from '../../../../src/base/limits.js';
import { quote } from '../../../../src/fs/paths.js';
import { buildFilter, type Filter } from '../../../../src/workspace/capture/filter.js';
import { type Scan, scan } from '../../../../src/workspace/capture/scan.js';
import { runWithoutRights, testWith } from '../../../support/machine.js';
import { keepAll, layout, paths, temporary } from '../../../support/workspace/layout.js';

const without = (...exclude: string[]): Filter =>
  buildFilter({
    facts: { browser: undefined, profiles: new Set(), isLevelDb: () => false },
    keepCaches: false,
    exclude,
    ignoreFile: undefined,
  });

async function refused(t: ExecutionContext, found: Promise<Scan>, ...mentions: string[]): Promise<BrowserStateError> {
  const error = (await t.throwsAsync(found, { instanceOf: BrowserStateError, code: 'UNREADABLE' })) as BrowserStateError;
  for (const mention of mentions)
    t.true(`${error.message} ${error.hint}`.includes(mention), `${error.message} ${error.hint} mentions ${mention}`);
  return error;
}

test('R-CAP-9 an entry has the facts of lstat', async (t) => {
  const dir = layout(t, ['a/', 'a/file', 'a/link -> ../nowhere']);
  writeFileSync(join(dir, 'a/file'), 'twelve bytes');
  chmodSync(join(dir, 'a/file'), 0o4755);
  utimesSync(join(dir, 'a/file'), 1_700_000_000.123456, 1_700_000_000.123456);
  lutimesSync(join(dir, 'a/link'), 5, 5);
  chmodSync(join(dir, 'a'), 0o710);
  const { root, entries, excluded, skipped } = await scan(dir, keepAll);
  const { ino, ctimeNs, mtimeNs } = lstatSync(join(dir, 'a/file'), { bigint: true });
  t.is(root, dir);
  t.like(entries, [
    { path: 'a', kind: 'directory', mode: 0o710, size: 0 },
    { path: 'a/file', kind: 'file', mode: 0o755, size: 12, ino, ctimeNs, mtimeNs },
    { path: 'a/link', kind: 'symlink', size: 0, target: '../nowhere', mtimeNs: 5_000_000_000n },
  ]);
  t.is(entries.length, 3);
  t.is(mtimeNs / 1000n, 1_700_000_000_123_456n);
  t.deepEqual({ excluded, skipped }, { excluded: { files: 0, bytes: 0 }, skipped: [] });
});

test('R-CAP-9 an empty directory has no entries, and is an entry of its parent', async (t) => {
  const dir = layout(t, ['empty/']);
  t.deepEqual(paths(await scan(join(dir, 'empty'), keepAll)), []);
  t.deepEqual(paths(await scan(dir, keepAll)), ['empty']);
});

test('R-CAP-9 links are never followed, except the directory itself', async (t) => {
  const dir = layout(t, ['real/sub/file', 'real/dir -> sub', 'real/up -> ..', 'link -> real']);
  const found = await scan(join(dir, 'link'), keepAll);
  t.is(found.root, join(dir, 'real'));
  t.deepEqual(paths(found), ['dir', 'sub', 'sub/file', 'up']);
});

test('R-CAP-9 two names of one file are two files', async (t) => {
  const dir = layout(t, ['a']);
  linkSync(join(dir, 'a'), join(dir, 'b'));
  const { entries } = await scan(dir, keepAll);
  t.deepEqual(
    entries.map(({ path, kind, size }) => ({ path, kind, size })),
    [
      { path: 'a', kind: 'file', size: 1 },
      { path: 'b', kind: 'file', size: 1 },
    ],
  );
});

test('R-CAP-9 sockets, fifos and devices are skipped and reported', async (t) => {
  const dir = layout(t, ['file', 'sub/']);
  const server = createServer();
  await new Promise<void>((done) => server.listen(join(dir, 'sub/socket'), done));
  t.teardown(() => server.close());
  execFileSync('mkfifo', [join(dir, 'fifo')]);
  const { entries, skipped } = await scan(dir, keepAll);
  t.deepEqual(
    entries.map(({ path }) => path),
    ['file', 'sub'],
  );
  t.deepEqual(
    skipped.sort((a, b) => (a.path < b.path ? -1 : 1)),
    [
      { path: 'fifo', kind: 'fifo' },
      { path: 'sub/socket', kind: 'socket' },
    ],
  );
  const quiet = await scan(dir, without('fifo', 'socket'));
  t.deepEqual(quiet.skipped, []);
  t.deepEqual(quiet.excluded, { files: 2, bytes: 0 });
});

test('R-CAP-9 a device is skipped and reported', async (t) => {
  const { entries, skipped } = await scan('/dev', { excludes: (path) => path !== 'null' });
  t.deepEqual([entries, skipped], [[], [{ path: 'null', kind: 'device' }]]);
});

test('R-CAP-9 excluded entries are counted, below excluded directories too', async (t) => {
  const dir = layout(t, ['Cache/a', 'Cache/deep/er/b', 'Cache/link -> ../kept', 'Cache/empty/', 'x.tmp', 'kept/y.tmp', 'kept/z']);
  truncateSync(join(dir, 'Cache/deep/er/b'), 1000);
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/Cache/`), Buffer.from([0xff])]), '');
  const found = await scan(dir, without('Cache/', '*.tmp'));
  t.deepEqual(paths(found), ['kept', 'kept/z']);
  // An entry whose name is not UTF-8 cannot be read by its decoded name, and is not counted.
  t.deepEqual(found.excluded, { files: 5, bytes: 1003 });
});

const names = fc.oneof(
  fc.constantFrom(
    'a',
    'a-b',
    'a.b',
    'a b',
    'A',
    'aa',
    'a0',
    'é',
    '\u{ffff}',
    '\u{e000}',
    '\u{1f600}',
    '\u{fffd}',
    '..a',
    '...',
    '-',
    '!',
    '~',
    "'",
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }).filter((name) => !/[/\\\p{Cc}]|^\.\.?$/u.test(name)),
);

test('R-CAP-9 entries are those of the directory, sorted by the bytes of their paths, after the directory they are in', async (t) => {
  const directories = fc.array(fc.array(names, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(directories, async (all) => {
      const dir = temporary(t);
      const expected = new Set<string>();
      for (const parts of all) {
        for (let length = 1; length <= parts.length; length++) expected.add(parts.slice(0, length).join('/'));
        mkdirSync(join(dir, ...parts), { recursive: true });
      }
      const found = paths(await scan(dir, keepAll));
      const sorted = [...expected].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      t.deepEqual(found, sorted);
    }),
    { numRuns: 60 },
  );
});

test('R-CAP-10 a path that is not a directory differs from an absent one', async (t) => {
  const dir = layout(t, ['file', 'to-file -> file', 'broken -> none']);
  await t.throwsAsync(scan(join(dir, 'none'), keepAll), { code: 'NOT_FOUND' });
  await t.throwsAsync(scan(join(dir, 'broken'), keepAll), { code: 'NOT_FOUND' });
  await t.throwsAsync(scan(join(dir, 'file'), keepAll), { code: 'USAGE' });
  await t.throwsAsync(scan(join(dir, 'to-file'), keepAll), { code: 'USAGE' });
  await t.throwsAsync(scan(join(dir, 'file/below'), keepAll), { code: 'USAGE' });
});

test('R-CAP-10 a name that is not UTF-8 is rejected with its bytes, unless its decoded form is excluded', async (t) => {
  const dir = layout(t, ['sub/fine', 'sub/\u{fffd}']);
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/sub/caf`), Buffer.from([0xe9])]), 'four');
  await refused(t, scan(dir, keepAll), 'sub/caf\u{fffd}', 'caf\\xe9', "--exclude '/sub/caf?'");
  const found = await scan(dir, without('/sub/caf?'));
  t.deepEqual(paths(found), ['sub', 'sub/fine', 'sub/\u{fffd}']);
  t.deepEqual(found.excluded, { files: 1, bytes: 4 });
  t.deepEqual(paths(await scan(dir, without('sub/'))), []);
});

test('R-CAP-10 a directory whose name is not UTF-8 is rejected or excluded as a whole', async (t) => {
  const dir = temporary(t);
  mkdirSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff])]));
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff]), Buffer.from('/in')]), 'x');
  await refused(t, scan(dir, keepAll), '\\xff');
  t.deepEqual((await scan(dir, without('?/'))).excluded, { files: 1, bytes: 0 });
});

for (const name of ['back\\slash', 'line\nbreak', 'tab\t', '\x7f', '\x1b[31m', '\u{85}']) {
  test(`R-CAP-10 a name that no snapshot holds is rejected, unless it is excluded: ${quote(name)}`, async (t) => {
    const dir = layout(t, ['sub/']);
    writeFileSync(join(dir, 'sub', name), '');
    const { message, hint } = await refused(t, scan(dir, keepAll), '"sub/');
    t.notRegex(message, /\p{Cc}/u);
    const pattern = /--exclude '(.*)'/.exec(hint ?? '')?.[1] as string;
    t.deepEqual(paths(await scan(dir, without(pattern))), ['sub']);
  });
}

test('R-CAP-10 a link to a target that is not UTF-8 is rejected', async (t) => {
  const dir = temporary(t);
  symlinkSync(Buffer.from([0x61, 0xff]), join(dir, 'link'));
  await refused(t, scan(dir, keepAll), '"link"', 'a\\xff');
});

test('R-CAP-10 limits of depth, paths and files are enforced', async (t) => {
  const deep = temporary(t);
  mkdirSync(join(deep, ...Array.from({ length: MAX_DEPTH }, () => 'd')), { recursive: true });
  t.is((await scan(deep, keepAll)).entries.length, MAX_DEPTH);
  writeFileSync(join(deep, ...Array.from({ length: MAX_DEPTH }, () => 'd'), 'e'), '');
  await refused(t, scan(deep, keepAll), `deeper than ${MAX_DEPTH}`);

  const long = temporary(t);
  const parts = Array.from({ length: 15 }, () => 'n'.repeat(255));
  mkdirSync(join(long, ...parts), { recursive: true });
  t.is((await scan(long, keepAll)).entries.length, 15);
  writeFileSync(join(long, ...parts, 'x'), '');
  await refused(t, scan(long, keepAll), `longer than ${MAX_PATH_BYTES}`);

  const big = layout(t, ['big']);
  truncateSync(join(big, 'big'), MAX_FILE_SIZE);
  t.is((await scan(big, keepAll)).entries[0]?.size, MAX_FILE_SIZE);
  truncateSync(join(big, 'big'), MAX_FILE_SIZE + 1);
  await refused(t, scan(big, keepAll), '"big"', `more than ${MAX_FILE_SIZE}`);
  t.is((await scan(big, without('big'))).excluded.bytes, MAX_FILE_SIZE + 1);
});

const scanning = `
  import { scan } from ${JSON.stringify(new URL('../../../../src/workspace/capture/scan.js', import.meta.url).href)};
  const [dir, without] = process.argv.slice(1);
  const filter = { excludes: (path) => path.split('/')[0] === without };
  console.log(JSON.stringify(await scan(dir, filter).then(({ excluded }) => ({ excluded }), ({ code, message }) => ({ code, message }))));`;

testWith(['a program without the rights of root'])(
  'R-CAP-10 a directory that cannot be read is named, and ignored below an excluded one',
  async (t) => {
    const dir = layout(t, ['kept/closed/x', 'kept/x']);
    chmodSync(join(dir, 'kept/closed'), 0);
    t.teardown(() => chmodSync(join(dir, 'kept/closed'), 0o700));
    const scanned = async (...args: string[]): Promise<{ excluded?: unknown; code?: string; message?: string }> =>
      JSON.parse(await runWithoutRights('--input-type=module', '-e', scanning, dir, ...args));
    const { code, message = '' } = await scanned();
    t.is(code, 'UNREADABLE');
    t.regex(message, /kept\/closed.*EACCES/);
    t.deepEqual((await scanned('kept')).excluded, { files: 1, bytes: 1 });
  },
);

/**
 * Returns a filter that removes entries after the scan has listed their parent, when the filter
 * first examines one.
 */
function vanishing(...victims: string[]): Filter {
  return {
    excludes() {
      for (const victim of victims) rmSync(victim, { recursive: true, force: true });
      return false;
    },
  };
}

test('R-CAP-10 an entry that vanishes during the scan is absent', async (t) => {
  const dir = layout(t, ['a', 'b', 'c', 'd']);
  const found = await scan(dir, vanishing(join(dir, 'a'), join(dir, 'b'), join(dir, 'c')));
  t.true(found.entries.length <= 2, 'at most the entry that was looked at first, and d');
  t.true(paths(found).includes('d'));

  const nested = layout(t, ['sub/a/b', 'other']);
  t.deepEqual(paths(await scan(nested, vanishing(join(nested, 'sub')))), ['other']);

  const replaced = layout(t, ['sub/a', 'other']);
  const replace: Filter = {
    excludes(path) {
      if (path !== 'sub') return false;
      rmSync(join(replaced, 'sub'), { recursive: true });
      writeFileSync(join(replaced, 'sub'), '');
      return false;
    },
  };
  t.deepEqual(paths(await scan(replaced, replace)), ['other', 'sub'], 'the directory is a file');

  const link = layout(t, ['link -> x']);
  t.deepEqual(paths(await scan(link, vanishing(join(link, 'link')))), []);
});

test('R-CAP-10 a directory that vanishes itself is no empty profile', async (t) => {
  const dir = layout(t, ['a', 'b']);
  await t.throwsAsync(scan(dir, vanishing(dir)), { code: 'NOT_FOUND' });
  const parent = layout(t, ['mine/a', 'mine/b', 'other/a']);
  const swap: Filter = {
    excludes() {
      rmSync(join(parent, 'mine'), { recursive: true, force: true });
      renameSync(join(parent, 'other'), join(parent, 'mine'));
      this.excludes = () => false;
      return false;
    },
  };
  await t.throwsAsync(scan(join(parent, 'mine'), swap), { code: 'NOT_FOUND' });
});

test('a scan stops at its signal', async (t) => {
  await t.throwsAsync(scan(temporary(t), keepAll, { signal: AbortSignal.abort() }), { code: 'CANCELLED' });
  const many = layout(
    t,
    Array.from({ length: 2500 }, (_, i) => `d${i % 3}/f${i}`),
  );
  for (const filter of [keepAll, without('*')]) {
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = (entries: number) => {
      seen.push(entries);
      controller.abort();
    };
    await t.throwsAsync(scan(many, filter, { signal: controller.signal, onProgress }), { code: 'CANCELLED' });
    t.deepEqual(seen, [1000]);
  }
});

test('progress reports every entry in the end, and other work gets its turn', async (t) => {
  const many = layout(
    t,
    Array.from({ length: 2500 }, (_, i) => `d/f${i}`),
  );
  const seen: number[] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  t.teardown(() => clearInterval(timer));
  await scan(many, keepAll, { onProgress: (entries) => seen.push(entries) });
  t.deepEqual(seen, [1000, 2000, 2501]);
  t.true(turns > 0);
});
