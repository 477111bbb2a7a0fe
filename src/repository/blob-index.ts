/**
 * The index in LevelDB: which blobs the local store has, and their locations (SPEC.md R-GC-3). The
 * index is a cache: losing it costs time, and every entry carries its own checksum. LevelDB opens
 * in one process at a time, so the index is opened for one batch and closed again. If the index
 * stays locked, the caller continues without it.
 */
import { existsSync } from 'node:fs';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256 } from '#platform';
import { concat, equalBytes, Reader, toHex, Writer } from '../base/bytes.js';
import { isError, messageOf } from '../base/errors.js';
import { CHUNK_SIZE, INDEX_BATCH, INDEX_LOCK_RETRIES, INDEX_LOCK_WAIT_MS } from '../base/limits.js';
import { loadPackage } from '../base/packages.js';
import { decodeLocators, encodeLocators, type Location } from '../format/locator.js';
import type { BlobPlace } from '../format/manifest.js';
import { idBytes, type ObjectId } from '../format/object-id.js';
import type { Repository } from './repository.js';

type Database = import('level').Level<Uint8Array, Uint8Array>;

const META_KEY = Uint8Array.of(0x6d);
const CHECKSUM_BYTES = 8;

export interface IndexOptions {
  rebuild?: boolean;
  /** Called whenever an index is needed and cannot be opened. */
  onWarning?: ((message: string) => void) | undefined;
}

export class BlobIndex {
  readonly #path: string;
  /**
   * The value of `metaValue` when the index was last seen empty. An empty index need not be opened
   * for every batch.
   */
  #emptyAt: Uint8Array | undefined;

  /**
   * True if an outdated index is rebuilt. The index of a remote is not rebuilt, because a rebuild
   * would read all heads there.
   */
  readonly #rebuild: boolean;
  readonly #onWarning: IndexOptions['onWarning'];

  /** `path` is the index's directory. Its parent exists before the first look-up. */
  constructor(path: string, { rebuild = true, onWarning }: IndexOptions = {}) {
    this.#path = path;
    this.#rebuild = rebuild;
    this.#onWarning = onWarning;
  }

