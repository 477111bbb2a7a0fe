/** Reads of manifests, which distinguish damage from a changed session (SPEC.md R-GC-2). */
import { BrowserStateError, integrity, isError, readingKey } from '../base/errors.js';
import { objectKey } from '../format/keys.js';
import type { Ref, Row } from '../format/ref.js';
import type { RequestOptions, Version } from '../provider/provider.js';
import type { Repository } from '../repository/repository.js';

/** A session's ref as it was read. */
interface ReadRef {
  id: string;
  ref: Ref;
  version: Version | undefined;
  repository: Repository;
}

/**
 * Returns the stored manifest of an entry, which the ref may contain (SPEC.md R-REF-5). If it is
 * missing, throws INTEGRITY if the ref is still the same, else CONFLICT.
 */
export async function readManifestBytes(from: ReadRef, entry: Row, options: RequestOptions): Promise<Uint8Array> {
  const { id, ref, version, repository } = from;
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

/** Returns whether an object was missing because the session has changed: retry from a fresh read. */
export function wasCollected(error: unknown): boolean {
  return isError(error, 'CONFLICT') && isError(error.cause, 'NOT_FOUND');
}
