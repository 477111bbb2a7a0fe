/**
 * Cells of the local folder (SPEC.md "Local folder", R-LOCAL-5 to R-LOCAL-10): compare-and-swap
 * among any number of processes without a lock. They need a file system with link() and rename().
 *
 * A cell is a directory with one *generation* `g-NAME` (NAME is random and never reused). A
 * generation contains *entries* 1, 2, 3 … The entry with the highest number is the value. A *last*
 * entry names another generation: the value is entry 1 of that one. The new generation is nested
 * inside the old one, `g-OLD/next-NEW`, until a process moves it out.
 *
 * Each step, and why it is safe if any process stalls or dies:
 * 1. Create: a whole cell is built in tmp and renamed into place. A cell's directory is never
 *    empty, and rename() fails if the target directory is not empty. So of any number of creators
 *    exactly one succeeds.
 * 2. Append: a swap of entry n links a complete file to the name n+1. link() fails if the name
 *    exists. No number is removed or rewritten while its generation is in place. So of all
 *    swaps of entry n exactly one succeeds. A swap first reads entry n, which never changes: its
 *    existence, its kind and its version tag stay true.
 * 3. Roll: a swap to the last number first builds a whole next generation, synced, in a nest of its
 *    own. Then it links the last entry that names the nest. That link is the commit, and a race
 *    like any other. No entry names the nests of losers; they are removed with the old generation.
 * 4. Finish: a writer finishes the roll before it appends to a nested generation, or ends one whose
 *    predecessor is still there. It moves the nest out, moves the old generation into tmp under a
 *    random name, and removes it there. The source of either move exists only once, so each move
 *    happens once, and a late process finds nothing to move. The old generation leaves only after
 *    the new one has come out. So the cell always contains the current generation, in place or
 *    nested. A last entry is linked only if no predecessor is left, so there are never more than
 *    two generations.
 * 5. A stale swap finds every later number taken while its generation is in place: it lost. After
 *    the generation was moved away, its path never exists again: link() fails with ENOENT, and the
 *    cell is read again. The read shows that the swap lost, or that its generation was nested at
 *    that moment; the swap then finishes the roll and retries. A successful link counts only if the
 *    generation's path still leads there afterwards. Otherwise the link may be in a directory that
 *    is being removed, and the outcome is reported as unknown.
 * 6. A read lists the cell, lists its generation and opens the highest entry. Entries disappear
 *    only from generations that were moved away first. So if the path of the entry still opens, the
 *    list was complete, and the entry was the highest at some moment during the read. Otherwise the
 *    read starts over. A last entry's payload is that of the first entry of the next generation.
 *    That generation was still nested when the cell was listed, so nothing had been appended to it.
 *    Reads never write.
 * 7. A directory is synced between each of these steps and the next. The last entry is synced
 *    before its nest moves. The cell is synced before the old generation moves, and again before it
 *    is removed. So a power loss leaves one of the states above.
 */
import { dirname, join } from 'node:path';
import { check, integrity, throwIfAborted } from '../../base/errors.js';
import type { RequestOptions, Version } from '../provider.js';
import { decodeEntry, type Entry, encodeEntry, firstVersion, MAX_ENTRY_SIZE, type Place, parseVersion, tagOf, versionOf } from './entry.js';
import { committed, hasErrno } from './errors.js';
import { isThere, namesIn, publish, readBytes, removeTree, renamed, renamedToNew, syncDirectory, syncedIfThere } from './files.js';
import type { Folder } from './folder.js';
import { cellPath } from './names.js';

/**
 * Maximum restarts of one read or swap. Each restart needs a roll by another process meanwhile, so
 * this many in a row mean damage.
 */
const MAX_STARTS = 64;

/** The newest entry of a generation. */
interface Top {
  place: Place;
  entry: Entry;
}

export interface CurrentCell {
  version: Version;
  payload: Uint8Array;
  generation: string;
  /** The generation that contains this one, if this one is nested. */
  nestedIn: string | undefined;
}

export class LocalCells {
  readonly #folder: Folder;
  readonly #limit: number;

  /** `limit` is the number from which an entry ends its generation: at least 2. */
  constructor(folder: Folder, limit: number) {
    this.#folder = folder;
    this.#limit = limit;
  }

  /** Returns the cell as it was at some moment during the call, or undefined if there was none. */
  async current(key: string): Promise<CurrentCell | undefined> {
    for (let start = 0; start < MAX_STARTS; start++) {
      const generations = await this.generations(key);
      if (generations === undefined) return undefined;
      const tops = await Promise.all(generations.map((generation) => this.#top(key, generation)));
      const newest = tops.filter((top) => top?.entry.next === undefined || !generations.includes(top.entry.next));
      if (newest.length === 1 && newest[0] !== undefined) return asCurrent(newest[0]);
    }
    throw integrity(`cell ${key}: expected one current generation in ${this.directory(key)}, found none or several`);
  }

  /**
   * Sets the cell if its version is `expected`; null stands for no cell. Returns undefined if the
   * swap lost. Throws errors of the file system.
   */
  async swap(key: string, payload: Uint8Array, expected: Version | null, options: RequestOptions): Promise<Version | undefined> {
    if (expected === null) return await this.#folder.afresh(() => this.#create(key, payload, options));
    const base = parseVersion(key, expected);
    if (base === undefined) return undefined;
    for (let start = 0; start < MAX_STARTS; start++) {
      try {
        return await this.#append(base.place, base.tag, payload, options);
      } catch (error) {
        if (!hasErrno(error, 'ENOENT')) throw error;
      }
      const now = await this.current(key);
      if (now?.version !== expected) return undefined;
      if (now.nestedIn !== undefined) await this.#finish(key, now.nestedIn, now.generation);
      else this.#folder.forget();
    }
    throw integrity(`cell ${key}: expected to append to ${this.generation(base.place)}`);
  }

  directory(key: string): string {
    return this.#folder.path(cellPath(key));
  }

  generation({ key, generation }: Pick<Place, 'key' | 'generation'>): string {
    return join(this.directory(key), `g-${generation}`);
  }

  /** Returns the names of the generations that are in place, or undefined if there is no cell. */
  async generations(key: string): Promise<string[] | undefined> {
    const names = await namesIn(this.directory(key));
    if (names === undefined) await this.#folder.requireWay(this.directory(key));
    return names?.map((name) => /^g-([0-9a-f]{32})$/.exec(name)?.[1]).filter((name) => name !== undefined);
  }

  async #create(key: string, payload: Uint8Array, options: RequestOptions): Promise<Version | undefined> {
    const place = { key, generation: this.#folder.unique(), number: 1 };
    const directory = this.directory(key);
    return await this.#folder.stageDirectory(`g-${place.generation}/1`, encodeEntry(place, payload), async (staged) => {
      await this.#folder.ensureDirectory(dirname(directory));
      throwIfAborted(options.signal);
      if (!(await renamedToNew(staged, directory))) return undefined;
      await committed(() => syncDirectory(dirname(directory)));
      return firstVersion(place, payload);
    });
  }