  /**
   * Loads LevelDB, which is slow, before its first use. Resolves to undefined if LevelDB cannot be
   * loaded, such as by a bundle that was moved away from its packages.
   */
  async load(): Promise<typeof import('level').Level | undefined> {
    try {
      return (loadPackage('level') as typeof import('level')).Level;
    } catch (error) {
      this.#onWarning?.(
        `the index cannot be used, and more is read and stored than needed: LevelDB could not be loaded: ${messageOf(error).split('\n')[0]}; install the package "level" beside this program`,
      );
      return undefined;
    }
  }

  /**
   * Returns the locations of the ids that the index has under the GC epoch `k`. An index of another
   * repository or epoch returns none, or is first rebuilt from the heads of all sessions. The same
   * applies to a missing index.
   */
  async lookup(repository: Repository, k: number, ids: readonly ObjectId[]): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
    const found = new Map<ObjectId, BlobPlace>();
    const meta = metaValue(repository, k);
    if (this.#emptyAt !== undefined && equalBytes(this.#emptyAt, meta)) return found;
    if (this.#rebuild && !existsSync(this.#path) && !(await hasHeads(repository))) {
      this.#emptyAt = meta;
      return found;
    }
    await this.#withDatabase(async (database) => {
      const isUsable = await isCurrent(database, meta);
      if (!isUsable && !this.#rebuild) return;
      if (!isUsable) {
        await rebuild(database, repository, k, meta);
        if (!(await holdsBlobs(database))) this.#emptyAt = meta;
      }
      for (const [id, place] of await getPlaces(database, ids)) found.set(id, place);
    });
    return found;
  }

  /**
   * Returns the locations of the ids that the index has, and the epoch under which they were
   * recorded. Guesses the result of a look-up without a request for the epoch. Does not create
   * `path`.
   */
  async guess(repository: Repository, ids: readonly ObjectId[]): Promise<{ learntAt: number; places: ReadonlyMap<ObjectId, BlobPlace> }> {
    let found = { learntAt: 0, places: new Map<ObjectId, BlobPlace>() };
    if (!existsSync(this.#path)) return found;
    await this.#withDatabase(async (database) => {
      const learntAt = epochOf(repository, await database.get(META_KEY));
      if (learntAt !== undefined) found = { learntAt, places: await getPlaces(database, ids) };
    });
    return found;
  }

  /**
   * Adds blobs that were stored under the GC epoch `k`. An index of another epoch is emptied first.
   * If the next look-up can rebuild such an index, it stays as it is.
   */
  async record(repository: Repository, k: number, places: Iterable<readonly [ObjectId, BlobPlace]>): Promise<void> {
    const meta = metaValue(repository, k);
    const wasEmpty = this.#emptyAt !== undefined && equalBytes(this.#emptyAt, meta);
    this.#emptyAt = undefined;
    await this.#withDatabase(async (database) => {
      const isUsable = await isCurrent(database, meta);
      const isNew = wasEmpty && (await database.get(META_KEY)) === undefined;
      if (!isUsable && !isNew && this.#rebuild) return;
      if (!isUsable) {
        await database.clear();
        await database.put(META_KEY, meta);
      }
      await putPlaces(database, places);
    });
  }

  /**
   * Runs `work` on the open database. Skips `work` if the database stays locked, or if the file
   * system rejects it. Removes a damaged or foreign database, and runs `work` on a new one.
   */
  async #withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
    const Level = await this.load();
    if (Level === undefined) return;
    for (let attempt = 0; attempt < INDEX_LOCK_RETRIES; attempt++) {
      // LevelDB would wait for a FIFO forever, in a thread that no signal ends.
      if ((await hasOddEntries(this.#path)) && !(await removed(this.#path))) return;
      const database: Database = new Level(this.#path, { keyEncoding: 'view', valueEncoding: 'view' });
      try {
        await database.open();
        await work(database);
        return;
      } catch (error) {
        if (isLocked(error)) await sleep(INDEX_LOCK_WAIT_MS);
        else if (!isDatabaseError(error)) throw error;
        else if (!(await removed(this.#path))) return;
      } finally {
        await database.close();
        await makePrivate(this.#path);
      }
    }
  }
}

/** Returns true if a directory has entries other than files. LevelDB never creates such entries. */
async function hasOddEntries(path: string): Promise<boolean> {
  try {
    return (await readdir(path, { withFileTypes: true })).some((entry) => !entry.isFile());
  } catch (error) {
    // Either there is no directory yet, or LevelDB reports the same problem.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return false;
  }
}

/** Removes the permissions that LevelDB grants to other users by the umask. */
async function makePrivate(path: string): Promise<void> {
  try {
    await chmod(path, 0o700);
    for (const name of await readdir(path)) await chmod(join(path, name), 0o600);
  } catch (error) {
    // Another process may have removed a file or the whole directory.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  }
}

/** Removes the index. Returns false if the file system rejects the removal. */
async function removed(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return false;
  }
}

async function isCurrent(database: Database, meta: Uint8Array): Promise<boolean> {
  const found = await database.get(META_KEY);
  return found !== undefined && equalBytes(found, meta);
}

async function getPlaces(database: Database, ids: readonly ObjectId[]): Promise<Map<ObjectId, BlobPlace>> {
  const keys = ids.map((id) => blobKey(id));
  const values = await database.getMany(keys);
  const found = new Map<ObjectId, BlobPlace>();
  values.forEach((value, i) => {
    const place = value === undefined ? undefined : decodePlace(keys[i] as Uint8Array, value);
    if (place !== undefined) found.set(ids[i] as ObjectId, place);
  });
  return found;
}

async function holdsBlobs(database: Database): Promise<boolean> {
  return (await database.keys({ lt: META_KEY, limit: 1 }).all()).length > 0;
}

/** Returns true if a rebuilt index would have entries. */
async function hasHeads(repository: Repository): Promise<boolean> {
  for await (const session of repository.refs.list()) {
    const isEmpty = await repository.refs.read(session).then(
      (token) => token === undefined || token.ref.entries.length === 0,
      () => false,
    );
    if (!isEmpty) return true;
  }
  return false;
}

async function rebuild(database: Database, repository: Repository, k: number, meta: Uint8Array): Promise<void> {
  await database.clear();
  for await (const session of repository.refs.list()) {
    try {
      const ref = (await repository.refs.read(session))?.ref;
      const head = ref?.entries[0];
      // A ref of a later epoch may name objects that were born after this epoch (R-GC-3).
      if (ref !== undefined && head !== undefined && ref.epoch <= k) await putPlaces(database, (await repository.readManifest(head)).blobs);
    } catch (error) {
      // The readers of another session, and verify, report its damage.
      if (!isError(error, 'INTEGRITY', 'NOT_FOUND', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
    }
  }
  await database.put(META_KEY, meta);
}

async function putPlaces(database: Database, places: Iterable<readonly [ObjectId, BlobPlace]>): Promise<void> {
  let batch = database.batch();
  for (const [id, place] of places) {
    const key = blobKey(id);
    batch.put(key, encodePlace(key, place));
    if (batch.length < INDEX_BATCH) continue;
    await batch.write();
    batch = database.batch();
  }
  await batch.write();
}

/** Returns the identity of an index that was built for this repository under the GC epoch `k`. */
function metaValue(repository: Repository, k: number): Uint8Array {
  return new Writer().byte(1).bytes(repository.id).uint(k).finish();
}

/**
 * Returns the epoch of a value of `metaValue`. Returns undefined for a value of another repository,
 * for damage and for no value.
 */
function epochOf(repository: Repository, meta: Uint8Array | undefined): number | undefined {
  const start = metaValue(repository, 0).subarray(0, -1);
  if (meta === undefined || !equalBytes(meta.subarray(0, start.length), start)) return undefined;
  try {
    return new Reader(meta.subarray(start.length), 'index').uint(Number.MAX_SAFE_INTEGER);
  } catch (error) {
    if (!isError(error, 'INTEGRITY')) throw error;
    return undefined;
  }
}

function blobKey(id: ObjectId): Uint8Array {
  return concat([Uint8Array.of(0x62), idBytes(id)]);
}

function encodePlace(key: Uint8Array, { location, length }: BlobPlace): Uint8Array {
  const value = new Writer()
    .uint(length)
    .bytes(encodeLocators([location], [length]))
    .finish();
  return concat([value, sha256(key, value).subarray(0, CHECKSUM_BYTES)]);
}

/** Decodes an entry. Returns undefined unless the entry is exactly as it was written. */
function decodePlace(key: Uint8Array, entry: Uint8Array): BlobPlace | undefined {
  const value = entry.subarray(0, -CHECKSUM_BYTES);
  if (toHex(sha256(key, value).subarray(0, CHECKSUM_BYTES)) !== toHex(entry.subarray(-CHECKSUM_BYTES))) return undefined;
  const input = new Reader(value, 'index entry');
  const length = input.uint(CHUNK_SIZE);
  const [location] = decodeLocators(input.bytes(input.remaining), [length]);
  return { location: location as Location, length };
}

function isLocked(error: unknown): boolean {
  return levelCode((error as { cause?: unknown }).cause) === 'LEVEL_LOCKED';
}

/** Returns true if LevelDB itself failed: a damaged, incomplete or foreign directory. */
function isDatabaseError(error: unknown): boolean {
  return levelCode(error)?.startsWith('LEVEL_') ?? false;
}

function levelCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
