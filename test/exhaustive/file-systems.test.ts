/**
 * A real file system without hard links (S5). Needs exFAT, of the kernel or as `mount.exfat-fuse`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { openStore } from '../../src/index.js';
import { rejects } from '../support/errors.js';
import { temporary } from '../support/temporary.js';

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

function isDone(...command: [string, ...string[]]): boolean {
  try {
    run(...command);
    return true;
  } catch {
    return false;
  }
}

/** Mounts a new exFAT. Returns the function that unmounts it, or undefined if mounting fails. */
function mountExfat(image: string, at: string): (() => void) | undefined {
  writeFileSync(image, '');
  truncateSync(image, 32 * 2 ** 20);
  mkdirSync(at);
  if (!isDone('mkfs.exfat', image) || !isDone('losetup', '--version')) return undefined;
  const device = run('losetup', '--find', '--show', image);
  const isMounted = isDone('mount', '-t', 'exfat', device, at) || isDone('mount.exfat-fuse', device, at);
  const unmount = (): void => {
    isDone('umount', at);
    run('losetup', '--detach', device);
  };
  if (isMounted) return unmount;
  unmount();
  return undefined;
}

const mounts = mkdtempSync(join(tmpdir(), 'browserstate-test-'));
const at = join(mounts, 'mnt');
const unmount = mountExfat(join(mounts, 'image'), at);
test.after.always(() => {
  unmount?.();
  rmSync(mounts, { recursive: true });
});

const title = 'S5: exFAT holds no store, local or remote, and a profile is restored to it';
(unmount === undefined ? test.skip : test)(unmount === undefined ? `${title} (needs exFAT)` : title, async (t) => {
  const folder = temporary(t);
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeFileSync(join(dir, 'file'), 'content');
  const home = await openStore({ home: join(at, 'home') });
  const { message } = await rejects(t, () => home.init(), 'UNSUPPORTED');
  t.regex(message, /no hard links/);
  const store = await openStore({ home: join(folder, 'home'), remote: pathToFileURL(join(at, 'remote')).href });
  await store.session('s').commit(dir, { offline: true });
  await rejects(t, () => store.session('s').push(), 'UNSUPPORTED');
  await store.session('s').checkout(join(at, 'target'), { offline: true });
  t.deepEqual(readdirSync(join(at, 'target')), ['file']);
});
