/**
 * The ref: the one mutable object of a session (SPEC.md 8.3). A ref has an entry for every kept
 * commit, so that history is read without a walk, and names every reachable object.
 */
import { compareUtf8, equalBytes, Reader, toHex, Writer } from '../base/bytes.js';
import { check, integrity } from '../base/errors.js';
import {
  MAX_AUTHOR_BYTES,
  MAX_CELL_SIZE,
  MAX_INLINE_ENTRIES,
  MAX_INLINE_ENTRY_BYTES,
  MAX_SEGMENT_ENTRIES,
  MAX_SEGMENTS,
  MAX_SEQUENCE,
  MAX_SESSION_ENTRIES,
  MAX_TAGS,
  MAX_TIME,
} from '../base/limits.js';
import type { EtagStyle } from '../base/request.js';
import { type Commit, commitId, decodeCommit, encodeCommit } from './commit.js';
import { NAME_BYTES } from './envelope.js';
import { decodeExtensions, type Extension, encodeExtensions } from './extension.js';
import { tagProblem } from './keys.js';
import { nameText, type ObjectName, readName, writeName } from './locator.js';
import { ID_BYTES, idBytes, type ObjectId } from './object-id.js';

const entryOps = ['commit', 'rollback', 'merge', 'recovered'] as const;
export type EntryOp = (typeof entryOps)[number];
const eventOps = ['create', 'fork', 'tag', 'delete', 'restart'] as const;
export type EventOp = (typeof eventOps)[number];

/** One kept commit. */
export interface HistoryEntry {
  id: ObjectId;
  op: EntryOp;
  manifest: ObjectName;
  commit: Commit;
  /** The canonical bytes of the commit. An entry is encoded far more often than it is created. */
  canonical: Uint8Array;
}

/** A change of the ref that added no entry. */
export interface RefEvent {
  op: EventOp;
  /** Milliseconds since 1970, UTC. */
  time: number;
  author: string;
  nonce: Uint8Array;
  detail: string;
}

export interface SegmentName {
  name: ObjectName;
  entries: number;
}

export interface Lease {
  owner: string;
  /** Milliseconds since 1970, UTC. */
  expiry: number;
}

export interface Ref {
  state: 'live' | 'deleted';
  sequence: number;
  nonce: Uint8Array;
  /** The GC epoch of the last pin or stamp. */
  epoch: number;
  etagStyle: EtagStyle;
  lease: Lease | undefined;
  tags: ReadonlyMap<string, ObjectId>;
  /** Entries, newest first. */
  entries: readonly HistoryEntry[];
  /** Segments, newest first. All their entries are older than those of the ref. */
  segments: readonly SegmentName[];
  /** Events, newest first. */
  events: readonly RefEvent[];
  /** The manifest envelope of the first entry, or no bytes. */
  head: Uint8Array;
  extensions: readonly Extension[];
}

export const MAX_EVENTS = 50;
/** Maximum entries of a ref before the older half moves to a segment (R-REF-2). */
export const MAX_REF_ENTRIES = 2 * MAX_INLINE_ENTRIES - 1;
const MAX_DETAIL_BYTES = 256;
export const MAX_INLINE_HEAD = 16 * 1024;

/**
 * Returns true if the session was deleted, and has had no commit since. A lease that was taken
 * after the deletion makes the session live, but empty.
 */
export function wasDeleted({ state, entries, events }: Ref): boolean {
  return state === 'deleted' || (entries.length === 0 && events.some(({ op }) => op === 'delete'));
}

/**
 * Returns true if nobody requested the last deletion. The commits are then in another session,
 * which the event names.
 */
export function wasMoved({ events }: Ref): boolean {
  return (events.find(({ op }) => op === 'delete')?.detail ?? '') !== '';
}

/** Returns the ref of a new session, without history or GC epoch. */
export function emptyRef(): Ref {
  const none = new Uint8Array(0);
  const nonce = new Uint8Array(NAME_BYTES);
  return {
    state: 'live',
    sequence: 0,
    nonce,
    epoch: 0,
    etagStyle: 'returned',
    lease: undefined,
    tags: new Map(),
    entries: [],
    segments: [],
    events: [],
    head: none,
    extensions: [],
  };
}

export function newEntry(op: EntryOp, commit: Commit, manifest: ObjectName): HistoryEntry {
  const canonical = encodeCommit(commit);
  return { id: commitId(canonical), op, manifest, commit, canonical };
}

export function encodeRef(ref: Ref): Uint8Array {
  const out = new Writer()
    .byte(ref.state === 'live' ? 0 : 1)
    .uint(ref.sequence)
    .bytes(ref.nonce)
    .uint(ref.epoch);
  out.byte(ref.etagStyle === 'returned' ? 0 : 1);
  if (ref.lease === undefined) out.byte(0);
  else out.byte(1).text(ref.lease.owner).uint(ref.lease.expiry);
  out.uint(ref.tags.size);
  for (const [name, id] of [...ref.tags].sort(([a], [b]) => compareUtf8(a, b))) out.text(name).bytes(idBytes(id));
  encodeEntries(out, ref.entries);
  out.uint(ref.segments.length);
  for (const segment of ref.segments) {
    writeName(out, segment.name);
    out.uint(segment.entries);
  }
  out.uint(ref.events.length);
  for (const event of ref.events) {
    out.byte(eventOps.indexOf(event.op)).uint(event.time).text(event.author).bytes(event.nonce).text(event.detail);
  }
  out.sized(ref.head);
  encodeExtensions(out, ref.extensions);
  return out.finish();
}

/**
 * Decodes and validates a ref. Throws INTEGRITY for any other bytes, and NEWER_VERSION for features
 * that must not be ignored. Entries in `known`, such as those of the previous ref, are neither
 * hashed nor decoded again.
 */
