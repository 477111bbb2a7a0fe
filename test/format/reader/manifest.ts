/**
 * The second reader's locator tables and manifests: sections 5 to 7 of SPEC.md, and nothing of
 * src/.
 */
import { compareNames, Input, idOf, keyOf, must, mustRise, type Name } from './bytes.js';
import { type Codec, codecs, readBody } from './envelope.js';
import { limits } from './limits.js';
import { blobCount, type Commit, type Entry, readCommit, readTree } from './objects.js';

export interface Frame {
  pack: Name;
  offset: number;
  codec: Codec;
  storedLength: number;
  length: number;
}

export interface Location {
  frame: Frame;
  offset: number;
  baseLength: number;
  patches: { frame: Frame; offset: number; bitmap: number }[];
}

export interface Manifest {
  commit: Commit;
  tree: Entry[];
  /** The length and the location of each distinct blob, by id. */
  blobs: Map<string, { length: number; location: Location }>;
}

const pagesOf = (bitmap: number): number[] => Array.from({ length: 16 }, (_, page) => page).filter((page) => bitmap & (1 << page));

/** Reads the frames of a locator table (section 6). */
function readFrames(input: Input): Frame[] {
  const packs = input.list(input.left, () => input.name());
  mustRise(packs, compareNames, 'R-LOC-6');
  let pack = 0;
  let end = 0;
  const frames = input.list(input.left, (): Frame => {
    const further = input.uint();
    pack += further;
    const name = packs[pack];
    must(name !== undefined, 'R-LOC-3', 'a pack that is not there');
    const offset = (further > 0 ? 0 : end) + input.uint();
    const codec = input.oneOf(codecs);
    const storedLength = input.uint();
    const length = codec === 'raw' ? storedLength : input.uint();
    end = offset + storedLength;
    const header = 22 + keyOf('packs', name).length;
    must(offset >= header && storedLength >= 1 && end <= limits.pack - 32, 'R-LOC-3', 'outside of the pack');
    must(length >= 1 && length <= limits.frame, 'R-PACK-2', `a frame of ${length} bytes`);
    return { pack: name, offset, codec, storedLength, length };
  });
  must(new Set(frames.map((frame) => frame.pack)).size === packs.length, 'R-LOC-3', 'a pack without a frame');
  return frames;
}

/** Reads the locations of blobs of those lengths (section 6). */
export function readLocators(bytes: Uint8Array, lengths: readonly number[]): Location[] {
  const input = new Input(bytes);
  const frames = readFrames(input);
  const used = new Set<Frame>();
  const part = (index: number, offset: number, length: number): { frame: Frame; offset: number } => {
    const frame = frames[index];
    must(frame !== undefined, 'R-LOC-2', 'a frame that is not there');
    must(offset >= 0 && offset + length <= frame.length, 'R-LOC-2', 'outside of the frame');
    used.add(frame);
    return { frame, offset };
  };
  let f = 0;
  let o = 0;
  const locations = lengths.map((length): Location => {
    const index = f + input.svar();
    const offset = input.svar() + (index === f ? o : 0);
    const shape = input.uint(2 * limits.patches + 1);
    const baseLength = shape % 2 === 1 ? input.uint(limits.blob) : length;
    must(baseLength >= 1 && (shape % 2 === 0 || baseLength !== length), 'R-LOC-2', 'the base length');
    must(shape > 1 || baseLength >= length, 'R-LOC-2', 'a short base without patches');
    const base = part(index, offset, baseLength);
    const patches = Array.from({ length: shape >> 1 }, () => {
      const [at, patchOffset, bitmap] = [index + input.svar(), input.uint(), input.u16()];
      must(bitmap !== 0, 'R-PATCH');
      return { ...part(at, patchOffset, 4096 * pagesOf(bitmap).length), bitmap };
    });
    f = index;
    o = offset + baseLength;
    return { ...base, baseLength, patches };
  });
  input.end();
  must(used.size === frames.length, 'R-LOC-3', 'a frame that is not used');
  return locations;
}

/**
 * Reads the body of a manifest of that commit (section 7). Without `commitId`, accepts any commit.
 */
export function readManifest(body: Uint8Array, commitId?: string): Manifest {
  const input = new Input(body);
  const commitBytes = input.sized();
  const treeBytes = input.sized();
  must(commitId === undefined || idOf('commit', commitBytes) === commitId, 'R-MAN-1', 'the commit');
  const commit = readCommit(commitBytes);
  must(idOf('tree', treeBytes) === commit.tree, 'R-MAN-1', 'the tree');
  const tree = readTree(treeBytes);
  const files = tree.filter((entry) => entry.kind === 'file');
  must(files.length === commit.files && files.reduce((sum, { size }) => sum + size, 0) === commit.bytes, 'R-COMMIT');
  const lengths = new Map<string, number>();
  for (const file of files) {
    for (const [i, id] of blobIds(file).entries()) {
      const length = Math.min(limits.blob, file.size - i * limits.blob);
      must((lengths.get(id) ?? length) === length, 'R-BLOB', 'one id, two lengths');
      lengths.set(id, length);
    }
  }
  const locations = readLocators(input.take(input.left), [...lengths.values()]);
  const blobs = new Map([...lengths].map(([id, length], i) => [id, { length, location: locations[i] as Location }]));
  return { commit, tree, blobs };
}

/** Returns the ids of a file's blobs, in order. */
export function blobIds({ size, ids }: Extract<Entry, { kind: 'file' }>): string[] {
  return Array.from({ length: blobCount(size) }, (_, i) => ids.slice(64 * i, 64 * i + 64));
}

/** Returns the manifest in an envelope that is stored under `key`. */
export function openManifest(bytes: Uint8Array, key: string, repository: string, commitId: string): Manifest {
  return readManifest(readBody(bytes, 'manifest', key, repository).body, commitId);
}

/**
 * Returns the bytes of a blob from the uncompressed bytes of frames: R-LOC-1 without its last step.
 */
export function assemble(
  { frame, offset, baseLength, patches }: Location,
  length: number,
  bytesOf: (frame: Frame) => Uint8Array,
): Uint8Array {
  const chunk = new Uint8Array(limits.blob);
  chunk.set(bytesOf(frame).subarray(offset, offset + baseLength));
  for (const patch of patches) {
    for (const [i, page] of pagesOf(patch.bitmap).entries()) {
      const at = patch.offset + 4096 * i;
      chunk.set(bytesOf(patch.frame).subarray(at, at + 4096), 4096 * page);
    }
  }
  return chunk.slice(0, length);
}
