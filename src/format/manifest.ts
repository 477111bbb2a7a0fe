/**
 * Manifests: the object that a provider stores for one commit (SPEC.md 7). A reader needs nothing
 * else to find every byte.
 */
import { concat, Reader, Writer } from '../base/bytes.js';
import { check, integrity } from '../base/errors.js';
import { MAX_CELL_SIZE, MAX_MANIFEST_SIZE } from '../base/limits.js';
import { type Commit, commitId, decodeCommit, encodeCommit } from './commit.js';
import { decodeLocators, encodeLocators, type Location } from './locator.js';
import { type ObjectId, objectId } from './object-id.js';
import { decodeTree, distinctBlobs, encodeTree, measureTree, type Tree, tooLarge } from './tree.js';

/** A blob's location, and its length from the tree. */
export interface BlobPlace {
  location: Location;
  /** Length of the blob in bytes. */
  length: number;
}

export interface Manifest {
  id: ObjectId;
  commit: Commit;
  tree: Tree;
  /** The location of every distinct blob of the tree. */
  blobs: ReadonlyMap<ObjectId, BlobPlace>;
}

/** A tree's canonical bytes, and its distinct blobs with their lengths. */
export interface PreparedTree {
  bytes: Uint8Array;
  blobs: ReadonlyMap<ObjectId, number>;
}

export function prepareTree(tree: Tree): PreparedTree {
  return { bytes: encodeTree(tree), blobs: distinctBlobs(tree) };
}

/**
 * Returns the body of a manifest envelope. Every blob of the tree must have a location. Throws
 * INTEGRITY if the tree or the locations give one blob two lengths. Only damaged or hostile input
 * has two lengths, and such a manifest is never stored.
 */
export function encodeManifest(
  commit: Commit,
  tree: Tree,
  blobs: Pick<ReadonlyMap<ObjectId, BlobPlace>, 'get'>,
  { bytes: treeBytes, blobs: distinct } = prepareTree(tree),
): Uint8Array {
  const locations = Array.from(distinct, ([id, length]) => {
    const place = blobs.get(id) as BlobPlace;
    checkLength(id, place.length, length);
    return place.location;
  });
  const lengths = [...distinct.values()];
  const before = new Writer().sized(encodeCommit(commit)).uint(treeBytes.length).finish();
  const body = concat([before, treeBytes, encodeLocators(locations, lengths)]);
  if (body.length > MAX_MANIFEST_SIZE) throw tooLarge(`its manifest has ${body.length} bytes, more than ${MAX_MANIFEST_SIZE}`);
  return body;
}

/**
 * Returns the locations of all blobs of the manifests. Throws INTEGRITY if two manifests give one
 * blob two lengths.
 */
export function mergeBlobs(manifests: readonly Pick<Manifest, 'blobs'>[]): Map<ObjectId, BlobPlace> {
  const merged = new Map<ObjectId, BlobPlace>();
  for (const { blobs } of manifests) {
    for (const [id, place] of blobs) {
      checkLength(id, merged.get(id)?.length ?? place.length, place.length);
      merged.set(id, place);
    }
  }
  return merged;
}

function checkLength(id: ObjectId, known: number, length: number): void {
  if (known !== length) throw integrity(`manifest: expected one length of the blob ${id}, found ${known} and ${length} bytes`);
}

/**
 * Decodes and validates the body of a manifest (R-MAN-1, R-MAN-2). Throws INTEGRITY for any other
 * bytes.
 */
export function decodeManifest(body: Uint8Array): Manifest {
  const input = new Reader(body, 'manifest');
  const commitBytes = input.sized(MAX_CELL_SIZE);
  const treeBytes = input.sized(MAX_MANIFEST_SIZE);
  const commit = decodeCommit(commitBytes);
  check(objectId('tree', treeBytes) === commit.tree, `manifest: expected the tree ${commit.tree}, found another`);
  const tree = decodeTree(treeBytes);
  const { files, bytes } = measureTree(tree);
  check(files === commit.files && bytes === commit.bytes, 'manifest: expected the numbers of files and bytes that its tree has');
  return { id: commitId(commitBytes), commit, tree, blobs: decodeBlobs(input.bytes(input.remaining), tree) };
}

/** Replaces lengths by locations in the same Map: a large profile has no memory for two Maps. */
function decodeBlobs(bytes: Uint8Array, tree: Tree): ReadonlyMap<ObjectId, BlobPlace> {
  const blobs: Map<ObjectId, number | BlobPlace> = distinctBlobs(tree);
  const lengths = [...blobs.values()] as number[];
  const locations = decodeLocators(bytes, lengths);
  let i = 0;
  for (const id of blobs.keys()) {
    blobs.set(id, { location: locations[i] as Location, length: lengths[i] as number });
    i++;
  }
  return blobs as Map<ObjectId, BlobPlace>;
}
