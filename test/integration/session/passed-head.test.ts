/**
 * Commits of a directory that was not made from the head (R-WRITE-8). They report the head that
 * they replace, and how to restore it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { Session } from '../../../src/index.js';
import { freshStore } from '../../support/store.js';

function write(dir: string, cookie: string): void {
  mkdirSync(join(dir, 'Default'), { recursive: true });
  for (const [path, content] of [
    ['Local State', '{}'],
    ['Default/Preferences', '{}'],
    ['Default/Cookies', cookie],
  ])
    writeFileSync(join(dir, path as string), content as string);
}

interface Place {
  session: Session;
  /** A directory that was committed twice and holds the head. */
  dir: string;
  /** A path without a directory. */
  other: string;
}

async function begin(session: Session, folder: string): Promise<Place> {
  const [dir, other] = [join(folder, 'dir'), join(folder, 'other')];
  for (const cookie of ['one', 'two']) {
    write(dir, cookie);
    await session.commit(dir);
  }
  return { session, dir, other };
}

/**
 * States of the session and a directory. Each function returns the directory that is committed next
 * with another cookie.
 */
const passing: Record<string, (place: Place) => Promise<string>> = {
  'a directory that was restored from an older version': async ({ session, other }) => {
    await session.checkout(other, { at: 'HEAD~1' });
    return other;
  },
  'a part of an older version': async ({ session, other }) => {
    await session.checkout(other, { at: 'HEAD~1', only: ['Default/Cookies'] });
    return other;
  },
  'a session that was rolled back': async ({ session, dir }) => {
    await session.rollback('HEAD~1');
    return dir;
  },
  'a session that another directory was committed to': async ({ session, dir, other }) => {
    write(other, 'three');
    await session.commit(other);
    return dir;
  },
  'a session that was deleted and begun anew': async ({ session, dir, other }) => {
    await session.delete();
    write(other, 'three');
    await session.commit(other);
    return dir;
  },
};

const following: Record<string, (place: Place) => Promise<string>> = {
  'a directory that was committed last': async ({ dir }) => dir,
  'a directory that was restored from the head': async ({ session, other }) => {
    await session.checkout(other);
    return other;
  },
  'a directory without a record': async ({ other }) => other,
  'a session that was rolled back to what the directory was made from': async ({ session, dir, other }) => {
    write(other, 'three');
    await session.commit(other);
    await session.rollback('HEAD~1');
    return dir;
  },
};

for (const [name, act] of Object.entries(passing)) {
  test(`R-WRITE-8: ${name} is committed with a warning, and the former head can be restored`, async (t) => {
    const { session: empty, folder } = await freshStore(t);
    const place = await begin(empty, folder);
    const { session } = place;
    const dir = await act(place);
    const head = await session.resolve('HEAD');
    writeFileSync(join(dir, 'Default/Cookies'), 'the newest');
    const { changed, parent, warnings } = await session.commit(dir);
    t.deepEqual([changed, parent, warnings.length], [true, head.commit, 1]);
    const [warning = ''] = warnings;
    t.true(warning.includes(dir) && warning.includes('main'), warning);
    const command = /browserstate rollback -s main --to ([0-9a-f]{12})/.exec(warning);
    t.is(command?.[1], head.commit.slice(0, 12));
    t.is((await session.rollback(command?.[1] ?? '')).tree, head.tree);
  });
}

for (const [name, act] of Object.entries(following)) {
  test(`R-WRITE-8: ${name} is committed without a warning`, async (t) => {
    const { session, folder } = await freshStore(t);
    const dir = await act(await begin(session, folder));
    write(dir, 'the newest');
    const { changed, warnings } = await session.commit(dir);
    t.deepEqual([changed, warnings], [true, []]);
  });
}
