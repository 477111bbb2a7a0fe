/**
 * Owners as real processes, here and in another PID namespace (rows C10 and A3). An owner is
 * reported as gone only with a proof.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../../src/base/host.js';
import type { OwnProcess } from '../../../src/base/owner-name.js';
import { type Hold, type OwnerState, openOwners, owning } from '../../../src/base/owners.js';
import { apart, testWith } from '../../support/machine.js';
import { temporary } from '../../support/temporary.js';

const program = fileURLToPath(new URL('../../support/programs/owner.js', import.meta.url));

interface Started {
  child: ChildProcess;
  name: string;
  ended: Promise<unknown>;
}

async function start(t: ExecutionContext, folder: string, action: 'hold' | 'end', before: readonly string[] = []): Promise<Started> {
  const [command = '', ...args] = [...before, process.execPath, program, folder, action];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  const [text] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { child, name: text.trim(), ended };
}

/**
 * Returns the states of an owner as seen by this process and by a process of another PID namespace.
 */
async function states(folder: string, name: string): Promise<{ here: OwnerState; apart: string }> {
  const [command, ...args] = [...apart, process.execPath, program, folder, 'state', name] as const;
  return { here: await systemHost.owners(folder).state(name), apart: (await promisify(execFile)(command, args)).stdout };
}

const inNamespaces = testWith(['PID namespaces']);

for (const [place, before] of Object.entries({ 'this PID namespace': [], 'another PID namespace': apart })) {
  inNamespaces(`R-OUT-7, C10: an owner in ${place} is running until it is killed, and gone from then on, as seen from both`, async (t) => {
    const folder = temporary(t);
    const { child, name, ended } = await start(t, folder, 'hold', before);
    t.regex(name, /^[\w.@-]{1,96}$/);
    t.deepEqual(await states(folder, name), { here: 'running', apart: 'running' });
    child.kill('SIGKILL');
    await ended;
    while ((await systemHost.owners(folder).state(name)) === 'running');
    t.deepEqual(await states(folder, name), { here: 'gone', apart: 'gone' });
    // The owner was killed before its socket had its name.
    const [socket] = readdirSync(join(folder, 'owners')) as [string];
    linkSync(join(folder, 'owners', socket), join(folder, 'owners', `${socket}.new`));
    await owning(systemHost.owners(folder), async () => t.is(readdirSync(join(folder, 'owners')).length, 1));
    t.deepEqual(readdirSync(join(folder, 'owners')), [], 'the next owner removes both sockets, and its own');
  });
}

inNamespaces('an owner does not keep its process alive, and is gone after a clean end, which removes its socket', async (t) => {
  const folder = temporary(t);
  const { name, ended } = await start(t, folder, 'end');
  t.deepEqual(await ended, [0, null]);
  t.deepEqual(readdirSync(join(folder, 'owners')), []);
  t.deepEqual(await states(folder, name), { here: 'gone', apart: 'gone' });
});

inNamespaces('a folder that is too deep for the path of a socket is entered by a handle', async (t) => {
  const folder = join(temporary(t), 'x'.repeat(120));
  const { child, name, ended } = await start(t, folder, 'hold', apart);
  t.deepEqual(await states(folder, name), { here: 'running', apart: 'running' });
  child.kill('SIGKILL');
  await ended;
  while ((await systemHost.owners(folder).state(name)) === 'running');
  t.is(await systemHost.owners(folder).state(name), 'gone');
});

const withoutSocket: Record<string, (owners: string) => void> = {
  'that is no directory': (owners) => writeFileSync(owners, ''),
  'that was removed': (owners) => rmSync(owners, { recursive: true }),
  'that was made anew': (owners) => {
    rmSync(owners, { recursive: true });
    mkdirSync(owners);
  },
  'that was copied': (owners) => {
    renameSync(owners, `${owners}-moved`);
    mkdirSync(owners);
    for (const name of readdirSync(`${owners}-moved`)) createServer().listen(join(owners, name)).close();
  },
};

for (const [kind, damage] of Object.entries(withoutSocket)) {
  inNamespaces(`without a socket, in a folder ${kind}, the number decides here and nothing is known elsewhere`, async (t) => {
    const folder = temporary(t);
    const isFirst = kind === 'that is no directory';
    if (isFirst) damage(join(folder, 'owners'));
    const { child, name, ended } = await start(t, folder, 'hold');
    if (!isFirst) damage(join(folder, 'owners'));
    t.deepEqual(await states(folder, name), { here: 'running', apart: 'unknown' });
    child.kill('SIGKILL');
    await ended;
    t.deepEqual(await states(folder, name), { here: 'gone', apart: 'unknown' });
  });
}

