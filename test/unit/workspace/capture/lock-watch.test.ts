/** Locks without a proof that their browser is gone (R-CAP-17, A3, cases L1 to L3). */
import { once } from 'node:events';
import { appendFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { listens } from '../../../../src/base/sockets.js';
import { openStore, type Session } from '../../../../src/index.js';
import { rejects } from '../../../support/errors.js';
import { fakeHost } from '../../../support/host.js';
import { temporary } from '../../../support/temporary.js';

interface Scene {
  session: Session;
  dir: string;
  folder: string;
  /** Calls `change` in each pause between two scans, as a browser elsewhere might write. */
  inPauses(change: () => void): void;
}

async function scene(t: ExecutionContext, links: Record<string, string>): Promise<Scene> {
  const folder = temporary(t);
  let pause = (): void => undefined;
  const host = { ...fakeHost(), listens, addresses: () => ['198.51.100.7'], sleep: async () => pause() };
  const store = await openStore({ home: join(folder, 'home'), host });
  t.teardown(() => store.close());
  const dir = join(folder, 'profile');
  mkdirSync(join(dir, 'Default/Cache'), { recursive: true });
  for (const file of ['Local State', 'Default/Preferences']) writeFileSync(join(dir, file), '{}');
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(dir, name));
  const inPauses = (change: () => void): void => {
    pause = change;
  };
  return { session: store.session('main'), dir, folder, inPauses };
}

/** Unproven locks on this machine, which has the host name `machine` and no living process. */
const unproven: [what: string, links: Record<string, string>, named: string][] = [
  ['L1: a container that is gone', { SingletonLock: 'c0ffee123456-32' }, 'SingletonLock -> c0ffee123456-32'],
  ['another PID namespace of the same name', { SingletonLock: 'machine-32' }, 'SingletonLock -> machine-32'],
  [
    'a socket that is not here',
    { SingletonLock: 'other-host-32', SingletonSocket: '/nowhere/SingletonSocket' },
    'SingletonLock -> other-host-32',
  ],
  ['a socket that is none', { SingletonLock: 'other-32', SingletonSocket: '/dev/null' }, 'SingletonLock -> other-32'],
  ['D4: a Firefox elsewhere', { lock: '192.0.2.7:+13040' }, 'lock -> 192.0.2.7:+13040'],
];

for (const [what, links, named] of unproven) {
  test(`A3, ${what}: committed with a warning if nothing changes, BUSY if something does`, async (t) => {
    const { session, dir, inPauses } = await scene(t, links);
    const { warnings, stats } = await session.commit(dir);
    t.is(warnings.length, 1);
    t.true(warnings[0]?.includes(named));
    t.is(stats.files, 2, 'a lock is never part of a version');
    const log = join(dir, 'Default/Cache/data_1');
    writeFileSync(log, '');
    inPauses(() => appendFileSync(log, 'x'));
    const error = await rejects(t, () => session.commit(dir), 'BUSY');
    t.true(error.message.includes(named) && error.message.includes('Default/Cache/data_1'), error.message);
    t.deepEqual([error.details['lock'], error.details['changed']], [named, 'Default/Cache/data_1']);
  });
}

const changes: [what: string, change: (dir: string, round: number) => void][] = [
  ['a wal that grows', (dir) => appendFileSync(join(dir, 'Default/Cookies-wal'), 'x')],
  ['a file that is new', (dir, round) => writeFileSync(join(dir, `Default/new ${round}`), '')],
  ['a file that is replaced in place', (dir, round) => writeFileSync(join(dir, 'Default/Preferences'), `{"a":${round % 10}}`)],
];

for (const [what, change] of changes) {
  test(`A3, L2: ${what} is BUSY`, async (t) => {
    const { session, dir, inPauses } = await scene(t, { SingletonLock: 'elsewhere-32' });
    let round = 0;
    inPauses(() => change(dir, round++));
    await rejects(t, () => session.commit(dir), 'BUSY');
  });
}

const proven: [what: string, links: Record<string, string>][] = [
  ['no lock', {}],
  ['something else of that name', { SingletonLock: 'nothing', lock: 'nothing' }],
  ['a Firefox of this machine', { lock: '198.51.100.7:+13040' }],
  ['a Firefox without a network', { lock: '127.0.1.1:+13040' }],
];

for (const [what, links] of proven) {
  test(`A3, ${what}: nothing to warn of`, async (t) => {
    const { session, dir } = await scene(t, links);
    t.deepEqual((await session.commit(dir)).warnings, []);
  });
}

test('A3: the socket of a Chromium shows whether it runs, even if its process number does not', async (t) => {
  const { session, dir, folder } = await scene(t, { SingletonLock: 'elsewhere-32' });
  const socket = join(folder, 'SingletonSocket');
  symlinkSync(socket, join(dir, 'SingletonSocket'));
  const server = createServer((connection) => connection.destroy()).listen(socket);
  await once(server, 'listening');
  const { message } = await rejects(t, () => session.commit(dir), 'BUSY');
  t.regex(message, /its browser answers/);
  // A killed process leaves its socket, which rejects connections from then on.
  renameSync(socket, `${socket}.kept`);
  await new Promise((resolve) => server.close(resolve));
  renameSync(`${socket}.kept`, socket);
  t.deepEqual((await session.commit(dir)).warnings, []);
});

/**
 * Paths of a lock outside the top of the named directory: a profile below it, or the parent
 * directory whose profile it is.
 */
for (const place of ['Default', 'Default/Cache/deep', '..']) {
  test(`A3: an unproven lock in ${place} of the named directory is watched as one at its top`, async (t) => {
    const { session, dir, inPauses } = await scene(t, {});
    const holder = join(dir, place);
    mkdirSync(holder, { recursive: true });
    symlinkSync('elsewhere-32', join(holder, 'SingletonLock'));
    const { warnings } = await session.commit(dir);
    t.is(warnings.length, 1);
    t.true(warnings[0]?.startsWith(`${holder}: `) && warnings[0].includes('SingletonLock -> elsewhere-32'), warnings[0]);
    const log = join(dir, 'Default/Cache/data_1');
    writeFileSync(log, '');
    inPauses(() => appendFileSync(log, 'x'));
    const { details } = await rejects(t, () => session.commit(dir), 'BUSY');
    t.like(details, { path: holder, lock: 'SingletonLock -> elsewhere-32', changed: 'Default/Cache/data_1' });
  });
}

test('A3: a lock below whose browser answers is BUSY', async (t) => {
  const { session, dir, folder } = await scene(t, {});
  const socket = join(folder, 'SingletonSocket');
  symlinkSync('elsewhere-32', join(dir, 'Default/SingletonLock'));
  symlinkSync(socket, join(dir, 'Default/SingletonSocket'));
  const server = createServer((connection) => connection.destroy()).listen(socket);
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { details } = await rejects(t, () => session.commit(dir), 'BUSY');
  t.like(details, { path: join(dir, 'Default') });
});
