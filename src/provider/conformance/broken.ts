/**
 * Cases about providers that cannot work as they were opened. Every method reports the reason, and
 * none returns an empty result.
 */
import type { ErrorCode } from '../../base/errors.js';
import type { Provider } from '../provider.js';
import { type BrokenProviders, content, listed, rejects } from './support.js';

type Method = (provider: Provider) => Promise<unknown>;

const methods: Record<string, Method> = {
  put: (provider) => provider.put('packs/a', content(100)),
  'put of a large object': (provider) => provider.put('packs/b', content(8 * 1024 * 1024)),
  get: (provider) => provider.get('packs/a'),
  'get of a range': (provider) => provider.get('packs/a', { range: { start: 1, end: 9 } }),
  read: (provider) => provider.read('refs/a'),
  swap: (provider) => provider.swap('refs/a', content(100), null),
  list: (provider) => listed(provider),
  'list of a prefix': (provider) => listed(provider, 'packs/'),
  delete: (provider) => provider.delete('packs/a'),
};

const faults: Record<keyof BrokenProviders, [what: string, ...codes: ErrorCode[]]> = {
  wrongCredentials: ['with wrong credentials', 'FORBIDDEN'],
  missingBucket: ['of a bucket that is not there', 'NOT_FOUND'],
  clockSkew: ['by a clock that is wrong', 'FORBIDDEN', 'UNREACHABLE'],
};

/** Returns a case for each method of each given broken provider. */
export function brokenCases(broken: BrokenProviders): { name: string; run(): Promise<void> }[] {
  return Object.entries(faults).flatMap(([fault, [what, ...codes]]) => {
    const open = broken[fault as keyof BrokenProviders];
    if (open === undefined) return [];
    return Object.entries(methods).map(([name, method]) => ({
      name: `${name} ${what} is ${codes.join(' or ')}`,
      run: async () => {
        const provider = await open();
        try {
          await rejects(method(provider), ...codes);
        } finally {
          await provider.close();
        }
      },
    }));
  });
}
