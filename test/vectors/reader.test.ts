/** The reader that was written from SPEC.md alone reads what the library wrote, as the library does. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openRepository } from '../../src/index.js';
import { noise, prose, withPages } from '../helpers/content.js';
import { fakeHost } from '../helpers/host.js';
import { describeEntry, file, readListing, setMtime, smallProfile, writeProfile } from '../helpers/profile.js';
import { temporary } from '../helpers/temporary.js';
import { type ReadEntry, readSession } from './reader.js';

function lines(entries: ReadEntry[]): Map<string, string> {
  const all = entries.map((entry): [string, string] => [
    entry.path,
    describeEntry(entry.kind, entry.mode, entry.mtime, entry.kind === 'file' ? entry.content : entry.target),
  ]);
  return new Map(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

for (const compression of ['auto', 'max', 'off'] as const) {
  test(`sections 2 to 10: every version of a session is read from SPEC.md alone, compression ${compression}`, async (t) => {
    const folder = temporary(t);
    const home = join(folder, 'home');
    const store = await openRepository({ home, userId: 'tester', host: fakeHost() });
    const session = store.session('main');
    const dir = join(folder, 'profile');
    writeProfile(dir, smallProfile(prose).set('Default/big', file(noise(300_000, 'big'), 0o640, -1n)));
    const versions: [string, Map<string, string>][] = [];
    for (let i = 0; i < 105; i++) {
      // The first versions change pages, so that patches lie on patches; the others make the history long.
      if (i < 12) writeFileSync(join(dir, 'Default/big'), withPages(noise(300_000 - 500 * i, 'big'), [i, 30, 70], i));
      writeFileSync(join(dir, 'Local State'), `version ${i}`);
      setMtime(join(dir, 'Local State'), BigInt(-i));
      const { commit } = await session.commit(dir, { compression, message: `message ${i}`, labels: { i: String(i) } });
      versions.unshift([commit, new Map(readListing(dir))]);
    }
    await session.tag('old', { at: 'HEAD~100' });
    await session.fork('fork');
    await store.session('fork').delete();

    const repository = join(home, 'tester', '.store');
    const read = readSession(repository, 'main');
    t.deepEqual(
      read.map(({ id }) => id),
      versions.map(([id]) => id),
    );
    t.deepEqual(
      read.map(({ message }) => message),
      versions.map((_, i) => `message ${104 - i}`),
    );
    for (const index of [0, 1, 50, 92, 93, 95, 100, 103, 104])
      t.deepEqual(lines(read[index]?.entries() ?? []), versions[index]?.[1] as Map<string, string>);
    t.deepEqual(readSession(repository, 'fork'), []);
    t.deepEqual(readSession(repository, 'nobody'), []);
  });
}
