/**
 * Records of the local store about directories that were committed or checked out: session, commit,
 * and interrupted changes. The directory itself holds nothing but the profile. Records belong to
 * this machine. Without its record, a directory is treated as unknown, which is always safe.
 */

import { lstatSync, realpathSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { sha256 } from '#platform';
import { toHex, utf8 } from '../base/bytes.js';
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { owning } from '../base/owners.js';
import type { ObjectId } from '../format/object-id.js';
import { errno, writeFailure } from '../fs/errors.js';
import { quote } from '../fs/paths.js';
import { readPrivately, replacePrivately, sealed, unsealed } from '../fs/private-file.js';
import type { CaptureRules } from './capture/filter.js';
import { StatCache } from './capture/stat-cache.js';
import { identityOf } from './checkout/exchange.js';
import type { OpenedEntries } from './opened.js';

/** A change of the directory that may be incomplete. */
export interface Pending {
  /**
   * The step of the change:
   * - `stage`: new content is being written to `stage`. The complete stage then replaces the
   *   directory's content.
   * - `swap`: the directory is being renamed to `old`, and `stage` to the directory's path.
   * - `clear` and `fill`: entries are being moved one by one, the former ones to `old` and the new
   *   ones out of `stage`.
   * - `drop`: the new content is in place; `stage` and `old` are being removed.
   * - `apply`: the directory itself is being changed, and is a mixture until it is rewritten.
   */
  phase: 'stage' | 'swap' | 'clear' | 'fill' | 'drop' | 'apply';
  /** The directory that the new content is written to. */
  stage: string;
  /** The path for the directory's former content. Undefined if the directory was absent. */
  old: string | undefined;
  /** The record before the change, which is restored if the change is undone. */
  previous: WorkspaceRecord | undefined;
  /** The record after the change. For `apply`, the record of the version being written. */
  next: WorkspaceRecord | undefined;
  /** The identity of the directory before the exchange began. */
  former?: string | undefined;
  /** The identity of the complete `stage`. */
  fresh?: string | undefined;
  /**
   * The file system's time, in nanoseconds, since which this change has not written to the former
   * content.
   */
  since?: string | undefined;
  /** Directories that are moved in parts, with their identities. */
  split?: Readonly<Record<string, string>> | undefined;
  /**
   * An earlier interrupted change. It is pending again if this change is undone, and finished with
   * this change.
   */
  under: Pending | undefined;
}

export interface WorkspaceRecord {
  session: string;
  /** The commit whose content the directory had when it was last committed or checked out. */
  base: ObjectId;
  /** The session's head when the directory was last committed or checked out. */
  head: ObjectId;
  /** Globs of a partial checkout. */
  only: string[] | undefined;
  /** The rules of the last capture. */
  rules: CaptureRules;
  /** Entries that were made writable, with their modes in the version. */
  opened?: OpenedEntries | undefined;
}

interface Stored {
  dir: string;
  /**
   * Changes with each write, so that a record written meanwhile is detected even if its content is
   * equal.
   */
  generation: string;
  /** The identity of the directory. Another directory at the same path is unknown. */
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
    /** The directory's real path. The directory need not exist. */
    readonly dir: string,
    readonly record: WorkspaceRecord | undefined,
    readonly pending: Pending | undefined,
    /** The generation of this record. Undefined if there is no record. */
    readonly generation: string | undefined,
    folder: string,
    host: RecordHost,
  ) {
    this.#folder = folder;
    this.#host = host;
  }

  /**
   * Reads the record of `dir`. `folder` is the folder of records, which the first write creates.
   */
  static async open(folder: string, dir: string, host: RecordHost): Promise<Workspace> {
    const real = realPath(dir);
    const bytes = await readIfPresent(recordPath(folder, real, 'json'));
    const stored = bytes && parse(bytes);
    const mine = stored?.dir === real ? stored : undefined;
    const now = identityOf(real);
    const isStranger = mine?.identity !== undefined && now !== undefined && now !== mine.identity;
    return new Workspace(real, isStranger ? undefined : mine?.record, mine?.pending, mine?.generation, folder, host);
  }

  /**
   * Replaces the record atomically. Throws USAGE if the path of the records is no folder, FORBIDDEN
   * or NO_SPACE.
   */
  async write(record: WorkspaceRecord | undefined, pending?: Pending): Promise<Workspace> {
    const generation = toHex(this.#host.random(8));
    const stored: Stored = { dir: this.dir, generation, identity: identityOf(this.dir), record, pending };
    const json = utf8(JSON.stringify(stored));
    await this.#replace(recordPath(this.#folder, this.dir, 'json'), sealed(json));
    return new Workspace(this.dir, record, pending, generation, this.#folder, this.#host);
  }

  /** Reads the stat cache of the directory. */
  async readCache(): Promise<StatCache> {
    return StatCache.decode(await readIfPresent(recordPath(this.#folder, this.dir, 'stat')), { dir: this.dir });
  }

  /** Replaces the stat cache atomically. */
  async writeCache(cache: StatCache): Promise<void> {
    await this.#replace(recordPath(this.#folder, this.dir, 'stat'), cache.encode());
  }

  /** Removes the record of a directory that no longer exists. */
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
 * Returns the path with symlinks resolved, as far as the path exists. Throws USAGE for a path below
 * a file, a broken or circular symlink, and an invalid path. Throws FORBIDDEN if the system denies
 * access.
 */
export function realPath(dir: string): string {
  const full = resolve(dir);
  // Node decodes bytes that are not UTF-8 to this character, so the path may be another
  // directory's.
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

/** Returns the library error for a failure to write to the local store. */
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

/** Returns the path of a file about the directory with the real path `dir`. */
export function recordPath(folder: string, dir: string, kind: 'json' | 'stat' | 'lock'): string {
  return join(folder, `${toHex(sha256(utf8(dir)).subarray(0, 16))}.${kind}`);
}

/** Returns the real paths of the directories whose records contain a pending change. */
export async function pendingDirectories(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await namesIn(folder)).filter((each) => /^[0-9a-f]{32}\.json$/.test(each))) {
    const bytes = await readIfPresent(join(folder, name));
    const stored = bytes && parse(bytes);
    if (stored?.pending !== undefined) found.push(stored.dir);
  }
  return found.sort();
}

/**
 * Returns the names in a folder of notes, sorted. Returns no names if the folder does not exist.
 */
export async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return [];
    throw writeFailure(folder, error);
  });
  return names.sort();
}

async function readIfPresent(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readPrivately(path);
  } catch (error) {
    // ENOTDIR: the folder lies below a file, so it is empty. EISDIR: the entry is no record.
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR' || errno(error) === 'EISDIR') return undefined;
    throw writeFailure(path, error);
  }
}

function parse(bytes: Uint8Array): Stored | undefined {
  const json = unsealed(bytes);
  return json && (JSON.parse(new TextDecoder().decode(json)) as Stored);
}
