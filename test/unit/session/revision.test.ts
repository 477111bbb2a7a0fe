/** The ways to name a version. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { emptyRef, type HistoryEntry, newEntry } from '../../../src/format/ref.js';
import { type LogEntry, memoryProvider } from '../../../src/index.js';
import { Repository } from '../../../src/repository/repository.js';
import { resolveRevision, splitRevision } from '../../../src/session/revision.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { file, writeProfile } from '../../support/profile.js';
import { freshStore } from '../../support/store.js';

async function fourCommits(t: Parameters<typeof freshStore>[0]) {
  const made = await freshStore(t);
  const dir = join(made.folder, 'profile');
  writeProfile(dir, new Map([['a', file('')]]));
  const entries: LogEntry[] = [];
  for (let i = 0; i < 4; i++) {
    writeFileSync(join(dir, 'a'), String(i));
    await made.session.commit(dir);
    entries.unshift(await made.session.resolve('HEAD'));
  }
  const ids = entries.map(({ commit }) => commit) as [string, string, string, string];
  return { ...made, dir, entries, ids, named: async (revision: string) => (await made.session.resolve(revision)).commit };
}

test('R-REV-2: HEAD and its first parents', async (t) => {
  const { named, ids } = await fourCommits(t);
  const known: [string, number][] = [
    ['HEAD', 0],
    ['HEAD~0', 0],
    ['HEAD~', 1],
    ['HEAD~1', 1],
    ['HEAD~~', 2],
    ['HEAD~3', 3],
    ['HEAD~1~2', 3],
    [`${ids[1]}~2`, 3],
    [ids[1].toUpperCase(), 1],
    [`${ids[2].slice(0, 20).toUpperCase()}~`, 3],
  ];
  for (const [revision, index] of known) t.is(await named(revision), ids[index] as string, revision);
});

test('R-REV-1: ids and their unique prefixes of four digits or more', async (t) => {
  const { named, ids } = await fourCommits(t);
  for (const id of ids) {
    t.is(await named(id), id);
    t.is(await named(id.slice(0, 12)), id);
    t.is(await named(`${id.slice(0, 12)}~0`), id);
  }
});

test('R-REV-3: a time names the newest commit that is not later', async (t) => {
  const { named, entries, ids } = await fourCommits(t);
  const at = (index: number, shift: number): string => `@${new Date((entries[index] as LogEntry).time.getTime() + shift).toISOString()}`;
  t.is(await named(at(1, 0)), ids[1]);
  t.is(await named(at(1, 1)), ids[1]);
  t.is(await named(at(1, -1)), ids[2]);
  t.is(await named('@2100-01-01'), ids[0]);
  await rejects(t, () => named(at(3, -1)), 'NOT_FOUND');
});

/** Texts after `@`, with the time that each means; undefined if none. */
const times: [string, string | undefined][] = [
  ['2026-12-01', '2026-12-01T00:00:00.000Z'],
  ['2026-12-01T05:00', new Date(2026, 11, 1, 5).toISOString()],
  ['2026-12-01T05:00Z', '2026-12-01T05:00:00.000Z'],
  ['2026-12-01T05:00:07Z', '2026-12-01T05:00:07.000Z'],
  ['2026-12-01T05:00:07.250Z', '2026-12-01T05:00:07.250Z'],
  ['2026-12-01T05:00:07.250', new Date(2026, 11, 1, 5, 0, 7, 250).toISOString()],
  ['2026-12-01T05:00+01:30', '2026-12-01T03:30:00.000Z'],
  ['2026-12-01T05:00-08:00', '2026-12-01T13:00:00.000Z'],
  ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ['2026-02-29', undefined],
  ['2026-13-01', undefined],
  ['2026-12-00', undefined],
  ['2026-12', undefined],
  ['2026-12-01T', undefined],
  ['2026-12-01T05', undefined],
  ['2026-12-01T05Z', undefined],
  ['2026-12-01T24:00', undefined],
  ['2026-12-01T05:60', undefined],
  ['2026-12-01T05:00:60Z', undefined],
  ['2026-12-01T05:00:07.5Z', undefined],
  ['2026-12-01T05:00:07,500Z', undefined],
  ['2026-12-01T05:00+24:00', undefined],
  ['2026-12-01T05:00+0100', undefined],
  ['2026-12-01t05:00Z', undefined],
  ['2026-12-01T05:00z', undefined],
  ['2026-12-01 05:00', undefined],
  ['2026-12-01Z', undefined],
  ['20261201T050000Z', undefined],
  ['2026/12/02', undefined],
  ['Dec 1 2026 23:00', undefined],
  [' 2026-12-01', undefined],
];

