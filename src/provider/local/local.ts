/**
 * A provider over a folder (SPEC.md "Local folder"): a local store, a mounted disk, or the store
 * that several processes of a machine share. Objects are files that appear whole by link(); cells
 * are in cell.ts. Nothing is created before the first write, and all created files are private to
 * their owner. The provider is correct on a local file system with hard links. On a network file
 * system, it is as good as that file system's link() and rename().
 */
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { equalBytes } from '../../base/bytes.js';
import { check, invariant, throwIfAborted } from '../../base/errors.js';
import { type Host, systemHost } from '../../base/host.js';
import { checkArgument, checkOptions, kind, type OptionNames } from '../../base/option-check.js';
import type { Owners } from '../../base/owners.js';
import { checkCellSize, checkObjectSize, checkRange, checkWithin, MAX_OBJECT_SIZE } from '../arguments.js';
import { checkKey, checkPrefix } from '../key.js';
import type { ByteRange, Cell, Expectation, GetOptions, Listed, Provider, RequestOptions, Version } from '../provider.js';
import { Anchor, type AnchorOptions, type Place } from './anchor.js';
import { checkCell, type Finding } from './check.js';
import { absent, committed, damaged, hasErrno, misplaced, misplacedCell, translating } from './errors.js';
import { bytesAt, publish, readBytes, removeFile, syncDirectory } from './files.js';
import type { Folder } from './folder.js';
import { listFolder, oddEntries } from './list.js';
import { objectPath } from './names.js';
import { probeFolder } from './probe.js';

/**
 * Entries of one generation of a cell: few enough to list at once, many enough that a roll costs
 * little per swap.
 */
const ENTRIES_PER_GENERATION = 64;

export interface LocalOptions {
  /**
   * Entries of one generation of a cell, at least 2. Folders written with different numbers are
   * read alike. Tests use a small number.
   */
  entriesPerGeneration?: number;
  /** The owners on this machine. Temporary files of exited processes are removed. */
  owners?: Owners | undefined;
}

const localOptions: OptionNames<LocalOptions> = { entriesPerGeneration: kind.from(2), owners: kind.object };

/**
 * Returns the provider over the folder `root`, which need not exist. Uses only `random` of the
 * host.
 */
export function localProvider(root: string, host: Pick<Host, 'random'> = systemHost, options: LocalOptions = {}): Provider {
  checkArgument('localProvider', 'root', root);
  checkOptions('localProvider', options, localOptions);
  const { entriesPerGeneration = ENTRIES_PER_GENERATION, owners } = options;
  return new LocalProvider(resolve(root), host, { entriesPerGeneration, owners, expected: undefined });
}

class LocalProvider implements Provider {
  readonly url: string;
  readonly supports = { conditionalRead: true, durable: true };
  readonly #root: string;
  readonly #host: Pick<Host, 'random'>;
  readonly #options: AnchorOptions;
  readonly #anchor: Anchor;

  constructor(root: string, host: Pick<Host, 'random'>, options: AnchorOptions) {
    invariant(options.entriesPerGeneration >= 2, 'a generation has at least 2 entries');
    this.url = pathToFileURL(root).href;
    this.#root = root;
    this.#host = host;
    this.#options = options;
    this.#anchor = new Anchor(root, host, options);
  }

