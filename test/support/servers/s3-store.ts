/**
 * The objects of the S3 server for tests, without HTTP: conditions, ranges, lists. Every call is
 * one step.
 */
import { createHash } from 'node:crypto';

export interface S3Behavior {
  /** True if If-Match accepts only an ETag without quotes, as in Ceph. */
  unquotedOnly?: boolean;
  /** Conditions of a write that always hold, as in stores that do not know them. */
  ignores?: ('if-match' | 'if-none-match')[];
  /** Maximum names on one page of a list. */
  pageSize?: number;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export type Headers = Record<string, string | string[] | undefined>;

const statuses: Record<string, number> = {
  AccessDenied: 403,
  ConditionalRequestConflict: 409,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidRange: 416,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  QuotaExceeded: 403,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
};

export function failure(code: string): Answer {
  return { status: statuses[code] ?? 400, body: `${XML}<Error><Code>${code}</Code><Message>as the test asked</Message></Error>` };
}

const XML = '<?xml version="1.0" encoding="UTF-8"?>\n';

export class S3Store {
  readonly #objects = new Map<string, { bytes: Uint8Array; etag: string }>();
  readonly #behavior: S3Behavior;

  constructor(behavior: S3Behavior) {
    this.#behavior = behavior;
  }

  put(name: string, bytes: Uint8Array, headers: Headers): Answer {
    if (headers['content-length'] === undefined) return failure('MissingContentLength');
    const present = this.#objects.get(name);
    const [match, noneMatch] = (['if-match', 'if-none-match'] as const).map((name) =>
      this.#behavior.ignores?.includes(name) ? undefined : headers[name],
    );
    if (match !== undefined && present === undefined) return failure('NoSuchKey');
    if (match !== undefined && !this.#matches(String(match), present?.etag)) return failure('PreconditionFailed');
    if (noneMatch === '*' && present !== undefined) return failure('PreconditionFailed');
    const etag = createHash('md5').update(bytes).digest('hex');
    this.#objects.set(name, { bytes, etag });
    return { status: 200, headers: { etag: `"${etag}"` } };
  }

  get(name: string, headers: Headers): Answer {
    const object = this.#objects.get(name);
    if (object === undefined) return failure('NoSuchKey');
    const { bytes, etag } = object;
    const quoted = { etag: `"${etag}"` };
    if (headers['if-none-match'] === `"${etag}"`) return { status: 304, headers: quoted };
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(headers['range'])) ?? [];
    if (from === undefined || to === undefined) return { status: 200, headers: quoted, body: bytes };
    const [start, end] = [Number(from), Math.min(Number(to) + 1, bytes.length)];
    if (start >= bytes.length) return failure('InvalidRange');
    const range = { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` };
    return { status: 206, headers: { ...quoted, ...range }, body: bytes.subarray(start, end) };
  }

  delete(name: string): Answer {
    this.#objects.delete(name);
    return { status: 204 };
  }

  list(bucket: string, query: URLSearchParams): Answer {
    const after = Buffer.from(query.get('continuation-token') ?? '', 'base64url').toString();
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(query.get('prefix') ?? '') && name > after).sort();
    const page = names.slice(0, this.#behavior.pageSize ?? 1000);
    const written = query.get('encoding-type') === 'url' ? encodeURIComponent : escaped;
    const contents = page.map((name) => {
      const { bytes, etag } = this.#objects.get(name) as { bytes: Uint8Array; etag: string };
      return `<Contents><Key>${written(name)}</Key><Size>${bytes.length}</Size><ETag>&quot;${etag}&quot;</ETag></Contents>`;
    });
    const isTruncated = page.length < names.length;
    const next = isTruncated
      ? `<NextContinuationToken>${Buffer.from(page.at(-1) ?? '').toString('base64url')}</NextContinuationToken>`
      : '';
    const about = `<Name>${bucket}</Name><Prefix>${written(query.get('prefix') ?? '')}</Prefix>`;
    const more = `${about}<IsTruncated>${isTruncated}</IsTruncated><KeyCount>${page.length}</KeyCount>${next}`;
    return { status: 200, body: `${XML}<ListBucketResult>${more}${contents.join('')}</ListBucketResult>` };
  }

  /** Stores bytes without a request. */
  plant(name: string, bytes: Uint8Array): void {
    this.put(name, bytes, { 'content-length': '' });
  }

  /** Returns the bytes of an existing object. */
  bytes(name: string): Uint8Array {
    return this.#objects.get(name)?.bytes as Uint8Array;
  }

  names(): string[] {
    return [...this.#objects.keys()].sort();
  }

  #matches(condition: string, etag: string | undefined): boolean {
    return condition === etag ? true : !this.#behavior.unquotedOnly && condition === `"${etag}"`;
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
