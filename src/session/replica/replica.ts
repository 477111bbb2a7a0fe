/** A copy of a user's sessions: the local store, or the remote. */
import { BrowserStateError, isError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import type { Manifest } from '../../format/manifest.js';
import type { HistoryEntry, SegmentName } from '../../format/ref.js';
import { noObject } from '../../provider/arguments.js';
import type { Provider, RequestOptions } from '../../provider/provider.js';
import type { BlobIndex } from '../../repository/blob-index.js';
import type { RefChange } from '../../repository/refs.js';
import type { Repository } from '../../repository/repository.js';
import { PackPresence } from '../commit/reuse.js';
import { absentSession } from '../names.js';
import { changedWhileRead, readManifestBytes } from '../read-manifest.js';
import { type LiveSession, type RefOwner, SessionRef, type StoredManifest } from '../session-ref.js';
import type { LegacySource } from './legacy-source.js';

export abstract class Replica implements RefOwner {
  /** False if the repository is only known from notes. */
  isConfirmed = true;

  constructor(
    readonly host: Host,
    readonly provider: Provider,
    readonly legacy: LegacySource,
    readonly index: BlobIndex,
  ) {}

  /** Returns the repository; undefined if none was made yet. */
  abstract open(options?: RequestOptions): Promise<Repository | undefined>;

  /** Returns the repository, created if there is none. */
  abstract init(options?: RequestOptions): Promise<Repository>;

  abstract read(id: string, options?: RequestOptions): Promise<SessionRef>;

  protected abstract loss(lost: ReadonlySet<string>, id: string): BrowserStateError;

  /** Creates the session's ref, empty or with only a lease; undefined if there is one. */
  async create(id: string, options: RequestOptions = {}, change: Pick<RefChange, 'lease'> = {}): Promise<SessionRef | undefined> {
    const repository = await this.forNewRef(options);
    const token = await repository.refs.create(id, options, change);
    if (token === undefined) return undefined;
    const created = new SessionRef(this, id, repository, token);
    await this.noteRef(created);
    return created;
  }

  forNewRef(options: RequestOptions): Promise<Repository> {
    return this.init(options);
  }

  /** Reads a session that has a commit. Throws NOT_FOUND, or LEGACY_SESSION if only v0 has it. */
  async requireSession(id: string, options: RequestOptions = {}): Promise<LiveSession> {
    const found = await this.read(id, options);
    const live = found.live();
    if (live !== undefined) return live;
    const [absent] = await Promise.all([absentSession([this], id, options), this.rejectLegacy(id, options, found)]);
    throw absent;
  }

  /** Throws LEGACY_SESSION if v0 has the session, unless `found` is one that was deleted. */
  async rejectLegacy(id: string, options: RequestOptions = {}, found?: SessionRef): Promise<void> {
    if (!found?.wasDeleted && (await this.legacy.has(id, options))) {
      throw new BrowserStateError('LEGACY_SESSION', `session ${id} is stored in the format of v0`, {
        hint: `Run \`browserstate migrate -s ${id}\` to copy it into this store; its files stay.`,
        details: { session: id },
      });
    }
  }

  /**
   * Runs `read` on the session. If an object is missing and the session has changed, runs `read`
   * again: the object may have been collected, which is no damage (SPEC.md R-GC-2).
   */
  async reading<T>(id: string, options: RequestOptions, read: (found: LiveSession) => Promise<T>): Promise<T> {
    const found = await this.requireSession(id, options);
    try {
      return await read(found);
    } catch (error) {
      if (!isError(error, 'INTEGRITY', 'CONFLICT') || !isError(error.cause, 'NOT_FOUND')) throw error;
      const now = await this.requireSession(id, options);
      if (now.version === found.version) throw error;
      return await read(now);
    }
  }

  /** Returns the cached ref, without a request; undefined if there is none. */
  async recall(_id: string): Promise<SessionRef | undefined> {
    return undefined;
  }

  async noteRef(_ref: SessionRef, _stored?: StoredManifest): Promise<void> {}

  inlineHead(_manifest: Uint8Array): Uint8Array {
    return new Uint8Array(0);
  }

  async manifest(from: SessionRef, entry: HistoryEntry, options: RequestOptions = {}): Promise<Manifest> {
    return from.repository.openManifest(entry, await this.manifestBytes(from, entry, options));
  }

  /** Returns the stored manifest of an entry. See `readManifestBytes` for what it throws. */
  manifestBytes(from: SessionRef, entry: HistoryEntry, options: RequestOptions = {}): Promise<Uint8Array> {
    return readManifestBytes(from, entry, options);
  }

  /** Returns whether a change must check the packs that it names. */
  async isLookDue(): Promise<boolean> {
    return true;
  }

  /** If a check is due, throws INTEGRITY for a lost pack of the version or a lost segment. */
  async requirePresent(
    from: SessionRef,
    entry: HistoryEntry,
    options: RequestOptions,
    segments: readonly SegmentName[] = [],
  ): Promise<void> {
    if (!(await this.isLookDue())) return;
    const reading = segments.map((segment) => from.repository.refs.segment(segment, options));
    const [{ blobs }] = await Promise.all([from.manifest(entry, options), ...reading]);
    const lost = await new PackPresence(from.repository, options).missing(blobs.values());
    if (lost.size === 0) return;
    // If the session has changed, they may have been collected (R-GC-2).
    const now = await this.read(from.id, options);
    if (now.version !== from.version) throw changedWhileRead(from.id, now.ref, noObject([...lost].sort()[0] as string, this.provider.url));
    throw this.loss(lost, from.id);
  }

  /** Runs one attempt to change a ref. Garbage collection removes what a failed one stored. */
  drafting<T>(from: SessionRef, attempt: (from: SessionRef) => Promise<T | undefined>): Promise<T | undefined> {
    return attempt(from);
  }
}
