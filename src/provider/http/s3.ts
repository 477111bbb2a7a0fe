/**
 * A bucket of S3 or of a compatible store, over `fetch`: reads by HttpSource, and lists (SPEC.md
 * R-S3-8).
 */
import { BrowserStateError, check, throwIfAborted } from '../../base/errors.js';
import { MAX_ANSWER_SIZE, MAX_LISTED_SESSIONS } from '../../base/limits.js';
import { checkPrefix } from '../key.js';
import { ListBounds } from '../list-bounds.js';
import type { Listed, RequestOptions } from '../provider.js';
import { checkList, checkNames, decodedName, isDocument, NotS3, textOf } from '../s3/answers.js';
import { entryOf } from '../shared/bucket-names.js';
import { stranger } from './errors.js';
import { type HttpOptions, HttpSource } from './http.js';
import type { Source } from './read-only.js';

export interface S3Address {
  bucket: string;
  /** One or more components of keys. All keys are below the prefix. */
  prefix?: string | undefined;
  /** Region of the bucket. Required without an endpoint. */
  region?: string | undefined;
  /** The address of a store that is not AWS. */
  endpoint?: string | undefined;
  /** Puts the bucket into the path instead of the host name. */
  pathStyle?: boolean | undefined;
}

/**
 * Returns the source over a bucket. The caller adds the prefix. Throws USAGE for an invalid
 * address.
 */
export function s3Source(address: S3Address, options: HttpOptions): Source {
  const base = bucketAddress(address);
  const source = new HttpSource(base, options, true);
  return {
    url: source.url,
    get: (key, given) => source.get(key, given),
    read: (key, given) => source.read(key, given),
    list: (prefix, given) => list(source, base, address.bucket, prefix, given),
  };
}

function bucketAddress({ bucket, region, endpoint, pathStyle = false }: S3Address): URL {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw new BrowserStateError('USAGE', `expected the name of a bucket, found ${JSON.stringify(bucket)}`, {
      hint: 'Name the bucket alone; what lies before the users in it is `prefix`.',
    });
  }
  const origin = endpoint ?? (/^[a-z0-9-]+$/.test(region ?? '') ? `https://s3.${region}.amazonaws.com` : '');
  if (!/^https?:/.test(origin) || !URL.canParse(origin)) {
    throw new BrowserStateError('USAGE', 'the bucket has no address', {
      hint: 'Give `region`, such as eu-central-1, or an `endpoint` that begins with https://.',
    });
  }
  const url = new URL(origin);
  if (pathStyle) url.pathname = `${url.pathname.replace(/\/+$/, '')}/${bucket}`;
  else url.hostname = `${bucket}.${url.hostname}`;
  return url;
}

async function* list(source: HttpSource, base: URL, bucket: string, prefix: string, options: RequestOptions = {}): AsyncGenerator<Listed> {
  checkPrefix(prefix);
  const bounds = new ListBounds(source.url, MAX_LISTED_SESSIONS);
  let token: string | undefined;
  do {
    throwIfAborted(options.signal);
    const url = new URL(base);
    url.searchParams.set('list-type', '2');
    url.searchParams.set('encoding-type', 'url');
    url.searchParams.set('prefix', prefix);
    if (token !== undefined) url.searchParams.set('continuation-token', token);
    const bytes = await source.request({ name: prefix, url, limit: MAX_ANSWER_SIZE, isFresh: true }, options);
    const page = bytes !== undefined && isDocument(bytes, 'ListBucketResult') ? pageOf(textOf(bytes)) : undefined;
    if (page === undefined) throw stranger(prefix, source.url, 'the answer is no list');
    checkPage(source, page, bucket, prefix);
    bounds.add(page.objects.length, page.next);
    for (const { name, size } of page.objects) {
      const entry = entryOf(decodedName(name), size);
      if (entry !== undefined) yield entry;
    }
    token = page.next;
    check(!page.isTruncated || token !== undefined, `${source.url}: expected a token for the rest of a list, found none`);
  } while (token !== undefined);
}

interface Page {
  Name: string | undefined;
  Prefix: string | undefined;
  isTruncated: boolean;
  next: string | undefined;
  objects: { name: string; size: number }[];
}

/**
 * Parses a list without an XML parser, which edge workers lack. Names are URL-encoded, so none
 * contains a tag.
 */
function pageOf(text: string): Page {
  const parts = text.split('<Contents>');
  const rest = [parts[0], ...parts.slice(1).map((part) => part.split('</Contents>', 2)[1] ?? '')].join('');
  const isTruncated = elementOf(rest, 'IsTruncated') === 'true';
  return {
    Name: elementOf(rest, 'Name'),
    Prefix: elementOf(rest, 'Prefix') ?? '',
    isTruncated,
    next: isTruncated ? elementOf(rest, 'NextContinuationToken') : undefined,
    objects: parts.slice(1).map((part) => ({ name: elementOf(part, 'Key') ?? '', size: Number(elementOf(part, 'Size') ?? 0) })),
  };
}

/** Returns the text of the first element of that name, or undefined if there is none. */
function elementOf(text: string, name: string): string | undefined {
  const start = text.indexOf(`<${name}>`);
  const end = start === -1 ? -1 : text.indexOf(`</${name}>`, start);
  if (end === -1) return undefined;
  const raw = text.slice(start + name.length + 2, end);
  return raw.replaceAll(/&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});/g, characterOf);
}

/**
 * Returns the character that a reference of XML names, or the reference if there is no such
 * character.
 */
function characterOf(reference: string): string {
  const point = Number(reference.slice(2, -1).replace('x', '0x'));
  return entities[reference] ?? (point <= 0x10ffff ? String.fromCodePoint(point) : reference);
}

const entities: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
};

function checkPage(source: HttpSource, page: Page, bucket: string, prefix: string): void {
  try {
    checkList(page, bucket, prefix);
    checkNames(
      page.objects.map(({ name }) => name),
      prefix,
    );
  } catch (error) {
    throw error instanceof NotS3 ? stranger(prefix, source.url, 'the answer is the list of another bucket or prefix') : error;
  }
}
