/**
 * The tools that people use for this today, and ours, behind one interface: each runs as a whole process, keeps all it
 * has (repository, cache, settings) below one folder of the bench, and is given the same directory. restic always
 * encrypts; borg and tar are run without.
 */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { storedIn } from './_stage.js';
import { installed, type RunOptions, runTimed, type Timed } from './_timed.js';

export interface Peer {
  readonly name: string;
  /** Undefined when it can run here, else why not. */
  missing(): string | undefined;
  /** Makes an empty repository below `root`. */
  init(root: string): void;
  /** Commits `dir`, whose path is the same each time. */
  snapshot(root: string, dir: string): Timed;
  /** Brings the newest snapshot of `dir` back below `out`, an absent directory; `at` is where the files then are. */
  restore(root: string, dir: string, out: string): Timed & { at: string };
  /** Bytes of the repository, caches apart. */
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
  // Borg names its archives; the caller's order is kept by a count that is read from the repository outside the timing.
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
  // The directory holds just the files of the comparison, so nothing more is left out.
  snapshot: (root, dir) => ownRun(root, 'snapshot', dir, '-s', 'bench', '--keep-caches', '--no-push'),
  restore: (root, _dir, out) => ({ ...ownRun(root, 'restore', out, '-s', 'bench'), at: out }),
  // Home also holds this machine's caches, as the peers' cache folders do.
  storedBytes: (root) => storedIn(join(root, 'repo'), ['index', 'records']),
};

export const peers: readonly Peer[] = [browserstate, restic, borg, tar];
