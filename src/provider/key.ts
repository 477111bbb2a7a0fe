/** The grammar of provider keys, checked in one place for all providers (SPEC.md R-KEY). */
import { BrowserStateError } from '../errors.js';
import { MAX_KEY_BYTES } from '../limits.js';

const component = /^[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,199}$/;

/** Throws USAGE unless `key` is a provider key. */
export function checkKey(key: string): void {
  if (key.length <= MAX_KEY_BYTES && key.split('/').every((part) => component.test(part))) return;
  throw new BrowserStateError('USAGE', `expected a provider key, found ${JSON.stringify(key)}`);
}
