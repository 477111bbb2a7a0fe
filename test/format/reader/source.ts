/**
 * The cells and objects of the second reader: sections 9 and 10.1 of SPEC.md, and nothing of src/.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { hex, must, sha256 } from './bytes.js';
import { limits } from './limits.js';

export interface Source {
  /** Returns the value of a cell, or undefined if there is none. */
  cell(key: string): Uint8Array | undefined;
  /** Returns an object, or some of its bytes. */
  object(key: string, range?: { start: number; end: number }): Uint8Array;
  /** Returns the names of the cells below `refs/`. */
  refs(): string[];
}

/** Returns whether a name is an id (R-NAME-3). */
export const isId = (name: string): boolean => /^[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,127}$/.test(name);

/** Returns the name on disk of a component that is not the last of a cell's key (R-LOCAL-2). */
function onDisk(component: string, first: boolean): string {
  const taken = component.endsWith('.cell') || (first && ['tmp', 'index', 'records', 'workspaces'].includes(component));
  return taken ? `${component}~` : component;
}

/**
 * Returns the source over a folder ROOT (section 10.1). All keys begin with `prefix`. A local
 * store, whose ROOT is the folder `.store`, has no prefix; a remote folder has `<user>/.store/`.
 */
export function folderSource(root: string, prefix = ''): Source {
  const path = (key: string): string => join(root, ...key.split('/').map((component, i) => onDisk(component, i === 0)));
  const directoryOf = (key: string): string => {
    const slash = key.lastIndexOf('/') + 1;
    return join(slash === 0 ? root : path(key.slice(0, slash - 1)), `${key.slice(slash)}.cell`);
  };
  return {
    cell: (key) => readCell(root, directoryOf(prefix + key), prefix + key),
    object: (key, range) => readObject(path(prefix + key), range),
    refs: () =>
      (namesIn(root, path(`${prefix}refs`)) ?? [])
        .filter((name) => name.endsWith('.cell'))
        .map((name) => name.slice(0, -5))
        .filter(isId),
  };
}

/**
 * Returns the names in a directory below the root, which is no symlink itself (R-LOCAL-12). Returns
 * undefined if the directory is absent, and nothing above hides it.
 */
function namesIn(root: string, directory: string): string[] | undefined {
  const isThere = statSync(root, { throwIfNoEntry: false }) !== undefined;
  must(isThere || lstatSync(root, { throwIfNoEntry: false }) === undefined, 'R-LOCAL-12', root);
  const components = relative(root, directory).split('/');
  for (let depth = 1; depth <= components.length; depth++) {
    const at = join(root, ...components.slice(0, depth));
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const target = depth === components.length ? found : statSync(at, { throwIfNoEntry: false });
    must(target?.isDirectory() === true, 'R-LOCAL-12', at);
  }
  return readdirSync(directory);
}

/**
 * Returns the value of the current generation (R-LOCAL-9). Nobody writes to the folder meanwhile.
 */
function readCell(root: string, directory: string, key: string): Uint8Array | undefined {
  const names = namesIn(root, directory);
  if (names === undefined) return undefined;
  const listed = names.filter((name) => /^g-[0-9a-f]{32}$/.test(name)).map((name) => name.slice(2));
  const newest = listed.map((generation) => {
    const numbers = (namesIn(root, join(directory, `g-${generation}`)) ?? []).filter((name) => /^[1-9][0-9]{0,8}$/.test(name)).map(Number);
    must(numbers.length > 0, 'R-LOCAL-9', `${key}: a generation without entries`);
    return readEntry(directory, key, generation, Math.max(...numbers));
  });
  const current = newest.filter(({ next }) => next === undefined || !listed.includes(next));
  must(current.length === 1, 'R-LOCAL-9', `${key}: ${current.length} current generations`);
  return current[0]?.value;
}

/** Reads an entry (R-LOCAL-6). */
function readEntry(directory: string, key: string, generation: string, n: number): { value: Uint8Array; next: string | undefined } {
  const bytes = readObject(join(directory, `g-${generation}`, String(n)));
  must(bytes.length > 32, 'R-LOCAL-6', `${key}: entry ${n}`);
  const content = bytes.subarray(0, -32);
  must(sha256(Buffer.from(`${key}\0${generation}\0${n}\0`), content) === hex(bytes.subarray(-32)), 'R-LOCAL-6', `${key}: the hash of ${n}`);
  const kind = content[0] as number;
  must(kind <= 1 && (kind === 0 || content.length >= 17), 'R-LOCAL-6', `${key}: kind ${kind}`);
  const value = content.subarray(kind === 0 ? 1 : 17);
  must(value.length <= limits.cell, 'R-LOCAL-6', `${key}: ${value.length} bytes`);
  return { value, next: kind === 0 ? undefined : hex(content.subarray(1, 17)) };
}

/**
 * Returns a regular file, or a range of it. A missing file is damage, and so is a file with fewer
 * bytes than the range (R-GC-2).
 */
function readObject(path: string, range?: { start: number; end: number }): Uint8Array {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    must(false, code === 'ENOENT' ? 'R-GC-2' : 'R-LOCAL-12', message);
  }
  try {
    must(fstatSync(file).isFile(), 'R-LOCAL-12', path);
    must(range !== undefined || fstatSync(file).size <= limits.object, 'R-LIMIT', path);
    if (range === undefined) return readFileSync(file);
    const bytes = new Uint8Array(range.end - range.start);
    must(readSync(file, bytes, 0, bytes.length, range.start) === bytes.length, 'R-GC-2', `${path}: too few bytes`);
    return bytes;
  } finally {
    closeSync(file);
  }
}

/**
 * Returns the source over cells and objects by provider key, in the form in which a test keeps
 * them.
 */
export function contentSource(content: ReadonlyMap<string, { bytes: Uint8Array; isCell: boolean }>, prefix: string): Source {
  const at = (key: string, isCell: boolean): Uint8Array | undefined => {
    const found = content.get(prefix + key);
    return found?.isCell === isCell ? found.bytes : undefined;
  };
  return {
    cell: (key) => at(key, true),
    object: (key, range) => {
      const bytes = at(key, false);
      must(bytes !== undefined, 'R-GC-2', key);
      if (range === undefined) return bytes;
      must(range.end <= bytes.length, 'R-GC-2', `${key}: too few bytes`);
      return bytes.subarray(range.start, range.end);
    },
    refs: () =>
      [...content]
        .filter(([key, { isCell }]) => isCell && key.startsWith(`${prefix}refs/`))
        .map(([key]) => key.slice(prefix.length + 5))
        .filter(isId),
  };
}
