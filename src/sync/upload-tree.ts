/**
 * Uploads of the blobs of a tree (SPEC.md 11.5, R-SYNC-9). Frames of the local store are sent
 * unchanged if all of their content is wanted. Other blobs are compressed again. Every blob is
 * verified.
 */
import { readAhead } from '../base/concurrency.js';
import { BLOBS_AHEAD, CODEC_CONCURRENCY } from '../base/limits.js';
import type { OnProgress } from '../base/progress.js';
import { looksIncompressible } from '../codec/compressible.js';
import { compareFrames, type Frame } from '../format/locator.js';
import type { BlobPlace, Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import { blobCount, blobId, blobLength, type Tree, type TreeEntry } from '../format/tree.js';
import type { BlobReader } from '../repository/read/blob-reader.js';
import type { BlobWriter, Predecessor } from '../repository/write/blob-writer.js';
import { pushProgress } from './progress.js';

/** A blob that the remote does not have. */
interface Missing {
  id: ObjectId;
  /** Its location in the local store. */
  place: BlobPlace;
  /** The blob of the remote at the same position of the file. */
  predecessor: Predecessor | undefined;
}

/**
 * Adds every blob of the tree to the writer. Reads blobs that the remote does not have from the
 * local store. `previous` is a tree that the remote has.
 */
export async function sendTree(
  writer: BlobWriter,
  reader: BlobReader,
  { tree, blobs }: Pick<Manifest, 'tree' | 'blobs'>,
  previous: Tree | undefined,
  onProgress: OnProgress | undefined,
): Promise<void> {
  const missing = findMissing(writer, tree, blobs, previous);
  const report = onProgress && pushProgress(tree, new Set(missing.map(({ id }) => id)), onProgress);
  reader.plan(missing.map(({ place }) => place));
  const frames = wholeFrames(missing);
  const fetch = async (frame: Frame) => {
    const parts = (frames.get(frame) as Missing[]).map(({ id, place }) => ({ id, offset: place.location.offset, length: place.length }));
    return { frame, parts, stored: await reader.readStored(frame, parts) };
  };
  for await (const { frame, parts, stored } of readAhead([...frames.keys()].sort(compareFrames), CODEC_CONCURRENCY, fetch)) {
    // The commit was stored uncompressed on request, but a remote should receive fewer bytes.
    if (frame.codec === 'raw' && !looksIncompressible(stored)) continue;
    await writer.addFrame({ ...frame, stored }, parts);
    for (const { id } of parts) report?.(id);
  }
  const load = async (blob: Missing) => ({ ...blob, bytes: await reader.read(blob.id, blob.place) });
  const others = missing.filter(({ id, place }) => !writer.use(id, place.length));
  for await (const { id, predecessor, bytes } of readAhead(others, BLOBS_AHEAD, load)) {
    const block = await writer.reserve(bytes.length);
    block.set(bytes);
    writer.add(block, predecessor);
    report?.(id);
  }
}

function findMissing(writer: BlobWriter, tree: Tree, blobs: ReadonlyMap<ObjectId, BlobPlace>, previous: Tree | undefined): Missing[] {
  const before = new Map(previous?.map((entry) => [entry.path, entry]));
  const missing = new Map<ObjectId, Missing>();
  for (const file of tree) {
    if (file.kind !== 'file') continue;
    for (let index = 0; index < blobCount(file.size); index++) {
      const id = blobId(file, index);
      if (missing.has(id) || writer.use(id, blobLength(file.size, index))) continue;
      missing.set(id, { id, place: blobs.get(id) as BlobPlace, predecessor: predecessor(before.get(file.path), index, writer) });
    }
  }
  return [...missing.values()];
}

function predecessor(old: TreeEntry | undefined, index: number, writer: BlobWriter): Predecessor | undefined {
  if (old?.kind !== 'file' || index >= blobCount(old.size)) return undefined;
  const id = blobId(old, index);
  const place = writer.use(id, blobLength(old.size, index)) ? writer.place(id) : undefined;
  return place && { id, place };
}

/** Returns the frames that are wanted whole. Blobs with a predecessor may be sent as patches. */
function wholeFrames(missing: readonly Missing[]): Map<Frame, Missing[]> {
  const frames = new Map<Frame, Missing[]>();
  for (const blob of missing) {
    const { location, length } = blob.place;
    if (location.patches.length > 0 || location.baseLength !== length || blob.predecessor !== undefined) continue;
    const wanted = frames.get(location.frame) ?? [];
    wanted.push(blob);
    frames.set(location.frame, wanted);
  }
  return new Map([...frames].filter(([{ length }, wanted]) => wanted.reduce((sum, { place }) => sum + place.length, 0) === length));
}
