/**
 * Garbage collection (SPEC.md 11.2), which deletes the objects that no ref reaches. A collection
 * needs no locks and clocks, and runs while other processes read and write. It can be interrupted
 * at any point and run again.
 */
import { readAhead } from '../../base/concurrency.js';
import { BrowserStateError, ignore, integrity, isError } from '../../base/errors.js';
import { MAX_CONDEMNED, REMOTE_CONCURRENCY } from '../../base/limits.js';
import { type Condemned, compareCondemned } from '../../format/cells.js';
import { isId, nameOfKey, type ObjectFolder, objectFolders, objectKey, REF_PREFIX, refKey } from '../../format/keys.js';
import type { ObjectName } from '../../format/locator.js';
import { entryCount, type Ref } from '../../format/ref.js';
import type { RequestOptions } from '../../provider/provider.js';
import type { Token } from '../refs.js';
import type { Repository, StoredEpoch } from '../repository.js';
import { isDamage, Marker } from './mark.js';

export interface ObjectTotals {
  objects: number;
  bytes: number;
  kinds: Record<ObjectFolder, { objects: number; bytes: number }>;
}

export interface Collected {
  /** The deleted objects. In a dry run, the objects that a collection would delete. */
  deleted: ObjectTotals;
  kept: ObjectTotals;
  /** Sessions that have a commit, and their commits. */
  sessions: number;
  commits: { dropped: number; kept: number };
}

export type GcStep = 'mark' | 'fence' | 'delete';

export interface CollectOptions extends RequestOptions {
  /** Reports the objects that would be deleted, and writes nothing. */
  dryRun?: boolean | undefined;
  /** Called after each session of the steps `mark` and `fence`, and each object of `delete`. */
  onProgress?: ((step: GcStep, done: number, total: number) => void) | undefined;
}

/**
 * Swaps an epoch into the ref of a session, unless the ref has that epoch. Returns the current ref.
 */
export type Stamp = (session: string, k: number) => Promise<Ref>;

/**
 * Deletes the objects that no ref reaches. Throws INTEGRITY if a session is unreadable, before
 * anything is deleted. Throws CONFLICT if another collection takes over, and the errors of the
 * provider.
 */
export async function collectGarbage(repository: Repository, stamp: Stamp, options: CollectOptions): Promise<Collected> {
  const collection = new Collection(repository, stamp, options);
  while (await collection.round());
  return collection.result;
}

class Collection {
  result: Collected = { deleted: noObjects(), kept: noObjects(), sessions: 0, commits: { dropped: 0, kept: 0 } };
  readonly #repository: Repository;
  readonly #stamp: Stamp;
  readonly #options: CollectOptions;
  readonly #marker: Marker;
  /** The sessions that were listed. Refs are never deleted, so each later list has them all. */
  readonly #listed = new Set<string>();

  constructor(repository: Repository, stamp: Stamp, options: CollectOptions) {
    this.#repository = repository;
    this.#stamp = stamp;
    this.#options = options;
    this.#marker = new Marker(repository, options);
  }

  /** Condemns and deletes as many names as fit into an epoch. Returns whether there are more. */
  async round(): Promise<boolean> {
    const { dryRun } = this.#options;
    const epoch = dryRun ? undefined : await this.#repository.epoch(this.#options);
    // A dry run reports a damaged epoch too.
    if (dryRun) await this.#repository.findEpoch(this.#options);
    await this.#checkRefs();
    const sizes = await this.#listObjects();
    const reached = await this.#markAll('mark', (session) => this.#read(session));
    // A ref is created before the first object is put (R-REF-12).
    if (this.#listed.size === 0 && sizes.size > 0) throw stopped(integrity(`no session is left, but ${sizes.size} objects exist`));
    const garbage = [...sizes.keys()].filter((key) => !reached.has(key)).map(condemnedOf);
    this.result.kept = noObjects();
    for (const [key, size] of sizes) count(dryRun && !reached.has(key) ? this.result.deleted : this.result.kept, key, size);
    if (epoch === undefined) return false;
    if (garbage.length > 0) await this.#delete(epoch, garbage.sort(compareCondemned).slice(0, MAX_CONDEMNED), sizes);
    // An interrupted collection has left a list.
    else if (epoch.condemned.length > 0) await this.#repository.nextEpoch(epoch, [], this.#options);
    return garbage.length > MAX_CONDEMNED;
  }

  async #delete(epoch: StoredEpoch, garbage: readonly Condemned[], sizes: ReadonlyMap<string, number>): Promise<void> {
    const { provider } = this.#repository;
    const fence = await this.#repository.nextEpoch(epoch, garbage, this.#options);
    if (fence === undefined) throw takenOver();
    try {
      const reached = await this.#markAll('fence', (session) => this.#stamp(session, fence.k));
      if ((await this.#repository.readEpoch(this.#options))?.version !== fence.version) throw takenOver();
      const doomed = garbage.map(({ folder, name }) => objectKey(folder, name)).filter((key) => !reached.has(key));
      let done = 0;
      const remove = async (key: string): Promise<string> => {
        await provider.delete(key, this.#options);
        return key;
      };
      for await (const key of readAhead(doomed, REMOTE_CONCURRENCY, remove)) {
        count(this.result.deleted, key, sizes.get(key) ?? 0);
        count(this.result.kept, key, sizes.get(key) ?? 0, -1);
        this.#options.onProgress?.('delete', ++done, doomed.length);
      }
    } catch (error) {
      // The list ends here, unless that would keep a caller waiting. The next collection ends it
      // then.
      if (!isError(error, 'CANCELLED', 'UNREACHABLE')) await this.#repository.nextEpoch(fence, []).catch(ignore());
      throw error;
    }
    // If this swap loses, another collection has begun.
    await this.#repository.nextEpoch(fence, [], this.#options);
  }

  /** Throws INTEGRITY for a ref that the provider calls damaged: a list may omit such a ref. */
  async #checkRefs(): Promise<void> {
    for await (const { key, message } of this.#repository.provider.check?.(this.#options) ?? [])
      if (`${key}/`.startsWith(REF_PREFIX)) throw stopped(integrity(`${key}: ${message}`));
  }

  /** Returns the size of each object by its key. Ignores entries that are no objects. */
  async #listObjects(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const folder of objectFolders) {
      for await (const { key, size } of this.#repository.provider.list(`${folder}/`, this.#options))
        if (size !== undefined && nameOfKey(folder, key) !== undefined) sizes.set(key, size);
    }
    return sizes;
  }

  /** Returns the keys of all objects that the refs returned by `open` reach. */
  async #markAll(step: GcStep, open: (session: string) => Promise<Ref>): Promise<ReadonlySet<string>> {
    const sessions = await this.#listSessions();
    const reached = new Set<string>();
    const found = { sessions: 0, commits: 0 };
    let done = 0;
    const mark = async (session: string): Promise<void> => {
      const ref = await this.#markOne(session, open, reached);
      if (ref.entries.length > 0) found.sessions++;
      found.commits += entryCount(ref);
    };
    for await (const _ of readAhead(sessions, REMOTE_CONCURRENCY, mark)) this.#options.onProgress?.(step, ++done, sessions.length);
    this.result.sessions = found.sessions;
    this.result.commits.kept = found.commits;
    return reached;
  }

  async #markOne(session: string, open: (session: string) => Promise<Ref>, reached: Set<string>): Promise<Ref> {
    const ref = await open(session).catch((error: unknown) => {
      throw unreadable(session, error, `If ${refKey(session)} belongs to no session, move it out of the store.`);
    });
    try {
      await this.#marker.mark(ref, reached);
      return ref;
    } catch (error) {
      if (!isDamage(error)) throw error;
      const { sequence } = await this.#read(session);
      if (sequence === ref.sequence) throw unreadable(session, error, `\`browserstate delete -s ${session}\` drops what cannot be mended.`);
      throw takenOver(error);
    }
  }

