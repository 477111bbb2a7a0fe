/**
 * A provider over a bucket of Google Cloud Storage (SPEC.md "GCS"): every object and every cell is one object of the bucket, written by one
 * request under a condition on its generation, which alone decides races. Every method is one request; a list is one for each thousand
 * names, and a swap whose answer does not tell is one more. This module is the entry point `browserstate/gcs`.
 */
import { equalBytes } from '../bytes.js';
import { BrowserStateError, integrity, invariant, isError, throwIfAborted } from '../errors.js';
import { MAX_ANSWER_SIZE, MAX_CELL_SIZE } from '../limits.js';
import { checkOptions, type OptionNames } from '../option-check.js';
import { checkCellSize, checkObjectSize, checkRange, MAX_OBJECT_SIZE } from './arguments.js';
import { rangeProblem } from './body.js';
import { bucketUrl, cellName, entryOf } from './bucket-names.js';
import { GcsConnection, type GcsConnectionOptions, type GcsRequest } from './gcs-connection.js';
import { isAbsent, isBeyond, isConditionNotMet, isRejection, NotGcs, refusal, translating, unknownOutcome } from './gcs-errors.js';
import type { Answer } from './gcs-exchange.js';
import { checkKey, checkPrefix } from './key.js';
import type { ByteRange, Cell, Foreign, ForeignObject, GetOptions, Listed, Provider, RequestOptions, Version } from './provider.js';
import { scoped } from './scoped.js';

export interface GcsOptions extends GcsConnectionOptions {
  bucket: string;
  /** One or more components of keys; everything lies below it. */
  prefix?: string | undefined;
}

const gcsOptions: OptionNames<GcsOptions> = {
  bucket: true,
  prefix: true,
  projectId: true,
  endpoint: true,
  keyFilename: true,
  storage: true,
  timeoutMs: true,
};

/** Attempts of a put whose name was taken and then free again. */
const MAX_PUT_STARTS = 3;
/** Names that one request lists: the most that Cloud Storage gives. */
const PAGE = 1000;
/** Asks for the bytes as the store holds them, from the store itself. */
const AS_STORED = { 'Accept-Encoding': 'identity', 'Cache-Control': 'no-store' };

/**
 * Opens the provider over a bucket that exists. No request is sent, and the SDK is not loaded, before the first operation, which throws
 * UNSUPPORTED if the package `@google-cloud/storage` is missing. Throws USAGE for a bucket, a prefix or an endpoint that cannot be one.
 *
 * @example
 * const provider = gcsProvider({ bucket: 'profiles', prefix: 'team' });
 */
