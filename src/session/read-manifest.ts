/** Reads of manifests that tell damage from a session that has moved (SPEC.md R-GC-2). */
import { BrowserStateError, integrity, isError, readingKey } from '../base/errors.js';
import { objectKey } from '../format/keys.js';
import type { Ref, Row } from '../format/ref.js';
import type { RequestOptions, Version } from '../provider/provider.js';
import type { Repository } from '../repository/repository.js';

/** A session's ref as it was read. */
interface ReadRef {
  readonly id: string;
  readonly ref: Ref;
  readonly version: Version | undefined;
  readonly repository: Repository;
}

/**
 * Returns the manifest of an entry as it is stored, which may be in the ref (SPEC.md R-REF-5).
 * Throws INTEGRITY for a missing one if the ref that names it is still the same, else CONFLICT.
 */
export async function readManifestBytes(
  { id, ref, version, repository }: ReadRef,
  entry: Row,
  options: RequestOptions,
): Promise<Uint8Array> {
  if (entry.id === ref.rows[0]?.id && ref.head.length > 0) return ref.head;
  const key = objectKey('manifests', entry.manifest);
  try {
    return await readingKey(key, () => repository.provider.get(key, options));
  } catch (error) {
    if (!isError(error, 'NOT_FOUND')) throw error;
    const now = await repository.refs.read(id, options);
    if (now?.version === version) throw integrity(`${error.message}: the session ${id} names it`, error, { session: id, key });
    throw new BrowserStateError('CONFLICT', `session ${id} was changed while it was read`, {
      hint: 'Repeat the command.',
      details: { session: id, head: now?.ref.rows[0]?.id ?? null },
      cause: error,
    });
  }
}

/** Returns whether an object was gone because the session had moved: then it can be read again. */
export function wasCollected(error: unknown): boolean {
  return isError(error, 'CONFLICT') && isError(error.cause, 'NOT_FOUND');
}
