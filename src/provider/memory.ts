/**
 * A provider in memory, for tests and for stores that need not outlive the process. This provider
 * is stricter than any other. It yields before and after every effect, so that races show. It lists
 * in an unexpected order. It rejects every misuse that the contract forbids, even misuse that other
 * providers need not detect.
 */
import { equalBytes } from '../base/bytes.js';
import { BrowserStateError, invariant, throwIfAborted } from '../base/errors.js';
import { checkOptions, kind, type OptionNames } from '../base/option-check.js';
import { checkCellSize, checkRange, checkWithin, noObject } from './arguments.js';
import { checkKey, checkPrefix } from './key.js';
import type { Cell, Foreign, ForeignObject, GetOptions, Listed, Provider, ProviderSupports, RequestOptions, Version } from './provider.js';

export interface MemoryOptions {
  /** URL of the provider in messages. */
  url?: string;
  /** False: `read` returns the whole cell even if its version is `unless`. */
  conditionalRead?: boolean;
}

const memoryOptions: OptionNames<MemoryOptions> = { url: kind.text, conditionalRead: kind.flag };

/**
 * Returns an empty provider (SPEC.md "Provider"). Its content lives as long as the object. Closing
 * the provider changes nothing.
 */
export function memoryProvider(options: MemoryOptions = {}): Provider {
  checkOptions('memoryProvider', options, memoryOptions);
  return new MemoryProvider(options);
}

class MemoryProvider implements Provider {
  readonly url: string;
  readonly supports: ProviderSupports;
  readonly foreign: Foreign = {
    list: (prefix, options) => this.#foreign(prefix, options),
    get: (name, range, options) => this.get(name, { ...options, range }),
  };
  readonly #objects = new Map<string, Uint8Array>();
  readonly #cells = new Map<string, Cell>();
  #writes = 0;

  constructor(options: MemoryOptions) {
    this.url = options.url ?? 'memory:';
    this.supports = { conditionalRead: options.conditionalRead ?? true, durable: false };
  }

  async put(key: string, bytes: Uint8Array, options: RequestOptions = {}): Promise<void> {
    checkKey(key);
    await turn(options.signal);
    this.#reject(this.#cells, key, 'a cell');
    const existing = this.#objects.get(key);
    invariant(existing === undefined || equalBytes(existing, bytes), `${key} is put with one content only`);
    this.#objects.set(key, new Uint8Array(bytes));
    await turn(undefined);
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    checkRange(options.range);
    await turn(options.signal);
    this.#reject(this.#cells, key, 'a cell');
    const object = this.#objects.get(key);
    if (object === undefined) throw noObject(key, this.url);
    if (options.range) checkWithin(options.range, object.length, key);
    const bytes = object.slice(options.range?.start, options.range?.end);
    await turn(options.signal);
    return bytes;
  }

  async read(key: string, options: RequestOptions & { unless?: Version } = {}): Promise<Cell | 'unchanged' | undefined> {
    checkKey(key);
    await turn(options.signal);
    this.#reject(this.#objects, key, 'an object');
    const cell = this.#cells.get(key);
    const result = cell && { bytes: cell.bytes.slice(), version: cell.version };
    await turn(options.signal);
    if (this.supports.conditionalRead && result && result.version === options.unless) return 'unchanged';
    return result;
  }

  async swap(key: string, bytes: Uint8Array, expected: Version | null, options: RequestOptions = {}): Promise<Version | undefined> {
    checkKey(key);
    checkCellSize(key, bytes);
    await turn(options.signal);
    this.#reject(this.#objects, key, 'an object');
    const won = (this.#cells.get(key)?.version ?? null) === expected;
    const version = `write-${++this.#writes}`;
    if (won) this.#cells.set(key, { bytes: new Uint8Array(bytes), version });
    await turn(undefined);
    return won ? version : undefined;
  }

  async *list(prefix: string, options: RequestOptions = {}): AsyncIterable<Listed> {
    checkPrefix(prefix);
    await turn(options.signal);
    const keys = [...this.#objects.keys(), ...this.#cells.keys()].filter((key) => key.startsWith(prefix));
    for (const key of keys.sort().reverse()) {
      const size = this.#objects.get(key)?.length;
      if (size !== undefined || this.#cells.has(key)) yield { key, size };
      await turn(options.signal);
    }
  }

  async delete(key: string, options: RequestOptions = {}): Promise<void> {
    checkKey(key);
    await turn(options.signal);
    this.#reject(this.#cells, key, 'a cell');
    this.#objects.delete(key);
    await turn(undefined);
  }

  async close(): Promise<void> {
    await turn(undefined);
  }

  async *#foreign(prefix: string, options: RequestOptions = {}): AsyncIterable<ForeignObject> {
    await turn(options.signal);
    for (const [name, { length }] of [...this.#objects]) if (name.startsWith(prefix)) yield { name, size: length, mark: '' };
  }

  #reject(others: Map<string, unknown>, key: string, what: string): void {
    if (!others.has(key)) return;
    throw new BrowserStateError('USAGE', `${key} is ${what}, and is never used as anything else`, {
      hint: 'Read and write cells with `read` and `swap`, objects with `get` and `put`.',
    });
  }
}

/** Lets all other ready tasks run. Then throws CANCELLED if the caller has cancelled. */
async function turn(signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  await new Promise((resolve) => setImmediate(resolve));
  throwIfAborted(signal);
}
