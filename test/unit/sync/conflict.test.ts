/**
 * Several writers of one session. A change that moves the head is a conflict. Any other change
 * makes the other writer start over (SPEC.md R-WRITE-2, R-WRITE-3).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BrowserStateError, memoryProvider, type Provider, type Session, type Store } from '../../../src/index.js';
import { scoped } from '../../../src/provider/wrap/scoped.js';
import { Repository } from '../../../src/repository/repository.js';
import { prose } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';
import { smallProfile, writeProfile } from '../../support/profile.js';
import { history, storeIn } from '../../support/store.js';
import { temporary } from '../../support/temporary.js';

interface Writers {
  provider: Provider;
  folder: string;
  /** The interrupted writer. `meanwhile` runs at its first swap of the session's ref. */
  slow: Store;
  /** The other writer. */
  fast: Session;
  dirs: { slow: string; fast: string };
}

interface Interruption {
  /** The action of the other writer, between the slow writer's uploads and its swap. */
  meanwhile?: (writers: Writers) => Promise<unknown>;
  /**
   * The fate of the swap: the swap takes effect and its response is lost, or the request is lost.
   */
  lost?: 'after' | 'before';
  key?: string;
}

/** Returns two writers with a directory each. The session has one commit unless `empty`. */
async function writers(t: ExecutionContext, { meanwhile, lost, key = 'refs/main' }: Interruption, empty = false): Promise<Writers> {
  const folder = temporary(t);
  const provider = memoryProvider();
  const made: Partial<Writers> = { provider, folder, dirs: { slow: join(folder, 'slow'), fast: join(folder, 'fast') } };
  // A first commit swaps twice: its token is the ref that it created.
  let passes = Number.POSITIVE_INFINITY;
  const interrupted = around(provider, async (method, at, request) => {
    if (method !== 'swap' || !at.endsWith(key) || passes-- !== 0) return request();
    const result = lost === 'before' ? undefined : lost === 'after' ? await request() : undefined;
    await meanwhile?.(made as Writers);
    if (lost !== undefined) throw new BrowserStateError('UNREACHABLE', 'the answer was lost');
    return result ?? (await request());
  });
  made.fast = (await storeIn(join(folder, 'home-fast'), provider, 'fast')).session('main');
  made.slow = await storeIn(join(folder, 'home-slow'), interrupted, 'slow');
  for (const dir of Object.values(made.dirs as Writers['dirs'])) writeProfile(dir, smallProfile(prose));
  if (!empty) {
    await made.fast.commit((made as Writers).dirs.fast, { message: 'first' });
    await made.slow.session('main').commit((made as Writers).dirs.slow);
  }
  writeFileSync(join((made as Writers).dirs.slow, 'Local State'), 'slow');
  writeFileSync(join((made as Writers).dirs.fast, 'Local State'), 'fast');
  passes = empty ? 1 : 0;
  return made as Writers;
}

/** Swaps the ref with another epoch and nothing else, like the fence of a collection. */
async function stamp({ provider }: Writers, session = 'main'): Promise<void> {
  const repository = (await Repository.open(scoped(provider, 'tester/.store/'), fakeHost('collector'))) as Repository;
  const token = await repository.refs.read(session);
  if (token !== undefined) await repository.refs.swap(token, { epoch: token.ref.epoch + 1 });
}

const messages = async (session: Session): Promise<string[]> => {
  const all: string[] = [];
  for await (const { message } of session.log()) all.push(message);
  return all;
};
const commitFast = ({ fast, dirs }: Writers): Promise<unknown> => fast.commit(dirs.fast, { message: 'fast' });
const commitSlow = ({ slow, dirs }: Writers): Promise<unknown> => slow.session('main').commit(dirs.slow, { message: 'slow' });

test('R-WRITE-2: of two commits on one version one wins, the other is a conflict and changes nothing', async (t) => {
  const made = await writers(t, { meanwhile: commitFast });
  const { details } = await rejects(t, () => commitSlow(made), 'CONFLICT');
  t.deepEqual(details, { session: 'main', head: (await made.fast.resolve('HEAD')).commit }, 'D2: as docs/errors.md promises');
  t.deepEqual(await messages(made.fast), ['fast', 'first']);
  t.deepEqual((await made.slow.verify({ readData: true })).findings, []);
  await commitSlow(made);
  t.deepEqual(await messages(made.fast), ['slow', 'fast', 'first']);
});

test('R-WRITE-2: of two first commits one wins', async (t) => {
  const made = await writers(t, { meanwhile: commitFast }, true);
  await rejects(t, () => commitSlow(made), 'CONFLICT');
  t.deepEqual(await messages(made.fast), ['fast']);
});

test('R-WRITE-2: however two commits interleave, exactly one wins', async (t) => {
  for (let round = 0; round < 10; round++) {
    const { slow, fast, dirs } = await writers(t, {});
    writeFileSync(join(dirs.slow, 'Default', 'Preferences'), prose(1 + round * 100_000, round));
    const results = await Promise.allSettled([slow.session('main').commit(dirs.slow), fast.commit(dirs.fast)]);
    const reasons = results.map((result) => (result.status === 'rejected' ? (result.reason as BrowserStateError).code : 'won'));
    t.deepEqual(reasons.sort(), ['CONFLICT', 'won']);
    t.is((await history(fast)).length, 2);
  }
});