const machine: OwnProcess = {
  pid: process.pid,
  platform: 'linux',
  hostname: 'one',
  random: systemHost.random,
  isAlive: systemHost.isAlive,
  onExit: () => undefined,
};

/** Returns an owner's name with changed fields. */
function changed(name: string, changes: Partial<Record<'pid' | 'start' | 'namespace' | 'boot' | 'machine' | 'socket', string>>): string {
  const fields = ['pid', 'start', 'namespace', 'boot', 'machine', 'socket'] as const;
  const parts = name.slice(0, name.indexOf('@')).split('.');
  return `${fields.map((field, i) => changes[field] ?? parts[i]).join('.')}@${name.slice(name.indexOf('@') + 1)}`;
}

test('R-OWN-1, R-OWN-3: the state of names that are not of this process, kernel or machine', async (t) => {
  const folder = temporary(t);
  const owners = openOwners(folder, machine);
  const hold = await owners.hold();
  t.teardown(hold.release);
  const self = hold.name;
  const other = { boot: '00000000' };
  const knowsMachine = !self.includes('.-.');
  const table: Record<string, [string, OwnerState]> = {
    itself: [self, 'running'],
    'its number, used again': [changed(self, { start: '1', socket: '-' }), 'gone'],
    'a number that nobody has': [changed(self, { pid: '4194304', socket: '-' }), 'gone'],
    'a number whose start nobody knows': [changed(self, { start: '-', socket: '-' }), 'unknown'],
    'another namespace, without a socket': [changed(self, { namespace: '1', socket: '-' }), 'unknown'],
    'another namespace, with a socket that answers': [changed(self, { namespace: '1' }), 'running'],
    'an earlier start of this machine': [changed(self, other), knowsMachine ? 'gone' : 'unknown'],
    'another machine': [changed(self, { ...other, machine: '00000000' }), 'unknown'],
    'a machine that is not known': [changed(self, { ...other, machine: '-' }), 'unknown'],
    'a kernel that is not known': [changed(self, { boot: '-' }), 'unknown'],
    'a name of an older version': ['4194304:1', 'unknown'],
    'no name': ['', 'unknown'],
    'a path': [`../${self}`, 'unknown'],
  };
  for (const [title, [name, state]] of Object.entries(table)) t.is(await owners.state(name), state, title);
  const elsewhere = openOwners(folder, { ...machine, hostname: 'two' });
  t.is(await elsewhere.state(changed(self, other)), 'unknown', 'the host name differs');
});

test('R-OWN-2: holds nest: one name and one socket while one is left, and none at rest, so that any program can copy a home', async (t) => {
  const folder = temporary(t);
  const owners = openOwners(folder, machine);
  const sockets = (): string[] => readdirSync(join(folder, 'owners'));
  const holds = await Promise.all([owners.hold(), owners.hold(), owners.hold()]);
  const [first, second, third] = holds as [Hold, Hold, Hold];
  t.is(new Set(holds.map(({ name }) => name)).size, 1);
  await first.release();
  await first.release();
  await second.release();
  const fourth = await owners.hold();
  t.is(fourth.name, third.name);
  t.is(sockets().length, 1);
  await Promise.all([third.release(), fourth.release(), owning(owners, async (name) => t.not(name, first.name))]);
  t.deepEqual(sockets(), []);
  t.is(await owners.state(first.name), 'running', 'the process still is');
});

test('a socket shows its owner, and the start of a process is known', async (t) => {
  const folder = temporary(t);
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(join(folder, 'socket'), resolve));
  t.is(await systemHost.listens(join(folder, 'socket')), 'yes');
  server.close();
  writeFileSync(join(folder, 'file'), '');
  chmodSync(join(folder, 'file'), 0o600);
  t.is(await systemHost.listens(join(folder, 'file')), 'no');
  t.is(await systemHost.listens(join(folder, 'absent')), 'unknown');
  const [mine, first] = [systemHost.startedAt(process.pid), systemHost.startedAt(1)];
  t.true(mine === undefined || Math.abs(mine - (Date.now() - 1000 * process.uptime())) < 60_000);
  t.true(first === undefined || mine === undefined || first <= mine);
  t.is(systemHost.startedAt(4_194_304), undefined);
});
