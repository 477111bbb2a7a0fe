/**
 * A process that dies at any write. Its store has the whole old or new state, and the operation can
 * be repeated (SPEC.md R-WRITE-1).
 */
import { join } from 'node:path';
import test from 'ava';
import { BrowserStateError, isError, type Provider } from '../../src/index.js';
import { around, type Method } from '../support/faults/providers.js';
import { providerOf } from '../support/provider-content.js';
import { type Operation, operations, visible } from '../support/session/operations.js';
import { findingsOf, storeIn } from '../support/store.js';
import { withTemporary } from '../support/temporary.js';

class Died extends Error {}

const writes: readonly Method[] = ['put', 'swap', 'delete'];

/**
 * Returns a provider that stops answering at the nth write, before or after its effect, as if the
 * process died.
 */
function dyingAt(inner: Provider, n: number, when: 'before' | 'after'): Provider & { written: () => number } {
  let count = 0;
  let dead = false;
  const provider = around(inner, async (method, _key, request) => {
    if (dead) throw new Died();
    if (!writes.includes(method) || ++count !== n) return request();
    dead = true;
    if (when === 'after') await request();
    throw new Died();
  });
  return { ...provider, written: () => count };
}

/** Runs the operation, and returns the number of its writes. */
async function countWrites(folder: string, { before, run }: Operation): Promise<{ count: number; after: string }> {
  const inner = await providerOf(before);
  const provider = dyingAt(inner, 0, 'before');
  await run(await storeIn(join(folder, 'count'), provider));
  return { count: provider.written(), after: await visible(join(folder, 'count'), inner) };
}

for (const name of ['first commit', 'second commit', 'commit with a tag', 'rollback', 'fork', 'tag', 'delete']) {
  test(`R-WRITE-1: a crash at any write of a ${name} leaves the old state or the new one`, async (t) => {
    await withTemporary(async (folder) => {
      const operation = (await operations(folder))[name] as Operation;
      const { count, after } = await countWrites(folder, operation);
      const before = await visible(join(folder, 'before'), await providerOf(operation.before));
      t.not(before, after);
      t.true(count > 0);
      const left = new Set<string>();
      for (let n = 1; n <= count; n++) {
        for (const when of ['before', 'after'] as const) {
          const work = join(folder, `${n}-${when}`);
          const inner = await providerOf(operation.before);
          await t.throwsAsync(operation.run(await storeIn(work, dyingAt(inner, n, when), 'dying')), { instanceOf: Died });
          const now = await visible(join(work, 'left'), inner);
          t.true(now === before || now === after, `${when} write ${n}: ${now}`);
          left.add(now);
          const again = await storeIn(work, inner, 'again');
          t.deepEqual(await findingsOf(again), []);
          if (now === before) await operation.run(again);
          t.is(await visible(join(work, 'done'), inner), after, `${when} write ${n}, repeated`);
          t.deepEqual(await findingsOf(again), []);
        }
      }
      t.is(left.size, 2);
    });
  });

  test(`R-WRITE-3: a lost answer to any write of a ${name} is reported as its real outcome`, async (t) => {
    await withTemporary(async (folder) => {
      const operation = (await operations(folder))[name] as Operation;
      const { count, after } = await countWrites(folder, operation);
      const before = await visible(join(folder, 'before'), await providerOf(operation.before));
      for (let n = 1; n <= count; n++) {
        for (const when of ['before', 'after'] as const) {
          const work = join(folder, `lost-${n}-${when}`);
          const inner = await providerOf(operation.before);
          const { provider, lost } = losing(inner, n, when);
          const outcome = await operation.run(await storeIn(work, provider, 'losing')).then(
            () => 'done',
            (error: unknown) => error,
          );
          const now = await visible(join(work, 'left'), inner);
          const what = `${when} write ${n}, ${lost()}`;
          if (outcome === 'done') t.is(now, after, what);
          else t.true(isError(outcome, 'UNREACHABLE') && now === before, `${what}: ${outcome}`);
          // A change of a ref that took effect is never reported as a failure.
          if (when === 'after' && lost().startsWith('swap refs/')) t.is(outcome, 'done', what);
          if (now === before) await operation.run(await storeIn(work, inner, 'again'));
          t.is(await visible(join(work, 'done'), inner), after, what);
        }
      }
    });
  });
}

/**
 * Returns a provider that loses the response to the nth write, before or after its effect. All
 * other responses arrive.
 */
function losing(inner: Provider, n: number, when: 'before' | 'after'): { provider: Provider; lost: () => string } {
  let count = 0;
  let lost = '';
  const provider = around(inner, async (method, key, request) => {
    if (!writes.includes(method) || ++count !== n) return request();
    lost = `${method} ${key.replace('tester/.store/', '')}`;
    if (when === 'after') await request();
    throw new BrowserStateError('UNREACHABLE', `${lost}: the answer was lost`);
  });
  return { provider, lost: () => lost };
}
