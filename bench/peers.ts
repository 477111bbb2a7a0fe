/**
 * Common tools and ours behind one interface. Each tool runs as a whole process and gets the same
 * directory. It keeps all its data (repository, cache, settings) below one folder. restic always
 * encrypts; borg and tar run without encryption.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, type RunOptions, runTimed, type Timed } from '../test/support/measure/timed.js';
import { storedIn } from './_stage.js';

export interface Peer {
  readonly name: string;
  /** Returns why the tool cannot run here, or undefined if it can. */
  missing(): string | undefined;
  /** Creates an empty repository below `root`. */
  init(root: string): void;
  /** Commits `dir`, whose path is always the same. */
  snapshot(root: string, dir: string): Timed;
  /**
   * Restores the newest snapshot of `dir` below `out`, an absent directory. `at` is the path of the
   * files.
   */
  restore(root: string, dir: string, out: string): Timed & { at: string };
  /** Returns the bytes of the repository, without caches. */
  storedBytes(root: string): number;
}

const needs =
  (...programs: string[]) =>
  () => {
    const absent = programs.filter((program) => !installed(program));
    return absent.length === 0 ? undefined : `${absent.join(', ')} not installed`;
  };

const resticRun = (root: string, ...args: string[]): Timed =>
  runTimed('restic', ['--quiet', '--repo', join(root, 'repo'), '--cache-dir', join(root, 'cache'), ...args], {
    env: { RESTIC_PASSWORD: 'bench' },
  });

const restic: Peer = {
  name: 'restic',
  missing: needs('restic'),
  init: (root) => void resticRun(root, 'init'),
  snapshot: (root, dir) => resticRun(root, 'backup', dir),
  restore: (root, dir, out) => ({ ...resticRun(root, 'restore', 'latest', '--target', out), at: join(out, dir) }),
  storedBytes: (root) => storedIn(join(root, 'repo')),
};

const borgRun = (root: string, args: readonly string[], options: RunOptions = {}): Timed =>
  runTimed('borg', args, {
    ...options,
    env: { BORG_BASE_DIR: root, BORG_REPO: join(root, 'repo'), BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes' },
  });

const borg: Peer = {
  name: 'borg',
  missing: needs('borg'),
  init: (root) => void borgRun(root, ['init', '--encryption', 'none']),
  // Borg needs a name for each archive. The number is read from the repository outside the timing.
  snapshot: (root, dir) => borgRun(root, ['create', '-C', 'zstd,3', `::n${borgCount(root)}`, '.'], { cwd: dir }),
  restore: (root, _dir, out) => {
    const newest = `::n${borgCount(root) - 1}`;
    mkdirSync(out);
    return { ...borgRun(root, ['extract', newest], { cwd: out }), at: out };
  },
  storedBytes: (root) => storedIn(join(root, 'repo')),
};

const borgCount = (root: string): number => borgRun(root, ['list', '--short']).stdout.split('\n').length - 1;

const archives = (root: string): string[] => readdirSync(join(root, 'repo')).sort();

const tar: Peer = {
  name: 'tar | zstd -3',
  missing: needs('tar', 'zstd'),
  init: (root) => void mkdirSync(join(root, 'repo')),
  snapshot: (root, dir) => {
    const file = join(root, 'repo', `${archives(root).length}.tar.zst`);
    return runTimed('sh', ['-c', 'tar -C "$1" -cf - . | zstd -q -3 -o "$2"', 'sh', dir, file]);
  },
  restore: (root, _dir, out) => {
    const file = join(root, 'repo', archives(root).at(-1) as string);
    return { ...runTimed('sh', ['-c', 'mkdir "$2" && zstd -q -dc "$1" | tar -C "$2" -xf -', 'sh', file, out]), at: out };
  },
  storedBytes: (root) => storedIn(join(root, 'repo')),
};

const CLI = join(dirname(fileURLToPath(import.meta.url)), '../lib/cli.js');

const ownRun = (root: string, ...args: string[]): Timed =>
  runTimed(process.execPath, [CLI, '--home', join(root, 'repo'), ...args, '--json']);

const browserstate: Peer = {
  name: 'browserstate',
  missing: () => (existsSync(CLI) ? undefined : 'not built'),
  init: (root) => void ownRun(root, 'init'),
  // The directory holds only the files of the comparison, so nothing else is excluded.
  snapshot: (root, dir) => ownRun(root, 'snapshot', dir, '-s', 'bench', '--keep-caches', '--no-push'),
  restore: (root, _dir, out) => ({ ...ownRun(root, 'restore', out, '-s', 'bench'), at: out }),
  // The local store also holds caches, like the peers' cache folders.
  storedBytes: (root) => storedIn(join(root, 'repo'), ['index', 'records']),
};

export const peers: readonly Peer[] = [browserstate, restic, borg, tar];