export function decodeRef(bytes: Uint8Array, what: string, known: readonly HistoryEntry[] = []): Ref {
  const input = new Reader(bytes, what);
  const state = flag(input, what) ? 'deleted' : 'live';
  const sequence = input.uint(MAX_SEQUENCE);
  check(sequence >= 1, `${what}: expected a sequence of at least 1`);
  const nonce = input.bytes(NAME_BYTES).slice();
  const epoch = input.uint(Number.MAX_SAFE_INTEGER);
  const etagStyle = flag(input, what) ? 'unquoted' : 'returned';
  const lease = flag(input, what) ? { owner: input.text(MAX_AUTHOR_BYTES), expiry: input.uint(MAX_TIME) } : undefined;
  const tags = decodeTags(input, what);
  const before = input.remaining;
  const entries = decodeEntries(input, MAX_REF_ENTRIES, what, known);
  check(before - input.remaining <= MAX_INLINE_ENTRY_BYTES, `${what}: expected entries of at most ${MAX_INLINE_ENTRY_BYTES} bytes`);
  const segments = decodeSegments(input, what);
  const total = entryCount({ entries, segments });
  check(total <= MAX_SESSION_ENTRIES, `${what}: expected at most ${MAX_SESSION_ENTRIES} entries in all, found ${total}`);
  const events = Array.from({ length: input.uint(MAX_EVENTS) }, () => decodeEvent(input, what));
  const head = input.sized(MAX_INLINE_HEAD).slice();
  const extensions = decodeExtensions(input, what);
  input.end();
  const empty = entries.length === 0 && segments.length === 0;
  check(entries.length > 0 || segments.length === 0, `${what}: expected entries before segments`);
  check(!empty || (tags.size === 0 && head.length === 0), `${what}: expected no tags and no head without entries`);
  check(state === 'live' || (empty && lease === undefined), `${what}: expected a deleted session to be empty`);
  return { state, sequence, nonce, epoch, etagStyle, lease, tags, entries, segments, events, head, extensions };
}

/** Returns the number of entries of a session. */
export function entryCount({ entries, segments }: Pick<Ref, 'entries' | 'segments'>): number {
  return segments.reduce((sum, segment) => sum + segment.entries, entries.length);
}

function decodeSegments(input: Reader, what: string): SegmentName[] {
  const names = new Set<string>();
  return Array.from({ length: input.uint(MAX_SEGMENTS) }, () => {
    const segment = { name: readName(input), entries: input.uint(MAX_SEGMENT_ENTRIES) };
    check(segment.entries >= 1, `${what}: expected a segment of at least one entry`);
    check(!names.has(nameText(segment.name)), `${what}: expected different segments, found ${nameText(segment.name)} twice`);
    names.add(nameText(segment.name));
    return segment;
  });
}

/**
 * Adds the entries to `seen`. Throws INTEGRITY for a repeated commit or manifest (SPEC.md R-REF-7).
 */
export function checkUnique(entries: readonly HistoryEntry[], seen: Set<string>, what: string): void {
  for (const { id, manifest } of entries) {
    for (const key of [id, nameText(manifest)]) {
      if (seen.has(key)) throw integrity(`${what}: expected different entries, found ${key} twice`);
      seen.add(key);
    }
  }
}

export function encodeEntries(out: Writer, entries: readonly HistoryEntry[]): void {
  out.uint(entries.length);
  for (const entry of entries) {
    out.byte(entryOps.indexOf(entry.op));
    writeName(out, entry.manifest);
    out.sized(entry.canonical);
  }
}

export function decodeEntries(input: Reader, max: number, what: string, known: readonly HistoryEntry[] = []): HistoryEntry[] {
  const byName = new Map(known.map((entry) => [nameText(entry.manifest), entry]));
  const entries = Array.from({ length: input.uint(max) }, () => {
    const op = entryOps[input.byte()];
    check(op !== undefined, `${what}: expected an operation of 0 to ${entryOps.length - 1} in an entry`);
    const manifest = readName(input);
    const canonical = input.sized(MAX_CELL_SIZE);
    const same = byName.get(nameText(manifest));
    if (same?.op === op && equalBytes(same.canonical, canonical)) return same;
    // The bytes are copied, because entries outlive their ref or segment.
    return { id: commitId(canonical), op, manifest, commit: decodeCommit(canonical), canonical: canonical.slice() };
  });
  checkUnique(entries, new Set(), what);
  return entries;
}

function decodeTags(input: Reader, what: string): Map<string, ObjectId> {
  const tags = new Map<string, ObjectId>();
  const count = input.uint(MAX_TAGS);
  let last = '';
  for (let i = 0; i < count; i++) {
    const name = input.text(MAX_AUTHOR_BYTES);
    check(tagProblem(name) === undefined, `${what}: expected the name of a tag, found ${JSON.stringify(name)}`);
    check(compareUtf8(last, name) < 0, `${what}: expected rising tag names, found ${JSON.stringify(name)}`);
    tags.set(name, toHex(input.bytes(ID_BYTES)));
    last = name;
  }
  return tags;
}

function decodeEvent(input: Reader, what: string): RefEvent {
  const op = eventOps[input.byte()];
  check(op !== undefined, `${what}: expected an event of 0 to ${eventOps.length - 1}`);
  const time = input.uint(MAX_TIME);
  const author = input.text(MAX_AUTHOR_BYTES);
  const nonce = input.bytes(NAME_BYTES).slice();
  return { op, time, author, nonce, detail: input.text(MAX_DETAIL_BYTES) };
}

function flag(input: Reader, what: string): boolean {
  const byte = input.byte();
  check(byte <= 1, `${what}: expected a flag of 0 or 1, found ${byte}`);
  return byte === 1;
}
