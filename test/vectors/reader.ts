/**
 * A second reader of the format, written from SPEC.md alone: it shares no line with src/. It reads a repository in a local folder and
 * gives the entries of any version of a session. Where SPEC.md does not suffice to write this file, SPEC.md is wrong.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bodyOf, decompress, hex, Input, idOf, must, open, sha256, utf8 } from './_reader-envelope.js';

export interface ReadEntry {
  path: string;
  kind: 'directory' | 'file' | 'symlink';
  mode: number;
  mtime: bigint;
  content: Uint8Array;
  target: string;
}

export interface ReadVersion {
  id: string;
  op: number;
  message: string;
  entries(): ReadEntry[];
}

interface Frame {
  pack: string;
  offset: number;
  codec: number;
  stored: number;
  length: number;
}

/** Section 10, local folder: the value of a cell, which is that of the highest entry of its current generation. */
function readCell(folder: string, key: string): Uint8Array | undefined {
  const directory = join(folder, `${key}.cell`);
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.startsWith('g-'));
  } catch {
    return undefined;
  }
  const values = names.map((name) => {
    const number = Math.max(
      ...readdirSync(join(directory, name))
        .filter((each) => /^\d+$/.test(each))
        .map(Number),
    );
    const entry = readFileSync(join(directory, name, String(number)));
    must(sha256(Buffer.from(`${key}\0${name.slice(2)}\0${number}\0`), entry.subarray(0, -32)) === hex(entry.subarray(-32)), 'local folder');
    const isLast = entry[0] === 1;
    return { next: isLast ? `g-${hex(entry.subarray(1, 17))}` : undefined, payload: entry.subarray(isLast ? 17 : 1, -32) };
  });
  return values.find(({ next }) => next === undefined || !names.includes(next))?.payload;
}

/** Section 3.1. */
function readTree(bytes: Uint8Array): { entries: ReadEntry[]; sizes: number[]; blobs: string[][] } {
  const input = new Input(bytes);
  let previous: Uint8Array = new Uint8Array(0);
  const paths = input.list(() => {
    const shared = input.uint();
    previous = Buffer.concat([previous.subarray(0, shared), input.sized()]);
    return utf8(previous);
  });
  const kinds = paths.map(() => (['directory', 'file', 'symlink'] as const)[input.byte()]);
  const modes = paths.map(() => input.u16());
  const mtimes = paths.map(() => input.int64());
  const sizes = kinds.map((kind) => (kind === 'file' ? input.uint() : 0));
  const targets = kinds.map((kind) => (kind === 'symlink' ? input.text() : ''));
  const blobs = sizes.map((size) => Array.from({ length: Math.ceil(size / 65_536) }, () => hex(input.take(32))));
  input.end();
  const entries = paths.map((path, i) => {
    const kind = kinds[i];
    must(kind !== undefined, 'section 3.1');
    return { path, kind, mode: modes[i] as number, mtime: mtimes[i] as bigint, content: new Uint8Array(0), target: targets[i] as string };
  });
  return { entries, sizes, blobs };
}

interface Location {
  frame: Frame;
  offset: number;
  baseLength: number;
  patches: { frame: Frame; offset: number; bitmap: number }[];
}

/** Section 6: the locations of blobs of those lengths. */
function readLocators(bytes: Uint8Array, lengths: number[]): Location[] {
  const input = new Input(bytes);
  const packs = input.list(() => `packs/${input.name()}`);
  let pack = 0;
  let end = 0;
  const frames = input.list((): Frame => {
    const further = input.uint();
    pack += further;
    const offset = (further > 0 ? 0 : end) + input.uint();
    const codec = input.byte();
    const stored = input.uint();
    const length = codec === 0 ? stored : input.uint();
    end = offset + stored;
    return { pack: packs[pack] as string, offset, codec, stored, length };
  });
  const frameAt = (index: number): Frame => {
    const frame = frames[index];
    must(frame !== undefined, 'section 6');
    return frame;
  };
  let f = 0;
  let o = 0;
  const locations = lengths.map((length) => {
    const index = f + input.svar();
    const offset = input.svar() + (index === f ? o : 0);
    const shape = input.uint();
    const baseLength = shape % 2 === 1 ? input.uint() : length;
    const patches = Array.from({ length: shape >> 1 }, () => ({
      frame: frameAt(index + input.svar()),
      offset: input.uint(),
      bitmap: input.u16(),
    }));
    f = index;
    o = offset + baseLength;
    return { frame: frameAt(index), offset, baseLength, patches };
  });
  input.end();
  return locations;
}

