/**
 * The local store: the repository on this machine, with the index and the records of directories.
 * It is opened when first used and created when first written.
 */
import { dirname, join, relative, sep } from 'node:path';
import { BrowserStateError, isError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import type { Owners } from '../../base/owners.js';
import { STORE_FOLDER } from '../../format/keys.js';
import { nameText, type ObjectName } from '../../format/locator.js';
import type { Manifest } from '../../format/manifest.js';
import type { Row } from '../../format/ref.js';
import { isSameDirectory } from '../../fs/mount-points.js';
import type { Provider, RequestOptions } from '../../provider/provider.js';
import { BlobIndex } from '../../repository/blob-index.js';
import { Repository } from '../../repository/repository.js';
import { lockDirectory, rejectLocked } from '../../workspace/lock.js';
import { realPath, Workspace } from '../../workspace/workspace.js';
import { drafting } from '../draft.js';
import { SessionRef } from '../session-ref.js';
import { storeAbove, storeBelow } from './find-store.js';
import type { LegacyPlace } from './legacy-place.js';
import { lostHere } from './lost.js';
import { Replica } from './replica.js';
import { sweep } from './sweep.js';

/** Whether a relative path leads out of where it starts. */
function isOutside(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`);
}

export interface LocalOptions {
  /** Where objects and cells are kept. */
  provider: Provider;
  /** A private directory of this machine for the index and the records. */
  folder: string;
  /** The sessions of v0 in the same place. */
  legacy: LegacyPlace;
  host: Host;
  onWarning?: ((message: string) => void) | undefined;
}

export class LocalReplica extends Replica {
  readonly host: Host;
  readonly legacy: LegacyPlace;
  readonly index: BlobIndex;
  readonly provider: Provider;
  /** Where notes about directories and remotes are kept. */
  readonly records: string;
  /** The processes that own what is kept in the local store. */
  readonly owners: Owners;
  /** Where mounted directories lie. */
  readonly workspaces: string;
  /** Where temporary files of the local store lie. */
  readonly temporaries: string;
  #isSwept = false;
  #repository: Repository | undefined;
  #newest: { name: string; manifest: Manifest } | undefined;

  constructor({ provider, folder, legacy, host, onWarning }: LocalOptions) {
    super();
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
   * Returns what is remembered of a directory. Throws USAGE for one that is or lies in a store of
   * this or any home, or of a remote: a checkout would wipe the store out, and every commit would
   * take in the commits before it.
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
   * Runs `work` with the record of a directory while no other owner works with the directory.
   * Throws BUSY if one does. Everything that writes to the directory, or reads its record and
   * writes it later, runs in here; it does not nest. `orWithout`: also if nothing can be noted in
   * the local store.
   */
  async holding<T>(dir: string, work: (workspace: Workspace) => Promise<T>, { orWithout = false } = {}): Promise<T> {
    const { dir: real } = await this.workspace(dir);
    const store = storeBelow(real);
    if (store !== undefined) throw refuseStore(dir, store);
    await this.#sweep();
    const lock = await lockDirectory(this.records, real, this.host).catch((error: unknown) => {
      if (!orWithout || !isError(error, 'USAGE', 'FORBIDDEN')) throw error;
      return undefined;
    });
    try {
      const workspace = await Workspace.open(this.records, real, this.host);
      if (workspace.dir !== real) throw swapped(dir);
      return await work(workspace);
    } finally {
      await lock?.release();
    }
  }

  /**
   * Returns the record of a directory that is looked at. Throws BUSY if another process is in the
   * middle of a change of it.
   */
  async lookedAt(dir: string): Promise<Workspace> {
    for (;;) {
      const workspace = await this.workspace(dir);
      if (workspace.pending === undefined) return workspace;
      await rejectLocked(this.records, workspace.dir, this.host);
      // It may have ended since the record was read.
      if ((await this.workspace(dir)).generation === workspace.generation) return workspace;
    }
  }

  async read(id: string, options: RequestOptions = {}): Promise<SessionRef> {
    const repository = await this.open(options);
    return new SessionRef(this, id, repository, await repository?.refs.read(id, options));
  }

  /**
   * Throws USAGE for a directory in the place where v0 keeps sessions: what is checked out there
   * would be taken for one.
   */
  rejectTarget(dir: string): void {
    const below = relative(dirname(dirname(realPath(this.records))), realPath(dir));
    if (isOutside(below) || below === '' || below.split(sep)[0] === STORE_FOLDER) return;
    throw new BrowserStateError('USAGE', `${dir}: expected a directory apart from the store, found one in the folder of its user`, {
      hint: 'Choose a directory elsewhere: in this place it would be taken for a session of an older version of browserstate.',
    });
  }

  /**
   * Reads the session's ref, created empty if there is none. A deleted one is returned as it is.
   * What is then named needs a pin, read after this.
   */
  async ensure(id: string, options: RequestOptions = {}): Promise<SessionRef> {
    const repository = await this.init(options);
    return new SessionRef(this, id, repository, await repository.refs.ensure(id, options));
  }

  override async manifest(from: SessionRef, entry: Row, options: RequestOptions = {}): Promise<Manifest> {
    if (this.#newest?.name === nameText(entry.manifest)) return this.#newest.manifest;
    return super.manifest(from, entry, options);
  }

  /**
   * Runs one attempt to change a ref, and removes what it stored if no swap was sent, or if the
   * swap lost, which is undefined.
   */
  override drafting<T>(from: SessionRef, attempt: (from: SessionRef) => Promise<T | undefined>): Promise<T | undefined> {
    if (!from.hasRef) return attempt(from);
    return drafting(this, from.repository, (repository) => attempt(from.through(repository)));
  }

  protected loss(lost: ReadonlySet<string>, id: string): BrowserStateError {
    return lostHere(this.provider.url, lost, id);
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
