/**
 * Checks that a response comes from S3 at all. Proxies, captive portals and wrong endpoints respond
 * too, often with 200. No such response may be read as an empty store, a completed write or damage
 * (SPEC.md R-S3-9). The raw response is checked before the SDK parses it, since the SDK parses a
 * page of HTML as an empty list.
 */
import { isError } from '../../base/errors.js';
import { MAX_ANSWER_SIZE, MAX_REFUSAL_SIZE } from '../../base/limits.js';
import type { ByteRange } from '../provider.js';
import { announcedLength, bodyOf, discard, rangeProblem } from '../shared/body.js';

/** A kind of request. The kind decides which responses are valid. */
export type Asked = 'object' | 'list' | 'put' | 'delete' | 'head';

/** The SDK's own HTTP response. */
export interface RawAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body?: unknown;
}

/**
 * A response that S3 does not send. Such a response proves nothing about the store, nor about the
 * effect of a write.
 */
export class NotS3 extends Error {
  override readonly name = 'NotS3';

  constructor(
    readonly status: number,
    found: string,
  ) {
    super(`the answer ${status} is not S3's: ${found}`);
  }
}

/** Successful statuses of each kind of request. */
const SUCCESS: Record<Asked, readonly number[]> = { object: [200, 206], list: [200], put: [200], delete: [204, 200], head: [200] };

/** An ETag that distinguishes writes. A proxy that changes bodies makes the ETag weak. */
const STRONG_ETAG = /^"?(?!W\/)[\x21\x23-\x29\x2b-\x7e]{1,128}"?$/;

/**
 * Throws NotS3 unless `answer` is a response of S3 to that kind of request. Reads bodies within
 * bounds, and puts them back as bytes. The body of an object stays a stream.
 */
export async function checkAnswer(asked: Asked, answer: RawAnswer): Promise<void> {
  const { statusCode: status, headers, body } = answer;
  const isSuccess = SUCCESS[asked].includes(status);
  const hasEtag = STRONG_ETAG.test(headers['etag'] ?? '');
  const problem =
    !isSuccess && status < 300
      ? 'no such request has that status'
      : isSuccess && WITH_ETAG.includes(asked) && !hasEtag
        ? 'it has no ETag'
        : undefined;
  if (problem !== undefined) {
    discard(body);
    throw new NotS3(status, problem);
  }
  if (isSuccess && asked === 'object') return;
  const bytes = await wholeBody(asked, answer, isSuccess ? MAX_ANSWER_SIZE : MAX_REFUSAL_SIZE);
  answer.body = bytes;
  if (!isExpected(asked, status, isSuccess, bytes)) throw new NotS3(status, `it has ${described(headers, bytes)}`);
}

const WITH_ETAG: readonly Asked[] = ['object', 'put', 'head'];

async function wholeBody(asked: Asked, { statusCode: status, headers, body }: RawAnswer, limit: number): Promise<Uint8Array> {
  if (asked === 'head' || body === undefined) return new Uint8Array();
  try {
    const expected = announcedLength(headers['content-length']);
    return await bodyOf(body as AsyncIterable<Uint8Array>, { what: 'its body', expected, limit });
  } catch (error) {
    throw isError(error) ? new NotS3(status, error.message) : error;
  }
}

function isExpected(asked: Asked, status: number, isSuccess: boolean, bytes: Uint8Array): boolean {
  if (isSuccess) return asked === 'list' ? isDocument(bytes, 'ListBucketResult') : bytes.length === 0;
  // Responses that have no body by the rules of HTTP have no document either.
  if (asked === 'head' || (asked === 'object' && status === 304)) return true;
  return codeOfDocument(bytes) !== undefined;
}

/** Returns the code in an error document of S3, or undefined for any other bytes. */
export function codeOfDocument(bytes: Uint8Array): string | undefined {
  return isDocument(bytes, 'Error') ? /<Code>\s*([A-Za-z0-9.]+)\s*<\/Code>/.exec(textOf(bytes))?.[1] : undefined;
}

/** Returns true if `bytes` are XML from the first tag of that name to the last. */
export function isDocument(bytes: Uint8Array, tag: string): boolean {
  const text = textOf(bytes).trim();
  return new RegExp(`^(?:<\\?xml[^>]*\\?>\\s*)?<${tag}[\\s>]`).test(text) && text.endsWith(`</${tag}>`);
}

/** Returns bytes as text, even if they are not valid UTF-8. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The parts of the SDK's response to a read that identify its object and range. */
interface Content {
  $metadata: { httpStatusCode?: number | undefined };
  ContentLength?: number | undefined;
  ContentRange?: string | undefined;
  ContentType?: string | undefined;
  ContentEncoding?: string | undefined;
  Body?: unknown;
}

/**
 * Throws NotS3 unless a successful response has the requested range, or the whole stored object if
 * no range was requested.
 */
export function checkContent(content: Content, range: ByteRange | undefined): void {
  const status = content.$metadata.httpStatusCode ?? 0;
  const problem =
    range === undefined ? wholeProblem(content, status) : rangeProblem(status, content.ContentRange, content.ContentLength, range);
  if (problem === undefined) return;
  discard(content.Body);
  throw new NotS3(status, problem);
}

/** Returns why a response is not the stored object. Proxies send pages or encoded bytes. */
function wholeProblem({ ContentType: type, ContentEncoding: encoding }: Content, status: number): string | undefined {
  if (status !== 200) return 'no range was asked for';
  if (/^text\/html\b/i.test(type ?? '')) return 'it is a page of HTML';
  return /gzip|deflate|br|zstd|compress/i.test(encoding ?? '') ? 'it is compressed' : undefined;
}

/**
 * Throws NotS3 unless a list is of that bucket and prefix. An access point has another name than
 * its bucket.
 */
export function checkList(found: { Name?: string | undefined; Prefix?: string | undefined }, bucket: string, prefix: string): void {
  const isAccessPoint = /^arn:|-s3alias$|--op-s3$/.test(bucket);
  const { Name: name, Prefix: shown = '' } = found;
  if (
    (name === bucket || (isAccessPoint && name !== undefined)) &&
    [shown, decodedName(shown), decodedName(shown.replaceAll('+', ' '))].includes(prefix)
  )
    return;
  throw new NotS3(200, 'it is the list of another bucket or prefix');
}

/** Throws NotS3 unless all names of a list are below its prefix. */
export function checkNames(names: readonly string[], prefix: string): void {
  const isBelow = (name: string): boolean =>
    [name, decodedName(name), decodedName(name.replaceAll('+', ' '))].some((each) => each.startsWith(prefix));
  if (!names.every(isBelow)) throw new NotS3(200, 'it lists names of another prefix');
}

/**
 * Returns a name of a list without its encoding. Returns an invalid encoding unchanged, because an
 * invalid encoding is no key.
 */
export function decodedName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function described(headers: Record<string, string>, bytes: Uint8Array): string {
  if (bytes.length === 0) return 'nothing';
  const type = /^[\w.+-]+\/[\w.+-]+/.exec(headers['content-type'] ?? '')?.[0];
  return `${bytes.length} bytes${type === undefined ? '' : ` of ${type}`}`;
}
