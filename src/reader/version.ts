/** One version of a session: its list of files, and their verified bytes. */
import { concat } from '../base/bytes.js';
import { readAhead } from '../base/concurrency.js';
import { BrowserStateError, check, isError } from '../base/errors.js';
import { FETCH_AT_ONCE_BYTES } from '../base/limits.js';
import { nearest } from '../base/nearest.js';
import { checkArgument, checkOptions, kind, type OptionNames } from '../base/option-check.js';
import { compareFrames } from '../format/locator.js';
import type { BlobPlace, Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import { blobCount, blobId, type FileEntry, type TreeEntry } from '../format/tree.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import { BlobReader } from '../repository/read/blob-reader.js';
import { planFetch } from '../repository/read/fetch-plan.js';
import type { LogEntry } from '../session/log-entry.js';

interface FileInfoBase {
  path: string;
  /** The low nine mode bits. */
  mode: number;
  /** Microseconds since 1970, UTC. */
  mtime: bigint;
}

/** A file, a directory or a symlink of a version. */
export type FileInfo = FileInfoBase & ({ kind: 'file'; size: number } | { kind: 'directory' } | { kind: 'symlink'; target: string });

/** Option names of a method that takes only `signal`. */
export const requestOptions: OptionNames<RequestOptions> = { signal: kind.signal };

export class ReaderVersion {
  readonly #provider: Pick<Provider, 'get'>;
  readonly #manifest: Manifest;
  readonly #byPath: ReadonlyMap<string, TreeEntry>;
  readonly #hasMoved: (options: RequestOptions) => Promise<boolean>;
  /** The files, directories and symlinks, sorted by path. */
  readonly files: readonly FileInfo[];

  constructor(
    provider: Pick<Provider, 'get'>,
    readonly entry: LogEntry,
    manifest: Manifest,
    /** Resolves to whether the session was changed since the version was opened. */
    hasMoved: (options: RequestOptions) => Promise<boolean>,
  ) {
    this.#provider = provider;
    this.#manifest = manifest;
    this.#byPath = new Map(manifest.tree.map((entry) => [entry.path, entry]));
    this.#hasMoved = hasMoved;
    this.files = manifest.tree.map(infoOf);
  }

  /**
   * Returns the bytes of one file. Throws NOT_FOUND if there is no file at the path. Throws
   * INTEGRITY if its bytes are missing or are not those of the version.
   */
  async read(path: string, options: RequestOptions = {}): Promise<Uint8Array> {
    checkArgument('read', 'path', path);
    checkOptions('read', options, requestOptions);
    for await (const { bytes } of this.#contents([this.#file(path)], options)) return bytes;
    throw this.#missing(path);
  }

  /**
   * Yields the bytes of many files, with as few requests as a cold mount takes (SPEC.md 11.5).
   * `paths` names the files; without it, yields all files of the version. Files come in the order
   * in which they are stored. Throws the errors of `read`.
   */
  async *readAll(paths?: Iterable<string>, options: RequestOptions = {}): AsyncGenerator<{ path: string; bytes: Uint8Array }> {
    checkOptions('readAll', options, requestOptions);
    if (paths !== undefined) checkArgument('readAll', 'paths', paths, kind.iterable);
    const named = paths && [...new Set(paths)];
    if (named !== undefined) checkArgument('readAll', 'paths', named, kind.texts);
    const all = this.#manifest.tree.filter((entry) => entry.kind === 'file');
    yield* this.#contents(named?.map((path) => this.#file(path)) ?? all, options);
  }

  async *#contents(files: readonly FileEntry[], options: RequestOptions): AsyncGenerator<{ path: string; bytes: Uint8Array }> {
    const reader = new BlobReader({ provider: this.#provider }, { signal: options.signal, cacheBytes: FETCH_AT_ONCE_BYTES });
    const ordered = [...files].sort((a, b) => this.#order(a, b));
    const ids = ordered.flatMap((file) => idsOf(file));
    reader.fetchAs(planFetch(new Set(ids.map((id) => this.#place(id)))).spans);
    // At most the bytes of one round trip are in transfer at once.
    const window = { weight: (id: ObjectId) => this.#place(id).length, most: FETCH_AT_ONCE_BYTES };
    const blobs = readAhead(ids, Number.POSITIVE_INFINITY, (id) => reader.read(id, this.#place(id)), window);
    for (const file of ordered) {
      const parts: Uint8Array[] = [];
      while (parts.length < blobCount(file.size)) parts.push(await this.#next(blobs, options));
      const bytes = concat(parts);
      check(bytes.length === file.size, `${file.path}: expected ${file.size} bytes, found ${bytes.length}`);
      yield { path: file.path, bytes };
    }
  }

  /**
   * Returns the next blob. A missing pack is damage only if the session has not changed since.
   * Otherwise the version may have been collected (SPEC.md R-GC-2).
   */
  async #next(blobs: AsyncGenerator<Uint8Array>, options: RequestOptions): Promise<Uint8Array> {
    try {
      return (await blobs.next()).value as Uint8Array;
    } catch (error) {
      if (!isError(error, 'INTEGRITY') || !isError(error.cause, 'NOT_FOUND') || !(await this.#hasMoved(options))) throw error;
      throw new BrowserStateError('CONFLICT', `the session was changed while ${this.entry.commit.slice(0, 12)} was read`, {
        hint: 'Open the version again.',
        details: { commit: this.entry.commit },
        cause: error,
      });
    }
  }

  #order(a: FileEntry, b: FileEntry): number {
    const [x, y] = [a, b].map((file) => (file.size === 0 ? undefined : this.#place(blobId(file, 0)).location.frame));
    return x === undefined || y === undefined ? Number(x !== undefined) - Number(y !== undefined) : compareFrames(x, y);
  }

  #place(id: ObjectId): BlobPlace {
    return this.#manifest.blobs.get(id) as BlobPlace;
  }

  #file(path: string): FileEntry {
    const entry = this.#byPath.get(path);
    if (entry?.kind === 'file') return entry;
    throw this.#missing(path, entry);
  }

  #missing(path: string, entry?: TreeEntry): BrowserStateError {
    const { commit } = this.entry;
    if (entry !== undefined) {
      const hint = entry.kind === 'symlink' ? 'Read the file that its `target` names.' : 'Read the files below it; `files` lists them.';
      return new BrowserStateError('USAGE', `${JSON.stringify(path)} is a ${entry.kind}, not a file`, { hint, details: { path, commit } });
    }
    const meant = nearest(
      path,
      this.files.map((file) => file.path),
    );
    return new BrowserStateError('NOT_FOUND', `file ${JSON.stringify(path)} not found in ${commit.slice(0, 12)}`, {
      hint: meant === undefined ? 'Look at `files` of the version.' : `Did you mean ${JSON.stringify(meant)}?`,
      details: { path, commit, nearest: meant ?? null },
    });
  }
}

function idsOf(file: FileEntry): ObjectId[] {
  return Array.from({ length: blobCount(file.size) }, (_, i) => blobId(file, i));
}

function infoOf(entry: TreeEntry): FileInfo {
  const { path, mode, mtime } = entry;
  if (entry.kind === 'file') return { path, kind: 'file', size: entry.size, mode, mtime };
  return entry.kind === 'symlink' ? { path, kind: 'symlink', target: entry.target, mode, mtime } : { path, kind: 'directory', mode, mtime };
}