  /**
   * Links the entry after `base`, if `base` has `tag`. Throws ENOENT if the generation is not in
   * place.
   */
  async #append(base: Place, tag: string, payload: Uint8Array, options: RequestOptions): Promise<Version | undefined> {
    const before = await readEntry(base, this.#entry(base));
    if (before.next !== undefined || before.tag !== tag) return undefined;
    const place = { ...base, number: base.number + 1 };
    check(entryNumbers([String(place.number)]).length === 1, `${this.#entry(base)}: expected a lower number, found the greatest`);
    // A taken number stays taken: the race is already lost, and nothing is staged.
    if (await isThere(this.#entry(place))) return undefined;
    if (place.number >= this.#limit) return await this.#roll(place, payload, options);
    const bytes = encodeEntry(place, payload);
    return await this.#folder.stageFile(bytes, async (staged) => {
      throwIfAborted(options.signal);
      return (await publish(staged, this.#entry(place))) ? versionOf(place, tagOf(bytes)) : undefined;
    });
  }

  /**
   * Links the last entry of a generation, with the next generation nested inside. Throws ENOENT if
   * the generation is not in place.
   */
  async #roll(place: Place, payload: Uint8Array, options: RequestOptions): Promise<Version | undefined> {
    await this.#finishPredecessor(place);
    const first = { key: place.key, generation: this.#folder.unique(), number: 1 };
    const nest = join(this.generation(place), `next-${first.generation}`);
    return await this.#folder.stageFile(encodeEntry(place, payload, first.generation), async (last) => {
      return await this.#folder.stageDirectory('1', encodeEntry(first, payload), async (next) => {
        throwIfAborted(options.signal);
        await renamedToNew(next, nest);
        await syncDirectory(dirname(nest));
        if (await publish(last, this.#entry(place))) return firstVersion(first, payload);
        await removeTree(nest);
        return undefined;
      });
    });
  }

  /** Ensures that the predecessor of this generation is removed. */
  async #finishPredecessor({ key, generation }: Place): Promise<void> {
    for (const other of (await this.generations(key)) ?? []) {
      const top = await this.#top(key, other);
      if (top?.entry.next === generation) await this.#finish(key, other, generation);
    }
  }

  /** Completes a committed roll, at whatever step other processes have left it. */
  async #finish(key: string, old: string, next: string): Promise<void> {
    const from = this.generation({ key, generation: old });
    if (!(await syncedIfThere(from))) return;
    await renamed(join(from, `next-${next}`), this.generation({ key, generation: next }));
    await syncDirectory(this.directory(key));
    this.#folder.forget();
    await this.#folder.withTemporary(async (grave) => {
      if (!(await renamed(from, grave))) return;
      await syncDirectory(this.directory(key));
      await removeTree(grave);
    });
  }

  /**
   * Returns the newest entry of a generation, or undefined if the generation is gone or being
   * removed.
   */
  async #top(key: string, generation: string): Promise<Top | undefined> {
    const names = (await namesIn(this.generation({ key, generation }))) ?? [];
    const number = entryNumbers(names).at(-1);
    if (number === undefined) return undefined;
    const place = { key, generation, number };
    try {
      return { place, entry: await readEntry(place, this.#entry(place)) };
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  #entry(place: Place): string {
    return join(this.generation(place), String(place.number));
  }
}

/** Returns the rising numbers of entries, at most 999,999,999, among the names in a generation. */
export function entryNumbers(names: readonly string[]): number[] {
  const numbers = names.filter((name) => /^[1-9][0-9]{0,8}$/.test(name)).map(Number);
  return numbers.sort((a, b) => a - b);
}

export async function readEntry(place: Place, path: string): Promise<Entry> {
  const bytes = await readBytes(path, (size) => {
    check(size <= MAX_ENTRY_SIZE, `${path}: expected at most ${MAX_ENTRY_SIZE} bytes, found ${size}`);
    return { start: 0, end: size };
  });
  return decodeEntry(place, bytes);
}

function asCurrent({ place, entry }: Top): CurrentCell {
  const { payload, next, tag } = entry;
  if (next === undefined) return { version: versionOf(place, tag), payload, generation: place.generation, nestedIn: undefined };
  const first = { key: place.key, generation: next, number: 1 };
  return { version: firstVersion(first, payload), payload, generation: next, nestedIn: place.generation };
}
