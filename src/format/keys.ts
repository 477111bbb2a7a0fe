/** The layout of a repository, and the grammar of its names (SPEC.md 9). */
import { toHex } from '../base/bytes.js';
import { BrowserStateError } from '../base/errors.js';
import { MAX_ID_LENGTH } from '../base/limits.js';
import { shown } from '../base/option-check.js';
import { NAME_BYTES } from './envelope.js';
import { nameText, type ObjectName } from './locator.js';

/** The folder of a user's repository in the user's folder (SPEC.md 9). */
export const STORE_FOLDER = '.store';
export const CONFIG_KEY = 'config';
export const EPOCH_KEY = 'gc/epoch';
export const REF_PREFIX = 'refs/';

export type ObjectFolder = 'packs' | 'manifests' | 'segments';
export const objectFolders: readonly ObjectFolder[] = ['packs', 'manifests', 'segments'];

export function refKey(session: string): string {
  return REF_PREFIX + session;
}

export function objectKey(folder: ObjectFolder, name: ObjectName): string {
  return `${folder}/${nameText(name)}`;
}

/** Returns the name in an object's key, or undefined for any other key. */
export function nameOfKey(folder: ObjectFolder, key: string): ObjectName | undefined {
  const match = /^(0|[1-9][0-9]{0,15})-([0-9a-f]{32})$/.exec(key.slice(folder.length + 1));
  const epoch = Number(match?.[1]);
  return key.startsWith(`${folder}/`) && match && Number.isSafeInteger(epoch) ? { epoch, name: match[2] as string } : undefined;
}

/** Returns a name that was never used before (R-NAME-1). */
export function newName(host: { random(length: number): Uint8Array }, epoch: number): ObjectName {
  return { epoch, name: toHex(host.random(NAME_BYTES)) };
}

const idPattern = new RegExp(`^[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,${MAX_ID_LENGTH - 1}}$`);

/** Returns true if `id` can name a session or a user (R-NAME-3). */
export function isId(id: string): boolean {
  return typeof id === 'string' && idPattern.test(id);
}

/** Throws USAGE unless `id` can name a session or a user (R-NAME-3). */
export function checkId(kind: 'session' | 'user', id: string): void {
  if (isId(id)) return;
  throw new BrowserStateError('USAGE', `expected a ${kind} id, found ${shown(id)}`, {
    details: { [kind]: typeof id === 'string' ? id : shown(id) },
    hint: `A ${kind} id has 1 to ${MAX_ID_LENGTH} letters, digits and . _ - @ and does not start with a dot.`,
  });
}

/** Returns why `name` cannot be a tag (R-REF-4), or undefined if it can. */
export function tagProblem(name: string): string | undefined {
  if (!idPattern.test(name) || name.startsWith('@')) {
    return `a tag has 1 to ${MAX_ID_LENGTH} letters, digits and . _ - @ and starts with neither a dot nor @`;
  }
  if (name === 'HEAD') return 'HEAD always names the newest commit';
  if (/^[0-9a-fA-F]+$/.test(name)) return 'hex digits alone name a commit';
  return undefined;
}
