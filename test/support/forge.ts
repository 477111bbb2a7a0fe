/**
 * A repository put together by hand, without the library's writers, so that any part can break a
 * rule of SPEC.md. `forged()` returns a whole repository: one session of three versions, the oldest
 * in a segment, the newest's manifest in the ref as well. Tests alter it before it is sealed.
 */
import { createHash } from 'node:crypto';
import { concat, Writer } from '../../src/base/bytes.js';
import { type Epoch, encodeConfig, encodeEpoch } from '../../src/format/cells.js';
import { type Commit, encodeCommit } from '../../src/format/commit.js';
import { type EnvelopeKind, envelopeHeader, wrap } from '../../src/format/envelope.js';
import { objectKey } from '../../src/format/keys.js';
import { encodeLocators, type Frame, type Location, NO_PATCHES, type ObjectName, packHeaderLength } from '../../src/format/locator.js';
import { objectId } from '../../src/format/object-id.js';
import { type EntryOp, emptyRef, encodeEntries, encodeRef, type HistoryEntry, newEntry, type Ref } from '../../src/format/ref.js';
import { encodeTree, measureTree, type TreeEntry, treeId } from '../../src/format/tree.js';
import type { Content } from './provider-content.js';

export interface Version {
  op: EntryOp;
  manifest: ObjectName;
  commit: Commit;
  tree: TreeEntry[];
  /**
   * The locations of the tree's distinct blobs, and the lengths for which the locations are
   * encoded.
   */
  locations: Location[];
  lengths: number[];
}

export interface Forged {
  id: Uint8Array;
  epoch: Epoch | undefined;
  /** Versions, newest first. */
  versions: [Version, ...Version[]];
  /**
   * The number of the oldest versions that are in the segment, and the same number as the ref has
   * it.
   */
  inSegment: number;
  /** Bytes between the header of a pack and its digest. */
  packs: Map<ObjectName, Uint8Array>;
  /** Fields of the ref that replace those of the versions. */
  ref: Partial<Ref>;
  /** A final change of the bytes of all objects and cells. */
  after: (content: Map<string, Uint8Array>) => void | Promise<void>;
}

export const SEGMENT: ObjectName = { epoch: 1, name: 'c0'.repeat(16) };
export const named = (digits: string, epoch = 1): ObjectName => ({ epoch, name: digits.repeat(16) });

export function fileEntry(path: string, ...contents: Uint8Array[]): TreeEntry {
  const size = contents.reduce((sum, { length }) => sum + length, 0);
  const ids = contents.map((content) => objectId('blob', content)).join('');
  return { kind: 'file', path, mode: 0o600, mtime: 0n, size, ids };
}

/** Returns the commit of a tree. */
export function commitOf(tree: TreeEntry[], parts: Partial<Commit> = {}): Commit {
  const facts = { ...measureTree(tree), extensions: [] };
  return { tree: treeId(tree), parents: [], time: 1000, message: '', author: '', labels: {}, ...facts, ...parts };
}

/** Gives the version another tree, and a commit that agrees with the tree. */
export function retree(version: Version, tree: TreeEntry[]): void {
  version.tree = tree;
  version.commit = { ...version.commit, tree: treeId(tree), ...measureTree(tree) };
}

/** Gives a version a parent. */
function follow(version: Version, parent: Version): void {
  version.commit = { ...version.commit, parents: [idOf(parent)] };
}

export const idOf = ({ commit }: Version): string => objectId('commit', encodeCommit(commit));

/** The contents of the file `a` of the three versions, oldest first. */
export const contents = ['oldest', 'middle', 'newest'].map((text) => new TextEncoder().encode(text.repeat(300)));

export function forged(): Forged {
  const packs = new Map<ObjectName, Uint8Array>();
  const versions = contents.map((content, i): Version => {
    const pack = named(`a${i}`);
    packs.set(pack, content);
    const frame: Frame = { pack, offset: packHeaderLength(pack), codec: 'raw', storedLength: content.length, length: content.length };
    const tree = [fileEntry('a', content)];
    const location = { frame, offset: 0, baseLength: content.length, patches: NO_PATCHES };
    const commit = commitOf(tree, { time: 1000 + i });
    return { op: 'commit', manifest: named(`b${i}`), commit, tree, locations: [location], lengths: [content.length] };
  });
  const [oldest, middle, newest] = versions as [Version, Version, Version];
  follow(middle, oldest);
  follow(newest, middle);
  const after = (): void => undefined;
  return {
    id: new Uint8Array(16).fill(7),
    epoch: { k: 1, condemned: [] },
    versions: [newest, middle, oldest],
    inSegment: 1,
    packs,
    ref: {},
    after,
  };
}

export function manifestBody({ commit, tree, locations, lengths }: Version): Uint8Array {
  return new Writer().sized(encodeCommit(commit)).sized(encodeTree(tree)).bytes(encodeLocators(locations, lengths)).finish();
}

export const envelope = (id: Uint8Array, kind: EnvelopeKind, key: string, body: Uint8Array): Promise<Uint8Array> =>
  wrap({ kind, repository: id, key }, body, 'auto');

/** Returns a pack with any bytes between header and digest. */
export function packOf(id: Uint8Array, key: string, payload: Uint8Array): Uint8Array {
  const content = concat([envelopeHeader({ kind: 'pack', repository: id, key }), payload]);
  return concat([content, createHash('sha256').update(content).digest()]);
}

export function entriesBody(entries: readonly HistoryEntry[]): Uint8Array {
  const out = new Writer();
  encodeEntries(out, entries);
  return out.finish();
}

/**
 * Returns the repository's objects and cells, for a provider in which the user is `tester` and the
 * session `main`.
 */
export async function seal(repository: Forged): Promise<Content> {
  const { id, epoch, versions, inSegment, packs } = repository;
  const bytes = new Map<string, Uint8Array>();
  bytes.set('config', await envelope(id, 'config', 'config', encodeConfig()));
  if (epoch !== undefined) bytes.set('gc/epoch', await envelope(id, 'epoch', 'gc/epoch', encodeEpoch(epoch)));
  for (const [name, payload] of packs) bytes.set(objectKey('packs', name), packOf(id, objectKey('packs', name), payload));
  for (const version of versions) {
    const key = objectKey('manifests', version.manifest);
    bytes.set(key, await envelope(id, 'manifest', key, manifestBody(version)));
  }
  const entries = versions.map(({ op, commit, manifest }) => newEntry(op, commit, manifest));
  const inline = entries.slice(0, entries.length - inSegment);
  const segmentKey = objectKey('segments', SEGMENT);
  if (inSegment > 0) bytes.set(segmentKey, await envelope(id, 'segment', segmentKey, entriesBody(entries.slice(inline.length))));
  const ref: Ref = {
    ...emptyRef(),
    sequence: 5,
    nonce: new Uint8Array(16).fill(5),
    epoch: 1,
    tags: new Map([['good', (entries.at(-1) as HistoryEntry).id]]),
    entries: inline,
    segments: inSegment > 0 ? [{ name: SEGMENT, entries: inSegment }] : [],
    head: bytes.get(objectKey('manifests', versions[0].manifest)) as Uint8Array,
    ...repository.ref,
  };
  bytes.set('refs/main', await envelope(id, 'ref', 'refs/main', encodeRef(ref)));
  await repository.after(bytes);
  const isCell = (key: string): boolean => !/^(?:packs|manifests|segments)\//.test(key);
  return new Map([...bytes].map(([key, each]) => [`tester/.store/${key}`, { bytes: each, isCell: isCell(key) }]));
}
