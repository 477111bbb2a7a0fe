/**
 * Object ids: SHA-256 over a type prefix and the object's canonical bytes (SPEC.md R-ID). The
 * prefix separates the types, so that no bytes are valid as two kinds of object.
 */
import { sha256 } from '#platform';
import { fromHex, toHex, utf8 } from '../base/bytes.js';
import { BrowserStateError } from '../base/errors.js';

export const ID_BYTES = 32;
export const ID_DIGITS = 2 * ID_BYTES;

/** An object id: 64 lower-case hex digits. */
export type ObjectId = string;
export type ObjectType = 'blob' | 'tree' | 'commit';

const prefixes: Record<ObjectType, Uint8Array> = {
  blob: utf8('bs1:blob\0'),
  tree: utf8('bs1:tree\0'),
  commit: utf8('bs1:commit\0'),
};

export function objectId(type: ObjectType, canonical: Uint8Array): ObjectId {
  return toHex(sha256(prefixes[type], canonical));
}

/** Returns the raw bytes of an id. Throws USAGE if the text is not 64 lower-case hex digits. */
export function idBytes(id: ObjectId): Uint8Array {
  const bytes = fromHex(id);
  if (bytes?.length === ID_BYTES) return bytes;
  throw new BrowserStateError('USAGE', `expected an object id of ${ID_DIGITS} hex digits, found "${id}"`, {
    hint: 'Copy the whole id from `browserstate log --json`.',
  });
}
