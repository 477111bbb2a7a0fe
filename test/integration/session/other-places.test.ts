/** Remotes that are not the remote seen before (C16). Every operation reports the same error. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openStore, type Session } from '../../../src/index.js';
import { noise } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { smallProfile, writeProfile } from '../../support/profile.js';
import { temporary } from '../../support/temporary.js';

const operations: Record<string, (session: Session) => Promise<unknown>> = {
  pull: (session) => session.pull(),
  push: (session) => session.push(),
  fork: (session) => session.fork('forked'),
  'fork of an older commit': (session) => session.fork('forked', { at: 'HEAD~1' }),
  tag: (session) => session.tag('good'),
  'tag of an older commit': (session) => session.tag('good', { at: 'HEAD~1' }),
  untag: (session) => session.untag('known'),
  rollback: (session) => session.rollback('HEAD~1'),
  delete: (session) => session.delete(),
  lease: (session) => session.lease({ owner: 'me', ttl: 60_000 }),
};

/** Pushes twice, then replaces the remote that has both commits with another remote. */
async function scene(
  t: ExecutionContext,
  place: (folder: string, commit: (home: string, remote: string) => Promise<void>) => Promise<void>,
) {
  const folder = temporary(t);
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(noise));
  const open = (home: string, remote: string) =>
    openStore({ home: join(folder, home), remote: pathToFileURL(join(folder, remote)).href, transfer: { maxRetries: 0 } });
  let commits = 0;
  const commit = async (home: string, remote: string): Promise<void> => {
    writeFileSync(join(dir, 'Default/Cookies'), `cookies ${commits++}`);
    const store = await open(home, remote);
    await store.session('work').commit(dir);
    await store.session('work').push();
    await store.close();
  };
  await commit('home', 'remote');
  await (await open('home', 'remote')).session('work').tag('known');
  cpSync(join(folder, 'remote'), join(folder, 'older'), { recursive: true });
  await commit('home', 'remote');
  await place(folder, commit);
  cpSync(join(folder, 'home'), join(folder, 'noted'), { recursive: true });
  return async (): Promise<Session> => {
    for (const [from, to] of [
      ['noted', 'home'],
      ['placed', 'remote'],
    ] as const) {
      rmSync(join(folder, to), { recursive: true, force: true });
      cpSync(join(folder, from), join(folder, to), { recursive: true });
    }
    return (await open('home', 'remote')).session('work');
  };
}

test('C16: every operation on a remote that was restored to an older state is INTEGRITY, with a hint', async (t) => {
  const session = await scene(t, async (folder) => cpSync(join(folder, 'older'), join(folder, 'placed'), { recursive: true }));
  for (const [name, operation] of Object.entries(operations)) {
    const at = await session();
    const { hint, details } = await rejects(t, () => operation(at), 'INTEGRITY', name);
    t.like(details, { session: 'work', key: 'refs/work' }, name);
    t.regex(hint ?? '', /older state .* restore a backup/, name);
  }
});

test('C16: every operation reports another repository in the folder of the remote, and no outcome is unknown', async (t) => {
  const session = await scene(t, (_, commit) => commit('other-home', 'placed'));
  for (const [name, operation] of Object.entries(operations)) {
    const at = await session();
    const { message, hint } = await rejects(t, () => operation(at), 'UNREACHABLE', name);
    t.regex(message, /^file:.*: the folder of the remote holds another repository/, name);
    t.regex(hint ?? '', /Mount its disk/, name);
  }
});
