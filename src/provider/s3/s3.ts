/**
 * A provider over a bucket of S3, or of a compatible store with conditional writes (SPEC.md "S3"),
 * and the entry point `browserstate/s3`. One PutObject writes an object or a cell.
 */
import { check, integrity, isError, throwIfAborted } from '../../base/errors.js';
import { type Host, systemHost } from '../../base/host.js';
import { checkOptions, kind, type OptionNames, required } from '../../base/option-check.js';
import { badBucket, MAX_OBJECT_SIZE, noObject } from '../arguments.js';
import type { ByteRange, Cell, EtagStyle, GetOptions, Provider, RequestOptions, SwapOptions, Version } from '../provider.js';
import { type BodyOptions, bodyOf } from '../shared/body.js';
import { BucketProvider, type Page } from '../shared/bucket.js';
import { bucketUrl, cellName } from '../shared/bucket-names.js';
import { scoped } from '../wrap/scoped.js';
import { decodedName } from './answers.js';
import { S3Bucket, type Written } from './bucket.js';
import {
  bareEtag,
  decodeCell,
  encodeCell,
  MARK_BYTES,
  MARKS,
  MAX_CELL_OBJECT_SIZE,
  marksAfter,
  outcome,
  parseVersion,
  type State,
  versionOf,
} from './cell.js';
import { WriteChecks } from './checks.js';
import { S3Connection, type S3ConnectionOptions } from './connection.js';
import { isRejection, translating, unknownOutcome } from './errors.js';

export interface S3Options extends S3ConnectionOptions {
  bucket: string;
  /** One or more components of keys. All keys are below the prefix. */
  prefix?: string | undefined;
}

const s3Options: OptionNames<S3Options> = {
  bucket: required(kind.text),
  prefix: kind.text,
  region: kind.text,
  endpoint: kind.secret,
  pathStyle: kind.flag,
  credentials: kind.object,
  client: kind.object,
  maxConcurrency: kind.from(1),
  timeoutMs: kind.from(1),
};

/**
 * Opens the provider over an existing bucket. No request is sent, and the SDK is not loaded, before
 * the first operation. That operation throws UNSUPPORTED if the package `@aws-sdk/client-s3` is
 * missing. Throws USAGE for an invalid bucket or prefix.
 *
 * @example
 * const provider = s3Provider({ bucket: 'profiles', prefix: 'team', region: 'eu-central-1' });
 */
export function s3Provider(options: S3Options, host: Pick<Host, 'random'> = systemHost): Provider {
  checkOptions('s3Provider', options, s3Options);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(options.bucket)) {
    throw badBucket(options.bucket);
  }
  const provider = new S3Provider(options, host);
  return options.prefix === undefined || options.prefix === '' ? provider : scoped(provider, options.prefix);
}

class S3Provider extends BucketProvider {
  readonly #connection: S3Connection;
  readonly #bucket: S3Bucket;
  readonly #host: Pick<Host, 'random'>;
  readonly #checks = new WriteChecks();

  constructor(options: S3Options, host: Pick<Host, 'random'>) {
    super(bucketUrl('s3', options.bucket, options.endpoint));
    this.#connection = new S3Connection(options);
    this.#bucket = new S3Bucket(options.bucket, this.#connection, host);
    this.#host = host;
  }

  get etagStyle(): EtagStyle | undefined {
    return this.#bucket.etagStyle;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  protected translate<T>(what: string, { signal }: RequestOptions, body: () => Promise<T>): Promise<T> {
    return translating(what, this.url, signal, body);
  }

  protected async create(key: string, bytes: Uint8Array, options: RequestOptions): Promise<boolean> {
    const written = await this.#bucket.create(key, bytes, options);
    if (written !== undefined) this.#checkSize(key, bytes.length, written);
    return written !== undefined;
  }

  protected async download(name: string, range: ByteRange | undefined, options: GetOptions): Promise<Uint8Array> {
    const output = await this.#bucket.get(name, { range }, options);
    if (output === 'absent') throw noObject(name, this.url);
    if (typeof output === 'string') throw integrity(`${name}: expected bytes ${range?.start} to ${range?.end}, found it ${output} that`);
    const limit = range === undefined ? MAX_OBJECT_SIZE : range.end - range.start;
    const bytes = await contentOf(output, { what: name, limit, into: options.into });
    const expected = range === undefined ? bytes.length : range.end - range.start;
    check(bytes.length === expected, `${name}: expected ${expected} bytes from ${range?.start}, found ${bytes.length}`);
    return bytes;
  }

