/** Read-only sources as providers. */
import { BrowserStateError } from '../../base/errors.js';
import type { Provider } from '../provider.js';

/** The part of a provider that a reader needs. A source that cannot list its keys has no `list`. */
export interface Source extends Pick<Provider, 'url' | 'get' | 'read'> {
  list?: Provider['list'];
}

/**
 * Returns the source as a provider. Its writes throw UNSUPPORTED. Its lists throw UNSUPPORTED if
 * the source has none.
 */
export function readOnly(source: Source): Provider {
  const refuse = async (): Promise<never> => {
    throw new BrowserStateError('UNSUPPORTED', `${source.url} is only read here`, {
      hint: 'Write with the library `browserstate`, or with its command.',
    });
  };
  return {
    url: source.url,
    supports: { conditionalRead: false, durable: false },
    get: (key, options) => source.get(key, options),
    read: (key, options) => source.read(key, options),
    list: (prefix, options) => source.list?.(prefix, options) ?? unlisted(source.url),
    put: refuse,
    swap: refuse,
    delete: refuse,
    close: async () => undefined,
  };
}

// biome-ignore lint/correctness/useYield: the list throws before it yields.
async function* unlisted(url: string): AsyncGenerator<never> {
  throw new BrowserStateError('UNSUPPORTED', `${url} cannot be listed: a plain address has no list of what lies below it`, {
    hint: 'Name the sessions that you read, or read a bucket with the option `s3`, which is listed.',
  });
}
