/**
 * A provider over a bucket of Google Cloud Storage (SPEC.md "GCS"): every object and every cell is one object of the bucket, written by one
 * request under a condition on its generation, which alone decides races. Every method is one request; a list is one for each
 * thousand names. This module is the entry point `browserstate/gcs`.
 */
import { equalBytes } from '../bytes.js';
import { BrowserStateError, integrity, invariant, isError, throwIfAborted } from '../errors.js';
import { MAX_CELL_SIZE } from '../limits.js';
import { checkCellSize, checkObjectSize, checkRange, MAX_OBJECT_SIZE } from './arguments.js';
import { bucketUrl, cellName, entryOf } from './bucket-names.js';
import { GcsConnection, type GcsConnectionOptions } from './gcs-connection.js';
import { isAbsent, refusal, translating } from './gcs-errors.js';
import type { Answer } from './gcs-exchange.js';
import { checkKey, checkPrefix } from './key.js';
import type { ByteRange, Cell, Foreign, ForeignObject, GetOptions, Listed, Provider, RequestOptions, Version } from './provider.js';
import { scoped } from './scoped.js';

export interface GcsOptions extends GcsConnectionOptions {
  bucket: string;
  /** One or more components of keys; everything lies below it. */
  prefix?: string | undefined;
}

/** How often a put starts over because what was in its way was deleted meanwhile. */
const MAX_PUT_STARTS = 3;
/** Names that one request lists: the most that Cloud Storage gives. */
const PAGE = 1000;
/** Bytes of an answer that is no object: a page of the longest names has less than a tenth of it. */
const MAX_ANSWER_SIZE = 16 * 1024 * 1024;
/** Answers are to come from the store, as it holds the bytes. */
const AS_STORED = { 'Accept-Encoding': 'identity', 'Cache-Control': 'no-store' };

/**
 * The provider over a bucket that exists. Nothing is asked, and the SDK is not loaded, before the first request: there UNSUPPORTED says that
 * the package `@google-cloud/storage` is missing. Throws USAGE for a bucket, a prefix or an endpoint that cannot be one.
 *
 * @example
 * const provider = gcsProvider({ bucket: 'profiles', prefix: 'team' });
 */
export function gcsProvider(options: GcsOptions): Provider {
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(options.bucket)) {
    throw new BrowserStateError('USAGE', `expected the name of a bucket, found ${JSON.stringify(options.bucket)}`);
  }
  const provider = new GcsProvider(options);
  return options.prefix === undefined || options.prefix === '' ? provider : scoped(provider, options.prefix);
}

class GcsProvider implements Provider {
  readonly url: string;
  readonly supports = { conditionalRead: true, durable: true };
  readonly foreign: Foreign = {
    list: (prefix, options) => this.#list(prefix, options),
    get: (name, range, options) => this.#get(name, range, options),
  };
  readonly #bucket: string;
  readonly #connection: GcsConnection;

  constructor(options: GcsOptions) {
    this.#bucket = options.bucket;
    this.#connection = new GcsConnection(options);
    this.url = bucketUrl('gs', options.bucket, options.endpoint);
  }

  async put(key: string, bytes: Uint8Array, options: RequestOptions = {}): Promise<void> {
    checkKey(key);
    throwIfAborted(options.signal);
    checkObjectSize(key, bytes);
    for (let start = 0; start < MAX_PUT_STARTS; start++) {
      const generation = await this.#translating(`store ${key}`, options, () => this.#write(key, bytes, '0', options));
      if (generation !== undefined) return;
      const kept = await this.get(key, options).catch((error: unknown) => {
        if (!isError(error, 'NOT_FOUND')) throw error;
      });
      if (kept === undefined) continue;
      invariant(equalBytes(kept, bytes), `${key} is put with one content only, and ${this.url} has another`);
      return;
    }
    throw new BrowserStateError('UNREACHABLE', `cannot store ${key} in ${this.url}: others put and delete it all the time`);
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    return await this.#get(key, options.range, options);
  }

