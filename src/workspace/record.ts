/**
 * What home remembers about the directories that were committed or checked out: of which session, from which commit, and what was
 * under way when a process died. A directory itself holds the profile and nothing else. Records are notes of this machine: a lost or damaged one
 * makes the directory a stranger, which is always safe.
 */

import { lstatSync, realpathSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { sha256 } from '#platform';
import { toHex, utf8 } from '../bytes.js';
import { BrowserStateError } from '../errors.js';
import type { Host } from '../host.js';
import type { ObjectId } from '../object-id.js';
import { owning } from '../owners.js';
import { quote } from './directory.js';
import { identityOf } from './exchange.js';
import { errno, writeFailure } from './files.js';
import type { CaptureRules } from './filter.js';
import type { OpenedEntries } from './opened.js';
import { readPrivately, replacePrivately, sealed, unsealed } from './private-file.js';
import { StatCache } from './stat-cache.js';

/** A change of the directory that may be half done. */
export interface Pending {
  /**
   * `stage`: new content is being written to `stage`. Then it is complete and takes the directory's place: `swap`, by renaming the
   * directory to `old` and `stage` to its place; `clear` and `fill`, by moving the entries one by one, the old ones to `old` and the new
   * ones out of `stage`. `drop`: the new content is in place, and `stage` and `old` are removed. `apply`: the directory itself is
   * being changed, and is a mixture until it is written anew.
   */
  phase: 'stage' | 'swap' | 'clear' | 'fill' | 'drop' | 'apply';
  /** The directory that the new content is written to. */
  stage: string;
  /** The place for the directory's former content; undefined if the directory was absent. */
  old: string | undefined;
  /** The record before: it holds again if the change is undone. */
  previous: WorkspaceRecord | undefined;
  /** The record after the change; for `apply` the version that is being written. */
  next: WorkspaceRecord | undefined;
  /** The identity of the directory before the exchange began. */
  former?: string | undefined;
  /** The identity of `stage` when it was complete. */
  fresh?: string | undefined;
  /** The file system's time, in nanoseconds, from which on this change wrote nothing to the former content. */
  since?: string | undefined;
  /** Directories that are moved part by part, with their identities. */
  split?: Readonly<Record<string, string>> | undefined;
  /** An earlier change that was cut off: it is pending again if this one is undone, and done with this one. */
  under: Pending | undefined;
}

export interface WorkspaceRecord {
  session: string;
  /** The commit whose content the directory had when it was last committed or checked out. */
  base: ObjectId;
  /** The session's head at that moment. */
  head: ObjectId;
  /** Globs of a partial checkout. */
  only: string[] | undefined;
  /** What the last capture left out. */
  rules: CaptureRules;
  /** Entries that were opened to their owner, with the modes that they have in the version. */
  opened?: OpenedEntries | undefined;
}

interface Stored {
  dir: string;
  /** Another one with each writing: tells a record that was written in between from one that was not, also if both say the same. */
  generation: string;
  /** Which directory it was: another one at the same path is a stranger. */
  identity: string | undefined;
  record: WorkspaceRecord | undefined;
  pending: Pending | undefined;
}

type RecordHost = Pick<Host, 'random' | 'owners'>;

/** The record of one directory. */
export class Workspace {
  readonly #folder: string;
  readonly #host: RecordHost;

  private constructor(
    /** The directory's real path; it need not exist. */
    readonly dir: string,
    readonly record: WorkspaceRecord | undefined,
    readonly pending: Pending | undefined,
    /** Names this writing of the record; undefined if there is none. */
    readonly generation: string | undefined,
    folder: string,
    host: RecordHost,
  ) {
    this.#folder = folder;
    this.#host = host;
  }

  /** `folder`: where records are kept; made when the first is written. */
  static async open(folder: string, dir: string, host: RecordHost): Promise<Workspace> {
    const real = realPath(dir);
    const bytes = await readIfPresent(recordPath(folder, real, 'json'));
    const stored = bytes && parse(bytes);
    const mine = stored?.dir === real ? stored : undefined;
    const now = identityOf(real);
    const isStranger = mine?.identity !== undefined && now !== undefined && now !== mine.identity;
    return new Workspace(real, isStranger ? undefined : mine?.record, mine?.pending, mine?.generation, folder, host);
  }

  /** Replaces the record, atomically. Throws USAGE where something else is in the records' place, FORBIDDEN or NO_SPACE. */
  async write(record: WorkspaceRecord | undefined, pending?: Pending): Promise<Workspace> {
    const generation = toHex(this.#host.random(8));
    const stored: Stored = { dir: this.dir, generation, identity: identityOf(this.dir), record, pending };
    const json = utf8(JSON.stringify(stored));
    await this.#replace(recordPath(this.#folder, this.dir, 'json'), sealed(json));
    return new Workspace(this.dir, record, pending, generation, this.#folder, this.#host);
  }

  /** What earlier captures and checkouts learnt of the directory's files. */
  async readCache(): Promise<StatCache> {
    return StatCache.decode(await readIfPresent(recordPath(this.#folder, this.dir, 'stat')), { dir: this.dir });
  }

  /** Replaces what is known of the files, atomically. */
  async writeCache(cache: StatCache): Promise<void> {
    await this.#replace(recordPath(this.#folder, this.dir, 'stat'), cache.encode());
  }

  /** Removes what is remembered of the directory, which is no more. */
  async forget(): Promise<void> {
    for (const kind of ['json', 'stat'] as const) await rm(recordPath(this.#folder, this.dir, kind), { force: true });
  }

  async #replace(path: string, bytes: Uint8Array): Promise<void> {
    const replace = (owner: string) => replacePrivately(path, `${path}.${toHex(this.#host.random(8))}.${owner}`, bytes);
    await owning(this.#host.owners(this.#folder), replace).catch((error: unknown) => {
      throw recordFailure(path, error);
    });
  }
}

/**
 * The path with symlinks resolved, as far as it exists. Throws USAGE where a file is in the place of a directory above it, for a symlink that leads
 * nowhere or in a circle, and for what can be no path; FORBIDDEN where the system refuses to look.
 */
export function realPath(dir: string): string {
  const full = resolve(dir);
  // Node decodes bytes that are not UTF-8 to this character: the path would be another directory's.
  if (full.includes('\uFFFD')) {
    throw new BrowserStateError('USAGE', `${quote(dir)}: expected a path in UTF-8, found other bytes`, {
      hint: 'Rename the directory, or the one above it whose name is not UTF-8.',
      details: { path: dir },
    });
  }
  try {
    return realpathSync(full);
  } catch (error) {
    const found =
      impossible[errno(error) ?? ''] ?? (errno(error) === 'ENOENT' && isLink(full) ? 'a symlink that leads nowhere' : undefined);
    if (found !== undefined)
      throw new BrowserStateError('USAGE', `${quote(dir)}: expected a directory, found ${found}`, {
        cause: error,
        hint: 'Name another directory.',
      });
    if (errno(error) !== 'ENOENT' || dirname(full) === full) throw writeFailure(dir, error);
    return join(realPath(dirname(full)), basename(full));
  }
}

const impossible: Record<string, string> = {
  ENOTDIR: 'a file above it',
  ELOOP: 'symlinks that lead in a circle',
  ENAMETOOLONG: 'a name that is too long for the file system',
  ERR_INVALID_ARG_VALUE: 'a NUL character',
};

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** Returns what a failure to note something in the local store means. */
export function recordFailure(path: string, error: unknown): unknown {
  const code = errno(error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new BrowserStateError('FORBIDDEN', `${path} could not be written: ${code}`, {
      hint: 'Make the local store writable for this user, or name another with --home.',
      details: { path },
      cause: error,
    });
  }
  if (code !== 'EEXIST' && code !== 'ENOTDIR' && code !== 'EISDIR') return writeFailure(path, error);
  return new BrowserStateError('USAGE', `${path}: expected a place for a note of this store, found ${code}`, {
    hint: 'Something else lies in its place or above it: move that away. Notes that are lost are made anew.',
    cause: error,
  });
}

/** Where something is kept about the directory with the real path `dir`. */
export function recordPath(folder: string, dir: string, kind: 'json' | 'stat' | 'lock'): string {
  return join(folder, `${toHex(sha256(utf8(dir)).subarray(0, 16))}.${kind}`);
}

/** Returns the real paths of the directories in which something was under way when their records were written. */
export async function pendingDirectories(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return [];
    throw writeFailure(folder, error);
  });
  const found: string[] = [];
  for (const name of names.filter((each) => /^[0-9a-f]{32}\.json$/.test(each))) {
    const bytes = await readIfPresent(join(folder, name));
    const stored = bytes && parse(bytes);
    if (stored?.pending !== undefined) found.push(stored.dir);
  }
  return found.sort();
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readPrivately(path);
  } catch (error) {
    // ENOTDIR: the folder is below a file, so it holds nothing. EISDIR: what has the name is no record.
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR' || errno(error) === 'EISDIR') return undefined;
    throw writeFailure(path, error);
  }
}

function parse(bytes: Uint8Array): Stored | undefined {
  const json = unsealed(bytes);
  return json && (JSON.parse(new TextDecoder().decode(json)) as Stored);
}