  /**
   * Returns the names of all sessions. Throws INTEGRITY for an entry that is no ref, because the
   * objects that it reaches are unknown.
   */
  async #listSessions(): Promise<string[]> {
    const sessions: string[] = [];
    for await (const { key } of this.#repository.provider.list(REF_PREFIX, this.#options)) {
      const session = key.slice(REF_PREFIX.length);
      if (!isId(session)) throw unreadable(session, integrity(`${key}: expected the name of a session`));
      sessions.push(session);
    }
    const found = new Set(sessions);
    const lost = [...this.#listed].find((session) => !found.has(session));
    if (lost !== undefined) throw unreadable(lost, integrity(`${refKey(lost)}: it was listed before, but is missing`));
    for (const session of sessions) this.#listed.add(session);
    return sessions;
  }

  async #read(session: string): Promise<Ref> {
    return (await readListed(this.#repository, session, this.#options)).ref;
  }
}

/**
 * Reads a ref that was listed. Throws INTEGRITY if the ref does not exist, since refs are never
 * deleted.
 */
export async function readListed({ refs }: Repository, session: string, options: RequestOptions): Promise<Token> {
  const token = await refs.read(session, options);
  if (token === undefined) throw integrity(`${refKey(session)}: it was listed, but is no ref`);
  return token;
}

function noObjects(): ObjectTotals {
  const none = () => ({ objects: 0, bytes: 0 });
  return { ...none(), kinds: { packs: none(), manifests: none(), segments: none() } };
}

function count(totals: ObjectTotals, key: string, size: number, sign: 1 | -1 = 1): void {
  for (const each of [totals, totals.kinds[condemnedOf(key).folder]]) {
    each.objects += sign;
    each.bytes += sign * size;
  }
}

/** Returns the folder and the name in the key of an object. */
function condemnedOf(key: string): Condemned {
  const folder = objectFolders.find((each) => key.startsWith(`${each}/`)) as ObjectFolder;
  return { folder, name: nameOfKey(folder, key) as ObjectName };
}

/** Returns the error of a collection that another process has ended: a collection, or a fork. */
export function takenOver(cause?: unknown): BrowserStateError {
  return new BrowserStateError('CONFLICT', 'another process ended this garbage collection; no session lost anything', {
    hint: 'Repeat the command. If another collection runs, wait until it has ended.',
    cause,
  });
}

const VERIFY = 'Run `browserstate verify`, with `--on remote` for the remote, to see the damage.';

/** Returns the error for a store whose sessions are not all known. */
function stopped(damage: BrowserStateError): BrowserStateError {
  return new BrowserStateError('INTEGRITY', `garbage collection stopped, since the store is damaged: ${damage.message}`, {
    hint: VERIFY,
    cause: damage,
  });
}

/**
 * Returns the error for a session whose objects are not all known. Returns any other error
 * unchanged.
 */
function unreadable(session: string, error: unknown, more = ''): unknown {
  if (!isDamage(error)) return error;
  const code = error.code === 'NOT_FOUND' ? 'INTEGRITY' : error.code;
  const hint = code === 'INTEGRITY' ? `${VERIFY} ${more}`.trim() : error.hint;
  const message = `garbage collection stopped, since session ${session} is unreadable: ${error.message}`;
  return new BrowserStateError(code, message, { hint, details: { session, ...error.details }, cause: error });
}
