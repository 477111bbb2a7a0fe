/**
 * The remote: the repository that several machines share, as this machine sees it. A ref contains
 * the id of the repository, so a read of a session needs no config (SPEC.md 11.5).
 */
import { join } from 'node:path';
import { equalBytes } from '../../base/bytes.js';
import { type BrowserStateError, isError, readingKey } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { unwrap } from '../../format/envelope.js';
import { refKey } from '../../format/keys.js';
import { nameText } from '../../format/locator.js';
import type { Manifest } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import { type HistoryEntry, MAX_INLINE_HEAD } from '../../format/ref.js';
import type { Provider, RequestOptions } from '../../provider/provider.js';
import { probeProvider } from '../../provider/wrap/probe.js';
import { BlobIndex } from '../../repository/blob-index.js';
import type { Token } from '../../repository/refs.js';
import { noStore, Repository } from '../../repository/repository.js';
import { SessionRef, type StoredManifest } from '../session-ref.js';
import { guardFolder } from './expected-folder.js';
import type { LegacySource } from './legacy-source.js';
import { lostPacks } from './lost.js';
import { type RemoteNote, RemoteNotes } from './remote-cache.js';
import { Replica } from './replica.js';

/** Limits for fetching: concurrent requests, and the bytes of each. */
export interface Transfer {
  concurrency: number;
  maxSpan: number;
}

export interface RemoteOptions {
  provider: Provider;
  host: Host;
  onWarning?: ((message: string) => void) | undefined;
  records: string;
  legacy: LegacySource;
  transfer: Transfer;
}

export class RemoteReplica extends Replica {
  readonly transfer: Transfer;
  readonly #notes: RemoteNotes;
  /** Whether the provider rejects any other repository than the one that was seen before. */
  readonly #isGuarded: boolean;
  #repository: Repository | undefined;
  override isConfirmed = false;
  /** Whether this process created the repository. */
  isNew = false;