  async read(key: string, options: RequestOptions & { unless?: Version } = {}): Promise<Cell | 'unchanged' | undefined> {
    checkKey(key);
    throwIfAborted(options.signal);
    const { unless } = options;
    return await this.#translating(`read ${key}`, options, async () => {
      const condition = unless !== undefined && isGeneration(unless) ? { ifGenerationNotMatch: unless } : {};
      const answer = await this.#download(cellName(key), condition, {}, MAX_CELL_SIZE, options);
      if (isAbsent(answer)) return undefined;
      if (answer.status === 304) return 'unchanged';
      const { body, generation } = expectSuccess(answer);
      return { bytes: body, version: expectGeneration(generation) };
    });
  }

  async swap(key: string, bytes: Uint8Array, expected: Version | null, options: RequestOptions = {}): Promise<Version | undefined> {
    checkKey(key);
    throwIfAborted(options.signal);
    checkCellSize(key, bytes);
    if (expected !== null && !isGeneration(expected)) return undefined;
    return await this.#translating(`write ${key}`, options, () => this.#write(cellName(key), bytes, expected ?? '0', options));
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
    await this.#translating(`remove ${key}`, options, async () => {
      const request = { method: 'DELETE', path: this.#path(key), query: {}, limit: MAX_ANSWER_SIZE } as const;
      const answer = await this.#connection.send(request, options);
      if (!isAbsent(answer)) expectSuccess(answer);
    });
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async *#list(prefix: string, options: RequestOptions = {}): AsyncIterable<ForeignObject> {
    throwIfAborted(options.signal);
    let token: string | undefined;
    do {
      const page = await this.#translating(`list ${prefix}`, options, () => this.#page(prefix, token, options));
      for (const { name, size, generation } of page.items ?? []) {
        yield { name, size: Number(size), mark: generation };
        throwIfAborted(options.signal);
      }
      token = page.nextPageToken;
    } while (token !== undefined);
  }

  async #get(name: string, range: ByteRange | undefined, options: GetOptions = {}): Promise<Uint8Array> {
    checkRange(range);
    throwIfAborted(options.signal);
    return await this.#translating(`read ${name}`, options, async () => {
      const headers = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` };
      const answer = await this.#download(name, {}, headers, MAX_OBJECT_SIZE, options);
      if (isAbsent(answer)) throw new BrowserStateError('NOT_FOUND', 'there is no such object');
      const found = answer.status === 416 ? 0 : expectSuccess(answer).body.length;
      if (range !== undefined && found !== range.end - range.start) {
        throw integrity(`expected bytes ${range.start} to ${range.end}, found ${found} of them`);
      }
      return answer.body;
    });
  }

  #translating<T>(what: string, { signal }: RequestOptions, body: () => Promise<T>): Promise<T> {
    return translating(`${what} in ${this.url}`, signal, body);
  }

  #path(name: string): string {
    return `/storage/v1/b/${this.#bucket}/o/${encodeURIComponent(name)}`;
  }

  async #download(
    name: string,
    condition: Record<string, string>,
    headers: Record<string, string>,
    limit: number,
    options: GetOptions,
  ): Promise<Answer> {
    const query = { alt: 'media', ...condition };
    return await this.#connection.send(
      { method: 'GET', path: this.#path(name), query, headers: { ...AS_STORED, ...headers }, limit, into: options.into },
      options,
    );
  }

  /** Writes where the name is still of that generation (0: of none): the new generation; undefined where it was not. */
  async #write(name: string, body: Uint8Array, ifGenerationMatch: string, options: RequestOptions): Promise<Version | undefined> {
    const path = `/upload/storage/v1/b/${this.#bucket}/o`;
    const query = { uploadType: 'media', name, ifGenerationMatch, fields: 'generation' };
    const headers = { 'Content-Type': 'application/octet-stream' };
    const answer = await this.#connection.send({ method: 'POST', path, query, headers, body, limit: MAX_ANSWER_SIZE }, options);
    return answer.status === 412 ? undefined : expectGeneration(parsed<{ generation: string }>(answer).generation);
  }

  async #page(prefix: string, pageToken: string | undefined, options: RequestOptions): Promise<Page> {
    const query = {
      prefix,
      maxResults: String(PAGE),
      fields: 'items(name,size,generation),nextPageToken',
      ...(pageToken && { pageToken }),
    };
    const path = `/storage/v1/b/${this.#bucket}/o`;
    const answer = await this.#connection.send({ method: 'GET', path, query, headers: AS_STORED, limit: MAX_ANSWER_SIZE }, options);
    return parsed<Page>(answer);
  }
}

interface Page {
  items?: { name: string; size: string; generation: string }[];
  nextPageToken?: string;
}

/** What Cloud Storage calls a generation: an integer of 64 bits, never used twice under one name. 0 is none, and would mean "create". */
function isGeneration(text: string): boolean {
  return /^[1-9][0-9]{0,17}$/.test(text);
}

function expectSuccess(answer: Answer): Answer {
  if (answer.status !== 200 && answer.status !== 204 && answer.status !== 206) throw refusal(answer);
  return answer;
}

function expectGeneration(found: string | undefined): Version {
  if (found !== undefined && isGeneration(found)) return found;
  throw strange(`the generation of an object, found ${found ?? 'none'}`);
}

function parsed<T>(answer: Answer): T {
  const text = Buffer.from(expectSuccess(answer).body).toString();
  try {
    return JSON.parse(text) as T;
  } catch {
    throw strange(`JSON, found ${JSON.stringify(text.slice(0, 100))}`);
  }
}

/** For an answer after which nobody knows what became of the request. */
function strange(message: string): BrowserStateError {
  const hint = 'What answers there is not Cloud Storage, or a proxy on the way changes its answers.';
  return new BrowserStateError('UNREACHABLE', `expected ${message}`, { hint });
}