  expecting(expected: Expectation): Provider {
    return new LocalProvider(this.#root, this.#host, { ...this.#options, expected });
  }

  async put(key: string, bytes: Uint8Array, options: RequestOptions = {}): Promise<void> {
    checkRequest(key, options);
    checkObjectSize(key, bytes);
    await translating(`store ${key}`, misplaced, () =>
      this.#linking(async ({ folder }) => {
        const path = folder.path(objectPath(key));
        if (await folder.afresh(() => publishObject(folder, path, bytes, options))) return;
        invariant(equalBytes(await readObject(path), bytes), `${key} is put with one content only, and ${path} has another`);
        await syncDirectory(dirname(path));
      }),
    );
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkRequest(key, options);
    const { range } = options;
    checkRange(range);
    const bytes = await translating(`read ${key}`, absent, () =>
      this.#anchor.reading(({ folder }) => readObject(folder.path(objectPath(key)), range, options.into)),
    );
    throwIfAborted(options.signal);
    return bytes;
  }

  async read(key: string, options: RequestOptions & { unless?: Version } = {}): Promise<Cell | 'unchanged' | undefined> {
    checkRequest(key, options);
    const cell = await translating(`read ${key}`, damaged, () => this.#anchor.reading(({ cells }) => cells.current(key)));
    throwIfAborted(options.signal);
    if (cell === undefined) return undefined;
    return cell.version === options.unless ? 'unchanged' : { bytes: cell.payload, version: cell.version };
  }

  async swap(key: string, bytes: Uint8Array, expected: Version | null, options: RequestOptions = {}): Promise<Version | undefined> {
    checkRequest(key, options);
    checkCellSize(key, bytes);
    const payload = new Uint8Array(bytes);
    return await translating(`write ${key}`, misplacedCell, () =>
      this.#linking(({ cells }) => cells.swap(key, payload, expected, options)),
    );
  }

  async *list(prefix: string, options: RequestOptions = {}): AsyncIterable<Listed> {
    checkPrefix(prefix);
    const { place, release } = await this.#hold(`list ${prefix}`);
    try {
      yield* listFolder(place.folder, prefix, options.signal);
    } catch (error) {
      throw this.#anchor.readable(error, place);
    } finally {
      await release();
    }
  }

  async delete(key: string, options: RequestOptions = {}): Promise<void> {
    checkRequest(key, options);
    await translating(`remove ${key}`, {}, () =>
      this.#anchor.writing(async ({ folder }) => {
        const path = folder.path(objectPath(key));
        if (await removeFile(path)) await committed(() => syncDirectory(dirname(path)));
      }),
    );
  }

  /**
   * Verifies every entry of every cell, that cells contain nothing else, and the types of all
   * entries (SPEC.md R-LOCAL-4, R-LOCAL-11).
   */
  async *check(options: RequestOptions = {}): AsyncIterable<Finding> {
    const { place, release } = await this.#hold('check the folder');
    try {
      yield* oddEntries(place.folder, options.signal);
      for await (const { key, size } of listFolder(place.folder, '', options.signal)) {
        if (size === undefined) yield* await translating(`check ${key}`, {}, () => checkCell(place.cells, key));
      }
    } catch (error) {
      throw this.#anchor.readable(error, place);
    } finally {
      await release();
    }
  }

  /** Throws UNSUPPORTED if the file system lacks a required feature. */
  async probe(options: RequestOptions = {}): Promise<void> {
    throwIfAborted(options.signal);
    await translating('create a store', misplaced, () => this.#anchor.writing(({ folder }) => probeFolder(folder)));
  }

  async temporaryBytes(): Promise<number> {
    return await translating('look at temporary files', {}, () => this.#anchor.reading(({ folder }) => bytesAt(folder.path('tmp'))));
  }

  /** Does nothing: no file is held open between calls. */
  async close(): Promise<void> {}

  /**
   * Runs a write. If a link fails, probes the file system: the folder may have been copied to a
   * file system without hard links.
   */
  async #linking<T>(write: (place: Place) => Promise<T>): Promise<T> {
    return await this.#anchor.writing(async (place) => {
      try {
        return await write(place);
      } catch (error) {
        if (hasErrno(error) && error.syscall === 'link') await probeFolder(place.folder);
        throw error;
      }
    });
  }

  async #hold(what: string) {
    return await translating(what, {}, () => this.#anchor.hold());
  }
}

function checkRequest(key: string, { signal }: RequestOptions): void {
  checkKey(key);
  throwIfAborted(signal);
}

async function publishObject(folder: Folder, path: string, bytes: Uint8Array, options: RequestOptions): Promise<boolean> {
  return await folder.stageFile(bytes, async (staged) => {
    await folder.ensureDirectory(dirname(path));
    throwIfAborted(options.signal);
    return await publish(staged, path);
  });
}

async function readObject(path: string, range?: ByteRange, into?: Uint8Array): Promise<Uint8Array> {
  const select = (size: number): ByteRange => {
    if (range !== undefined) checkWithin(range, size, path);
    const { start, end } = range ?? { start: 0, end: size };
    check(end - start <= MAX_OBJECT_SIZE, `${path}: expected at most ${MAX_OBJECT_SIZE} bytes, found ${end - start}`);
    return { start, end };
  };
  return await readBytes(path, select, into);
}
