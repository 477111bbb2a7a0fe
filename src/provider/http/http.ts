/**
 * Sources over `fetch`, for any runtime: the names of a bucket (SPEC.md 10.4) below an address.
 * Sources write nothing and retry nothing. A response counts only if it fits the request. Callers
 * verify its bytes.
 */
import { sha256 } from '#platform';
import { equalBytes, toHex } from '../../base/bytes.js';
import { BrowserStateError, cancelled, check, integrity, isError, messageOf, throwIfAborted } from '../../base/errors.js';
import { MAX_ANSWER_SIZE, MAX_REFUSAL_SIZE } from '../../base/limits.js';
import { shown } from '../../base/option-check.js';
import { checkRange, MAX_OBJECT_SIZE, noObject } from '../arguments.js';
import { checkKey } from '../key.js';
import type { ByteRange, Cell, GetOptions, RequestOptions } from '../provider.js';
import { textOf } from '../s3/answers.js';
import { decodeCell, MAX_CELL_OBJECT_SIZE } from '../s3/cell.js';
import { announcedLength, rangeProblem } from '../shared/body.js';
import { cellName } from '../shared/bucket-names.js';
import { type HttpAnswer, partOf, type Watch, watchRate } from './body.js';
import { failed, failureOf, stranger, unanswered } from './errors.js';
import type { Source } from './read-only.js';

/** A request that is about to be sent. */
export interface HttpRequest {
  /**
   * The name below the address or the prefix, such as `default/.store/refs/work~`. For a list, the
   * prefix of the names.
   */
  key: string;
  method: 'GET';
  url: string;
  headers: Record<string, string>;
}

/**
 * The address that replaces the address of a request, and additional headers. A `Request` is a
 * signed request too.
 */
export interface SignedRequest {
  url?: string | URL;
  headers?: Iterable<readonly [string, string]> | Readonly<Record<string, string>>;
}

/** Returns a presigned URL, or the headers of a signature. */
export type Sign = (request: HttpRequest) => string | URL | SignedRequest | Promise<string | URL | SignedRequest>;

/** The standard `fetch`, or an equivalent function. */
export type Fetch = (
  url: string,
  init: { method: 'GET'; headers: Record<string, string>; signal: AbortSignal; redirect: 'follow' | 'manual'; cache?: 'no-store' },
) => Promise<HttpAnswer>;

export interface HttpOptions {
  fetch: Fetch;
  sign?: Sign | undefined;
}

/** One name, or one page of a list. */
export interface Wanted {
  name: string;
  url: URL;
  range?: ByteRange | undefined;
  /** Maximum bytes of the response. */
  limit: number;
  /** True for mutable data, which must not come from a cache. */
  isFresh: boolean;
}

export class HttpSource implements Source {
  readonly url: string;
  readonly #base: URL;
  readonly #options: HttpOptions;
  readonly #isS3: boolean;

  /**
   * If `isS3`, the store speaks S3, whose errors are documents. Every request includes the query of
   * `base`.
   */
  constructor(base: URL, options: HttpOptions, isS3 = false) {
    this.#base = base;
    this.#options = options;
    this.#isS3 = isS3;
    this.url = `${base.origin}${base.pathname}`.replace(/\/+$/, '');
  }

