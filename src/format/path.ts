/**
 * Paths inside a profile (SPEC.md R-PATH): relative, `/`-separated, harmless on every reader's file
 * system.
 */
import { utf8 } from '../base/bytes.js';
import { MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES } from '../base/limits.js';

/** A pattern of most paths of profiles. Such paths are allowed if they are short. */
const usual = /^[\w -][\w .-]*(?:\/[\w -][\w .-]*)*$/;
/** Length of a path up to which no name is too long, and names are not too many. */
const SHORT = Math.min(MAX_NAME_BYTES, 2 * MAX_DEPTH);

/** Returns why `path` is not allowed in a tree, or undefined if it is allowed. */
export function pathProblem(path: string): string | undefined {
  if (path.length <= SHORT && usual.test(path)) return undefined;
  if (path === '') return 'it is empty';
  if (exceeds(path, MAX_PATH_BYTES)) return `it is longer than ${MAX_PATH_BYTES} bytes`;
  const components = path.split('/');
  if (components.length > MAX_DEPTH) return `it is deeper than ${MAX_DEPTH} directories`;
  for (const component of components) {
    if (component === '') return 'it has an empty component';
    if (component === '.' || component === '..') return `it has the component "${component}"`;
    if (component.includes('\\')) return 'it holds a backslash';
    if (/\p{Cc}/u.test(component)) return 'it holds a control character';
    if (exceeds(component, MAX_NAME_BYTES)) return `it has a name of more than ${MAX_NAME_BYTES} bytes`;
  }
  return undefined;
}

/**
 * Returns the path of the directory that contains `path`. Returns the empty string for the root.
 */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function exceeds(text: string, limit: number): boolean {
  // A UTF-16 unit has one to three bytes, so most texts can be compared without encoding them.
  return text.length > limit || (text.length * 3 > limit && utf8(text).length > limit);
}
