/** The local store: the repository on this machine, its index, and its records of directories. */
import { dirname, join, relative, sep } from 'node:path';
import { BrowserStateError, ignore, integrity } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import type { Owners } from '../../base/owners.js';
import { STORE_FOLDER } from '../../format/keys.js';
import { nameText, type ObjectName } from '../../format/locator.js';
import type { Manifest } from '../../format/manifest.js';
import type { HistoryEntry } from '../../format/ref.js';
import { isSameDirectory } from '../../fs/mount-points.js';
import type { Provider, RequestOptions } from '../../provider/provider.js';
import { BlobIndex } from '../../repository/blob-index.js';
import { Repository } from '../../repository/repository.js';
import { lockDirectory, rejectLocked } from '../../workspace/lock.js';
import { realPath, Workspace } from '../../workspace/workspace.js';
import { drafting } from '../draft.js';
import { SessionRef } from '../session-ref.js';
import { storeAbove, storeBelow } from './find-store.js';
import type { LegacySource } from './legacy-source.js';
import { lossOf } from './lost.js';
import { Replica } from './replica.js';
import { sweep } from './sweep.js';

export interface LocalOptions {
  provider: Provider;
  /** A private directory of this machine. */
  folder: string;
  legacy: LegacySource;
  host: Host;
  onWarning?: ((message: string) => void) | undefined;
}

export class LocalReplica extends Replica {
  readonly owners: Owners;
  /** The folder of notes about directories, mounts and remotes. */
  readonly records: string;
  /** The folder of mounted directories. */
  readonly workspaces: string;
  readonly temporaries: string;
  #isSwept = false;
  #repository: Repository | undefined;
  #newest: { name: string; manifest: Manifest } | undefined;

  constructor({ provider, folder, legacy, host, onWarning }: LocalOptions) {
    super(host, provider, legacy, new BlobIndex(join(folder, 'index'), { onWarning }));
    this.records = join(folder, 'records');
    this.owners = host.owners(this.records);
    this.workspaces = join(folder, 'workspaces');
    this.temporaries = join(folder, 'tmp');
  }

  async open(options: RequestOptions = {}): Promise<Repository | undefined> {
    this.#repository ??= await Repository.open(this.provider, this.host, options);
    return this.#repository;
  }

  async init(options: RequestOptions = {}): Promise<Repository> {
    await this.#sweep();
    this.#repository ??= await Repository.init(this.provider, this.host, options);
    return this.#repository;
  }

  /** Returns the record of a directory. Throws USAGE if it is in a store, or contains this one. */
  async workspace(dir: string): Promise<Workspace> {
    const workspace = await Workspace.open(this.records, dir, this.host);
    const store = dirname(realPath(this.records));
    const holdsIt = !isOutside(relative(workspace.dir, store));
    const liesInIt = !isOutside(relative(store, workspace.dir)) && isOutside(relative(join(store, 'workspaces'), workspace.dir));
    // A mount of a part of this store at another path has no config.
    const isPart = ['', 'workspaces', 'packs', 'records'].some((part) => isSameDirectory(join(store, part), workspace.dir));
    if (holdsIt || liesInIt || isPart || storeAbove(workspace.dir) !== undefined) throw inStore(dir, store);
    return workspace;
  }

  /**
   * Runs `work` with the lock of a directory, for everything that writes to the directory or its
   * record; not reentrant. Throws BUSY if another owner has the lock. `orWithout`: runs `work` also
   * if the local store cannot be written.
   */
  async holding<T>(dir: string, work: (workspace: Workspace) => Promise<T>, { orWithout = false } = {}): Promise<T> {
    const { dir: real } = await this.workspace(dir);
    const store = storeBelow(real);
    if (store !== undefined) throw inStore(dir, store);
    await this.#sweep();
    const locking = lockDirectory(this.records, real, this.host);
    const lock = await (orWithout ? locking.catch(ignore('USAGE', 'FORBIDDEN')) : locking);
    try {
      const workspace = await Workspace.open(this.records, real, this.host);
      if (workspace.dir !== real) {
        throw new BrowserStateError('BUSY', `${dir}: it was replaced by a symlink just now`, {
          hint: 'Repeat the command.',
          details: { path: dir },
        });
      }
      return await work(workspace);
    } finally {
      await lock?.release();
    }
  }

  /** Returns the record of a directory to read. Throws BUSY if another process is changing it. */
  async lookedAt(dir: string): Promise<Workspace> {
    for (;;) {
      const workspace = await this.workspace(dir);
      if (workspace.pending === undefined) return workspace;
      await rejectLocked(this.records, workspace.dir, this.host);
      // The change may have ended since the record was read.
      if ((await this.workspace(dir)).generation === workspace.generation) return workspace;
    }
  }

  async read(id: string, options: RequestOptions = {}): Promise<SessionRef> {
    const repository = await this.open(options);
    return new SessionRef(this, id, repository, await repository?.refs.read(id, options));
  }

  /** Throws USAGE for a directory in the folder of v0, where it would look like a session. */
  rejectTarget(dir: string): void {
    const below = relative(dirname(dirname(realPath(this.records))), realPath(dir));
    if (isOutside(below) || below === '' || below.split(sep)[0] === STORE_FOLDER) return;
    throw new BrowserStateError('USAGE', `${dir} is in the folder of v0 sessions`, {
      hint: 'Choose a directory elsewhere: here it would look like a session of v0.',
    });
  }

  /** Returns the session's ref, created empty if there is none. A pin is read after this call. */
  async ensure(id: string, options: RequestOptions = {}): Promise<SessionRef> {
    const repository = await this.init(options);
    return new SessionRef(this, id, repository, await repository.refs.ensure(id, options));
  }

  override async manifest(from: SessionRef, entry: HistoryEntry, options: RequestOptions = {}): Promise<Manifest> {
    if (this.#newest?.name === nameText(entry.manifest)) return this.#newest.manifest;
    return super.manifest(from, entry, options);
  }

  override drafting<T>(from: SessionRef, attempt: (from: SessionRef) => Promise<T | undefined>): Promise<T | undefined> {
    const { id, ref, version } = from;
    if (version === undefined) return attempt(from);
    return drafting(this, from.repository, (repository) => attempt(new SessionRef(this, id, repository, { ref, version })));
  }

  protected loss(lost: ReadonlySet<string>, id: string): BrowserStateError {
    const [key = ''] = [...lost].sort();
    // The details have no packs, unlike those of `lostPacks`: nothing can be resent for them.
    return integrity(lossOf(this.provider.url, lost, id), undefined, { session: id, key });
  }

  /** Sweeps once, before the first operation that writes. */
  async #sweep(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    await sweep(this);
  }

  /** Caches a manifest that was just written, and will probably be read next. */
  noteManifest(name: ObjectName, manifest: Manifest): void {
    this.#newest = { name: nameText(name), manifest };
  }
}

/** Returns whether a relative path leads out of the directory that it starts from. */
function isOutside(path: string): boolean {
  return path === '..' || path.startsWith(`..${sep}`);
}

function inStore(dir: string, store: string): BrowserStateError {
  return new BrowserStateError('USAGE', `${dir} contains a store, or is part of one`, {
    hint: `Name the directory of the profile alone, or move the store in ${store} elsewhere.`,
    details: { dir, store },
  });
}
