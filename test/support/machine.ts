/**
 * Abilities of this machine that some tests need. Tests without their ability are skipped, and
 * their titles say why.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type Implementation } from 'ava';

const isRoot = process.getuid?.() === 0;

/** The capabilities by which root ignores the mode and owner of files. */
const rights = ['chown', 'dac_override', 'dac_read_search', 'fowner', 'linux_immutable'].map((right) => `-${right}`).join();

/**
 * The words before a command that obeys modes and owners. Root stays root without those
 * capabilities: another user cannot reach a Node.js or a clone below a home directory of mode 0700.
 */
const withoutRights: readonly string[] = isRoot ? ['setpriv', `--bounding-set=${rights}`, `--inh-caps=${rights}`] : [];

/** The words before a command that runs in a PID namespace of its own. */
export const apart: readonly [string, ...string[]] = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** Runs Node.js as a user that obeys modes and owners. Resolves to its output. */
export async function runWithoutRights(...args: string[]): Promise<string> {
  const [command = '', ...words] = [...withoutRights, process.execPath, ...args];
  return (await promisify(execFile)(command, words)).stdout;
}

const isDone = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Runs `probe` with a new empty file. */
function withFile(probe: (path: string) => boolean): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'browserstate-test-'));
  const path = join(folder, 'file');
  try {
    writeFileSync(path, '', { mode: 0 });
    return probe(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns whether such a program starts, reads this clone, and cannot read a file of mode 0. */
function mayDropRights(): boolean {
  const source =
    "const { readFileSync } = require('fs'); readFileSync(process.argv[1]); try { readFileSync(process.argv[2]) } catch { console.log('bound') }";
  return withFile((path) => {
    const [command = '', ...words] = [...withoutRights, process.execPath, '-e', source, fileURLToPath(import.meta.url), path];
    return spawnSync(command, words, { encoding: 'utf8' }).stdout === 'bound\n';
  });
}

const abilities = {
  'a program without the rights of root': mayDropRights,
  'files of two users': () => isRoot && mayDropRights(),
  'immutable files': () => withFile((path) => isDone('chattr', '+i', path) && isDone('chattr', '-i', path)),
  'mounts of its own': () => isDone('unshare', '-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'),
  'mounts that all see': () => isRoot && isDone('unshare', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'),
  'PID namespaces': () => isDone(...apart, 'true'),
  'device files': () => withFile((path) => isDone('mknod', `${path}-device`, 'c', '1', '5')),
  '/dev/full': () => process.platform === 'linux',
} satisfies Record<string, () => boolean>;

const found = new Map<string, boolean>();

/** Declares a test by `declare`. The test is skipped if the machine lacks one of `needs`. */
export function testWith(needs: (keyof typeof abilities)[], declare: typeof test | typeof test.serial = test) {
  const missing = needs.filter((need) => {
    if (!found.has(need)) found.set(need, abilities[need]());
    return !found.get(need);
  });
  return (title: string, implementation: Implementation<[]>): void =>
    missing.length === 0 ? declare(title, implementation) : declare.skip(`${title} (needs ${missing.join(', ')})`, implementation);
}
