/**
 * One bucket of the server for tests: objects with generations and conditions, as in the JSON API
 * of Cloud Storage.
 */
import { createHash } from 'node:crypto';

export interface GcsReply {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
}

interface Kept {
  bytes: Buffer;
  generation: string;
}

const EMPTY = Buffer.alloc(0);

export function jsonError(status: number, message: string, reason: string): GcsReply {
  return json({ error: { code: status, message, errors: [{ message, domain: 'global', reason }] } }, status);
}

export class GcsBucket {
  readonly #name: string;
  readonly #objects = new Map<string, Kept>();
  #generation = 1_790_000_000_000_000n;

  constructor(name: string) {
    this.#name = name;
  }

  upload(query: URLSearchParams, contentType: string, body: Buffer): GcsReply {
    const name = query.get('name') ?? '';
    const bytes = query.get('uploadType') === 'multipart' ? secondPart(contentType, body) : body;
    if (!isMatch(this.#objects.get(name), query.get('ifGenerationMatch'))) return conditionNotMet;
    this.#generation += 1n + BigInt(bytes.length % 7);
    const kept = { bytes, generation: String(this.#generation) };
    this.#objects.set(name, kept);
    return json(this.#resource(name, kept));
  }

  download(name: string, query: URLSearchParams, range: string | undefined): GcsReply {
    const kept = this.#objects.get(name);
    if (kept === undefined) return { status: 404, headers: {}, body: Buffer.from(`No such object: ${this.#name}/${name}`) };
    if (!isMatch(kept, query.get('ifGenerationMatch'))) return conditionNotMet;
    if (query.get('ifGenerationNotMatch') === kept.generation) return { status: 304, headers: {}, body: EMPTY };
    const headers = {
      'Content-Type': 'application/octet-stream',
      'X-Goog-Generation': kept.generation,
      'X-Goog-Hash': `md5=${md5(kept.bytes)}`,
      'X-Goog-Stored-Content-Encoding': 'identity',
    };
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (first === undefined) return { status: 200, headers, body: kept.bytes };
    const size = kept.bytes.length;
    if (Number(first) >= size) return { status: 416, headers: { 'Content-Range': `bytes */${size}` }, body: EMPTY };
    const end = Math.min(Number(last) + 1, size);
    const body = kept.bytes.subarray(Number(first), end);
    return { status: 206, headers: { ...headers, 'Content-Range': `bytes ${first}-${end - 1}/${size}` }, body };
  }

  metadata(name: string, query: URLSearchParams): GcsReply {
    const kept = this.#objects.get(name);
    if (kept === undefined) return this.#absent(name);
    return isMatch(kept, query.get('ifGenerationMatch')) ? json(this.#resource(name, kept)) : conditionNotMet;
  }

  delete(name: string, query: URLSearchParams): GcsReply {
    const kept = this.#objects.get(name);
    if (kept === undefined) return this.#absent(name);
    if (!isMatch(kept, query.get('ifGenerationMatch'))) return conditionNotMet;
    this.#objects.delete(name);
    return { status: 204, headers: {}, body: EMPTY };
  }

  list(query: URLSearchParams): GcsReply {
    const prefix = query.get('prefix') ?? '';
    const start = query.get('startOffset') ?? '';
    const after = Buffer.from(query.get('pageToken') ?? '', 'base64').toString();
    const most = Math.min(Number(query.get('maxResults') ?? 1000), 1000);
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix) && name >= start && name > after).sort();
    const items = names.slice(0, most).map((name) => this.#resource(name, this.#objects.get(name) as Kept));
    if (names.length <= most) return json({ kind: 'storage#objects', ...(items.length > 0 && { items }) });
    return json({ kind: 'storage#objects', items, nextPageToken: Buffer.from(names[most - 1] as string).toString('base64') });
  }

  #resource(name: string, { bytes, generation }: Kept): Record<string, string> {
    return { kind: 'storage#object', bucket: this.#name, name, generation, size: String(bytes.length), md5Hash: md5(bytes) };
  }

  #absent(name: string): GcsReply {
    return jsonError(404, `No such object: ${this.#name}/${name}`, 'notFound');
  }
}

const conditionNotMet = jsonError(412, 'At least one of the pre-conditions you specified did not hold.', 'conditionNotMet');

function json(value: unknown, status = 200): GcsReply {
  return { status, headers: { 'Content-Type': 'application/json; charset=UTF-8' }, body: Buffer.from(JSON.stringify(value)) };
}

/** Returns whether a condition holds. 0 matches an absent object. */
function isMatch(kept: Kept | undefined, ifGenerationMatch: string | null): boolean {
  return ifGenerationMatch === null || ifGenerationMatch === (kept?.generation ?? '0');
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64');
}

/** Returns the content of a multipart upload, whose first part is its metadata. */
function secondPart(contentType: string, body: Buffer): Buffer {
  const boundary = `--${/boundary=([^;]+)/.exec(contentType)?.[1]}`;
  const second = body.indexOf(boundary, boundary.length);
  const start = body.indexOf('\r\n\r\n', second) + 4;
  return body.subarray(start, body.lastIndexOf(`\r\n${boundary}--`));
}
