/**
 * The conformance suite for providers (SPEC.md "Provider"), exported as `browserstate/provider-suite`: one case for every statement of
 * the contract in provider.ts. It asserts by node:assert and knows no test runner:
 *
 *     for (const { name, run } of providerSuite(() => myProvider(freshPrefix()))) test(name, run);
 */
import type { Provider } from './provider.js';
import { brokenCases } from './suite/broken.js';
import { cells } from './suite/cells.js';
import { listing } from './suite/listing.js';
import { names } from './suite/names.js';
import { objects } from './suite/objects.js';
import { races } from './suite/races.js';
import type { SuiteOptions } from './suite/support.js';
import { whole } from './suite/whole.js';

export type { BrokenProviders, SuiteOptions } from './suite/support.js';

export interface SuiteCase {
  /** Unique, and stable from version to version. */
  name: string;
  /** Rejects with an AssertionError, or with what the provider threw, where the provider does not conform. */
  run(): Promise<void>;
}

/**
 * The cases for the providers that `open` opens: each case opens its own, which must hold nothing, and closes it. Cases are independent and may
 * run at the same time. What a provider declares not to support is checked as declared, not skipped. What only some providers can be (opened a second
 * time, opened with wrong credentials, or for a bucket that is not there) is in `options`; a provider over a network gives all of it.
 */
export function providerSuite(open: () => Promise<Provider>, options: SuiteOptions = {}): SuiteCase[] {
  const cases = [...objects, ...cells, ...races, ...listing, ...names, ...whole].map(({ name, run }) => ({
    name,
    run: async () => {
      const provider = await open();
      try {
        await run(provider, options);
      } finally {
        await provider.close();
      }
    },
  }));
  return [...cases, ...brokenCases(options.broken ?? {})];
}
