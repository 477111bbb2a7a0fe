/** The second reader's trees and commits: section 3 of SPEC.md, and nothing of src/. */
import { compareText, type Extension, hex, Input, must, mustRise, utf8 } from './bytes.js';
import { limits } from './limits.js';

interface Common {
  path: string;
  mode: number;
  /** Microseconds since 1970. */
  mtime: bigint;
}
export type Entry =
  | (Common & { kind: 'directory' })
  | (Common & { kind: 'file'; size: number; ids: string })
  | (Common & { kind: 'symlink'; target: string });

export const blobCount = (size: number): number => Math.ceil(size / limits.blob);

/** Reads a tree (section 3.1). */
export function readTree(bytes: Uint8Array): Entry[] {
  const input = new Input(bytes);
  const paths = readPaths(input);
  const kinds = paths.map(() => input.oneOf(['directory', 'file', 'symlink']));
  const modes = kinds.map((kind) => {
    const mode = input.u16();
    must(mode <= 0o777 && (kind !== 'symlink' || mode === 0o777), 'R-TREE-3');
    return mode;
  });
  const mtimes = paths.map(() => input.int64());
  const sizes = kinds.map((kind) => (kind === 'file' ? input.uint(limits.file) : 0));
  const targets = kinds.map((kind) => (kind === 'symlink' ? readTarget(input) : ''));
  must(sizes.reduce((sum, size) => sum + blobCount(size), 0) <= limits.blobs, 'R-LIMIT', 'blobs');
  const ids = sizes.map((size) => input.take(32 * blobCount(size)));
  input.end();
  const entries = paths.map((path, i): Entry => {
    const common = { path, mode: modes[i] as number, mtime: mtimes[i] as bigint };
    const kind = kinds[i] as Entry['kind'];
    if (kind === 'file') return { ...common, kind, size: sizes[i] as number, ids: hex(ids[i] as Uint8Array) };
    return kind === 'symlink' ? { ...common, kind, target: targets[i] as string } : { ...common, kind };
  });
  checkParents(entries);
  return entries;
}

function readPaths(input: Input): string[] {
  let previous: Uint8Array = new Uint8Array(0);
  let total = 0;
  return input.list(limits.entries, () => {
    const shared = input.uint(previous.length);
    const rest = input.sized(limits.pathBytes);
    total += shared + rest.length;
    must(total <= limits.allPaths, 'R-LIMIT', 'paths');
    const path = Buffer.concat([previous.subarray(0, shared), rest]);
    must(previous.length === 0 || Buffer.compare(previous, path) < 0, 'R-TREE-1', 'order');
    must(rest.length === 0 || previous.length === shared || previous[shared] !== rest[0], 'R-TREE-1', 'the shared length');
    previous = path;
    return checkPath(utf8(path));
  });
}

/** Checks and returns a path (R-PATH). */
function checkPath(path: string): string {
  must(Buffer.byteLength(path) <= limits.pathBytes && path.split('/').length <= limits.depth, 'R-PATH', 'limits');
  for (const name of path.split('/')) {
    const length = Buffer.byteLength(name);
    must(length >= 1 && length <= limits.nameBytes && name !== '.' && name !== '..', 'R-PATH', JSON.stringify(path));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are the subject of the rule.
    must(!/[\\\u0000-\u001f\u007f-\u009f]/.test(name), 'R-PATH', JSON.stringify(path));
  }
  return path;
}

function readTarget(input: Input): string {
  const target = input.text(limits.target);
  must(target !== '' && !target.includes('\0'), 'R-TREE-4');
  return target;
}

function checkParents(entries: readonly Entry[]): void {
  const directories = new Set(['']);
  for (const { path, kind } of entries) {
    must(directories.has(path.slice(0, Math.max(0, path.lastIndexOf('/')))), 'R-TREE-2', path);
    if (kind === 'directory') directories.add(path);
  }
}

export interface Commit {
  tree: string;
  parents: string[];
  time: number;
  message: string;
  author: string;
  labels: Map<string, string>;
  files: number;
  bytes: number;
  extensions: Extension[];
}

/** Reads a commit (section 3.2). */
export function readCommit(bytes: Uint8Array): Commit {
  const input = new Input(bytes);
  const tree = hex(input.take(32));
  const parents = input.list(8, () => hex(input.take(32)));
  must(new Set(parents).size === parents.length, 'R-COMMIT', 'parents');
  const time = input.uint(limits.time);
  const message = input.text(4096);
  const author = input.text(256);
  const labels = input.list(32, (): [string, string] => [input.text(64), input.text(256)]);
  must(
    labels.every(([key]) => key !== ''),
    'R-COMMIT',
    'a label without a key',
  );
  mustRise(labels, ([a], [b]) => compareText(a, b), 'R-COMMIT');
  const commit = { tree, parents, time, message, author, labels: new Map(labels), files: input.uint(), bytes: input.uint() };
  const extensions = input.extensions();
  input.end();
  return { ...commit, extensions };
}
