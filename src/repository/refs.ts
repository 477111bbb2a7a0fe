/**
 * Reads and changes of refs by compare-and-swap (SPEC.md 11.1). Every change goes through `swap`,
 * which never blindly repeats a swap. If the response to a swap was lost, the ref is read back.
 */
import { equalBytes, utf8 } from '../base/bytes.js';
import { BrowserStateError, check, isError, readingKey, throwIfAborted } from '../base/errors.js';
import type { WriterHost } from '../base/host.js';
import {
  JOINED_SEGMENT_ENTRIES,
  MAX_AUTHOR_BYTES,
  MAX_INLINE_ENTRIES,
  MAX_INLINE_ENTRY_BYTES,
  MAX_SEQUENCE,
  MAX_SESSION_ENTRIES,
  MIN_JOINED_SEGMENTS,
} from '../base/limits.js';
import { NAME_BYTES, unwrap, wrap } from '../format/envelope.js';
import { checkId, isId, objectKey, REF_PREFIX, refKey } from '../format/keys.js';
import { nameText } from '../format/locator.js';
import {
  checkUnique,
  decodeRef,
  type EventOp,
  emptyRef,
  encodeRef,
  entryCount,
  type HistoryEntry,
  MAX_EVENTS,
  MAX_REF_ENTRIES,
  type Ref,
  type SegmentName,
} from '../format/ref.js';
import type { Cell, Provider, RequestOptions, Version } from '../provider/provider.js';
import { isRefusal } from '../provider/wrap/retry.js';
import { entryBytes, HistorySegments, segmentEntries } from './history-segments.js';

/** A ref as it was read: the only start of a swap. */
export interface Token {
  session: string;
  ref: Ref;
  version: Version;
}

/** The changed fields of a swap. `swap` sets sequence and nonce. */
export type RefChange = Partial<Omit<Ref, 'sequence' | 'nonce' | 'state'>> & { state?: Ref['state'] };

export class Refs {
  readonly #provider: Provider;
  readonly #host: WriterHost;
  readonly #repository: Uint8Array;
  readonly #segments: HistorySegments;
  /**
   * The entries of the ref that was read or written last: the next ref probably has most of them.
   */
  #entries: readonly HistoryEntry[] = [];

  constructor(provider: Provider, host: WriterHost, repository: Uint8Array) {
    this.#provider = provider;
    this.#host = host;
    this.#repository = repository;
    this.#segments = new HistorySegments(provider, host, repository);
  }

