/**
 * The cases of the suite about broken providers. A case passes only if every method reports the
 * reason.
 */
import test from 'ava';
import { BrowserStateError, type ErrorCode } from '../../../../src/base/errors.js';
import { type BrokenProviders, providerSuite } from '../../../../src/provider/conformance/suite.js';
import { memoryProvider } from '../../../../src/provider/memory.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { around, type Method } from '../../../support/faults/providers.js';

const CODES: Record<keyof BrokenProviders, ErrorCode[]> = {
  wrongCredentials: ['FORBIDDEN'],
  missingBucket: ['NOT_FOUND'],
  clockSkew: ['FORBIDDEN', 'UNREACHABLE'],
};

/**
 * Returns a provider whose methods all fail with the code, except one that reports an empty store.
 */
function failing(code: ErrorCode, silent?: Method): Provider {
  return around(memoryProvider(), async (method, key, request) => {
    if (method === silent) return await request();
    throw new BrowserStateError(code, `${method} ${key}: failed on purpose`);
  });
}

function added(broken: BrokenProviders) {
  const usual = new Set(providerSuite(async () => memoryProvider()).map(({ name }) => name));
  return providerSuite(async () => memoryProvider(), { broken }).filter(({ name }) => !usual.has(name));
}

for (const [fault, codes] of Object.entries(CODES)) {
  test(`${fault}: every method must fail with ${codes.join(' or ')}`, async (t) => {
    for (const code of codes) {
      const cases = added({ [fault]: async () => failing(code) });
      t.is(cases.length, 9);
      for (const { run } of cases) await run();
    }
    for (const { name, run } of added({ [fault]: async () => failing('INTERNAL') })) await t.throwsAsync(run, undefined, name);
  });

  test(`${fault}: a method that reports an empty store is found`, async (t) => {
    for (const method of ['put', 'read', 'swap', 'list', 'delete'] as const) {
      const cases = added({ [fault]: async () => failing(codes[0] as ErrorCode, method) });
      const failed: string[] = [];
      for (const { name, run } of cases) await run().catch(() => failed.push(name));
      t.true(failed.length > 0 && failed.every((name) => name.startsWith(method)), `${method}: ${failed}`);
    }
  });
}

test('each broken provider is opened for its own cases, and closed', async (t) => {
  let open = 0;
  const opened = async (): Promise<Provider> => {
    open++;
    return { ...failing('FORBIDDEN'), close: async () => void open-- };
  };
  const cases = added({ wrongCredentials: opened, clockSkew: opened });
  t.is(new Set(cases.map(({ name }) => name)).size, 18);
  for (const { run } of cases) {
    await run();
    t.is(open, 0);
  }
});
