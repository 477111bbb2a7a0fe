/**
 * Requests on one bucket, by the names of what is in it: what a condition that did not hold looks like, and how this store wants the ETag of
 * one (SPEC.md R-S3-3, R-S3-4). Errors are the SDK's.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { GetObjectCommandOutput, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { BrowserStateError } from '../errors.js';
import type { Host } from '../host.js';
import { CONTENTION_ATTEMPTS, CONTENTION_WAIT_MS } from '../limits.js';
import type { EtagStyle, RequestOptions, SwapOptions } from './provider.js';
import { bareEtag } from './s3-cell.js';
import { finishing, type S3Connection } from './s3-connection.js';
import { isNamed, statusOf } from './s3-errors.js';

type Condition = { IfNoneMatch: '*' } | { IfMatch: string };

export class S3Bucket {
  readonly #bucket: string;
  readonly #connection: S3Connection;
  readonly #host: Pick<Host, 'random'>;
  /** How this store wants an ETag in If-Match, once a write has shown it. */
  etagStyle: EtagStyle | undefined;

  constructor(bucket: string, connection: S3Connection, host: Pick<Host, 'random'>) {
    this.#bucket = bucket;
    this.#connection = connection;
    this.#host = host;
  }

  async get(
    name: string,
    conditions: { Range?: string; IfNoneMatch?: string },
    { signal }: RequestOptions,
  ): Promise<GetObjectCommandOutput | 'absent' | 'unchanged' | 'beyond'> {
    const input = { Bucket: this.#bucket, Key: name, ...conditions };
    try {
      return await this.#connection.send((sdk) => new sdk.GetObjectCommand(input), signal);
    } catch (error) {
      if (isNamed(error, 'NoSuchKey')) return 'absent';
      if (statusOf(error) === 304) return 'unchanged';
      if (statusOf(error) === 416) return 'beyond';
      throw error;
    }
  }

  /** Writes where there is nothing of that name: the ETag; undefined where there was. */
  async create(name: string, body: Uint8Array, options: RequestOptions): Promise<string | undefined> {
    return await this.#write(name, body, { IfNoneMatch: '*' }, options);
  }

  /** Writes where the ETag (without quotes) is still `etag`: the new one; undefined where it was not. */
  async replace(
    name: string,
    body: Uint8Array,
    etag: string,
    { etagStyle: hint = 'returned', ...options }: SwapOptions,
  ): Promise<string | undefined> {
    const shown = this.etagStyle;
    const first = shown ?? hint;
    for (const style of [first, first === 'returned' ? 'unquoted' : 'returned'] as const) {
      const written = await this.#write(name, body, { IfMatch: style === 'unquoted' ? etag : `"${etag}"` }, options);
      if (written !== undefined) this.etagStyle ??= style;
      if (written !== undefined || shown !== undefined || (await this.#etag(name, options)) !== etag) return written;
    }
    throw new BrowserStateError('UNSUPPORTED', `s3://${this.#bucket} refuses to replace ${name} by the ETag that it gives for it`, {
      hint: 'This store does not honour conditional writes as S3 does, and cannot hold a repository.',
    });
  }

  /** One page of the names that start with `prefix`, in the encoding that `decodedName` takes off. */
  async list(prefix: string, token: string | undefined, { signal }: RequestOptions): Promise<ListObjectsV2CommandOutput> {
    const input = { Bucket: this.#bucket, Prefix: prefix, ContinuationToken: token, EncodingType: 'url' } as const;
    return await this.#connection.send((sdk) => new sdk.ListObjectsV2Command(input), signal);
  }

  async delete(name: string, { signal }: RequestOptions): Promise<void> {
    const input = { Bucket: this.#bucket, Key: name };
    await finishing(signal, (cut) => this.#connection.send((sdk) => new sdk.DeleteObjectCommand(input), cut));
  }

  /** A write that was refused because another was in its way is sent again: its condition decides as well then. */
  async #write(name: string, body: Uint8Array, condition: Condition, { signal }: RequestOptions): Promise<string | undefined> {
    const input = { Bucket: this.#bucket, Key: name, Body: body, ContentLength: body.length, ...condition };
    for (let attempt = 1; ; attempt++) {
      try {
        const output = await finishing(signal, (cut) => this.#connection.send((sdk) => new sdk.PutObjectCommand(input), cut));
        return bareEtag(output.ETag);
      } catch (error) {
        if (statusOf(error) === 412 || isNamed(error, 'NoSuchKey')) return undefined;
        if (!isNamed(error, 'ConditionalRequestConflict') || attempt === CONTENTION_ATTEMPTS) throw error;
      }
      const spread = 0.5 + (this.#host.random(1)[0] as number) / 255;
      await wait(CONTENTION_WAIT_MS * 2 ** (attempt - 1) * spread, undefined, signal === undefined ? {} : { signal });
    }
  }

  async #etag(name: string, { signal }: RequestOptions): Promise<string | undefined> {
    try {
      const output = await this.#connection.send((sdk) => new sdk.HeadObjectCommand({ Bucket: this.#bucket, Key: name }), signal);
      return bareEtag(output.ETag);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }
}

/** A name as it is, of one as a list encodes it. What was not encoded that way is no key either. */
export function decodedName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
