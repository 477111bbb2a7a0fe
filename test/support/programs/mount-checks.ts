/**
 * A program for a namespace in which it may mount: one case of C7 with real mounts. The program
 * fails if a check fails.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { BrowserStateError } from '../../../src/base/errors.js';
import { openStore } from '../../../src/index.js';

const [folder, name] = process.argv.slice(2) as [string, string];
const at = (...parts: string[]): string => join(folder, ...parts);
const [dir, profile] = [at('dir'), at('profile')];

function mount(...args: string[]): void {
  const target = args.at(-1) as string;
  mkdirSync(target, { recursive: true });
  execFileSync('mount', args);
}

const tmpfs = (target: string): void => mount('-t', 'tmpfs', 'tmpfs', target);

async function open(home: string) {
  return (await openStore({ home: at(home), userId: 'tester' })).session('s');
}

/** Makes two versions in a local store. They differ in `Default/Sub/file`. */
async function commitTwo(home: string) {
  const session = await open(home);
  for (const content of ['one', 'two']) {
    mkdirSync(join(profile, 'Default/Sub'), { recursive: true });
    writeFileSync(join(profile, 'Local State'), '{}');
    writeFileSync(join(profile, 'Default/Cookies'), 'same');
    writeFileSync(join(profile, 'Default/Sub/file'), content);
    await session.commit(profile);
  }
  return session;
}

async function isRefused(work: () => Promise<unknown>, path: string): Promise<void> {
  const error = await work().then(
    () => undefined,
    (failure: unknown) => failure,
  );
  assert.ok(error instanceof BrowserStateError, String(error));
  assert.equal(error.code, 'USAGE');
  assert.ok(error.message.includes(path), error.message);
}

async function refusesPart(part: string, isHidden: boolean): Promise<void> {
  if (isHidden) tmpfs(at('disk'));
  const other = isHidden ? 'disk/other' : 'other';
  await commitTwo(other);
  const session = await commitTwo('home');
  mount('--bind', at(other, 'tester/.store', part), dir);
  if (isHidden) execFileSync('umount', ['-l', at('disk')]);
  const before = execFileSync('ls', ['-lAR', dir], { encoding: 'utf8' });
  await isRefused(() => session.checkout(dir, { force: true }), dir);
  await isRefused(() => session.commit(dir, { allowShrink: true }), dir);
  assert.equal(execFileSync('ls', ['-lAR', dir], { encoding: 'utf8' }), before);
}

const cases: Record<string, () => Promise<void>> = {
  'a part of another home': () => refusesPart('packs', false),
  'a directory in a part of another home': () => refusesPart('refs/s.cell', false),
  'a part of another home that is mounted nowhere else': () => refusesPart('packs', true),
  async 'a mounted directory that is mounted elsewhere too'() {
    await commitTwo('home');
    const store = await openStore({ home: at('home'), userId: 'tester' });
    const { dir: mounted } = await store.mount('s');
    mount('--bind', mounted, dir);
    assert.equal(
      (await store
        .session('s')
        .status(dir)
        .catch((error: BrowserStateError) => error.code)) === 'USAGE',
      false,
    );
  },
  async 'a mount point below a change in place'() {
    const session = await commitTwo('home');
    await session.checkout(dir);
    tmpfs(at('elsewhere'));
    const sub = join(dir, 'Default/Sub');
    writeFileSync(at('elsewhere/file'), 'two');
    execFileSync('cp', ['-a', join(sub, 'file'), at('elsewhere/file')]);
    const { mode, mtime } = statSync(sub);
    chmodSync(at('elsewhere'), mode & 0o777);
    execFileSync('touch', ['-d', mtime.toISOString(), at('elsewhere')]);
    mount('--bind', at('elsewhere'), sub);
    await isRefused(() => session.checkout(dir, { at: 'HEAD~1' }), sub);
    await isRefused(() => session.checkout(dir, { at: 'HEAD~1', only: ['Default/Sub'], force: true }), sub);
    assert.equal(readFileSync(join(sub, 'file'), 'utf8'), 'two');
    // A change that does not touch the mount succeeds, and leaves it unchanged.
    writeFileSync(join(dir, 'Default/Cookies'), 'changed');
    await session.checkout(dir, { only: ['Default/Cookies'], force: true });
    assert.equal(readFileSync(join(dir, 'Default/Cookies'), 'utf8'), 'same');
    assert.equal(readFileSync(join(sub, 'file'), 'utf8'), 'two');
  },
  async 'a mount point that the version does not have'() {
    const session = await commitTwo('home');
    await session.checkout(dir);
    tmpfs(join(dir, 'Default/Cache'));
    writeFileSync(join(dir, 'Default/Cache/data'), 'cached');
    await session.checkout(dir, { at: 'HEAD~1' });
    assert.equal(readFileSync(join(dir, 'Default/Sub/file'), 'utf8'), 'one');
    assert.equal(readFileSync(join(dir, 'Default/Cache/data'), 'utf8'), 'cached');
  },
  async 'lost+found at the root of a mount'() {
    const session = await commitTwo('home');
    tmpfs(dir);
    await session.checkout(dir);
    mkdirSync(join(dir, 'lost+found'), { mode: 0 });
    mkdirSync(join(dir, 'Default/lost+found'));
    const { stats } = await session.commit(dir);
    assert.equal(stats.files, 3);
    const target = at('target');
    await session.checkout(target);
    assert.ok(statSync(join(target, 'Default/lost+found')).isDirectory(), 'one that is not at the root is kept');
    assert.equal(statSync(join(target, 'lost+found'), { throwIfNoEntry: false }), undefined);
    rmSync(join(dir, 'lost+found'), { recursive: true });
  },
};

await (cases[name] as () => Promise<void>)();