/** R-LOC-1. */
function assemble({ frame, offset, baseLength, patches }: Location, length: number, frameBytes: (frame: Frame) => Uint8Array): Uint8Array {
  const chunk = new Uint8Array(65_536);
  chunk.set(frameBytes(frame).subarray(offset, offset + baseLength));
  for (const patch of patches) {
    let at = patch.offset;
    for (let page = 0; page < 16; page++) {
      if ((patch.bitmap & (1 << page)) === 0) continue;
      chunk.set(frameBytes(patch.frame).subarray(at, at + 4096), page * 4096);
      at += 4096;
    }
  }
  return chunk.slice(0, length);
}

/** Section 7: the entries of the version that a manifest holds. */
function readManifest(folder: string, repository: string, key: string, commit: string): ReadEntry[] {
  const input = new Input(bodyOf(open(readFileSync(join(folder, key)), 'M', key, repository).payload));
  const commitBytes = input.sized();
  const treeBytes = input.sized();
  must(idOf('commit', commitBytes) === commit && idOf('tree', treeBytes) === hex(commitBytes.subarray(0, 32)), 'R-MAN-1');
  const { entries, sizes, blobs } = readTree(treeBytes);
  const lengths = new Map<string, number>();
  for (const [i, ids] of blobs.entries()) {
    for (const [j, id] of ids.entries()) lengths.set(id, Math.min(65_536, (sizes[i] as number) - j * 65_536));
  }
  const locations = readLocators(input.take(input.left), [...lengths.values()]);
  const packs = new Map<string, Uint8Array>();
  const frameBytes = ({ pack, offset, codec, stored, length }: Frame): Uint8Array => {
    const bytes = packs.get(pack) ?? readFileSync(join(folder, pack));
    if (!packs.has(pack)) open(bytes, 'P', pack, repository);
    packs.set(pack, bytes);
    return decompress(codec, bytes.subarray(offset, offset + stored), length);
  };
  const contents = new Map([...lengths].map(([id, length], i) => [id, assemble(locations[i] as Location, length, frameBytes)]));
  for (const [id, content] of contents) must(idOf('blob', content) === id, 'R-LOC-1');
  return entries.map((entry, i) => ({
    ...entry,
    content: Buffer.concat((blobs[i] as string[]).map((id) => contents.get(id) as Uint8Array)),
  }));
}

/** Section 8.3: every version of a session, newest first; none where it is absent, empty or deleted. */
export function readSession(folder: string, session: string): ReadVersion[] {
  const config = readCell(folder, 'config');
  must(config !== undefined, 'section 8.1');
  const { repository } = open(config, 'C', 'config');
  const key = `refs/${session}`;
  const cell = readCell(folder, key);
  if (cell === undefined) return [];
  const input = new Input(bodyOf(open(cell, 'R', key, repository).payload));
  const readRows = (from: Input): ReadVersion[] =>
    from.list(() => {
      const op = from.byte();
      const manifest = `manifests/${from.name()}`;
      const commit = from.sized();
      const id = idOf('commit', commit);
      const { message } = readCommit(commit);
      return { id, op, message, entries: () => readManifest(folder, repository, manifest, id) };
    });
  input.byte();
  input.uint();
  input.take(16);
  input.uint();
  input.byte();
  if (input.byte() === 1) [input.text(), input.uint()];
  input.list(() => [input.text(), input.take(32)]);
  const rows = readRows(input);
  const segments = input.list(() => ({ key: `segments/${input.name()}`, rows: input.uint() }));
  input.list(() => [input.byte(), input.uint(), input.text(), input.take(16), input.text()]);
  input.sized();
  input.extensions();
  input.end();
  const older = segments.flatMap(({ key: at, rows: count }) => {
    const read = readRows(new Input(bodyOf(open(readFileSync(join(folder, at)), 'S', at, repository).payload)));
    must(read.length === count, 'section 8.3');
    return read;
  });
  return [...rows, ...older];
}

/** Section 3.2. */
function readCommit(bytes: Uint8Array): { message: string } {
  const input = new Input(bytes);
  input.take(32);
  input.list(() => input.take(32));
  input.uint();
  const message = input.text();
  input.text();
  input.list(() => [input.text(), input.text()]);
  input.uint();
  input.uint();
  input.extensions();
  input.end();
  return { message };
}
