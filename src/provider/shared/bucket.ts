/**
 * The base of the bucket providers. Every object and every cell is one object of the bucket. Every
 * write has a condition, which alone decides races (SPEC.md 11, "S3" and "GCS").
 */
import { equalBytes } from '../../base/bytes.js';
import { BrowserStateError, invariant, isError, throwIfAborted } from '../../base/errors.js';
import { MAX_LISTED_NAMES } from '../../base/limits.js';
import { checkCellSize, checkObjectSize, checkRange } from '../arguments.js';
import { checkKey, checkPrefix } from '../key.js';
import { ListBounds } from '../list-bounds.js';
import type {
  ByteRange,
  Cell,
  Foreign,
  ForeignObject,
  GetOptions,
  Listed,
  Provider,
  RequestOptions,
  SwapOptions,
  Version,
} from '../provider.js';
import { entryOf } from './bucket-names.js';

/** Attempts of a put whose name was taken and then free again. */
const MAX_PUT_STARTS = 3;

/** A page of a list: at most 1,000 objects, and the token of the next page if there is one. */
export interface Page {
  objects: Iterable<ForeignObject>;
  next: string | undefined;
}

/** Checks the arguments of every method. Subclasses send the requests. */
export abstract class BucketProvider implements Provider {
  readonly supports = { conditionalRead: true, durable: true };
  readonly foreign: Foreign = {
    list: (prefix, options) => this.#list(prefix, options),
    get: (name, range, options) => this.#get(name, range, options),
  };

  protected constructor(readonly url: string) {}

  async put(key: string, bytes: Uint8Array, options: RequestOptions = {}): Promise<void> {
    checkKey(key);
    throwIfAborted(options.signal);
    checkObjectSize(key, bytes);
    for (let start = 0; start < MAX_PUT_STARTS; start++) {
      if (await this.translate(`store ${key}`, options, () => this.create(key, bytes, options))) return;
      const kept = await this.get(key, options).catch((error: unknown) => {
        if (!isError(error, 'NOT_FOUND')) throw error;
      });
      if (kept === undefined) continue;
      invariant(equalBytes(kept, bytes), `${key} is put with one content only, and ${this.url} has another`);
      return;
    }
    throw new BrowserStateError('UNREACHABLE', `cannot store ${key} in ${this.url}: other processes keep writing and deleting it`, {
      hint: 'Repeat the command when no other process repairs or collects this store.',
    });
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    return await this.#get(key, options.range, options);
  }

  async read(key: string, options: RequestOptions & { unless?: Version } = {}): Promise<Cell | 'unchanged' | undefined> {
    checkKey(key);
    throwIfAborted(options.signal);
    return await this.translate(`read ${key}`, options, () => this.readCell(key, options.unless, options));
  }

  async swap(key: string, bytes: Uint8Array, expected: Version | null, options: SwapOptions = {}): Promise<Version | undefined> {
    checkKey(key);
    throwIfAborted(options.signal);
    checkCellSize(key, bytes);
    return await this.swapCell(key, bytes, expected, options);
  }

  async *list(prefix: string, options: RequestOptions = {}): AsyncIterable<Listed> {
    checkPrefix(prefix);
    for await (const { name, size } of this.#list(prefix, options)) {
      const entry = entryOf(name, size);
      if (entry !== undefined) yield entry;
    }
  }

  async delete(key: string, options: RequestOptions = {}): Promise<void> {
    checkKey(key);
    throwIfAborted(options.signal);
    await this.translate(`remove ${key}`, options, () => this.remove(key, options));
  }

  abstract close(): Promise<void>;

  /** Runs `body`, and throws its failures as errors of the contract. `what` names the operation. */
  protected abstract translate<T>(what: string, options: RequestOptions, body: () => Promise<T>): Promise<T>;
  /** Stores an object. Resolves to false if the name is taken. */
  protected abstract create(key: string, bytes: Uint8Array, options: RequestOptions): Promise<boolean>;
  /** Returns an object's bytes, or the bytes of the range. */
  protected abstract download(name: string, range: ByteRange | undefined, options: GetOptions): Promise<Uint8Array>;
  protected abstract readCell(key: string, unless: Version | undefined, options: RequestOptions): Promise<Cell | 'unchanged' | undefined>;
  /**
   * Replaces a cell of the version `expected`. Also finds out whether a swap without a clear
   * response took effect.
   */
  protected abstract swapCell(key: string, bytes: Uint8Array, expected: Version | null, options: SwapOptions): Promise<Version | undefined>;
  protected abstract page(prefix: string, token: string | undefined, options: RequestOptions): Promise<Page>;
  protected abstract remove(key: string, options: RequestOptions): Promise<void>;

  async *#list(prefix: string, options: RequestOptions = {}): AsyncIterable<ForeignObject> {
    throwIfAborted(options.signal);
    const bounds = new ListBounds(this.url, MAX_LISTED_NAMES);
    let token: string | undefined;
    do {
      const page = await this.translate(`list ${prefix}`, options, () => this.page(prefix, token, options));
      let names = 0;
      for (const object of page.objects) {
        names++;
        yield object;
        throwIfAborted(options.signal);
      }
      bounds.add(names, page.next);
      token = page.next;
    } while (token !== undefined);
  }

  async #get(name: string, range: ByteRange | undefined, options: GetOptions = {}): Promise<Uint8Array> {
    checkRange(range);
    throwIfAborted(options.signal);
    return await this.translate(`read ${name}`, options, () => this.download(name, range, options));
  }
}
