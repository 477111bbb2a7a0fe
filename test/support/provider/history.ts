/**
 * A cell whose value lists the writes that led to it. Lost, doubled and torn updates show in the
 * last value.
 */
import assert from 'node:assert/strict';
import { isError } from '../../../src/base/errors.js';
import type { Provider, Version } from '../../../src/provider/provider.js';

const KEY = 'refs/session';

/**
 * One attempt to write: its author, its base and its outcome. `unknown` means that the attempt did
 * not end, or that the provider reported an unknown outcome.
 */
export interface Attempt {
  id: string;
  expected: Version | null;
  version: Version | 'unknown' | undefined;
}

export interface Value {
  ids: string[];
  version: Version | null;
}

export async function currentValue(provider: Provider): Promise<Value> {
  const cell = await provider.read(KEY);
  assert.notEqual(cell, 'unchanged');
  if (cell === undefined || cell === 'unchanged') return { ids: [], version: null };
  return { ids: JSON.parse(new TextDecoder().decode(cell.bytes)) as string[], version: cell.version };
}

/**
 * Appends `id` to a value by one swap. Adds the attempt to `attempts` before the swap, so that a
 * killed writer leaves it there.
 */
export async function attempt(provider: Provider, id: string, on: Value, attempts: Attempt[]): Promise<Attempt> {
  const made: Attempt = { id, expected: on.version, version: 'unknown' };
  attempts.push(made);
  const bytes = new TextEncoder().encode(JSON.stringify([...on.ids, id]));
  try {
    made.version = await provider.swap(KEY, bytes, on.version);
  } catch (error) {
    if (!isError(error, 'UNREACHABLE')) throw error;
  }
  return made;
}

/** Appends `count` ids one after the other, each until its swap succeeds. */
export async function append(provider: Provider, who: string, count: number, attempts: Attempt[]): Promise<void> {
  for (let won = 0, tried = 0; won < count; tried++) {
    const { id, version } = await attempt(provider, `${who}-${tried}`, await currentValue(provider), attempts);
    assert.ok(tried < 1000, `${who} got nowhere in 1000 attempts`);
    if (version === 'unknown' ? (await currentValue(provider)).ids.includes(id) : version !== undefined) won++;
  }
}

/** Fails unless the value is the sequence of exactly the successful attempts. */
export async function verifyHistory(provider: Provider, attempts: readonly Attempt[]): Promise<void> {
  const { ids } = await currentValue(provider);
  assert.equal(new Set(ids).size, ids.length, 'every write once');
  const by = new Map(attempts.map((each) => [each.id, each]));
  for (const { id, version, expected } of attempts) {
    if (version !== 'unknown')
      assert.equal(ids.includes(id), version !== undefined, `${id} was reported as ${version}; the cell holds ${ids}`);
    if (version === undefined) assert.ok(wasReplaced(attempts, ids, expected), `${id} lost, and nobody had won`);
  }
  const versions = attempts.map((each) => each.version).filter((version) => version !== undefined && version !== 'unknown');
  assert.equal(new Set(versions).size, versions.length, 'every version once');
  for (const [i, id] of ids.slice(1).entries()) {
    const previous = by.get(ids[i] as string)?.version;
    if (previous !== 'unknown') assert.equal(by.get(id)?.expected, previous, `${id} was made on ${ids[i]}`);
  }
}

function wasReplaced(attempts: readonly Attempt[], ids: readonly string[], expected: Version | null): boolean {
  return attempts.some((other) => other.expected === expected && ids.includes(other.id));
}

/** Fails unless the check of the provider finds nothing. */
export async function verifySound(provider: Provider): Promise<void> {
  for await (const finding of provider.check?.() ?? []) assert.fail(finding.message);
}
