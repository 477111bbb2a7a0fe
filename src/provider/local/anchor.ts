/**
 * The folder of a provider, held open while requests run. A disk can be unmounted between two
 * system calls; a path then leads to the bare mount point. So the folder is opened and verified
 * through its handle, and every path of a request starts from that handle.
 */
import { promises as fs, type Stats } from 'node:fs';
import { BrowserStateError, integrity, isError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import type { Owners } from '../../base/owners.js';
import type { Expectation } from '../provider.js';
import { LocalCells } from './cell.js';
import { hasErrno } from './errors.js';
import { openDirectory } from './files.js';
import { Folder, FolderState } from './folder.js';

/** A folder with its cells. */
export interface Place {
  folder: Folder;
  cells: LocalCells;
}

interface Held extends Place {
  /** Undefined unless a folder is expected. */
  handle: fs.FileHandle | undefined;
  /** True if the cell that identifies the repository cannot be read. Writes fail then. */
  isDamaged: boolean;
}

export interface AnchorOptions {
  entriesPerGeneration: number;
  /** Owners of the temporary files. */
  owners: Owners | undefined;
  /** Expected content of the folder, if known. */
  expected: Expectation | undefined;
}

export class Anchor {
  readonly #root: string;
  readonly #host: Pick<Host, 'random'>;
  readonly #entriesPerGeneration: number;
  readonly #expected: Expectation | undefined;
  readonly #state: FolderState;
  readonly #anywhere: Held;
  #held: Promise<Held> | undefined;
  #users = 0;

  constructor(root: string, host: Pick<Host, 'random'>, options: AnchorOptions) {
    this.#root = root;
    this.#host = host;
    this.#entriesPerGeneration = options.entriesPerGeneration;
    this.#expected = options.expected;
    this.#state = new FolderState(options.owners);
    this.#anywhere = this.#at(root, undefined);
  }

  /** Runs a read on the folder. */
  async reading<T>(read: (place: Place) => Promise<T>): Promise<T> {
    const { place, release } = await this.hold();
    try {
      return await read(place);
    } catch (error) {
      throw this.readable(error, place);
    } finally {
      await release();
    }
  }

  /**
   * Runs a write on the folder. Throws INTEGRITY if its config is damaged. Throws UNREACHABLE if
   * another folder has replaced it by the end: a reader would not find the written data.
   */
  async writing<T>(write: (place: Place) => Promise<T>): Promise<T> {
    return await this.reading(async (place) => {
      const { handle, isDamaged } = place as Held;
      if (isDamaged) throw integrity(`${this.#root}: the config of the repository cannot be read; nothing was written`);
      const written = await write(place);
      if (handle === undefined || (await isAt(handle, this.#root))) return written;
      throw new BrowserStateError('UNREACHABLE', `${this.#root}: the folder was unmounted or replaced during a write`, {
        hint: 'Mount its disk again and repeat the command.',
      });
    });
  }

  /**
   * Holds the current folder until `release`. Throws UNREACHABLE if the folder is not the expected
   * one.
   */
  async hold(): Promise<{ place: Place; release: () => Promise<void> }> {
    if (this.#expected === undefined) return { place: this.#anywhere, release: async () => undefined };
    this.#users++;
    this.#held ??= this.#open(this.#expected);
    const held = this.#held;
    const release = async (): Promise<void> => {
      if (--this.#users > 0) return;
      this.#held = undefined;
      await held.then(
        ({ handle }) => handle?.close(),
        () => undefined,
      );
    };
    try {
      return { place: await held, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  async #open({ key, isExpected }: Expectation): Promise<Held> {
    const handle = await openDirectory(this.#root).catch((error: unknown) => {
      if (!hasErrno(error, 'ENOENT')) throw error;
      return undefined;
    });
    try {
      const held = handle === undefined ? this.#anywhere : this.#at(await pathOf(handle, this.#root), handle);
      const cell = handle && (await currentCell(held.cells, key));
      if (await isExpected(cell)) return { ...held, isDamaged: cell === 'damaged' };
    } catch (error) {
      await handle?.close();
      throw error;
    }
    await handle?.close();
    return this.#anywhere;
  }

  #at(path: string, handle: fs.FileHandle | undefined): Held {
    const folder = new Folder(path, this.#host, this.#state);
    return { folder, cells: new LocalCells(folder, this.#entriesPerGeneration), handle, isDamaged: false };
  }

  /** Returns the error with the folder's own path in place of the handle's. */
  readable(error: unknown, { folder }: Place): unknown {
    if ((isError(error) || hasErrno(error)) && folder.root !== this.#root)
      Object.assign(
        error,
        // The handle's path ends with a number.
        inPlace(error, (text) => text.replaceAll(new RegExp(`${folder.root}(?!\\d)`, 'g'), () => this.#root)),
      );
    return error;
  }
}

/** Returns the message and path of an error with the paths in them replaced. */
function inPlace(error: BrowserStateError | NodeJS.ErrnoException, renamed: (text: string) => string): object {
  const message = renamed(error.message);
  if (!isError(error)) return error.path === undefined ? { message } : { message, path: renamed(error.path) };
  const { path } = error.details;
  return typeof path === 'string' ? { message, details: { ...error.details, path: renamed(path) } } : { message };
}

/** Returns the cell's bytes, `damaged` if they are not intact, or undefined if there is no cell. */
async function currentCell(cells: LocalCells, key: string): Promise<Uint8Array | 'damaged' | undefined> {
  try {
    return (await cells.current(key))?.payload;
  } catch (error) {
    if (!isError(error, 'INTEGRITY') && !hasErrno(error, 'EISDIR', 'ENOTDIR')) throw error;
    return 'damaged';
  }
}

/**
 * Returns a path that leads to the open directory even if the directory is renamed. Uses /proc if
 * there is one, and the name otherwise.
 */
async function pathOf(handle: fs.FileHandle, root: string): Promise<string> {
  const path = `/proc/self/fd/${handle.fd}`;
  return (await isAt(handle, path)) ? path : root;
}

async function isAt(handle: fs.FileHandle, path: string): Promise<boolean> {
  const [opened, found] = await Promise.all([handle.stat(), fs.stat(path).catch(unlessMissing)]);
  return found !== undefined && isSame(opened, found);
}

function isSame(a: Stats, b: Stats): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

function unlessMissing(error: unknown): undefined {
  if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
  return undefined;
}
