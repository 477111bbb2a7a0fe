/**
 * Requests on one bucket, with failed conditions and the form of an ETag that the store requires in
 * a condition (SPEC.md R-S3-3, R-S3-4). Errors are the SDK's.
 */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { GetObjectCommandOutput, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { BrowserStateError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { CONTENTION_ATTEMPTS, CONTENTION_WAIT_MS } from '../../base/limits.js';
import type { ByteRange, EtagStyle, RequestOptions, SwapOptions } from '../provider.js';
import { bodyOf } from '../shared/body.js';
import { STORES_HINT } from '../wrap/probe.js';
import { checkContent, checkList, checkNames } from './answers.js';
import { bareEtag } from './cell.js';
import { finishing, type S3Connection } from './connection.js';
import { isNamed, statusOf } from './errors.js';

type Condition = { IfNoneMatch: '*' } | { IfMatch: string };

/** An acknowledged write. */
export interface Written {
  /** The ETag without quotes. */
  etag: string;
  /**
   * The proof that the store has the bytes: an ETag that is their MD5, or the store's report of
   * encryption, which changes ETags. Undefined if there is no proof.
   */
  proof: 'content' | 'encryption' | undefined;
}

export class S3Bucket {
  readonly #bucket: string;
  readonly #connection: S3Connection;
  readonly #host: Pick<Host, 'random'>;
  /** The ETag form that this store accepts in If-Match. Undefined until a write has shown it. */
  etagStyle: EtagStyle | undefined;

  constructor(bucket: string, connection: S3Connection, host: Pick<Host, 'random'>) {
    this.#bucket = bucket;
    this.#connection = connection;
    this.#host = host;
  }

  /** Reads an object of that name, or a range of it, unless its ETag is in `IfNoneMatch`. */
  async get(
    name: string,
    { range, IfNoneMatch }: { range?: ByteRange | undefined; IfNoneMatch?: string },
    { signal }: RequestOptions,
  ): Promise<GetObjectCommandOutput | 'absent' | 'unchanged' | 'beyond'> {
    const Range = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` };
    const input = { Bucket: this.#bucket, Key: name, ...Range, ...(IfNoneMatch === undefined ? {} : { IfNoneMatch }) };
    try {
      const output = await this.#connection.send('object', (sdk) => new sdk.GetObjectCommand(input), signal);
      checkContent(output, range);
      return output;
    } catch (error) {
      if (isNamed(error, 'NoSuchKey')) return 'absent';
      if (statusOf(error) === 304 && IfNoneMatch !== undefined) return 'unchanged';
      if (isNamed(error, 'InvalidRange') && range !== undefined) return 'beyond';
      throw error;
    }
  }

  /** Creates an object. Returns undefined if the name is taken. */
  async create(name: string, body: Uint8Array, options: RequestOptions): Promise<Written | undefined> {
    return await this.#write(name, body, { IfNoneMatch: '*' }, options);
  }

  /**
   * Replaces an object if its ETag (without quotes) is still `etag`. Returns undefined if the ETag
   * differs.
   */
  async replace(
    name: string,
    body: Uint8Array,
    etag: string,
    { etagStyle: hint = 'returned', ...options }: SwapOptions,
  ): Promise<Written | undefined> {
    const shown = this.etagStyle;
    const first = shown ?? hint;
    for (const style of [first, first === 'returned' ? 'unquoted' : 'returned'] as const) {
      const written = await this.#write(name, body, { IfMatch: style === 'unquoted' ? etag : `"${etag}"` }, options);
      if (written !== undefined) this.etagStyle ??= style;
      if (written !== undefined || shown !== undefined || (await this.#etag(name, options)) !== etag) return written;
    }
    throw new BrowserStateError('UNSUPPORTED', `s3://${this.#bucket} rejects a write to ${name} by the ETag that it gives for it`, {
      hint: `This store does not honor conditional writes as S3 does. ${STORES_HINT}`,
    });
  }

  /**
   * Returns one page of the names that start with `prefix`, in the encoding that `decodedName`
   * removes.
   */
  async list(prefix: string, token: string | undefined, { signal }: RequestOptions): Promise<ListObjectsV2CommandOutput> {
    const input = { Bucket: this.#bucket, Prefix: prefix, ContinuationToken: token, EncodingType: 'url' } as const;
    const page = await this.#connection.send('list', (sdk) => new sdk.ListObjectsV2Command(input), signal);
    checkList(page, this.#bucket, prefix);
    checkNames(
      (page.Contents ?? []).map(({ Key }) => Key ?? ''),
      prefix,
    );
    return page;
  }

  async delete(name: string, { signal }: RequestOptions): Promise<void> {
    const input = { Bucket: this.#bucket, Key: name };
    await finishing(signal, (cut) => this.#connection.send('delete', (sdk) => new sdk.DeleteObjectCommand(input), cut));
  }

  /**
   * Resends a write that was rejected because another write was in progress. The condition of the
   * write decides again.
   */
  async #write(name: string, body: Uint8Array, condition: Condition, { signal }: RequestOptions): Promise<Written | undefined> {
    const input = { Bucket: this.#bucket, Key: name, Body: body, ContentLength: body.length, ...condition };
    for (let attempt = 1; ; attempt++) {
      try {
        const output = await finishing(signal, (cut) => this.#connection.send('put', (sdk) => new sdk.PutObjectCommand(input), cut));
        const etag = bareEtag(output.ETag);
        const isEncrypted = output.ServerSideEncryption !== undefined || output.SSECustomerAlgorithm !== undefined;
        return { etag, proof: etag === md5(body) ? 'content' : isEncrypted ? 'encryption' : undefined };
      } catch (error) {
        if ((statusOf(error) === 412 && isNamed(error, 'PreconditionFailed')) || isNamed(error, 'NoSuchKey')) return undefined;
        if (!isNamed(error, 'ConditionalRequestConflict') || attempt === CONTENTION_ATTEMPTS) throw error;
      }
      const spread = 0.5 + (this.#host.random(1)[0] as number) / 255;
      await wait(CONTENTION_WAIT_MS * 2 ** (attempt - 1) * spread, undefined, signal === undefined ? {} : { signal });
    }
  }

  /** Requests the size of an object. Returns undefined if there is no such object. */
  async sizeOf(name: string): Promise<number | undefined> {
    try {
      const input = { Bucket: this.#bucket, Key: name };
      return (await this.#connection.send('head', (sdk) => new sdk.HeadObjectCommand(input), undefined)).ContentLength;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /**
   * Requests the ETag of an object that is not empty, by its first byte: an error of a HEAD request
   * would have no document.
   */
  async #etag(name: string, options: RequestOptions): Promise<string | undefined> {
    const output = await this.get(name, { range: { start: 0, end: 1 } }, options);
    if (typeof output === 'string') return undefined;
    await bodyOf(output.Body as AsyncIterable<Uint8Array>, { what: name, expected: undefined, limit: 1 });
    return bareEtag(output.ETag);
  }
}

/** Returns the MD5 of the bytes, or undefined on a machine whose policy forbids MD5. */
function md5(bytes: Uint8Array): string | undefined {
  try {
    return createHash('md5').update(bytes).digest('hex');
  } catch {
    return undefined;
  }
}
