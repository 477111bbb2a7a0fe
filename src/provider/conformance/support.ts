/** Shared helpers of the conformance suite's cases. */
import assert from 'node:assert/strict';
import { type ErrorCode, isError } from '../../base/errors.js';
import type { Cell, Listed, Provider, Version } from '../provider.js';

export interface SuiteOptions {
  /**
   * Opens the content of `provider` once more, like another process. Required for a durable
   * provider.
   */
  reopen?: (provider: Provider) => Promise<Provider>;
  /**
   * Opens providers that cannot work. Each broken provider adds cases: every method must fail with
   * the code of the reason.
   */
  broken?: BrokenProviders;
}

export interface BrokenProviders {
  /**
   * Opens a real bucket for a caller that the bucket does not know or does not admit: FORBIDDEN.
   */
  wrongCredentials?: () => Promise<Provider>;
  /** Opens a bucket that does not exist: NOT_FOUND, also from read, list and delete. */
  missingBucket?: () => Promise<Provider>;
  /**
   * Opens a real bucket for a caller whose clock is off by hours, if requests are signed with their
   * time: FORBIDDEN or UNREACHABLE.
   */
  clockSkew?: () => Promise<Provider>;
}

/** A case that receives an empty provider. */
export interface Draft {
  name: string;
  run(provider: Provider, options: SuiteOptions): Promise<void>;
}

/** Returns `length` bytes that differ for each seed, and from position to position. */
export function content(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function fromText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Fails unless the bytes are the same. Shows where they differ instead of printing megabytes. */
export function same(found: Uint8Array, expected: Uint8Array): void {
  assert.ok(found instanceof Uint8Array, 'expected a Uint8Array');
  assert.equal(found.length, expected.length, 'length');
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  assert.equal(at, -1, `byte ${at}: expected ${expected[at]}, found ${found[at]}`);
}

/** Fails unless the promise rejects with an error of this library that has one of the codes. */
export async function rejects(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(isError(error), `expected a BrowserStateError, found ${String(error)}`);
    assert.ok(codes.includes(error.code), `expected ${codes.join(' or ')}, found ${error.code}: ${error.message}`);
    return true;
  });
}

/** Returns true if the promise resolves, or false if it rejects with CANCELLED. Fails otherwise. */
export async function unlessCancelled(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch (error) {
    assert.ok(isError(error, 'CANCELLED'), `expected CANCELLED, found ${String(error)}`);
    return false;
  }
}

export async function listed(provider: Provider, prefix = ''): Promise<Listed[]> {
  const all: Listed[] = [];
  for await (const entry of provider.list(prefix)) all.push(entry);
  return all;
}

/** Returns the keys below a prefix, sorted. Fails if a key is repeated. */
export async function keys(provider: Provider, prefix = ''): Promise<string[]> {
  const all = (await listed(provider, prefix)).map((entry) => entry.key).sort();
  assert.equal(new Set(all).size, all.length, 'every key once');
  return all;
}

/** Returns the current cell. Fails if it does not exist. */
export async function cellOf(provider: Provider, key: string): Promise<Cell> {
  const cell = await provider.read(key);
  assert.ok(cell !== undefined && cell !== 'unchanged', `expected a cell ${key}`);
  return cell;
}

/** Swaps a cell and returns the new version. Fails if the swap loses. */
export async function won(provider: Provider, key: string, bytes: Uint8Array, expected: Version | null): Promise<Version> {
  const version = await provider.swap(key, bytes, expected);
  assert.equal(typeof version, 'string', `expected the swap of ${key} to win`);
  return version as Version;
}

/** Runs `task` for 0 to `count` - 1, `width` at a time. */
export async function times<T>(count: number, width: number, task: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) results[i] = await task(i);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
