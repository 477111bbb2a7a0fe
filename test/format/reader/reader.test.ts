/**
 * The reader that was written from SPEC.md alone. It reads the library's data with the same results
 * as the library.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openStore } from '../../../src/index.js';
import { noise, prose, withPages } from '../../support/content.js';
import { fakeHost } from '../../support/host.js';
import { describeEntry, file, readListing, setMtime, smallProfile, writeProfile } from '../../support/profile.js';
import { temporary } from '../../support/temporary.js';
import { folderSource, IndependentReader, type ReadEntry, readerOf } from './reader.js';

function lines(entries: ReadEntry[]): Map<string, string> {
  const all = entries.map((entry): [string, string] => [
    entry.path,
    describeEntry(entry.kind, entry.mode, entry.mtime, entry.kind === 'file' ? entry.content : entry.target),
  ]);
  return new Map(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const timeOf = (row: { commit: { time: number } } | undefined): string => new Date(row?.commit.time as number).toISOString();

for (const compression of ['auto', 'max', 'off'] as const) {
  test(`sections 2 to 10: every version of a session is read from SPEC.md alone, compression ${compression}`, async (t) => {
    const folder = temporary(t);
    const home = join(folder, 'home');
    const store = await openStore({ home, userId: 'tester', host: fakeHost() });
    const session = store.session('main');
    const dir = join(folder, 'profile');
    writeProfile(dir, smallProfile(prose).set('Default/big', file(noise(300_000, 'big'), 0o640, -1n)));
    const versions: [string, Map<string, string>][] = [];
    for (let i = 0; i < 105; i++) {
      // The first versions change pages, so that patches lie on patches. The other versions make
      // the history long.
      if (i < 12) writeFileSync(join(dir, 'Default/big'), withPages(noise(300_000 - 500 * i, 'big'), [i, 30, 70], i));
      writeFileSync(join(dir, 'Local State'), `version ${i}`);
      setMtime(join(dir, 'Local State'), BigInt(-i));
      const { commit } = await session.commit(dir, { compression, message: `message ${i}`, labels: { i: String(i) } });
      versions.unshift([commit, new Map(readListing(dir))]);
    }
    await session.tag('old', { at: 'HEAD~100' });
    await session.fork('fork');
    await store.session('fork').delete();

    const reader = readerOf(join(home, 'tester', '.store'));
    const read = reader.history('main');
    t.deepEqual(
      read.map(({ id }) => id),
      versions.map(([id]) => id),
    );
    t.deepEqual(
      read.map(({ commit }) => commit.message),
      versions.map((_, i) => `message ${104 - i}`),
    );
    for (const index of [0, 1, 50, 92, 93, 95, 100, 103, 104])
      t.deepEqual(lines(reader.entries('main', read[index] as (typeof read)[0])), versions[index]?.[1] as Map<string, string>);
    t.deepEqual(reader.sessions(), ['main']);
    for (const absent of ['fork', 'nobody']) t.deepEqual(reader.history(absent), []);
    const [head, tagged] = [versions[0]?.[0] as string, versions[100]?.[0] as string];
    t.deepEqual(reader.tags('main'), new Map([['old', tagged]]));
    for (const revision of [
      'HEAD',
      'HEAD~0',
      'HEAD~7',
      'HEAD~3~~4',
      'old',
      'old~2',
      head.slice(0, 12),
      `${tagged}~1`,
      `@${timeOf(read[60])}`,
    ])
      t.is(reader.resolve('main', revision)?.id, (await session.resolve(revision)).commit, revision);
  });
}

test('R-LOCAL-2, R-LOCAL-6, R-REF-5: a remote folder is read from SPEC.md alone, names like those of its own folders included', async (t) => {
  const folder = temporary(t);
  const remote = join(folder, 'remote');
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(prose));
  for (const userId of ['tester', 'tmp', 'a.cell']) {
    const settings = { home: join(folder, 'home'), remote: `file://${remote}`, userId, host: fakeHost(userId) };
    const store = await openStore(settings);
    const session = store.session('main');
    for (let i = 0; i < 3; i++) {
      writeFileSync(join(dir, 'Local State'), `${userId} ${i}`);
      setMtime(join(dir, 'Local State'), BigInt(i));
      await session.commit(dir);
      await session.push();
    }
    const reader = new IndependentReader(folderSource(remote, `${userId}/.store/`), true);
    const [head] = reader.history('main');
    t.is(head?.id, (await session.resolve('HEAD')).commit, userId);
    t.deepEqual(lines(reader.entries('main', head as NonNullable<typeof head>)), new Map(readListing(dir)), userId);
    t.deepEqual(reader.sessions(), ['main']);
  }
});
