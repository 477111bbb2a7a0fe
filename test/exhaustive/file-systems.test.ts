/** S5: a real file system without hard links. Needs the right to mount and exFAT, of the kernel's or as `mount.exfat-fuse`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openRepository } from '../../src/index.js';
import { rejects } from '../helpers/errors.js';
import { temporary } from '../helpers/temporary.js';

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

/** Mounts a new exFAT; undefined if this machine cannot. */
function mountExfat(t: ExecutionContext, folder: string): string | undefined {
  const [image, at] = [join(folder, 'image'), join(folder, 'mnt')];
  writeFileSync(image, '');
  truncateSync(image, 32 * 2 ** 20);
  mkdirSync(at);
  if (process.getuid?.() !== 0 || !isDone('mkfs.exfat', image) || !isDone('losetup', '--version')) return undefined;
  const device = run('losetup', '--find', '--show', image);
  t.teardown(() => {
    isDone('umount', at);
    run('losetup', '--detach', device);
  });
  return isDone('mount', '-t', 'exfat', device, at) || isDone('mount.exfat-fuse', device, at) ? at : undefined;
}

test('S5: exFAT holds no store, at home or as a remote, and a profile is restored to it', async (t) => {
  const folder = temporary(t);
  const at = mountExfat(t, folder);
  if (at === undefined) return t.pass('this machine cannot mount exFAT');
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeFileSync(join(dir, 'file'), 'content');
  const home = await openRepository({ home: join(at, 'home') });
  const { message } = await rejects(t, () => home.init(), 'UNSUPPORTED');
  t.regex(message, /no hard links/);
  const store = await openRepository({ home: join(folder, 'home'), remote: pathToFileURL(join(at, 'remote')).href });
  await store.session('s').commit(dir, { offline: true });
  await rejects(t, () => store.session('s').push(), 'UNSUPPORTED');
  await store.session('s').checkout(join(at, 'target'), { offline: true });
  t.deepEqual(readdirSync(join(at, 'target')), ['file']);
});