test('R-REV-6: a time has the form of section 11.9', async (t) => {
  const { refs } = await Repository.init(memoryProvider(), fakeHost());
  const at = (time: number) => {
    const commit = { tree: '0'.repeat(64), parents: [], time, message: '', author: '', labels: {}, files: 0, bytes: 0, extensions: [] };
    return newEntry('commit', commit, { epoch: 1, name: '0'.repeat(32) });
  };
  for (const [text, meant] of times) {
    const time = Date.parse(meant ?? '2026-12-01T00:00Z');
    const entries = [at(time + 1), at(time), at(time - 1)];
    const ref = { ...emptyRef(), entries };
    const find = () => resolveRevision({ id: 'main', ref, entries: () => refs.entries(ref) }, `@${text}`);
    if (meant === undefined) await rejects(t, find, 'USAGE', text);
    else t.is((await find()).commit.time, time, text);
  }
});

test('R-REV-4: a time is not split at its colon, and another text is', (t) => {
  t.deepEqual(splitRevision('main', '@2026-12-01T05:00Z'), { session: 'main', revision: '@2026-12-01T05:00Z' });
  t.deepEqual(splitRevision('main', '@2026-12-01T05:HEAD'), { session: '@2026-12-01T05', revision: 'HEAD' });
});

test('a tag has precedence over an id, and HEAD over everything', async (t) => {
  const { named, ids, session } = await fourCommits(t);
  await session.tag('v1', { at: 'HEAD~2' });
  t.is(await named('v1'), ids[2]);
  t.is(await named('v1~1'), ids[3]);
});

test('a revision that does not exist is NOT_FOUND, and one that cannot exist is USAGE', async (t) => {
  const { named, session, dir, ids } = await fourCommits(t);
  const foreign = (await session.fork('fork').then(() => session.commit(dir, { tag: 'x' }))).commit;
  t.is(foreign, ids[0]);
  const unused = ['0', '1', '2', '3', '4', '5']
    .map((digit) => digit.repeat(8))
    .find((prefix) => !ids.some((id) => id.startsWith(prefix))) as string;
  for (const revision of ['HEAD~4', 'HEAD~99999', 'nothing', unused, 'head', '@1999-01-01'])
    await rejects(t, () => named(revision), 'NOT_FOUND', revision);
  for (const revision of ['', '~1', 'abc', 'HEAD~x', 'HEAD~-1', 'HEAD^', '@', '@yesterday', 'f'.repeat(65)]) {
    await rejects(t, () => named(revision), /^(?:HEAD\^)$/.test(revision) ? 'NOT_FOUND' : 'USAGE', revision);
  }
});

/** Two entries whose ids begin with the same four digits. */
function twins(): [HistoryEntry, HistoryEntry] {
  const seen = new Map<string, HistoryEntry>();
  for (let time = 0; ; time++) {
    const commit = { tree: '0'.repeat(64), parents: [], time, message: '', author: '', labels: {}, files: 0, bytes: 0, extensions: [] };
    const entry = newEntry('commit', commit, { epoch: 1, name: '0'.repeat(32) });
    const twin = seen.get(entry.id.slice(0, 4));
    if (twin !== undefined) return [entry, twin];
    seen.set(entry.id.slice(0, 4), entry);
  }
}

test('a prefix of several commits is an error that names them', async (t) => {
  const entries = twins();
  const { refs } = await Repository.init(memoryProvider(), fakeHost());
  const ref = { ...emptyRef(), entries };
  const history = { id: 'main', ref, entries: () => refs.entries(ref) };
  const prefix = entries[0].id.slice(0, 4);
  const error = await rejects(t, () => resolveRevision(history, prefix), 'USAGE');
  for (const { id } of entries) {
    t.true(error.message.includes(id.slice(0, 12)));
    t.is((await resolveRevision(history, id)).id, id);
  }
});
