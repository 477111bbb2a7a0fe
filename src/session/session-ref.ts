/**
 * The ref of one session as it was read from a replica: every read of the history, and every change
 * of it, starts from one.
 */
import { BrowserStateError } from '../base/errors.js';
import type { Manifest } from '../format/manifest.js';
import { emptyRef, type Ref, type Row, wasDeleted, wasMoved } from '../format/ref.js';
import type { RequestOptions, Version } from '../provider/provider.js';
import type { RefChange, Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import { resolveRevision } from './revision.js';

/** The part of a replica that its refs use. */
export interface RefOwner {
  /** Returns the manifest that an entry names. */
  manifest(from: SessionRef, entry: Row, options?: RequestOptions): Promise<Manifest>;
  /**
   * Returns the part of a ref that holds the manifest of its head; empty if that is stored apart.
   */
  inlineHead(manifest: Uint8Array): Uint8Array;
  /** Remembers a ref that was just read or written, so that the next change need not read it. */
  noteRef(ref: SessionRef, stored?: StoredManifest): Promise<void>;
  /** Runs one attempt to change the ref; see `LocalReplica.drafting`. */
  drafting<T>(from: SessionRef, attempt: (from: SessionRef) => Promise<T | undefined>): Promise<T | undefined>;
}

/** A manifest as it is stored, and the entry that names it. */
export interface StoredManifest {
  row: Row;
  bytes: Uint8Array;
}

/** A session that has at least one commit. */
export type LiveSession = SessionRef & { readonly head: Row };

export class SessionRef {
  readonly ref: Ref;
  /** Undefined if the replica has no ref of the session. */
  readonly version: Version | undefined;
  readonly #repository: Repository | undefined;

  /** Without a token: a session without a ref in this replica. */
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

  /** Throws INTERNAL for a session without a ref in this replica. */
  get repository(): Repository {
    if (this.#repository !== undefined) return this.#repository;
    throw new BrowserStateError('INTERNAL', `session ${this.id} has no ref`);
  }

  /** The newest commit. */
  get head(): Row | undefined {
    return this.ref.rows[0];
  }

  /** Whether the session has a commit. */
  get exists(): boolean {
    return this.head !== undefined;
  }

  /** Whether the replica has a ref of the session, be it empty or deleted. */
  get hasRef(): boolean {
    return this.version !== undefined;
  }

  /** Whether the session was deleted, and has had no commit since. */
  get wasDeleted(): boolean {
    return wasDeleted(this.ref);
  }

  /** Whether that was not asked for, because its commits are in another session since. */
  get wasMoved(): boolean {
    return this.wasDeleted && wasMoved(this.ref);
  }

  /** Returns the session, if it has a commit. */
  live(): LiveSession | undefined {
    return this.exists ? (this as LiveSession) : undefined;
  }

  /** The same ref, changed through another repository object. */
  through(repository: Repository): SessionRef {
    return new SessionRef(this.replica, this.id, repository, this.version === undefined ? undefined : (this as Omit<Token, 'session'>));
  }

  /** Yields the entries of the history, newest first; segments are read as they are needed. */
  async *entries(options: RequestOptions = {}): AsyncGenerator<Row> {
    for await (const part of this.parts(options)) yield* part;
  }

  /**
   * Yields the same in the parts in which they are stored, which takes less time for
   * thousands of entries.
   */
  async *parts(options: RequestOptions = {}): AsyncGenerator<readonly Row[]> {
    if (this.exists) yield* this.repository.refs.parts(this.ref, options);
  }

  /** Returns the entry that a revision names; see `resolveRevision` for what it throws. */
  find(revision: string, options: RequestOptions = {}): Promise<Row> {
    return resolveRevision(this, revision, options);
  }

  manifest(entry: Row, options: RequestOptions = {}): Promise<Manifest> {
    return this.replica.manifest(this, entry, options);
  }

  /**
   * Swaps the ref; resolves to the ref as it is then, or to undefined if another writer was first.
   * See `Refs.swap` for what it throws.
   */
  async update(change: RefChange, options: RequestOptions, stored?: StoredManifest): Promise<SessionRef | undefined> {
    const { id: session, ref, version } = this;
    if (version === undefined) throw new BrowserStateError('INTERNAL', `session ${session} has no ref to change`);
    const token = await this.repository.refs.swap({ session, ref, version }, change, options);
    if (token === undefined) return undefined;
    const next = new SessionRef(this.replica, session, this.repository, token);
    await this.replica.noteRef(next, stored);
    return next;
  }
}
