/**
 * Segments: the rows that do not fit into a ref (SPEC.md 8.4). A segment's name is never reused, so
 * it identifies the rows. The segments that were read or written last are cached, since a push and
 * the pull after it read the same ones repeatedly.
 */
import { Reader, Writer } from '../base/bytes.js';
import { check, integrity, isError, readingKey } from '../base/errors.js';
import type { WriterHost } from '../base/host.js';
import { JOINED_SEGMENT_ROWS, KEPT_SEGMENT_ROWS, MAX_SEGMENT_ROWS, MAX_SEGMENT_SIZE } from '../base/limits.js';
import { unwrap, wrap } from '../format/envelope.js';
import { newName, objectKey } from '../format/keys.js';
import { nameText, type ObjectName } from '../format/locator.js';
import { decodeRows, encodeRows, type Row, type SegmentName } from '../format/ref.js';
import type { Provider, RequestOptions } from '../provider/provider.js';

export class RowSegments {
  readonly #provider: Provider;
  readonly #host: WriterHost;
  readonly #repository: Uint8Array;
  /** By name; the last used one is at the end. */
  readonly #kept = new Map<string, readonly Row[]>();
  #room = KEPT_SEGMENT_ROWS;

  constructor(provider: Provider, host: WriterHost, repository: Uint8Array) {
    this.#provider = provider;
    this.#host = host;
    this.#repository = repository;
  }

  /** Returns the rows of a segment, newest first. */
  async read({ name, rows: count }: SegmentName, options: RequestOptions): Promise<readonly Row[]> {
    const kept = this.#kept.get(nameText(name));
    if (kept !== undefined) return this.#keep(name, kept);
    const key = objectKey('segments', name);
    return readingKey(key, async () => {
      const { body } = await unwrap(await this.#get(key, options), { kind: 'segment', repository: this.#repository, key });
      const input = new Reader(body, key);
      const rows = decodeRows(input, MAX_SEGMENT_ROWS, key);
      input.end();
      check(rows.length === count, `${key}: expected ${count} rows, found ${rows.length}`);
      return this.#keep(name, rows);
    });
  }

  async #get(key: string, options: RequestOptions): Promise<Uint8Array> {
    try {
      return await this.#provider.get(key, options);
    } catch (error) {
      throw isError(error, 'NOT_FOUND') ? integrity(`${key}: expected a segment that a ref names, found none`, error) : error;
    }
  }

  /** Writes the rows under the GC epoch to as few segments as can hold them, newest first. */
  async write(epoch: number, rows: readonly Row[], options: RequestOptions): Promise<SegmentName[]> {
    const segments: SegmentName[] = [];
    for (let at = 0; at < rows.length; ) {
      const part = segmentRows(rows.slice(at));
      const name = newName(this.#host, epoch);
      const key = objectKey('segments', name);
      const out = new Writer();
      encodeRows(out, part);
      await this.#provider.put(key, await wrap({ kind: 'segment', repository: this.#repository, key }, out.finish(), 'auto'), options);
      this.#keep(name, part);
      segments.push({ name, rows: part.length });
      at += part.length;
    }
    return segments;
  }

  /** Adds the rows to the cache and evicts the least recently used ones. */
  #keep(name: ObjectName, rows: readonly Row[]): readonly Row[] {
    this.#forget(nameText(name));
    this.#kept.set(nameText(name), rows);
    this.#room -= rows.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#room >= 0) break;
      this.#forget(oldest);
    }
    return rows;
  }

  #forget(name: string): void {
    this.#room += this.#kept.get(name)?.length ?? 0;
    this.#kept.delete(name);
  }
}

/** Returns the prefix of the rows that fits into one segment. */
export function segmentRows(rows: readonly Row[]): readonly Row[] {
  let count = Math.min(rows.length, JOINED_SEGMENT_ROWS);
  while (rowBytes(rows.slice(0, count)) > MAX_SEGMENT_SIZE) count = Math.ceil(count / 2);
  return rows.slice(0, count);
}

export function rowBytes(rows: readonly Row[]): number {
  const out = new Writer();
  encodeRows(out, rows);
  return out.length;
}
