/**
 * Objects and cells in any provider that are flipped, cut at every length, exchanged for each
 * other, or deleted.
 */
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { isError, memoryProvider } from '../../src/index.js';
import type { Listing } from '../support/profile.js';
import { type Content, contentOf, providerOf } from '../support/provider-content.js';
import { checkOut, fill, flipped, isReported } from '../support/repository/damage.js';
import { temporary } from '../support/temporary.js';

const ROOT = 'tester/.store/';

interface Subject {
  content: Content;
  /**
   * Checks out with objects replaced; undefined removes an object. Asserts that the damage is
   * reported. Returns the outcome.
   */
  outcome(t: ExecutionContext, what: string, replaced: Record<string, Uint8Array | undefined>): Promise<'exact' | 'rejected' | 'failed'>;
}

async function subject(t: ExecutionContext): Promise<Subject> {
  const folder = temporary(t);
  const original = memoryProvider();
  const expected: Listing = await fill({ folder, provider: original });
  const content = await contentOf(original);
  return {
    content,
    async outcome(context, what, replaced) {
      const altered: Content = new Map(content);
      for (const [key, bytes] of Object.entries(replaced)) {
        if (bytes === undefined) altered.delete(key);
        else altered.set(key, { bytes, isCell: content.get(key)?.isCell ?? false });
      }
      const repository = { folder, provider: await providerOf(altered) };
      try {
        const result = await checkOut(repository, expected);
        await isReported(repository);
        return result;
      } catch (error) {
        context.log(error);
        context.fail(what);
        return 'failed';
      }
    },
  };
}

test('R-ENV-1, R-LOC-1: a flip of any byte of any object or cell gives the exact head or INTEGRITY', async (t) => {
  const { content, outcome } = await subject(t);
  const outcomes = new Set<string>();
  for (const [key, { bytes }] of content) {
    for (let at = 0; at < bytes.length; at++) outcomes.add(await outcome(t, `byte ${at} of ${key}`, { [key]: flipped(bytes, at) }));
  }
  t.deepEqual([...outcomes].sort(), ['exact', 'rejected']);
});

test('R-ENV-1: an object or a cell cut at any length is rejected or not needed', async (t) => {
  const { content, outcome } = await subject(t);
  const outcomes = new Set<string>();
  for (const [key, { bytes }] of content) {
    for (let length = 0; length < bytes.length; length++)
      outcomes.add(await outcome(t, `${key} cut to ${length}`, { [key]: bytes.slice(0, length) }));
  }
  t.deepEqual([...outcomes].sort(), ['exact', 'rejected']);
});

test('R-ENV-2: any two objects or cells exchanged for each other are found out', async (t) => {
  const { content, outcome } = await subject(t);
  const keys = [...content.keys()];
  for (const [i, one] of keys.entries()) {
    for (const other of keys.slice(i + 1)) {
      const [a, b] = [content.get(one), content.get(other)];
      if (a === undefined || b === undefined || a.isCell !== b.isCell) continue;
      t.not(await outcome(t, `${one} and ${other}`, { [one]: b.bytes, [other]: a.bytes }), 'failed');
    }
  }
});

test('R-GC-2: each deleted object is reported, and is an error if the head needs it', async (t) => {
  const { content, outcome } = await subject(t);
  const outcomes = new Set<string>();
  for (const [key, { isCell }] of content) if (!isCell) outcomes.add(await outcome(t, `${key} deleted`, { [key]: undefined }));
  t.deepEqual([...outcomes].sort(), ['exact', 'rejected']);
});

test('R-CONFIG, R-EPOCH: a lost config or epoch is damage beside a session, never an empty store', async (t) => {
  const { outcome } = await subject(t);
  t.is(await outcome(t, 'no config', { [`${ROOT}config`]: undefined }), 'rejected');
  t.is(await outcome(t, 'no epoch', { [`${ROOT}gc/epoch`]: undefined }), 'exact');
});

test('a repository that a newer version wrote is distinguished from a damaged one', async (t) => {
  const { content } = await subject(t);
  const folder = temporary(t);
  for (const [key, { bytes }] of content) {
    const newer = bytes.slice(0, -32);
    newer[2] = 2;
    const sealed = Uint8Array.from([...newer, ...createHash('sha256').update(newer).digest()]);
    const provider = await providerOf(new Map(content).set(key, { bytes: sealed, isCell: content.get(key)?.isCell ?? false }));
    const error: unknown = await checkOut({ folder, provider }, new Map()).catch((cause: unknown) => cause);
    t.false(isError(error, 'INTEGRITY'), key);
  }
});