  constructor({ provider, host, onWarning, records, legacy, transfer }: RemoteOptions) {
    const notes = new RemoteNotes(records, provider.url, host);
    const guarded = guardFolder(provider, async () => this.#repository?.id ?? notes.repository(), notes.folder);
    super(host, guarded ?? provider, legacy, new BlobIndex(join(notes.folder, 'index'), { rebuild: false, onWarning }));
    this.#notes = notes;
    this.#isGuarded = guarded !== undefined;
    this.transfer = transfer;
  }

  /** Returns the repository, from the notes if they have it; undefined if there is none. */
  async open(options: RequestOptions = {}): Promise<Repository | undefined> {
    if (this.#repository !== undefined) return this.#repository;
    const id = await this.#notes.repository();
    return id === undefined ? this.confirm(options) : this.#adopt(id);
  }

  /** Returns the repository, created after a probe of the provider if there is none. */
  async init(options: RequestOptions = {}): Promise<Repository> {
    return (await this.open(options)) ?? (await this.#make(options));
  }

  /** Confirms the repository: another may have taken its place. */
  override async forNewRef(options: RequestOptions): Promise<Repository> {
    return (await this.#confirmed(options)) ?? (await this.#make(options));
  }

  /** Returns the repository. Throws NOT_FOUND with the address if there is none. */
  async requireStore(options: RequestOptions): Promise<Repository> {
    const found = await this.#confirmed(options);
    if (found !== undefined) return found;
    throw noStore(
      this.provider,
      'Check the address of the remote. The first push creates a store there, and so does `browserstate init`; --offline uses what is on this machine.',
    );
  }

  /** Requests the repository; returns undefined if there is none. Forgets any other one. */
  async confirm(options: RequestOptions): Promise<Repository | undefined> {
    const found = await Repository.open(this.provider, this.host, options);
    if (found === undefined) {
      await this.#forget();
      return undefined;
    }
    this.isConfirmed = true;
    return this.#adopt(found.id);
  }

  async #confirmed(options: RequestOptions): Promise<Repository | undefined> {
    return (this.isConfirmed ? this.#repository : undefined) ?? this.confirm(options);
  }

  async #make(options: RequestOptions): Promise<Repository> {
    await probeProvider(this.provider, this.host, options);
    const made = await this.#adopt((await Repository.create(this.provider, this.host, options)).id);
    this.isConfirmed = true;
    this.isNew = true;
    return made;
  }

  /** Reads a ref by one request. Throws INTEGRITY if this machine has seen a newer one. */
  async read(session: string, options: RequestOptions = {}): Promise<SessionRef> {
    const note = await this.#notes.session(session);
    const key = refKey(session);
    const cell = await readingKey(key, () => this.provider.read(key, { ...options, ...(note && { unless: note.version }) }));
    if (cell === undefined) {
      // Cells are never deleted: if this machine saw the ref, the repository is another now.
      if (note !== undefined && !this.#isGuarded) await this.#forget();
      return this.absent(session);
    }
    if (cell === 'unchanged') {
      this.isConfirmed = true;
      return note ? this.#recalled(session, note) : this.absent(session);
    }
    const { repository: id } = await readingKey(key, () => unwrap(cell.bytes, { kind: 'ref', repository: undefined, key }));
    const token = await this.#at(id).refs.open(session, cell);
    if (note !== undefined && equalBytes(note.repository, id)) this.#notes.rejectOlder(token, note);
    const seen = new SessionRef(this, session, await this.#adopt(id), token);
    await this.noteRef(seen);
    return seen;
  }

  absent(id: string): SessionRef {
    return new SessionRef(this, id, undefined);
  }

  /**
   * Reads the ref of a session that is probably new and, in the same round trip, all that its
   * creation needs. Throws LEGACY_SESSION if only v0 has the session.
   */
  async readPerhapsNew(session: string, options: RequestOptions = {}): Promise<SessionRef> {
    // A failure surfaces when the session is created.
    const confirmed = this.isConfirmed ? undefined : this.confirm(options).catch(() => undefined);
    const rejected = this.rejectLegacy(session, options);
    rejected.catch(() => undefined);
    const [seen] = await Promise.all([this.read(session, options), confirmed]);
    if (!seen.exists && !seen.wasDeleted) await rejected;
    return seen;
  }

  async rejectReplayed(token: Token): Promise<void> {
    const note = await this.#notes.session(token.session);
    if (note !== undefined) this.#notes.rejectOlder(token, note);
  }

  override async recall(id: string): Promise<SessionRef | undefined> {
    const note = await this.#notes.session(id);
    return note && this.#recalled(id, note);
  }

  override async manifestBytes(from: SessionRef, entry: HistoryEntry, options: RequestOptions = {}): Promise<Uint8Array> {
    const noted = (await this.#notes.session(from.id))?.manifest;
    return noted?.name === nameText(entry.manifest) ? noted.bytes : super.manifestBytes(from, entry, options);
  }

  /** Returns the remote's manifest of the newest version whose content this machine has. */
  async notedManifest({ id, repository }: SessionRef): Promise<Manifest | undefined> {
    const note = await this.#notes.session(id);
    const entry = note?.ref.entries.find(({ manifest }) => nameText(manifest) === note.manifest.name);
    return note && entry && repository.openManifest(entry, note.manifest.bytes);
  }

  /** Returns the newest head that this machine saw on the remote, even of a deleted session. */
  async lastHead(session: string): Promise<ObjectId | undefined> {
    return (await this.#notes.session(session))?.head;
  }

  override inlineHead(manifest: Uint8Array): Uint8Array {
    return manifest.length <= MAX_INLINE_HEAD ? manifest : super.inlineHead(manifest);
  }

  override async noteRef({ id, ref, version, repository }: SessionRef, stored?: StoredManifest): Promise<void> {
    this.isConfirmed = true;
    if (version === undefined) return;
    const before = await this.#notes.session(id);
    const kept = before?.manifest ?? { name: '', bytes: new Uint8Array(0) };
    const manifest = stored ? { name: nameText(stored.entry.manifest), bytes: stored.bytes } : kept;
    const head = ref.entries[0]?.id ?? before?.head;
    await this.#notes.setSession(id, { repository: repository.id, version, ref, head, manifest });
  }

  /** Returns true always for a folder; for a bucket now and then, and after damage was found. */
  override async isLookDue(): Promise<boolean> {
    return this.#isGuarded || this.#notes.countChange(this.host.now());
  }

  /** Makes the next change check the packs that it names. */
  async lookSoon(): Promise<void> {
    if (!this.#isGuarded) await this.#notes.lookSoon();
  }

  /** Rethrows an error. After INTEGRITY, the next change checks the packs that it names. */
  readonly suspect = async (error: unknown): Promise<never> => {
    if (isError(error, 'INTEGRITY')) await this.lookSoon();
    throw error;
  };

  protected loss(lost: ReadonlySet<string>, id: string): BrowserStateError {
    return lostPacks(this.provider.url, lost, id);
  }

  async #recalled(session: string, note: RemoteNote): Promise<SessionRef> {
    return new SessionRef(this, session, await this.#adopt(note.repository), note);
  }

  async #forget(): Promise<void> {
    this.#repository = undefined;
    this.isConfirmed = false;
    await this.#notes.forgetRepository();
  }

  /** Returns the repository with the id: the open one, with its cache, if the id is the same. */
  #at(id: Uint8Array): Repository {
    const known = this.#repository;
    return known !== undefined && equalBytes(known.id, id) ? known : Repository.at(this.provider, this.host, id);
  }

  async #adopt(id: Uint8Array): Promise<Repository> {
    const found = this.#at(id);
    if (found !== this.#repository) await this.#notes.setRepository(id);
    this.#repository = found;
    return found;
  }
}