  protected async readCell(key: string, unless: Version | undefined, options: RequestOptions): Promise<Cell | 'unchanged' | undefined> {
    const now = await this.#current(key, unless === undefined ? undefined : parseVersion(unless), options);
    if (now === undefined || now === 'unchanged') return now;
    const version = versionOf(now);
    return version === unless ? 'unchanged' : { bytes: now.value, version };
  }

  protected async swapCell(key: string, bytes: Uint8Array, expected: Version | null, options: SwapOptions): Promise<Version | undefined> {
    const base = expected === null ? undefined : parseVersion(expected);
    if (base === undefined && expected !== null) return undefined;
    const marks = marksAfter(base, this.#host.random(MARK_BYTES));
    const body = encodeCell(marks, bytes);
    this.#checks.throwIfLost(this.url);
    const version = await this.translate(`write ${key}`, options, async () => {
      try {
        const name = cellName(key);
        const written = await (base ? this.#bucket.replace(name, body, base.etag, options) : this.#bucket.create(name, body, options));
        if (written === undefined) return undefined;
        if (written.proof === undefined) this.#checks.expectMark(key, marks[0] as string);
        return versionOf({ marks, etag: written.etag });
      } catch (error) {
        if (options.signal?.aborted || isError(error) || isRejection(error)) throw error;
        return await this.#settle(key, base, marks, error, options);
      }
    });
    await this.#checks.finish(this.url);
    return version;
  }

  protected async page(prefix: string, token: string | undefined, options: RequestOptions): Promise<Page> {
    const { Contents = [], NextContinuationToken: next, IsTruncated } = await this.#bucket.list(prefix, token, options);
    check(!IsTruncated || next !== undefined, `${this.url}: expected the token of the next page of a list, found none`);
    return { objects: Contents.map(({ Key, Size, ETag }) => ({ name: decodedName(Key ?? ''), size: Size ?? 0, mark: ETag ?? '' })), next };
  }

  protected async remove(key: string, options: RequestOptions): Promise<void> {
    await this.#bucket.delete(key, options);
  }

  async #current(
    key: string,
    known: State | undefined,
    options: RequestOptions,
  ): Promise<(State & { value: Uint8Array }) | 'unchanged' | undefined> {
    // Ceph accepts a prefix of the current ETag as equal, so only ETags of the usual form are sent.
    const isUsual = known !== undefined && /^[0-9a-f]{32}$/.test(known.etag);
    const output = await this.#bucket.get(cellName(key), isUsual ? { IfNoneMatch: `"${known.etag}"` } : {}, options);
    if (output === 'absent') this.#checks.foundMarks(key, [], false, this.url);
    if (output === 'absent') return undefined;
    if (output === 'unchanged') return output;
    check(output !== 'beyond', `cell ${key}: expected its bytes, found none`);
    const bytes = await contentOf(output, { what: `cell ${key}`, limit: MAX_CELL_OBJECT_SIZE });
    const { marks, value } = decodeCell(key, bytes);
    this.#checks.foundMarks(key, marks, marks.length === MARKS, this.url);
    return { marks, value, etag: bareEtag(output.ETag) };
  }

  /**
   * Starts a size check of an unproved put. If a store encrypts, checks only a sample: each check
   * is an additional request.
   */
  #checkSize(key: string, bytes: number, { proof }: Written): void {
    const isSampled = proof === 'encryption' && this.#host.random(1)[0] === 0;
    if (proof === undefined || isSampled) this.#checks.expectSize(key, bytes, () => this.#bucket.sizeOf(key));
  }

  /**
   * Reads the cell back after a swap without a clear response (R-S3-5). Throws UNREACHABLE if the
   * outcome stays unknown.
   */
  async #settle(
    key: string,
    base: State | undefined,
    marks: readonly string[],
    failure: unknown,
    options: RequestOptions,
  ): Promise<Version | undefined> {
    const now = await this.#current(key, undefined, options).catch(() => 'unchanged' as const);
    throwIfAborted(options.signal);
    const result = now === 'unchanged' ? 'unknown' : outcome(base, marks, now);
    if (result === 'unknown') throw unknownOutcome(`write ${key}`, this.url, failure);
    return result === 'lost' ? undefined : result;
  }
}

async function contentOf(
  { Body, ContentLength: expected }: { Body?: unknown; ContentLength?: number | undefined },
  options: Omit<BodyOptions, 'expected'>,
): Promise<Uint8Array> {
  return await bodyOf(Body as AsyncIterable<Uint8Array>, { ...options, expected });
}
