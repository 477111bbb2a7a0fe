/** State of the process, which every copy of the library in it shares. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type * as ProcessState from '../../../src/base/process-state.js';

const address = new URL('../../../src/base/process-state.js', import.meta.url).href;
const sources = fileURLToPath(new URL('../../../../src/', import.meta.url));

/** Caches and notes of one copy. Other copies do not need them. */
const known = [
  'base/host.ts: const atExit',
  'codec/brotli/words.ts: let dictionary',
  'format/locator.ts: const frameKeys',
  'provider/wrap/retry.ts: const rejections',
  'workspace/checkout/write-tree.ts: let zeroId',
];

test('two copies of the module have one state', async (t) => {
  const [one, other] = (await Promise.all([import(`${address}?1`), import(`${address}?2`)])) as [typeof ProcessState, typeof ProcessState];
  t.not(one.processState, other.processState);
  const made = one.processState('of a test', () => new Map());
  t.is(
    other.processState('of a test', () => new Map()),
    made,
  );
  t.not(
    other.processState('another of a test', () => new Map()),
    made,
  );
});

test('no other module keeps state, but for caches', (t) => {
  const state =
    /^(?:export )?(let \w+|const \w+)(?:: .+?)?(?:(?<=let \w+).*|(?: = new (?:Map|Set|WeakMap|WeakSet)(?:<.*>)?\(\)| = \[\]);)$/gm;
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  t.true(files.length > 100);
  const found = files.flatMap((name) => [...readFileSync(sources + name, 'utf8').matchAll(state)].map(([, what]) => `${name}: ${what}`));
  t.deepEqual(found.sort(), known);
});
