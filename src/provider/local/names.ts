/**
 * Keys as paths of a local folder, and back (SPEC.md R-LOCAL-2). An object is a file named like its
 * key. A cell is a directory with `.cell` after its name. An ambiguous name gets a `~` at its end,
 * which no key can contain. The mapping is one to one: a path belongs to no key or to one key.
 */
import { isKey } from '../key.js';

const CELL = '.cell';
const ESCAPE = '~';
/**
 * Names at the root that belong to the machine's own state: temporary files, the index, records of
 * directories, and workspaces.
 */
const reserved = new Set(['tmp', 'index', 'records', 'workspaces']);

/** Returns the path of an object below the root. */
export function objectPath(key: string): string {
  return key.split('/').map(toName).join('/');
}

/** Returns the path of a cell's directory below the root. */
export function cellPath(key: string): string {
  const slash = key.lastIndexOf('/') + 1;
  return (slash === 0 ? '' : `${objectPath(key.slice(0, slash - 1))}/`) + key.slice(slash) + CELL;
}

/**
 * Returns the key of the file `name` in the directory of `parent`, or undefined if the file has no
 * key. `parent` is '', or a key and a slash.
 */
export function keyOfName(parent: string, name: string): string | undefined {
  const component = name.endsWith(ESCAPE) ? name.slice(0, -1) : name;
  if (toName(component, parent === '' ? 0 : 1) !== name) return undefined;
  return isKey(parent + component) ? parent + component : undefined;
}

/**
 * Returns the key of the cell whose directory is `name`, or undefined if `name` belongs to no cell.
 */
export function keyOfCellName(parent: string, name: string): string | undefined {
  const key = parent + name.slice(0, -CELL.length);
  return name.endsWith(CELL) && isKey(key) ? key : undefined;
}

function toName(component: string, depth: number): string {
  const taken = component.endsWith(CELL) || (depth === 0 && reserved.has(component));
  return taken ? component + ESCAPE : component;
}
