/** The grammar of provider keys, checked in one place for all providers (SPEC.md R-KEY). */
import { BrowserStateError } from '../base/errors.js';
import { MAX_KEY_BYTES } from '../base/limits.js';

/**
 * A pattern of one name between slashes. No name starts with a dot except `.store`, which separates
 * a repository from foreign files in the same folder.
 */
const component = /^(?:[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,199}|\.store)$/;

export function isKey(text: string): boolean {
  return text.length <= MAX_KEY_BYTES && text.split('/').every((part) => component.test(part));
}

const KEY_HINT = 'Use components of letters, digits, `.`, `_`, `@` and `-`, joined by slashes.';

/** Throws USAGE unless `key` is a provider key. */
export function checkKey(key: string): void {
  if (isKey(key)) return;
  throw new BrowserStateError('USAGE', `expected a provider key, found ${JSON.stringify(key)}`, { hint: KEY_HINT });
}

/** Throws USAGE unless `prefix` is empty, a key, or a key and a slash. */
export function checkPrefix(prefix: string): void {
  if (prefix === '' || isKey(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix)) return;
  throw new BrowserStateError('USAGE', `expected the beginning of provider keys, found ${JSON.stringify(prefix)}`, { hint: KEY_HINT });
}
