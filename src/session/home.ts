/**
 * Home: the repository on this machine, with what only this machine needs: the index and the records of directories. It is opened when it
 * is first used and created when it is first written.
 */
import { dirname, join, relative, sep } from 'node:path';
import { BrowserStateError, isError } from '../errors.js';
import type { Host } from '../host.js';
import type { Owners } from '../owners.js';
import { nameText, type ObjectName } from '../pack/locator.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import { BlobIndex } from '../repository/blob-index.js';
import { KeptFrames } from '../repository/kept-frames.js';
import type { Manifest } from '../repository/manifest.js';
import { type Row, type SegmentName, wasDeleted } from '../repository/ref.js';
import type { RefChange, Token } from '../repository/refs.js';
import { Repository } from '../repository/repository.js';
import { lockDirectory, refuseLocked } from '../workspace/lock.js';
import { realPath, Workspace } from '../workspace/record.js';
import { findStore, isSameDirectory, storeAbove } from '../workspace/stores.js';
import { drafting } from './draft.js';
import type { LegacyPlace } from './legacy.js';
import { lostHere } from './lost.js';
import { PackPresence } from './reuse.js';
import { type Found, legacySession, noSession, readManifestBytes, type Site } from './site.js';
import { sweep } from './sweep.js';

/** Whether a relative path leads out of where it starts. */
function isOutside(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`);
}

/** Where a user's repository lies in the user's folder (SPEC.md 9). */
export const STORE_FOLDER = '.store';

export interface HomeOptions {
  /** Where objects and cells are kept. */
  provider: Provider;
  /** A private directory of this machine for the index and the records. */
  folder: string;
  /** The older package's sessions in the same place. */
  legacy: LegacyPlace;
  host: Host;
  onWarning?: ((message: string) => void) | undefined;
}

export class Home implements Site {
  readonly host: Host;
  readonly isConfirmed = true;
  readonly legacy: LegacyPlace;
  readonly index: BlobIndex;
  readonly provider: Provider;
  /** What a pull decoded, for the checkout that follows it. */
  readonly frames = new KeptFrames();
  /** Where notes about directories and remotes are kept. */
  readonly records: string;
  /** The processes that own what is kept in home. */
  readonly owners: Owners;
  /** Where mounted directories lie. */
  readonly workspaces: string;
  /** Where temporary files of the local store lie. */
  readonly temporaries: string;
  #isSwept = false;
  #repository: Repository | undefined;
  #newest: { name: string; manifest: Manifest } | undefined;

  constructor({ provider, folder, legacy, host, onWarning }: HomeOptions) {
    this.provider = provider;
    this.host = host;
    this.index = new BlobIndex(join(folder, 'index'), { onWarning });
    this.records = join(folder, 'records');
    this.owners = host.owners(this.records);
    this.legacy = legacy;
    this.workspaces = join(folder, 'workspaces');
    this.temporaries = join(folder, 'tmp');
  }

  /** The repository; undefined where none was made yet. */
  async open(options: RequestOptions = {}): Promise<Repository | undefined> {
    this.#repository ??= await Repository.open(this.provider, this.host, options);
    return this.#repository;
  }

  /** The repository, made if there is none. */
  async init(options: RequestOptions = {}): Promise<Repository> {
    await this.#sweep();
    this.#repository ??= await Repository.init(this.provider, this.host, options);
    return this.#repository;
  }

  /**
   * Returns what is remembered of a directory. Throws USAGE for one that is or lies in a store of this or any home, or of a remote: a
   * checkout would wipe the store out, and every commit would take in the commits before it.
   */
  async workspace(dir: string): Promise<Workspace> {
    const workspace = await Workspace.open(this.records, dir, this.host);
    const store = dirname(realPath(this.records));
    const holdsIt = !isOutside(relative(workspace.dir, store));
    const liesInIt = !isOutside(relative(store, workspace.dir)) && isOutside(relative(join(store, 'workspaces'), workspace.dir));
    // A mount of a part of this store at another path shows no config.
    const isPart = ['', 'workspaces', 'packs', 'records'].some((part) => isSameDirectory(join(store, part), workspace.dir));
    if (holdsIt || liesInIt || isPart || storeAbove(workspace.dir) !== undefined) throw refuseStore(dir, store);
    return workspace;
  }

  /**
   * Runs `work` with the record of a directory while no other owner works with the directory. Throws BUSY if one does. Everything that writes to the directory,
   * or reads its record and writes it later, runs in here; it does not nest. `orWithout`: also if nothing can be noted in home.
   */
  async holding<T>(dir: string, work: (workspace: Workspace) => Promise<T>, { orWithout = false } = {}): Promise<T> {
    const { dir: real } = await this.workspace(dir);
    const store = findStore(real);
    if (store !== undefined) throw refuseStore(dir, store);
    await this.#sweep();
    const lock = await lockDirectory(this.records, real, this.host).catch((error: unknown) => {
      if (!orWithout || !isError(error, 'USAGE', 'FORBIDDEN')) throw error;
      return undefined;
    });
    try {
      const workspace = await this.workspace(real);
      if (workspace.dir !== real) throw swapped(dir);
      return await work(workspace);
    } finally {
      await lock?.release();
    }
  }

  /** Returns the record of a directory that is looked at. Throws BUSY if another process is in the middle of a change of it. */
  async lookedAt(dir: string): Promise<Workspace> {
    for (;;) {
      const workspace = await this.workspace(dir);
      if (workspace.pending === undefined) return workspace;
      await refuseLocked(this.records, workspace.dir, this.host);
      // It may have ended since the record was read.
      if ((await this.workspace(dir)).generation === workspace.generation) return workspace;
    }
  }

  /** The session's ref, also an empty or deleted one; undefined where there is none. */
  async read(session: string, options: RequestOptions = {}): Promise<{ repository: Repository; token: Token } | undefined> {
    const repository = await this.open(options);
    const token = await repository?.refs.read(session, options);
    return repository && token && { repository, token };
  }

  /** The session's ref created empty, or with no more than a lease; undefined where there is one. */
  async create(session: string, options: RequestOptions = {}, change: Pick<RefChange, 'lease'> = {}) {
    const repository = await this.init(options);
    const token = await repository.refs.create(session, options, change);
    return token && { repository, token };
  }

  async requireSession(session: string, options: RequestOptions = {}): Promise<Found> {
    const repository = await this.open(options);
    const token = await repository?.refs.read(session, options);
    const head = token?.ref.rows[0];
    if (repository !== undefined && token !== undefined && head !== undefined) return { repository, token, head };
    await this.refuseLegacy(session, options, token);
    throw noSession(session);
  }

  /** Home is asked each time. */
  async recall(): Promise<undefined> {
    return undefined;
  }

  async remembered(): Promise<undefined> {
    return undefined;
  }

  async refuseLegacy(session: string, options: RequestOptions = {}, token?: Token): Promise<void> {
    if (token !== undefined && wasDeleted(token.ref)) return;
    if (await this.legacy.has(session, options)) throw legacySession(session);
  }

  /**
   * Runs `read` on the session as it is now, and once more where it missed an object and the session has moved since: what is missing then may have been
   * collected, which is no damage (SPEC.md R-GC-2).
   */
  async reading<T>(session: string, options: RequestOptions, read: (found: Found) => Promise<T>): Promise<T> {
    const found = await this.requireSession(session, options);
    try {
      return await read(found);
    } catch (error) {
      if (!isError(error, 'INTEGRITY', 'CONFLICT') || !isError(error.cause, 'NOT_FOUND')) throw error;
      const now = await this.requireSession(session, options);
      if (now.token.version === found.token.version) throw error;
      return await read(now);
    }
  }

  /** Throws USAGE for a directory in the place where the older package keeps sessions: what is checked out there would be taken for one. */
  refuseTarget(dir: string): void {
    const below = relative(dirname(dirname(realPath(this.records))), realPath(dir));
    if (isOutside(below) || below === '' || below.split(sep)[0] === STORE_FOLDER) return;
    throw new BrowserStateError('USAGE', `${dir}: expected a directory apart from the store, found one in the folder of its user`, {
      hint: 'Choose a directory elsewhere: in this place it would be taken for a session of an older version of browserstate.',
    });
  }

  async readManifest(repository: Repository, token: Token, row: Row, options: RequestOptions = {}): Promise<Manifest> {
    if (this.#newest?.name === nameText(row.manifest)) return this.#newest.manifest;
    return repository.openManifest(row, await readManifestBytes(repository, token, row, options));
  }

  /** Throws INTEGRITY if a version that is about to be named again cannot be read: a head or a tag that cannot be restored is never made. */
  async requirePresent(
    repository: Repository,
    token: Token,
    row: Row,
    options: RequestOptions,
    segments: readonly SegmentName[] = [],
  ): Promise<void> {
    const reading = segments.map((segment) => repository.refs.segment(segment, options));
    const [{ blobs }] = await Promise.all([this.readManifest(repository, token, row, options), ...reading]);
    const lost = await new PackPresence(repository, options).missing(blobs.values());
    if (lost.size > 0) throw lostHere(this.provider.url, lost, token.session);
  }

  drafting<T>(repository: Repository, attempt: (repository: Repository) => Promise<T | undefined>): Promise<T | undefined> {
    return drafting(this, repository, attempt);
  }

  /** Removes what killed processes left, before the first operation that writes here. */
  async #sweep(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    await sweep(this);
  }

  /** Takes note of a manifest that was just written, which is likely to be read next. */
  noteManifest(name: ObjectName, manifest: Manifest): void {
    this.#newest = { name: nameText(name), manifest };
  }

  /** A file is read as fast as a part of another. */
  inlineHead(): Uint8Array {
    return new Uint8Array(0);
  }

  async noteRef(): Promise<void> {}
}

function swapped(dir: string): BrowserStateError {
  return new BrowserStateError('BUSY', `${dir}: it was replaced by a symlink just now`, {
    hint: 'Repeat the command.',
    details: { path: dir },
  });
}

function refuseStore(dir: string, store: string): BrowserStateError {
  return new BrowserStateError(
    'USAGE',
    `${dir}: expected a directory apart from the store, found one that holds a store or is part of one`,
    {
      hint: `Name the directory of the profile alone, or move the store in ${store} elsewhere.`,
      details: { dir, store },
    },
  );
}
