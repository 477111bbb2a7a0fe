/** Where a session's history can be read and changed: home, or the remote. */
import { BrowserStateError, integrity, isError, readingKey } from '../errors.js';
import type { Host } from '../host.js';
import type { RequestOptions } from '../provider/provider.js';
import { objectKey } from '../repository/layout.js';
import type { Manifest } from '../repository/manifest.js';
import type { Row, SegmentName } from '../repository/ref.js';
import type { Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';

/** A session as it was read. */
export interface Found {
  repository: Repository;
  token: Token;
  head: Row;
}

/** Tells whether the older package has a session of that name in the same place. */
export type HasLegacy = (session: string, options: RequestOptions) => Promise<boolean>;

export interface Site {
  readonly host: Host;
  /** Whether the provider itself has told, since this was made, which repository it holds; false where that is only remembered. */
  readonly isConfirmed: boolean;

  /** The repository, made if there is none. */
  init(options?: RequestOptions): Promise<Repository>;

  /** The session's ref, which has a head. Throws NOT_FOUND, or LEGACY_SESSION where the older package has a session of that name. */
  requireSession(session: string, options?: RequestOptions): Promise<Found>;

  /** The session as this machine last saw it, without asking; undefined where asking costs nothing or nothing is known. */
  recall(session: string): Promise<Found | undefined>;

  /**
   * Throws LEGACY_SESSION where the older package has a session of that name, which must never be taken for an empty one; not where the ref, which has no
   * head, says that this store had it and that it was deleted.
   */
  refuseLegacy(session: string, options?: RequestOptions, token?: Token): Promise<void>;

  /** The manifest of a row of the token's ref. */
  readManifest(repository: Repository, token: Token, row: Row, options?: RequestOptions): Promise<Manifest>;

  /** The manifest of a new head as it rides in the ref: empty where it does not. */
  inlineHead(manifest: Uint8Array): Uint8Array;

  /** Runs one attempt to change a ref, and removes what it stored if no swap was sent, or if it was lost, which is undefined. Absent if that stays for a collection. */
  drafting?<T>(repository: Repository, attempt: (repository: Repository) => Promise<T | undefined>): Promise<T | undefined>;

  /** Throws INTEGRITY if packs of a version that is about to be named again are gone or cut short, or one of `segments` cannot be read. */
  requirePresent(repository: Repository, token: Token, row: Row, options: RequestOptions, segments?: readonly SegmentName[]): Promise<void>;

  /** Takes note of a ref that was just written, and of the manifest of one of its rows, so that the next change need not read them. */
  noteRef(repository: Repository, token: Token, stored?: StoredManifest): Promise<void>;
}

/** A manifest as it is stored, with the row that names it. */
export interface StoredManifest {
  row: Row;
  bytes: Uint8Array;
}

/** Returns the bytes of a row's manifest, which may ride in the ref (SPEC.md R-REF-5). A missing one is damage only if the ref that named it is still the same (SPEC.md R-GC-2). */
export async function readManifestBytes(repository: Repository, token: Token, row: Row, options: RequestOptions): Promise<Uint8Array> {
  if (row.id === token.ref.rows[0]?.id && token.ref.head.length > 0) return token.ref.head;
  const key = objectKey('manifests', row.manifest);
  try {
    return await readingKey(key, () => repository.provider.get(key, options));
  } catch (error) {
    if (!isError(error, 'NOT_FOUND')) throw error;
    const now = await repository.refs.read(token.session, options);
    if (now?.version === token.version)
      throw integrity(`${error.message}: the session ${token.session} names it`, error, {
        session: token.session,
        key,
      });
    throw new BrowserStateError('CONFLICT', `session ${token.session} was changed while it was read`, {
      hint: 'Repeat the command.',
      details: { session: token.session },
      cause: error,
    });
  }
}

/** Whether what was read was gone because the session had moved: then it may be read again. */
export function wasCollected(error: unknown): boolean {
  return isError(error, 'CONFLICT') && isError(error.cause, 'NOT_FOUND');
}

/** NOT_FOUND for a session; `meant` is a name that may have been meant. */
export function noSession(session: string, meant?: string): BrowserStateError {
  const advice = '`browserstate sessions` lists what there is; `browserstate snapshot DIR -s SESSION` makes one.';
  return new BrowserStateError('NOT_FOUND', `expected a session ${session}, found none`, {
    hint: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
    details: { session, ...(meant !== undefined && { nearest: meant }) },
  });
}

export function legacySession(session: string): BrowserStateError {
  return new BrowserStateError('LEGACY_SESSION', `${session}: this session was stored by an older version of browserstate`, {
    hint: `Run \`browserstate migrate -s ${session}\` to move it into this store; its files stay as they are.`,
    details: { session },
  });
}
