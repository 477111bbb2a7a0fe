/**
 * Segments: the entries that do not fit into a ref (SPEC.md 8.4). A segment's name is never reused,
 * so the name identifies the entries. The most recently used segments are cached, since a push and
 * the pull after it read the same segments repeatedly.
 */
import { Reader, Writer } from '../base/bytes.js';
import { check, integrity, isError, readingKey } from '../base/errors.js';
import type { WriterHost } from '../base/host.js';
import { JOINED_SEGMENT_ENTRIES, KEPT_SEGMENT_ENTRIES, MAX_SEGMENT_ENTRIES, MAX_SEGMENT_SIZE } from '../base/limits.js';
import { unwrap, wrap } from '../format/envelope.js';
import { newName, objectKey } from '../format/keys.js';
import { nameText, type ObjectName } from '../format/locator.js';
import { decodeEntries, encodeEntries, type HistoryEntry, type SegmentName } from '../format/ref.js';
import type { Provider, RequestOptions } from '../provider/provider.js';

export class HistorySegments {
  readonly #provider: Provider;
  readonly #host: WriterHost;
  readonly #repository: Uint8Array;
  /** Cached entries by the segment's name. The last used segment is at the end. */
  readonly #kept = new Map<string, readonly HistoryEntry[]>();
  #room = KEPT_SEGMENT_ENTRIES;

  constructor(provider: Provider, host: WriterHost, repository: Uint8Array) {
    this.#provider = provider;
    this.#host = host;
    this.#repository = repository;
  }

  /** Returns the entries of a segment, newest first. */
  async read({ name, entries: count }: SegmentName, options: RequestOptions): Promise<readonly HistoryEntry[]> {
    const kept = this.#kept.get(nameText(name));
    if (kept !== undefined) return this.#keep(name, kept);
    const key = objectKey('segments', name);
    return readingKey(key, async () => {
      const { body } = await unwrap(await this.#get(key, options), { kind: 'segment', repository: this.#repository, key });
      const input = new Reader(body, key);
      const entries = decodeEntries(input, MAX_SEGMENT_ENTRIES, key);
      input.end();
      check(entries.length === count, `${key}: expected ${count} entries, found ${entries.length}`);
      return this.#keep(name, entries);
    });
  }

  async #get(key: string, options: RequestOptions): Promise<Uint8Array> {
    try {
      return await this.#provider.get(key, options);
    } catch (error) {
      throw isError(error, 'NOT_FOUND') ? integrity(`${key}: expected a segment that a ref names, found none`, error) : error;
    }
  }

  /**
   * Writes the entries, newest first, to as few segments as can hold them. The segments are born
   * under the GC epoch.
   */
  async write(epoch: number, entries: readonly HistoryEntry[], options: RequestOptions): Promise<SegmentName[]> {
    const segments: SegmentName[] = [];
    for (let at = 0; at < entries.length; ) {
      const part = segmentEntries(entries.slice(at));
      const name = newName(this.#host, epoch);
      const key = objectKey('segments', name);
      const out = new Writer();
      encodeEntries(out, part);
      await this.#provider.put(key, await wrap({ kind: 'segment', repository: this.#repository, key }, out.finish(), 'auto'), options);
      this.#keep(name, part);
      segments.push({ name, entries: part.length });
      at += part.length;
    }
    return segments;
  }

  /** Adds the entries to the cache and evicts the least recently used segments. */
  #keep(name: ObjectName, entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
    this.#forget(nameText(name));
    this.#kept.set(nameText(name), entries);
    this.#room -= entries.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#room >= 0) break;
      this.#forget(oldest);
    }
    return entries;
  }

  #forget(name: string): void {
    this.#room += this.#kept.get(name)?.length ?? 0;
    this.#kept.delete(name);
  }
}

/** Returns the prefix of the entries that fits into one segment. */
export function segmentEntries(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  let count = Math.min(entries.length, JOINED_SEGMENT_ENTRIES);
  while (entryBytes(entries.slice(0, count)) > MAX_SEGMENT_SIZE) count = Math.ceil(count / 2);
  return entries.slice(0, count);
}

export function entryBytes(entries: readonly HistoryEntry[]): number {
  const out = new Writer();
  encodeEntries(out, entries);
  return out.length;
}