export function gcsProvider(options: GcsOptions): Provider {
  checkOptions('gcsProvider', options, gcsOptions);
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
    return await this.#translating(`read ${key}`, options, () => this.#read(key, options));
  }

  async swap(key: string, bytes: Uint8Array, expected: Version | null, options: RequestOptions = {}): Promise<Version | undefined> {
    checkKey(key);
    throwIfAborted(options.signal);
    checkCellSize(key, bytes);
    if (expected !== null && !isGeneration(expected)) return undefined;
    return await this.#translating(`write ${key}`, options, async () => {
      try {
        return await this.#write(cellName(key), bytes, expected ?? '0', options);
      } catch (error) {
        if (options.signal?.aborted || isRejection(error)) throw error;
        return await this.#settle(key, bytes, expected, error, options);
      }
    });
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
      const answer = await this.#ask({ method: 'DELETE', path: this.#path(key), query: {} }, options);
      if (!isAbsent(answer) && expectSuccess(answer).body.length > 0) throw new NotGcs('it has a body');
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
      const answer = await this.#download(name, { range, limit: MAX_OBJECT_SIZE }, options);
      if (isAbsent(answer)) throw new BrowserStateError('NOT_FOUND', 'there is no such object');
      const found = range !== undefined && isBeyond(answer) ? 0 : expectContent(answer, range).body.length;
      if (range !== undefined && found !== range.end - range.start) {
        throw integrity(`expected bytes ${range.start} to ${range.end}, found ${found} of them`);
      }
      return answer.body;
    });
  }

  async #read(key: string, { unless, ...options }: RequestOptions & { unless?: Version }): Promise<Cell | 'unchanged' | undefined> {
    const known = unless !== undefined && isGeneration(unless) ? unless : undefined;
    const answer = await this.#download(cellName(key), { known, limit: MAX_CELL_SIZE }, options);
    if (isAbsent(answer)) return undefined;
    if (answer.status === 304 && known !== undefined) return 'unchanged';
    const { body, generation } = expectContent(answer, undefined);
    return { bytes: body, version: generation };
  }

  /**
   * Reads the cell back to find out what became of a swap whose answer did not tell (R-GCS-10): it won if its bytes are there under
   * another generation than it replaced. Throws UNREACHABLE otherwise: it may have been replaced since, or may take effect yet.
   */
  async #settle(key: string, bytes: Uint8Array, expected: Version | null, failure: unknown, options: RequestOptions): Promise<Version> {
    const now = await this.#read(key, options).catch(() => undefined);
    throwIfAborted(options.signal);
    if (typeof now === 'object' && now.version !== expected && equalBytes(now.bytes, bytes)) return now.version;
    throw unknownOutcome(failure, this.url);
  }

  #translating<T>(what: string, { signal }: RequestOptions, body: () => Promise<T>): Promise<T> {
    return translating(what, this.url, signal, body);
  }

  /** Sends a request whose answer is not an object. */
  async #ask(request: Omit<GcsRequest, 'limit'>, options: RequestOptions): Promise<Answer> {
    return await this.#connection.send({ ...request, limit: MAX_ANSWER_SIZE }, options).catch((error: unknown) => {
      throw isError(error, 'INTEGRITY') ? new NotGcs(error.message) : error;
    });
  }

  #path(name: string): string {
    return `/storage/v1/b/${this.#bucket}/o/${encodeURIComponent(name)}`;
  }

  async #download(
    name: string,
    { range, known, limit }: { range?: ByteRange | undefined; known?: Version | undefined; limit: number },
    options: GetOptions,
  ): Promise<Answer> {
    const query = { alt: 'media', ...(known === undefined ? {} : { ifGenerationNotMatch: known }) };
    const request = { method: 'GET', path: this.#path(name), query, headers: AS_STORED, into: options.into } as const;
    if (range === undefined) return await this.#connection.send({ ...request, limit }, options);
    const { start, end } = range;
    const ranged = { ...request, headers: { ...AS_STORED, Range: `bytes=${start}-${end - 1}` }, limit: end - start };
    return await this.#connection.send(ranged, options).catch((error: unknown) => {
      throw isError(error, 'INTEGRITY') ? new NotGcs(error.message) : error;
    });
  }

  /** Writes if the name is still of that generation (0: of none). Returns the new generation; undefined if it is not. */
  async #write(name: string, body: Uint8Array, ifGenerationMatch: string, options: RequestOptions): Promise<Version | undefined> {
    const path = `/upload/storage/v1/b/${this.#bucket}/o`;
    const query = { uploadType: 'media', name, ifGenerationMatch, fields: 'name,size,generation' };
    const headers = { 'Content-Type': 'application/octet-stream' };
    const answer = await this.#ask({ method: 'POST', path, query, headers, body }, options);
    if (isConditionNotMet(answer)) return undefined;
    const stored = parsed<{ name: string; size: string; generation: string }>(answer);
    if (stored.name !== name || stored.size !== String(body.length)) throw new NotGcs(`${name} was not stored with ${body.length} bytes`);
    return expectGeneration(stored.generation);
  }

  async #page(prefix: string, pageToken: string | undefined, options: RequestOptions): Promise<Page> {
    const query = {
      prefix,
      maxResults: String(PAGE),
      fields: 'kind,items(name,size,generation),nextPageToken',
      ...(pageToken && { pageToken }),
    };
    const path = `/storage/v1/b/${this.#bucket}/o`;
    const page = parsed<Page>(await this.#ask({ method: 'GET', path, query, headers: AS_STORED }, options));
    if (page.kind !== 'storage#objects' || !(page.items ?? []).every(({ name }) => typeof name === 'string'))
      throw new NotGcs('it is no list');
    return page;
  }
}

interface Page {
  kind?: string;
  items?: { name: string; size: string; generation: string }[];
  nextPageToken?: string;
}

/** True for a generation of Cloud Storage: an integer of 64 bits, never used twice under one name. 0 is none, and would mean "create". */
function isGeneration(text: string): boolean {
  return /^[1-9][0-9]{0,17}$/.test(text);
}

function expectSuccess(answer: Answer): Answer {
  if (answer.status !== 200 && answer.status !== 204 && answer.status !== 206) throw refusal(answer);
  return answer;
}

/** Throws unless the answer has an object's bytes: of that range, or all if none was asked for. */
function expectContent(answer: Answer, range: ByteRange | undefined): Answer & { generation: Version } {
  const { status, contentRange, body } = expectSuccess(answer);
  const generation = expectGeneration(answer.generation);
  const problem = range === undefined ? status !== 200 && 'no range was asked for' : rangeProblem(status, contentRange, body.length, range);
  if (problem) throw new NotGcs(`${status}, but ${problem}`);
  return { ...answer, generation };
}

function expectGeneration(found: unknown): Version {
  if (typeof found === 'string' && isGeneration(found)) return found;
  throw new NotGcs('it has no generation');
}

/** Returns the object that the JSON of a success is. */
function parsed<T extends object>(answer: Answer): Partial<T> {
  const { body, status } = expectSuccess(answer);
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new NotGcs(`${status} with ${body.length} bytes that are no JSON`);
}