  async get(key: string, { range, signal }: GetOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    checkRange(range);
    const limit = range === undefined ? MAX_OBJECT_SIZE : range.end - range.start;
    const bytes = await this.request({ name: key, url: this.#addressOf(key), range, limit, isFresh: false }, { signal });
    if (bytes !== undefined) return range === undefined ? this.#stored(key, bytes) : bytes;
    throw noObject(key, this.url);
  }

  async read(key: string, options: RequestOptions = {}): Promise<Cell | undefined> {
    checkKey(key);
    const name = cellName(key);
    const bytes = await this.request({ name, url: this.#addressOf(name), limit: MAX_CELL_OBJECT_SIZE, isFresh: true }, options);
    if (bytes === undefined) return undefined;
    const value = isEnvelope(this.#stored(name, bytes)) ? bytes : decodeCell(key, bytes).value;
    return { bytes: value, version: toHex(value.subarray(-DIGEST_BYTES)) };
  }

  /** Sends one request. Returns undefined if nothing has that name. */
  async request(wanted: Wanted, { signal }: RequestOptions): Promise<Uint8Array | undefined> {
    throwIfAborted(signal);
    const watch = watchRate(signal);
    try {
      return await this.#bytesOf(wanted, await this.#send(wanted, watch), watch);
    } catch (error) {
      if (signal?.aborted) throw cancelled(signal);
      throw isError(error) ? error : unanswered(wanted.name, this.url, error, watch.isStalled());
    } finally {
      watch.end();
    }
  }

  async #send({ name, url, range, isFresh }: Wanted, { signal }: Watch): Promise<HttpAnswer> {
    const own: Record<string, string> = range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` };
    const signed = await this.#sign({ key: name, method: 'GET', url: url.href, headers: own });
    const { fetch } = this.#options;
    // A redirect would send the headers of a signature to another host.
    const redirect = Object.keys(signed.headers).length > 0 ? 'manual' : 'follow';
    return await fetch(signed.url, {
      method: 'GET',
      headers: { ...signed.headers, ...own },
      signal,
      redirect,
      ...(isFresh && canSkipCache() && { cache: 'no-store' }),
    });
  }

  async #sign(request: HttpRequest): Promise<{ url: string; headers: Record<string, string> }> {
    const { sign } = this.#options;
    if (sign === undefined) return { url: request.url, headers: {} };
    try {
      const given = await sign({ ...request, headers: { ...request.headers } });
      if (typeof given !== 'string' && (typeof given !== 'object' || given === null)) throw unsigned(given);
      const { url = request.url, headers = {} } = typeof given === 'string' || given instanceof URL ? { url: given } : given;
      const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
      return { url: String(url), headers: Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value])) };
    } catch (error) {
      if (isError(error)) throw error;
      throw new BrowserStateError('FORBIDDEN', `cannot read ${request.key} in ${this.url}: \`sign\` failed: ${messageOf(error)}`, {
        hint: 'Check the function that signs requests, and its credentials.',
        details: { key: request.key },
        cause: error,
      });
    }
  }

  async #bytesOf(wanted: Wanted, answer: HttpAnswer, { onBytes }: Watch): Promise<Uint8Array | undefined> {
    const { name, range, limit } = wanted;
    const { status, headers, body } = answer;
    const isPart = status === 206 && range !== undefined;
    if (status !== 200 && !isPart) {
      const text = await partOf(body, { what: name, end: MAX_REFUSAL_SIZE, mayGoOn: true, onBytes });
      const failure = failureOf(status, text, this.url, this.#isS3);
      if (failure === 'absent') return undefined;
      if (failure !== 'beyond') throw failed(name, this.url, failure);
      throw integrity(`${name}: expected bytes ${range?.start} to ${range?.end}, found an object that ends before`, undefined, {
        key: name,
      });
    }
    const shown = headers.get('content-range') ?? undefined;
    // A web page sees the header only if the server exposes it. The bytes are always verified.
    const problem = isPart && shown !== undefined ? rangeProblem(status, shown, undefined, range) : undefined;
    const isPage = /^text\/html\b/i.test(headers.get('content-type') ?? '');
    if (isPage || problem !== undefined) {
      await body?.getReader().cancel();
      throw stranger(name, this.url, isPage ? 'the answer is a page of HTML' : `the answer has another range: ${problem}`);
    }
    if (range !== undefined) {
      // A server that ignores ranges sends the whole object. Bytes before the range are dropped,
      // and bytes after the range are not read.
      const part = isPart ? { end: limit } : { start: range.start, end: range.end, mayGoOn: true };
      const bytes = await partOf(body, { what: name, ...part, onBytes });
      if (isPart && bytes.length < lengthOf(shown)) throw stranger(name, this.url, 'the answer ends before its own length');
      check(bytes.length === limit, `${name}: expected ${limit} bytes from ${range.start}, found ${bytes.length}`);
      return bytes;
    }
    const announced = announcedLength(headers.get('content-length') ?? undefined);
    check((announced ?? 0) <= limit, `${name}: expected at most ${limit} bytes, found ${announced}`);
    const end = announced === undefined ? Math.min(limit, MAX_ANSWER_SIZE) : limit;
    return await partOf(body, { what: name, end, onBytes });
  }

  /**
   * Returns the bytes of a whole object or cell. Throws UNREACHABLE for an empty body and for a
   * page of HTML, which a proxy or a folder index sends.
   */
  #stored(name: string, bytes: Uint8Array): Uint8Array {
    const isPage = /^\s*<(?:!doctype|html|head|body|\?xml)\b/i.test(textOf(bytes.subarray(0, 64)));
    if (bytes.length > 0 && !isPage) return bytes;
    throw stranger(name, this.url, isPage ? 'the answer is a page' : 'the answer is empty');
  }

  #addressOf(name: string): URL {
    const url = new URL(this.#base);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${name.split('/').map(encodeURIComponent).join('/')}`;
    return url;
  }
}

function unsigned(given: unknown): BrowserStateError {
  return new BrowserStateError('USAGE', `expected \`sign\` to return a URL or an object with \`headers\`, found ${shown(given, true)}`, {
    hint: 'Return the address as a string or a URL, or { url, headers }; {} sends the request as it is.',
  });
}

/** Bytes of the digest at the end of every envelope (SPEC.md 4). */
const DIGEST_BYTES = 32;

/**
 * Returns true if a cell is its value alone, as in Cloud Storage. In S3 a cell starts with marks
 * (SPEC.md R-S3-2), which may begin with the same bytes.
 */
function isEnvelope(bytes: Uint8Array): boolean {
  const isMarked = bytes[0] === 0x42 && bytes[1] === 0x53 && bytes.length > DIGEST_BYTES;
  return isMarked && equalBytes(sha256(bytes.subarray(0, -DIGEST_BYTES)), bytes.subarray(-DIGEST_BYTES));
}

/** Returns the number of bytes that a Content-Range names, or 0 if there is none. */
function lengthOf(shown: string | undefined): number {
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(shown ?? '') ?? [];
  return last === undefined ? 0 : Number(last) - Number(first) + 1;
}

/** Returns false on runtimes that reject the option, such as older edge workers. */
function canSkipCache(): boolean {
  try {
    return new Request('https://localhost/', { cache: 'no-store' } as RequestInit) !== undefined;
  } catch {
    return false;
  }
}
