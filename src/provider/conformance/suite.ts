/**
 * The conformance suite for providers (SPEC.md "Provider"), exported as
 * `browserstate/provider-suite`. It has one case for every statement of the contract in
 * provider.ts. It asserts by node:assert and needs no test runner:
 *
 * for (const { name, run } of providerSuite(() => myProvider(freshPrefix()))) test(name, run);
 */
import type { Provider } from '../provider.js';
import { brokenCases } from './broken.js';
import { cells } from './cells.js';
import { listing } from './listing.js';
import { names } from './names.js';
import { objects } from './objects.js';
import { races } from './races.js';
import type { SuiteOptions } from './support.js';
import { whole } from './whole.js';

export type { BrokenProviders, SuiteOptions } from './support.js';

export interface SuiteCase {
  /** Unique and stable across versions. */
  name: string;
  /**
   * Rejects with an AssertionError, or with the provider's error, if the provider does not conform.
   */
  run(): Promise<void>;
}

/**
 * Returns the cases for the providers that `open` opens. Each case opens its own provider, which
 * must be empty, and closes it. Cases are independent and may run at the same time. A feature that
 * a provider declares unsupported is checked as declared, not skipped. `options` has the abilities
 * of only some providers: to be opened a second time, with wrong credentials, or for a missing
 * bucket. A network provider gives all of them.
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
