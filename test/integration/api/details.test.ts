/**
 * The names in an error, which are also fields of the error (D2). The table has one line for each
 * kind of error.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type ErrorCode, memoryProvider, type Session, type Store } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { begin, profile, TestMachine, write } from '../../support/processes.js';
import { temporary } from '../../support/temporary.js';

interface Place {
  store: Store;
  session: Session;
  /** Returns a directory that is committed as the head of `s`, whose id is `head`. */
  dir: string;
  head: string;
}

type HistoryEntry = readonly [code: ErrorCode, fails: (place: Place) => Promise<unknown>, details: (place: Place) => object];

const table: Readonly<Record<string, HistoryEntry>> = {
  'an absent session': ['NOT_FOUND', ({ store }) => store.session('none').resolve('HEAD'), () => ({ session: 'none' })],
  'an absent revision': ['NOT_FOUND', ({ session }) => session.resolve('none'), () => ({ session: 's', revision: 'none' })],
  'an absent parent': [
    'NOT_FOUND',
    ({ session }) => session.resolve('HEAD~1'),
    ({ head }) => ({ session: 's', revision: 'HEAD~1', commit: head }),
  ],
  'no revision': ['USAGE', ({ session }) => session.resolve('~'), () => ({ revision: '~' })],
  'an absent tag': ['NOT_FOUND', ({ session }) => session.untag('none'), () => ({ session: 's', tag: 'none' })],
  'no tag': ['USAGE', ({ session }) => session.tag('HEAD'), () => ({ tag: 'HEAD' })],
  'no session': ['USAGE', async ({ store }) => store.session('..'), () => ({ session: '..' })],
  'a fork onto an existing session': ['CONFLICT', ({ session }) => session.fork('s'), () => ({ session: 's' })],
  'a directory with other content': [
    'DIRTY',
    async ({ session, dir }) => {
      await write(dir, { more: 'of somebody' });
      return session.checkout(dir);
    },
    ({ dir }) => ({ path: dir }),
  ],
  'a lease of another': [
    'BUSY',
    async ({ session }) => {
      await session.lease({ owner: 'one', ttl: 1e12 });
      return session.lease({ owner: 'two', ttl: 1000 }).catch((error: { details: { expires?: string } }) => {
        delete error.details.expires;
        throw error;
      });
    },
    () => ({ session: 's', owner: 'one' }),
  ],
  'a name that no version can have': [
    'UNREADABLE',
    async ({ session, dir }) => {
      writeFileSync(join(dir, 'a\\b'), '');
      return session.commit(dir);
    },
    () => ({ path: 'a\\b' }),
  ],
};

for (const [name, [code, fails, details]] of Object.entries(table)) {
  test(`D2: ${name}`, async (t) => {
    const machine = new TestMachine(t, memoryProvider());
    const store = await machine.process('a');
    const session = store.session('s');
    const dir = join(temporary(t), 'profile');
    await write(dir, profile('first'));
    const { commit: head } = await session.commit(dir);
    const place = { store, session, dir, head };
    const error = await rejects(t, () => fails(place), code);
    t.deepEqual(error.details, details(place));
    t.deepEqual(JSON.parse(JSON.stringify(error.details)), error.details);
  });
}

test('D2: CONFLICT of a mount, of a push and of a pull: the session that holds the commit, the commit, and the head', async (t) => {
  const remote = memoryProvider();
  const [one, two] = [new TestMachine(t, remote), new TestMachine(t, remote)];
  const [a, b] = [await one.process('a'), await two.process('b')];
  await begin(a, 's');
  const [first, second] = [await a.mount('s'), await b.mount('s')];
  await write(first.dir, { 'Default/Cookies': 'of a' });
  await write(second.dir, { 'Default/Cookies': 'of b' });
  const { commit: head } = await first.unmount();
  const { commit = '' } = await second.commit();
  const pull = await rejects(t, () => b.session('s').pull(), 'CONFLICT');
  t.deepEqual(pull.details, { session: 's', commit, head });
  const push = await rejects(t, () => second.unmount(), 'CONFLICT');
  t.deepEqual(push.details, { session: `s.conflict-${commit.slice(0, 12)}`, commit, head });
  const third = await a.mount('s');
  const rival = await a.mount('s');
  await write(third.dir, { 'Default/Cookies': 'third' });
  await write(rival.dir, { 'Default/Cookies': 'rival' });
  const { commit: won } = await rival.unmount();
  const { details } = await rejects(t, () => third.unmount(), 'CONFLICT');
  t.is(details['head'], won as string);
  const { commit: kept } = await a.session(String(details['session'])).resolve('HEAD');
  t.is(details['commit'], kept);
});
