/** Folders that cannot be written to (C16): a local store, and the folder for temporary files. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Desk, main, outcome, writeProfile } from '../../support/cli.js';
import { testWith } from '../../support/machine.js';

const readOnly = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"';

testWith(['mounts of its own'], test.serial)(
  'C16: a version is restored from a read-only store to a new directory, with a warning',
  async (t) => {
    const desk = new Desk(t);
    writeProfile(desk);
    await desk.json(t, 'snapshot', 'profile', '-s', 'work');
    const run = (...args: string[]) => {
      const words = ['-rm', 'sh', '-c', readOnly, 'sh', desk.home, process.execPath, main, ...args];
      return outcome(spawn('unshare', words, { cwd: desk.dir, env: desk.env }));
    };
    mkdirSync(desk.path('empty'));
    for (const dir of ['new', 'empty']) {
      const { status, stderr } = await run('restore', dir, '-s', 'work');
      t.is(status, 0, stderr);
      t.regex(
        stderr,
        /^warning: the local store cannot be written, and has no record of (?:new|empty); choose a new directory for the next restore\n/,
      );
      t.is(readFileSync(desk.path(dir, 'Default/Cookies'), 'utf8'), 'cookies');
    }
    // A directory with content needs a record, and fails before the first change.
    const { status, stderr } = await run('restore', 'new', '-s', 'work', '--force', '--json');
    t.is(status, 6);
    t.like(JSON.parse(stderr).error, {
      code: 'FORBIDDEN',
      hint: 'Make the local store writable for this user, or name another with --home.',
    });
    t.deepEqual(
      readdirSync(desk.dir).filter((name) => name.startsWith('.browserstate-')),
      [],
    );
  },
);

/** Commands that write to a local store, and the read-only folder of the store. */
const writing: Readonly<Record<string, { args: readonly string[]; isEmpty: boolean }>> = {
  'run with a store': { args: ['run', '-s', 'work', '--', 'true'], isEmpty: false },
  'run with an empty home': { args: ['run', '-s', 'work', '--', 'true'], isEmpty: true },
  'snapshot with a store': { args: ['snapshot', 'profile', '-s', 'work'], isEmpty: false },
  'snapshot with an empty home': { args: ['snapshot', 'profile', '-s', 'work'], isEmpty: true },
  'restore below an empty home': { args: ['restore', 'home/a/b/c', '-s', 'work', '--home', 'other'], isEmpty: true },
};

for (const [name, { args, isEmpty }] of Object.entries(writing)) {
  testWith(['mounts of its own'], test.serial)(`C16: a read-only file system is FORBIDDEN: ${name}`, async (t) => {
    const desk = new Desk(t);
    writeProfile(desk);
    for (const home of isEmpty ? ['other'] : ['other', 'home']) await desk.json(t, 'snapshot', 'profile', '-s', 'work', '--home', home);
    desk.write({ 'profile/Default/Cookies': 'changed' });
    mkdirSync(desk.home, { recursive: true });
    const end = args.includes('--') ? args.indexOf('--') : args.length;
    const words = [...args.slice(0, end), '--json', ...args.slice(end)];
    const child = spawn('unshare', ['-rm', 'sh', '-c', readOnly, 'sh', desk.home, process.execPath, main, ...words], {
      cwd: desk.dir,
      env: desk.env,
    });
    const { status, stderr } = await outcome(child);
    t.is(status, 6, stderr);
    t.like(JSON.parse(stderr.split('\n').find((line) => line.startsWith('{')) ?? '').error, { code: 'FORBIDDEN' });
    t.regex(stderr, /EROFS|read-only/);
  });
}

/** Commands, in an order in which each command succeeds. */
const commands: readonly (readonly string[])[] = [
  ['init'],
  ['snapshot', 'profile', '-s', 'work'],
  ['push', '-s', 'work'],
  ['pull', '-s', 'work'],
  ['sync', '-s', 'work'],
  ['restore', 'out', '-s', 'work'],
  ['restore', 'fetched', '-s', 'work', '--home', 'fresh'],
  ['status', 'out', '-s', 'work'],
  ['log', '-s', 'work'],
  ['diff', '-s', 'work', 'HEAD', 'HEAD'],
  ['sessions'],
  ['tag', 'good', '-s', 'work'],
  ['fork', 'forked', '-s', 'work'],
  ['rollback', '-s', 'work', '--to', 'HEAD'],
  ['run', '-s', 'work', '--', 'true'],
  ['open', 'work', '--browser', './chromium', '--headless'],
  ['recover'],
  ['stats'],
  ['gc', '--dry-run'],
  ['verify', '--read-data'],
  ['verify', '--on', 'remote'],
  ['migrate', '--dry-run'],
  ['delete', '-s', 'forked'],
  ['completion'],
];

async function withoutTemporaryFolder(t: ExecutionContext, path: (desk: Desk) => string): Promise<void> {
  const desk = new Desk(t);
  writeProfile(desk);
  writeFileSync(desk.path('chromium'), '#!/bin/sh\n', { mode: 0o755 });
  Object.assign(desk.env, { TMPDIR: path(desk), BROWSERSTATE_REMOTE: pathToFileURL(desk.path('remote')).href });
  const known = execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' });
  for (const [, name] of known.matchAll(/^ {2}(?:browserstate )?([a-z]+)\b/gm))
    t.true(
      commands.some(([each]) => each === name),
      name,
    );
  for (const command of commands) {
    const { status, stderr } = await desk.run(...command);
    t.is(status, 0, `${command.join(' ')}: ${stderr}`);
  }
  t.false(existsSync(desk.path('missing')));
}

test.serial('C16: no command needs the folder for temporary files: TMPDIR is missing', (t) =>
  withoutTemporaryFolder(t, (desk) => desk.path('missing')),
);
test.serial('C16: no command needs the folder for temporary files: TMPDIR is no directory', (t) =>
  withoutTemporaryFolder(t, () => '/dev/null'),
);
