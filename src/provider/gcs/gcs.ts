/**
 * A provider over a bucket of Google Cloud Storage (SPEC.md "GCS"), and the entry point
 * `browserstate/gcs`. Every write has a condition on the object's generation. Every method sends
 * one request. A list sends one for each 1,000 names, and a swap without a clear response sends one
 * more.
 */
import { equalBytes } from '../../base/bytes.js';
import { BrowserStateError, integrity, isError, throwIfAborted } from '../../base/errors.js';
import { MAX_ANSWER_SIZE, MAX_CELL_SIZE } from '../../base/limits.js';
import { checkOptions, kind, type OptionNames, required } from '../../base/option-check.js';
import { badBucket, MAX_OBJECT_SIZE, MISSING_HINT } from '../arguments.js';
import type { ByteRange, Cell, GetOptions, Provider, RequestOptions, Version } from '../provider.js';
import { rangeProblem } from '../shared/body.js';
import { BucketProvider, type Page } from '../shared/bucket.js';
import { bucketUrl, cellName } from '../shared/bucket-names.js';
import { scoped } from '../wrap/scoped.js';
import { GcsConnection, type GcsConnectionOptions, type GcsRequest } from './connection.js';
import { isAbsent, isBeyond, isConditionNotMet, isRejection, NotGcs, refusal, translating, unknownOutcome } from './errors.js';
import type { Answer } from './exchange.js';

export interface GcsOptions extends GcsConnectionOptions {
  bucket: string;
  /** One or more components of keys. All keys are below the prefix. */
  prefix?: string | undefined;
}

const gcsOptions: OptionNames<GcsOptions> = {
  bucket: required(kind.text),
  prefix: kind.text,
  projectId: kind.text,
  endpoint: kind.secret,
  keyFilename: kind.text,
  storage: kind.object,
  timeoutMs: kind.from(1),
};

/** Names that one request lists: the maximum of Cloud Storage. */
const PAGE = 1000;
/** Headers that request the bytes as the store holds them, from the store itself. */
const AS_STORED = { 'Accept-Encoding': 'identity', 'Cache-Control': 'no-store' };

/**
 * Opens the provider over an existing bucket. No request is sent, and the SDK is not loaded, before
 * the first operation. That operation throws UNSUPPORTED if the package `@google-cloud/storage` is
 * missing. Throws USAGE for an invalid bucket, prefix or endpoint.
 *
 * @example
 * const provider = gcsProvider({ bucket: 'profiles', prefix: 'team' });
 */
export function gcsProvider(options: GcsOptions): Provider {
  checkOptions('gcsProvider', options, gcsOptions);
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(options.bucket)) {
    throw badBucket(options.bucket);
  }
  const provider = new GcsProvider(options);
  return options.prefix === undefined || options.prefix === '' ? provider : scoped(provider, options.prefix);
}

class GcsProvider extends BucketProvider {
  readonly #bucket: string;
  readonly #connection: GcsConnection;

  constructor(options: GcsOptions) {
    super(bucketUrl('gs', options.bucket, options.endpoint));
    this.#bucket = options.bucket;
    this.#connection = new GcsConnection(options);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  protected translate<T>(what: string, { signal }: RequestOptions, body: () => Promise<T>): Promise<T> {
    return translating(what, this.url, signal, body);
  }

