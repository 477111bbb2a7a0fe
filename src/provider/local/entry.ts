/**
 * One write of a cell of the local folder, as bytes (SPEC.md R-LOCAL-6). It consists of a kind
 * byte, the name of the next generation (last entries only), the payload and a SHA-256. The hash
 * covers these bytes and the entry's position. So an entry that was damaged, truncated, moved or
 * exchanged is never accepted as a value.
 */
import { createHash } from 'node:crypto';
import { concat, equalBytes, fromHex, toHex, utf8 } from '../../base/bytes.js';
import { check, invariant } from '../../base/errors.js';
import { MAX_CELL_SIZE } from '../../base/limits.js';
import type { Version } from '../provider.js';

const VALUE = 0;
const LAST = 1;
const NAME_BYTES = 16;
const HASH_BYTES = 32;
/** Maximum bytes of an entry's file. A larger file is rejected before it is read. */
export const MAX_ENTRY_SIZE = 1 + NAME_BYTES + MAX_CELL_SIZE + HASH_BYTES;

/** The position of an entry. `generation` is 32 hex digits. Numbers start at 1. */
export interface Place {
  key: string;
  generation: string;
  number: number;
}

export interface Entry {
  payload: Uint8Array;
  /** The generation that follows. Undefined unless the entry is the last of its own generation. */
  next: string | undefined;
  /** Distinguishes writes of one number, which exist after a folder was restored from a backup. */
  tag: string;
}

export function encodeEntry(place: Place, payload: Uint8Array, next?: string): Uint8Array {
  const head = next === undefined ? Uint8Array.of(VALUE) : concat([Uint8Array.of(LAST), nameBytes(next)]);
  return concat([head, payload, entryHash(place, head, payload)]);
}

/** Throws INTEGRITY unless the bytes are the entry that belongs at `place`. */
export function decodeEntry(place: Place, bytes: Uint8Array): Entry {
  const what = `entry ${place.number} of cell ${place.key}`;
  check(bytes.length > HASH_BYTES, `${what}: expected more than ${HASH_BYTES} bytes, found ${bytes.length}`);
  const body = bytes.subarray(0, -HASH_BYTES);
  const hash = entryHash(place, body);
  const found = bytes.subarray(-HASH_BYTES);
  check(equalBytes(hash, found), `${what}: expected it to end with ${toHex(hash)}, found ${toHex(found)}`);
  const kind = body[0] as number;
  const start = kind === LAST ? 1 + NAME_BYTES : 1;
  check(kind <= LAST && body.length >= start, `${what}: expected a value or a last entry, found kind ${kind}`);
  const next = kind === LAST ? toHex(body.subarray(1, start)) : undefined;
  return { payload: body.slice(start), next, tag: tagOf(bytes) };
}

/** Returns the first 8 bytes of an entry's hash in hex. */
export function tagOf(entry: Uint8Array): string {
  return toHex(entry.subarray(-HASH_BYTES).subarray(0, 8));
}

/** Returns the version of the value at `place` whose entry has `tag`. */
export function versionOf(place: Place, tag: string): Version {
  return `${place.generation}/${place.number}/${tag}`;
}

/** Returns the version of a generation's first value. The value's bytes decide the version. */
export function firstVersion(place: Place, payload: Uint8Array): Version {
  return versionOf(place, tagOf(encodeEntry(place, payload)));
}

/**
 * Returns the place and tag that a version names, or undefined for a version that this provider
 * never returned.
 */
export function parseVersion(key: string, version: Version): { place: Place; tag: string } | undefined {
  const [, generation, number, tag] = /^([0-9a-f]{32})\/([1-9][0-9]{0,8})\/([0-9a-f]{16})$/.exec(version) ?? [];
  if (generation === undefined || number === undefined || tag === undefined) return undefined;
  return { place: { key, generation, number: Number(number) }, tag };
}

function entryHash(place: Place, ...parts: Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(utf8(`${place.key}\0${place.generation}\0${place.number}\0`));
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function nameBytes(generation: string): Uint8Array {
  const bytes = fromHex(generation);
  invariant(bytes?.length === NAME_BYTES, `${generation} is the name of a generation`);
  return bytes;
}