const harmless: Record<string, (writers: Writers) => Promise<unknown>> = {
  tag: ({ fast }) => fast.tag('meanwhile'),
  stamp: (all) => stamp(all),
};
for (const [name, meanwhile] of Object.entries(harmless)) {
  test(`R-WRITE-2: a ${name} meanwhile only makes a commit start over`, async (t) => {
    const made = await writers(t, { meanwhile });
    await commitSlow(made);
    t.deepEqual(await messages(made.fast), ['slow', 'first']);
    t.is((await made.fast.tags()).has('meanwhile'), name === 'tag');
  });

  test(`R-WRITE-2: a ${name} meanwhile only makes a tag, a rollback and a deletion start over`, async (t) => {
    const tagged = await writers(t, { meanwhile });
    await tagged.slow.session('main').tag('mine');
    t.true((await tagged.fast.tags()).has('mine'));
    const rolled = await writers(t, { meanwhile });
    await rolled.slow.session('main').rollback('HEAD', { message: 'back' });
    t.deepEqual(await messages(rolled.fast), ['back', 'first']);
    const deleted = await writers(t, { meanwhile });
    await deleted.slow.session('main').delete();
    await rejects(t, () => history(deleted.fast), 'NOT_FOUND');
  });
}

test('R-WRITE-2: a commit meanwhile is a conflict to a rollback, a tag and a deletion, and nothing is changed', async (t) => {
  for (const change of [
    (session: Session) => session.rollback('HEAD'),
    (session: Session) => session.tag('mine'),
    (session: Session) => session.delete(),
  ]) {
    const { slow, fast } = await writers(t, { meanwhile: commitFast });
    await rejects(t, () => change(slow.session('main')), 'CONFLICT');
    t.deepEqual(await messages(fast), ['fast', 'first']);
    t.is((await fast.tags()).size, 0);
  }
});

test('R-WRITE-2: a fork onto a name that another writer creates meanwhile is a conflict', async (t) => {
  const taken = await writers(t, { key: 'refs/copy', meanwhile: ({ fast }) => fast.fork('copy') });
  await rejects(t, () => taken.slow.session('main').fork('copy'), 'CONFLICT');
  t.deepEqual(await messages(taken.slow.session('copy')), ['first']);
});

test('R-WRITE-2: a fork onto a session that is only stamped meanwhile starts over', async (t) => {
  const again = await writers(t, { key: 'refs/copy', meanwhile: (all) => stamp(all, 'copy') });
  await again.fast.fork('copy');
  await storeIn(again.folder, again.provider).then((store) => store.session('copy').delete());
  await again.slow.session('main').fork('copy');
  t.deepEqual(await messages(again.slow.session('copy')), ['first']);
});

test('R-WRITE-3: a swap that took effect and was not answered is a success, also under a later commit', async (t) => {
  for (const meanwhile of [async () => undefined, ({ fast }: Writers) => fast.tag('later'), commitFast]) {
    const made = await writers(t, { lost: 'after', meanwhile });
    await t.notThrowsAsync(commitSlow(made));
    t.deepEqual((await messages(made.fast)).slice(-2), ['slow', 'first']);
  }
});

test('R-WRITE-7: a commit whose swap was not answered removes nothing that a fork names, if its session was deleted since', async (t) => {
  const meanwhile = async ({ fast }: Writers): Promise<void> => {
    await fast.fork('copy');
    await fast.delete();
  };
  const made = await writers(t, { lost: 'after', meanwhile });
  await commitSlow(made).catch(() => undefined);
  t.deepEqual(await messages(made.slow.session('copy')), ['slow', 'first']);
  t.deepEqual((await made.slow.verify({ readData: true })).findings, []);
});

test('R-WRITE-3: a swap that never arrived is reported, and its token is not used again', async (t) => {
  const made = await writers(t, { lost: 'before' });
  const { provider } = made;
  const version = async (): Promise<unknown> => (await provider.read('tester/.store/refs/main')) as unknown;
  const before = await version();
  await rejects(t, () => commitSlow(made), 'UNREACHABLE');
  t.notDeepEqual(await version(), before);
  t.deepEqual(await messages(made.fast), ['first']);
  await commitSlow(made);
  t.deepEqual(await messages(made.fast), ['slow', 'first']);
});

test('R-WRITE-3: a swap that never arrived, while another moved the head, is a conflict', async (t) => {
  const made = await writers(t, { lost: 'before', meanwhile: commitFast });
  await rejects(t, () => commitSlow(made), 'CONFLICT');
  t.deepEqual(await messages(made.fast), ['fast', 'first']);
});

test('R-WRITE-3: the outcome is reported as unknown if the ref cannot be re-read', async (t) => {
  for (const lost of ['before', 'after'] as const) {
    const folder = temporary(t);
    const provider = memoryProvider();
    let silent = false;
    const store = await storeIn(
      folder,
      around(provider, async (method, key, request) => {
        if (silent) throw new BrowserStateError('UNREACHABLE', 'no answer');
        if (method !== 'swap' || !key.endsWith('refs/main')) return request();
        const created = (await provider.read(key)) !== undefined;
        if (!created) return request();
        silent = true;
        if (lost === 'after') await request();
        throw new BrowserStateError('UNREACHABLE', 'no answer');
      }),
    );
    writeProfile(join(folder, 'profile'), smallProfile(prose));
    const error = await rejects(t, () => store.session('main').commit(join(folder, 'profile')), 'UNREACHABLE');
    t.regex(error.message, /unknown/);
  }
});
