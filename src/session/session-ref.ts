/** The ref of one session as it was read from a replica: the start of every read and change. */
import { invariant } from '../base/errors.js';
import type { Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import { emptyRef, type HistoryEntry, type Ref, wasDeleted, wasMoved } from '../format/ref.js';
import type { RequestOptions, Version } from '../provider/provider.js';
import type { RefChange, Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import { resolveRevision } from './revision.js';

/** The part of a replica that its refs use. */
export interface RefOwner {
  manifest(from: SessionRef, entry: HistoryEntry, options?: RequestOptions): Promise<Manifest>;
  /** Returns the manifest if a ref contains it; otherwise no bytes. */
  inlineHead(manifest: Uint8Array): Uint8Array;
  noteRef(ref: SessionRef, stored?: StoredManifest): Promise<void>;
  drafting<T>(from: SessionRef, attempt: (from: SessionRef) => Promise<T | undefined>): Promise<T | undefined>;
}

/** A stored manifest and its entry. */
export interface StoredManifest {
  entry: HistoryEntry;
  bytes: Uint8Array;
}

/** A session that has at least one commit. */
export type LiveSession = SessionRef & { readonly head: HistoryEntry };

export class SessionRef {
  readonly ref: Ref;
  /** Undefined if the replica has no ref of the session. */
  readonly version: Version | undefined;
  readonly #repository: Repository | undefined;

  /** Without a token, the session has no ref in this replica. */
  constructor(
    readonly replica: RefOwner,
    readonly id: string,
    repository: Repository | undefined,
    token?: Omit<Token, 'session'>,
  ) {
    this.#repository = repository;
    this.ref = token?.ref ?? emptyRef();
    this.version = token?.version;
  }

  get repository(): Repository {
    invariant(this.#repository !== undefined, `session ${this.id} has a ref`);
    return this.#repository;
  }

  get head(): HistoryEntry | undefined {
    return this.ref.entries[0];
  }

  get exists(): boolean {
    return this.head !== undefined;
  }

  /** Whether the replica has a ref of the session, be it empty or deleted. */
  get hasRef(): boolean {
    return this.version !== undefined;
  }

  /** Whether the session was deleted and has no newer commit. */
  get wasDeleted(): boolean {
    return wasDeleted(this.ref);
  }

  /** Whether the session was deleted because its commits are in another session now. */
  get wasMoved(): boolean {
    return this.wasDeleted && wasMoved(this.ref);
  }

  live(): LiveSession | undefined {
    return this.exists ? (this as LiveSession) : undefined;
  }

  /** Yields the entries of the history, newest first; segments are read as they are needed. */
  async *entries(options: RequestOptions = {}): AsyncGenerator<HistoryEntry> {
    for await (const part of this.parts(options)) yield* part;
  }

  /** Yields the entries in batches as they are stored: faster for thousands of entries. */
  async *parts(options: RequestOptions = {}): AsyncGenerator<readonly HistoryEntry[]> {
    if (this.exists) yield* this.repository.refs.parts(this.ref, options);
  }

  /** Returns the entry of a commit; undefined if the history does not have it. */
  async entry(id: ObjectId, options: RequestOptions = {}): Promise<HistoryEntry | undefined> {
    for await (const entry of this.entries(options)) if (entry.id === id) return entry;
    return undefined;
  }

  /** Returns the entry of a commit and all older ones; none if the history does not have it. */
  async entriesFrom(id: ObjectId, options: RequestOptions): Promise<HistoryEntry[]> {
    const found: HistoryEntry[] = [];
    for await (const entry of this.entries(options)) if (found.length > 0 || entry.id === id) found.push(entry);
    return found;
  }

  /** Returns the entry that a revision names; see `resolveRevision` for what it throws. */
  find(revision: string, options: RequestOptions = {}): Promise<HistoryEntry> {
    return resolveRevision(this, revision, options);
  }

  manifest(entry: HistoryEntry, options: RequestOptions = {}): Promise<Manifest> {
    return this.replica.manifest(this, entry, options);
  }

  /** Swaps the ref and returns the new one. See `Refs.swap` for lost swaps and errors. */
  async update(change: RefChange, options: RequestOptions, stored?: StoredManifest): Promise<SessionRef | undefined> {
    const { id: session, ref, version, repository } = this;
    invariant(version !== undefined, `session ${session} has a ref to change`);
    const token = await repository.refs.swap({ session, ref, version }, change, options);
    if (token === undefined) return undefined;
    const next = new SessionRef(this.replica, session, repository, token);
    await this.replica.noteRef(next, stored);
    return next;
  }
}