  /**
   * Returns the session's ref, even an empty or deleted one. Returns undefined if there is no ref.
   */
  async read(session: string, options: RequestOptions = {}): Promise<Token | undefined> {
    checkId('session', session);
    const key = refKey(session);
    const cell = await readingKey(key, () => this.#provider.read(key, options));
    return cell === undefined || cell === 'unchanged' ? undefined : this.open(session, cell);
  }

  /** Validates the session's ref. Throws INTEGRITY for any other bytes. */
  async open(session: string, { bytes, version }: Cell): Promise<Token> {
    const key = refKey(session);
    return readingKey(key, async () => {
      const { body } = await unwrap(bytes, { kind: 'ref', repository: this.#repository, key });
      const ref = decodeRef(body, key, this.#entries);
      this.#entries = ref.entries;
      return { session, ref, version };
    });
  }

  /** Creates the session's ref empty, or with only a lease. Returns undefined if the ref exists. */
  create(session: string, options: RequestOptions = {}, change: Pick<RefChange, 'lease'> = {}): Promise<Token | undefined> {
    checkId('session', session);
    return this.#swap({ session, ref: emptyRef(), version: null }, change, options);
  }

  /**
   * Returns the session's ref. Creates an empty ref if there is none. Returns a deleted ref
   * unchanged: the first entry revives it. Objects that are named later need a pin, read after this
   * call.
   */
  async ensure(session: string, options: RequestOptions = {}): Promise<Token> {
    const found = await this.read(session, options);
    if (found !== undefined) return found;
    const token = (await this.create(session, options)) ?? (await this.read(session, options));
    check(token !== undefined, `refs/${session}: expected the ref that another writer created, found none`);
    return token;
  }

  /**
   * Swaps the ref from the token to the token's ref with `change` applied. Resolves to the new
   * token, or to undefined if another writer updated the ref first. Throws UNREACHABLE if the swap
   * failed or its outcome is unknown; the message distinguishes the two.
   */
  swap(token: Token, change: RefChange, options: RequestOptions = {}): Promise<Token | undefined> {
    return this.#swap(token, change, options);
  }

  /** Returns the change that adds an event of this process before the ref's events. */
  event(ref: Ref, op: EventOp, detail: string): Pick<Ref, 'events'> {
    const nonce = this.#host.random(NAME_BYTES);
    const author = this.#host.author();
    if (utf8(author).length > MAX_AUTHOR_BYTES)
      throw new BrowserStateError('USAGE', `expected the author to have at most ${MAX_AUTHOR_BYTES} bytes, found ${author}`, {
        hint: 'Shorten the name of the user or of the machine.',
      });
    const event = { op, time: this.#host.now(), author, nonce, detail };
    return { events: [event, ...ref.events].slice(0, MAX_EVENTS) };
  }

  /**
   * Returns the change that adds an entry before the ref's entries. Entries that do not fit into
   * the ref are first written to a segment. If the newest segment is small, its entries are joined
   * with them (R-REF-2).
   */
  async addEntry(ref: Ref, entry: HistoryEntry, options: RequestOptions = {}): Promise<Pick<Ref, 'entries' | 'segments' | 'head'>> {
    return { ...(await this.replaceEntries(ref, [entry, ...ref.entries], options)), head: new Uint8Array(0) };
  }

  /**
   * Returns the change that makes these entries the ref's entries before its segments. The segments
   * stay, except that the newest segment may be joined with entries that do not fit, as in
   * `addEntry`.
   */
  async replaceEntries(
    ref: Ref,
    entries: readonly HistoryEntry[],
    options: RequestOptions = {},
  ): Promise<Pick<Ref, 'entries' | 'segments'>> {
    const keep = inlineEntries(entries);
    const segments = keep === entries.length ? ref.segments : await this.#spill(ref, entries.slice(keep), options);
    return { entries: entries.slice(0, keep), segments };
  }

  /**
   * Returns the change of `addEntry` for any number of entries, newest first. Reads segments, which
   * on a remote is a round trip, only if many small segments can become one. So the number of
   * segments does not grow with every commit.
   */
  async addEntries(ref: Ref, added: readonly HistoryEntry[], options: RequestOptions = {}): Promise<Pick<Ref, 'entries' | 'segments'>> {
    const entries = [...added, ...ref.entries];
    const keep = inlineEntries(entries);
    const older = entries.slice(keep);
    const small = older.length === 0 ? 0 : smallSegments(ref.segments, JOINED_SEGMENT_ENTRIES - older.length);
    const joined = small < MIN_JOINED_SEGMENTS ? undefined : await this.#readAll(ref.segments.slice(0, small), options);
    const segments = await this.#segments.write(ref.epoch, [...older, ...(joined ?? [])], options);
    return { entries: entries.slice(0, keep), segments: [...segments, ...ref.segments.slice(joined === undefined ? 0 : small)] };
  }

  /**
   * Returns the change that makes these the ref's entries. Entries that do not fit are first
   * written to segments.
   */
  async adopt(ref: Ref, entries: readonly HistoryEntry[], options: RequestOptions = {}): Promise<Pick<Ref, 'entries' | 'segments'>> {
    const keep = inlineEntries(entries);
    return { entries: entries.slice(0, keep), segments: await this.#segments.write(ref.epoch, entries.slice(keep), options) };
  }

  /**
   * Returns the change that makes `entries` the entries of a ref that has `before`. Segments stay
   * if all new entries come before them: the change costs the same at any length of history.
   */
  async arrange(
    ref: Ref,
    before: readonly HistoryEntry[],
    entries: readonly HistoryEntry[],
    options: RequestOptions = {},
  ): Promise<Pick<Ref, 'entries' | 'segments'>> {
    const older = before.slice(ref.entries.length);
    const front = entries.slice(0, entries.length - older.length);
    const isSame = older.length === entryCount(ref) - ref.entries.length && older.every((entry, i) => entry === entries[front.length + i]);
    return isSame ? this.replaceEntries(ref, front, options) : this.adopt(ref, entries, options);
  }

  /** Yields every entry of a session, newest first. Segments are read as needed. */
  async *entries(ref: Ref, options: RequestOptions = {}): AsyncGenerator<HistoryEntry> {
    for await (const part of this.parts(ref, options)) yield* part;
  }

  /**
   * Yields the entries of `entries` in batches: the entries of the ref, then those of each segment.
   * Batches cost less than one await per entry if callers read thousands of entries.
   */
  async *parts(ref: Ref, options: RequestOptions = {}): AsyncGenerator<readonly HistoryEntry[]> {
    yield ref.entries;
    if (ref.segments.length === 0) return;
    const seen = new Set<string>();
    checkUnique(ref.entries, seen, 'entries');
    for (const segment of ref.segments) {
      const entries = await this.segment(segment, options);
      checkUnique(entries, seen, objectKey('segments', segment.name));
      yield entries;
    }
  }

  /** Returns the entries of one segment, newest first. */
  segment(segment: SegmentName, options: RequestOptions = {}): Promise<readonly HistoryEntry[]> {
    return this.#segments.read(segment, options);
  }

  /** Yields the names of all sessions that have a ref, live or not, in no particular order. */
  async *list(options: RequestOptions = {}): AsyncGenerator<string> {
    for await (const { key } of this.#provider.list(REF_PREFIX, options)) {
      const session = key.slice(REF_PREFIX.length);
      if (isId(session)) yield session;
    }
  }

  /**
   * Returns the entries of the segments, or undefined if a segment cannot be read. The caller then
   * adds entries without joining.
   */
  async #readAll(segments: readonly SegmentName[], options: RequestOptions): Promise<HistoryEntry[] | undefined> {
    const parts = await Promise.allSettled(segments.map((segment) => this.#segments.read(segment, options)));
    throwIfAborted(options.signal);
    return parts.every((part) => part.status === 'fulfilled') ? parts.flatMap(({ value }) => value) : undefined;
  }

  async #spill(ref: Ref, older: readonly HistoryEntry[], options: RequestOptions): Promise<SegmentName[]> {
    const [newest, ...rest] = ref.segments;
    const isSmall = newest !== undefined && newest.entries + older.length <= JOINED_SEGMENT_ENTRIES;
    const entries = isSmall ? [...older, ...(await this.#segments.read(newest, options))] : older;
    const fits = isSmall && segmentEntries(entries).length === entries.length;
    return [...(await this.#segments.write(ref.epoch, fits ? entries : older, options)), ...(fits ? rest : ref.segments)];
  }

  async #swap(
    from: Omit<Token, 'version'> & { version: Version | null },
    change: RefChange,
    options: RequestOptions,
  ): Promise<Token | undefined> {
    const nonce = this.#host.random(NAME_BYTES);
    const etagStyle = this.#provider.etagStyle ?? from.ref.etagStyle;
    const ref: Ref = { ...from.ref, ...change, sequence: from.ref.sequence + 1, nonce, etagStyle };
    if (entryCount(ref) > MAX_SESSION_ENTRIES) {
      throw new BrowserStateError(
        'UNSUPPORTED',
        `session ${from.session} has ${MAX_SESSION_ENTRIES} versions, the most that one may have`,
        {
          hint: `Commit to a new session: \`browserstate snapshot DIR -s NEW\`.`,
        },
      );
    }
    const bytes = await this.#encode(from, ref);
    try {
      const version = await this.#provider.swap(refKey(from.session), bytes, from.version, { ...options, etagStyle });
      if (version === undefined) return undefined;
      this.#entries = ref.entries;
      return { session: from.session, ref, version };
    } catch (error) {
      if (!isError(error, 'UNREACHABLE') || isRefusal(error)) throw error;
      const settled = await this.#settle(from, ref, options).catch((cause: unknown) => {
        throw unknownOutcome(from.session, cause);
      });
      if (settled === 'failed') throw error;
      return settled;
    }
  }

  /**
   * Finds the outcome of a swap whose response was lost (R-WRITE-3). Returns `failed` if the swap
   * had no effect and never will.
   */
  async #settle(
    from: Omit<Token, 'version'> & { version: Version | null },
    wanted: Ref,
    options: RequestOptions,
  ): Promise<Token | 'failed' | undefined> {
    const now = await this.read(from.session, options);
    if ((now?.version ?? null) !== from.version)
      return now !== undefined && (await this.#holds(now.ref, wanted, from.ref)) ? now : undefined;
    // The swap may still be in progress. Another swap from the same version makes it lose.
    if (await this.#burn(from, options)) return 'failed';
    const after = await this.read(from.session, options);
    return after !== undefined && (await this.#holds(after.ref, wanted, from.ref)) ? after : undefined;
  }

  /**
   * Returns true if `ref` is the ref that a swap was to write, or follows that ref. Such a ref has
   * the swap's nonce, or the entry or event that the swap added. A repack may have given the entry
   * another manifest since.
   */
  async #holds(ref: Ref, wanted: Ref, from: Ref): Promise<boolean> {
    if (equalBytes(ref.nonce, wanted.nonce)) return true;
    const [entry, before] = [wanted.entries[0], from.entries[0]];
    if (entry !== undefined && (before === undefined || nameText(entry.manifest) !== nameText(before.manifest))) {
      // The new entry would be before the entries that were already there: the length of the
      // history does not matter.
      for await (const { id, manifest } of this.entries(ref)) {
        if (nameText(manifest) === nameText(entry.manifest)) return true;
        if (id === before?.id) break;
        if (id === entry.id) return true;
      }
    }
    const event = wanted.events[0];
    return event !== undefined && event !== from.events[0] && ref.events.some(({ nonce }) => equalBytes(nonce, event.nonce));
  }

  async #burn(from: Omit<Token, 'version'> & { version: Version | null }, options: RequestOptions): Promise<boolean> {
    const ref: Ref = { ...from.ref, sequence: from.ref.sequence + 1, nonce: this.#host.random(NAME_BYTES) };
    const bytes = await this.#encode(from, ref);
    const { etagStyle } = from.ref;
    return (await this.#provider.swap(refKey(from.session), bytes, from.version, { ...options, etagStyle })) !== undefined;
  }

  /**
   * Returns the ref in its envelope. A ref that no reader would accept is never written, because it
   * would lose the session.
   */
  async #encode(from: Omit<Token, 'version'>, ref: Ref): Promise<Uint8Array> {
    const key = refKey(from.session);
    if (ref.sequence > MAX_SEQUENCE) {
      throw new BrowserStateError('UNSUPPORTED', `session ${from.session} has reached the maximum number of changes`, {
        hint: `Continue in a new session: \`browserstate fork -s ${from.session} NEW\`.`,
        details: { session: from.session },
      });
    }
    const body = encodeRef(ref);
    try {
      decodeRef(body, key, from.ref.entries);
    } catch (cause) {
      throw new BrowserStateError('INTERNAL', `${key}: about to write an invalid ref; nothing was changed`, { cause });
    }
    return await wrap({ kind: 'ref', repository: this.#repository, key }, body, 'auto');
  }
}

function inlineEntries(entries: readonly HistoryEntry[]): number {
  if (entries.length <= MAX_REF_ENTRIES && entryBytes(entries) <= MAX_INLINE_ENTRY_BYTES) return entries.length;
  let keep = Math.min(entries.length, MAX_INLINE_ENTRIES);
  while (keep > 1 && entryBytes(entries.slice(0, keep)) > MAX_INLINE_ENTRY_BYTES / 2) keep = Math.ceil(keep / 2);
  return keep;
}

/** Returns how many of the newest segments have at most `room` entries together. */
function smallSegments(segments: readonly SegmentName[], room: number): number {
  let left = room;
  const count = segments.findIndex(({ entries }) => {
    left -= entries;
    return left < 0;
  });
  return count === -1 ? segments.length : count;
}

function unknownOutcome(session: string, cause: unknown): BrowserStateError {
  const { message: reason, hint } = isError(cause) ? cause : { message: String(cause), hint: undefined };
  return new BrowserStateError(
    'UNREACHABLE',
    `refs/${session}: a write got no response, and whether it took effect is unknown: ${reason}`,
    {
      hint: hint ?? 'Look at `browserstate log` when the provider answers again, before you repeat the command.',
      cause,
    },
  );
}