  protected async create(key: string, bytes: Uint8Array, options: RequestOptions): Promise<boolean> {
    return (await this.#write(key, bytes, '0', options)) !== undefined;
  }

  protected async download(name: string, range: ByteRange | undefined, options: GetOptions): Promise<Uint8Array> {
    const answer = await this.#content(name, { range, limit: MAX_OBJECT_SIZE }, options);
    if (isAbsent(answer)) throw new BrowserStateError('NOT_FOUND', 'there is no such object', { hint: MISSING_HINT });
    const found = range !== undefined && isBeyond(answer) ? 0 : expectContent(answer, range).body.length;
    if (range !== undefined && found !== range.end - range.start) {
      throw integrity(`expected bytes ${range.start} to ${range.end}, found ${found} of them`);
    }
    return answer.body;
  }

  protected async readCell(key: string, unless: Version | undefined, options: RequestOptions): Promise<Cell | 'unchanged' | undefined> {
    const known = unless !== undefined && isGeneration(unless) ? unless : undefined;
    const answer = await this.#content(cellName(key), { known, limit: MAX_CELL_SIZE }, options);
    if (isAbsent(answer)) return undefined;
    if (answer.status === 304 && known !== undefined) return 'unchanged';
    const { body, generation } = expectContent(answer, undefined);
    return { bytes: body, version: generation };
  }

  protected async swapCell(
    key: string,
    bytes: Uint8Array,
    expected: Version | null,
    options: RequestOptions,
  ): Promise<Version | undefined> {
    if (expected !== null && !isGeneration(expected)) return undefined;
    return await this.translate(`write ${key}`, options, async () => {
      try {
        return await this.#write(cellName(key), bytes, expected ?? '0', options);
      } catch (error) {
        if (options.signal?.aborted || isRejection(error)) throw error;
        return await this.#settle(key, bytes, expected, error, options);
      }
    });
  }

  protected async page(prefix: string, pageToken: string | undefined, options: RequestOptions): Promise<Page> {
    const query = {
      prefix,
      maxResults: String(PAGE),
      fields: 'kind,items(name,size,generation),nextPageToken',
      ...(pageToken && { pageToken }),
    };
    const path = `/storage/v1/b/${this.#bucket}/o`;
    const {
      kind,
      items = [],
      nextPageToken: next,
    } = parsed<List>(await this.#ask({ method: 'GET', path, query, headers: AS_STORED }, options));
    if (kind !== 'storage#objects' || !items.every(({ name }) => typeof name === 'string' && name.startsWith(prefix)))
      throw new NotGcs('it is no list');
    return { objects: items.map(({ name, size, generation }) => ({ name, size: Number(size), mark: generation })), next };
  }

  protected async remove(key: string, options: RequestOptions): Promise<void> {
    const answer = await this.#ask({ method: 'DELETE', path: this.#path(key), query: {} }, options);
    if (!isAbsent(answer) && expectSuccess(answer).body.length > 0) throw new NotGcs('it has a body');
  }

  /**
   * Reads the cell back after a swap without a clear response (R-GCS-10). The swap won if the cell
   * has its bytes under a generation other than the replaced one. Throws UNREACHABLE otherwise: the
   * cell may have been replaced since, or the swap may still take effect.
   */
  async #settle(key: string, bytes: Uint8Array, expected: Version | null, failure: unknown, options: RequestOptions): Promise<Version> {
    // If the read fails, the outcome stays unknown, as the error below says.
    const now = await this.readCell(key, undefined, options).catch(() => undefined);
    throwIfAborted(options.signal);
    if (typeof now === 'object' && now.version !== expected && equalBytes(now.bytes, bytes)) return now.version;
    throw unknownOutcome(failure, this.url);
  }

  /** Sends a request whose response is not an object. */
  async #ask(request: Omit<GcsRequest, 'limit'>, options: RequestOptions): Promise<Answer> {
    return await this.#connection.send({ ...request, limit: MAX_ANSWER_SIZE }, options).catch((error: unknown) => {
      throw isError(error, 'INTEGRITY') ? new NotGcs(error.message) : error;
    });
  }

  #path(name: string): string {
    return `/storage/v1/b/${this.#bucket}/o/${encodeURIComponent(name)}`;
  }

  async #content(
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

  /**
   * Writes if the name still has that generation; 0 stands for none. Returns the new generation, or
   * undefined if the condition does not hold.
   */
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
}

interface List {
  kind?: string;
  items?: { name: string; size: string; generation: string }[];
  nextPageToken?: string;
}

/**
 * Returns true for a generation of Cloud Storage: a 64-bit integer, never used twice under one
 * name. Returns false for 0, which stands for no generation and would mean "create".
 */
function isGeneration(text: string): boolean {
  return /^[1-9][0-9]{0,17}$/.test(text);
}

function expectSuccess(answer: Answer): Answer {
  if (answer.status !== 200 && answer.status !== 204 && answer.status !== 206) throw refusal(answer);
  return answer;
}

/**
 * Throws unless the response has an object's bytes: the bytes of `range`, or all if `range` is
 * undefined.
 */
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

/** Parses the JSON object of a successful response. */
function parsed<T extends object>(answer: Answer): Partial<T> {
  const { body, status } = expectSuccess(answer);
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // The check below rejects text that is not JSON.
  }
  throw new NotGcs(`${status} with ${body.length} bytes that are no JSON`);
}
