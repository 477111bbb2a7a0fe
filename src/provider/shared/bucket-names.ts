/**
 * Names of objects and cells in a bucket (SPEC.md R-S3-1, R-GCS-1). An object's name is its key. A
 * cell's name is its key and `~`, which no key can contain. So one list distinguishes them, and
 * every prefix of a key is a prefix of its name.
 */
import { BrowserStateError } from '../../base/errors.js';
import { isKey } from '../key.js';
import type { Listed } from '../provider.js';

const CELL_MARK = '~';

export function cellName(key: string): string {
  return key + CELL_MARK;
}

/**
 * Returns the list entry for a name in the bucket, or undefined for a foreign name, which no key
 * has.
 */
export function entryOf(name: string, size: number): Listed | undefined {
  const isCell = name.endsWith(CELL_MARK);
  const key = isCell ? name.slice(0, -CELL_MARK.length) : name;
  return isKey(key) ? { key, size: isCell ? undefined : size } : undefined;
}

/**
 * Returns the address of a bucket, without credentials. The address contains the endpoint, since
 * stores at different endpoints may have buckets of one name. Throws USAGE for a bad endpoint.
 */
export function bucketUrl(scheme: 's3' | 'gs', bucket: string, endpoint: string | undefined): string {
  if (endpoint === undefined) return `${scheme}://${bucket}`;
  if (!URL.canParse(endpoint)) {
    throw new BrowserStateError('USAGE', 'expected an http or https address as endpoint, found something else', {
      hint: 'Write scheme, host and port, such as https://s3.example:9000.',
    });
  }
  return `${scheme}+${new URL(endpoint).origin}/${bucket}`;
}

/** Returns the hint for a response that did not come from the store. */
export function strangerHint(url: string, store: string): string {
  return `Check that ${store} answers at ${url}: a proxy, a captive portal that wants a login, or a wrong endpoint may answer in its place.`;
}
