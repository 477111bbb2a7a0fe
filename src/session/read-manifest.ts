/** The manifest reader, which distinguishes damage from a changed session (SPEC.md R-GC-2). */
import { BrowserStateError, integrity, isError, readingKey } from '../base/errors.js';
import { objectKey } from '../format/keys.js';
import type { HistoryEntry, Ref } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { SessionRef } from './session-ref.js';

/**
 * Returns the stored manifest of an entry, from the ref if that contains it (SPEC.md R-REF-5).
 * Throws INTEGRITY if the manifest is missing and the ref is unchanged, and CONFLICT if the ref has
 * changed.
 */
export async function readManifestBytes(
  { id, ref, version, repository }: Pick<SessionRef, 'id' | 'ref' | 'version' | 'repository'>,
  entry: HistoryEntry,
  options: RequestOptions,
): Promise<Uint8Array> {
  if (entry.id === ref.entries[0]?.id && ref.head.length > 0) return ref.head;
  const key = objectKey('manifests', entry.manifest);
  try {
    return await readingKey(key, () => repository.provider.get(key, options));
  } catch (error) {
    if (!isError(error, 'NOT_FOUND')) throw error;
    const now = await repository.refs.read(id, options);
    if (now?.version === version) throw integrity(`${error.message}: the session ${id} names it`, error, { session: id, key });
    throw changedWhileRead(id, now?.ref, error);
  }
}

/** Returns the error for an object that was missing because the session has changed. */
export function changedWhileRead(session: string, now: Ref | undefined, cause: unknown): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} was changed while it was read`, {
    hint: 'Repeat the command.',
    details: { session, head: now?.entries[0]?.id ?? null },
    cause,
  });
}

/** Returns whether an object was missing because the session has changed: a retry may succeed. */
export function wasCollected(error: unknown): boolean {
  return isError(error, 'CONFLICT') && isError(error.cause, 'NOT_FOUND');
}
