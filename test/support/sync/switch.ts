/** A provider whose target can be switched, so that faults begin after the setup. */
import type { Provider } from '../../../src/index.js';
import { around } from '../faults/providers.js';

export interface Switched {
  provider: Provider;
  /** Sends requests through `provider` from now on, and counts the requests from zero. */
  through(provider: Provider): void;
  count(): number;
}

export function switched(first: Provider): Switched {
  let inner = first;
  let count = 0;
  const counted = <T>(ask: (provider: Provider) => T): T => {
    count++;
    return ask(inner);
  };
  return {
    provider: {
      ...around(first, (_method, _key, request) => request()),
      put: (key, bytes, options) => counted((to) => to.put(key, bytes, options)),
      get: (key, options) => counted((to) => to.get(key, options)),
      read: (key, options) => counted((to) => to.read(key, options)),
      swap: (key, bytes, expected, options) => counted((to) => to.swap(key, bytes, expected, options)),
      delete: (key, options) => counted((to) => to.delete(key, options)),
      list: (prefix, options) => counted((to) => to.list(prefix, options)),
    },
    through: (provider) => {
      inner = provider;
      count = 0;
    },
    count: () => count,
  };
}
