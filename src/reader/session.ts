/** A session that is only read: its history, its tags, and its versions. */
import { BrowserStateError, isError } from '../base/errors.js';
import { checkArgument, checkOptions, kind, type OptionNames } from '../base/option-check.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import { type LogEntry, type LogSelection, logEntry, select } from '../session/log-entry.js';
import { readManifestBytes, wasCollected } from '../session/read-manifest.js';
import { resolveRevision, splitRevision } from '../session/revision.js';
import type { RefReader, Seen } from './refs.js';
import { ReaderVersion, requestOptions } from './version.js';

export interface ReaderLogOptions extends RequestOptions, LogSelection {}

export interface VersionOptions extends RequestOptions {
  /** A revision: a tag, a commit id, `HEAD~1`, or `@` and a time. The default is HEAD. */
  at?: string | undefined;
}

const logOptions: OptionNames<ReaderLogOptions> = { ...requestOptions, limit: kind.most, checkpoints: kind.flag };
const versionOptions: OptionNames<VersionOptions> = { ...requestOptions, at: kind.text };

export class ReaderSession {
  readonly #refs: RefReader;

  constructor(
    refs: RefReader,
    readonly id: string,
  ) {
    this.#refs = refs;
  }

  /** Returns true if the session has a commit. */
  async exists(options: RequestOptions = {}): Promise<boolean> {
    checkOptions('exists', options, requestOptions);
    return (await this.#refs.read(this.id, options))?.token.ref.entries[0] !== undefined;
  }

  /**
   * Yields the commits, newest first; see `Session.log` of the library. Throws NOT_FOUND if there
   * is no such session.
   */
  async *log(options: ReaderLogOptions = {}): AsyncGenerator<LogEntry> {
    checkOptions('log', options, logOptions);
    yield* select(this.#entries(options), options);
  }

  async *#entries(options: RequestOptions): AsyncGenerator<LogEntry> {
    const { repository, token } = await this.#require(options);
    const { ref } = token;
    for await (const entry of repository.refs.entries(ref, options)) yield { ...logEntry(entry, ref.tags), head: entry === ref.entries[0] };
  }

  /** Returns the tags and the commits that they name. */
  async tags(options: RequestOptions = {}): Promise<ReadonlyMap<string, ObjectId>> {
    checkOptions('tags', options, requestOptions);
    return (await this.#require(options)).token.ref.tags;
  }

  /**
   * Returns the commit that a revision names. Throws USAGE or NOT_FOUND if the revision names none.
   */
  async resolve(revision: string, options: RequestOptions = {}): Promise<LogEntry> {
    checkArgument('resolve', 'revision', revision);
    checkOptions('resolve', options, requestOptions);
    const { token, entry } = await this.#find(revision, options);
    return logEntry(entry, token.ref.tags);
  }

  /**
   * Opens a version. Reads and verifies its whole list of files. Throws NOT_FOUND if there is no
   * such version, INTEGRITY if it is damaged, and CONFLICT if the session keeps changing.
   */
  async version(options: VersionOptions = {}): Promise<ReaderVersion> {
    checkOptions('version', options, versionOptions);
    const open = async (): Promise<ReaderVersion> => {
      const { repository, token, entry } = await this.#find(options.at ?? 'HEAD', options);
      const manifest = await repository.openManifest(
        entry,
        await readManifestBytes({ id: token.session, ...token, repository }, entry, options),
      );
      const hasMoved = async (given: RequestOptions): Promise<boolean> =>
        (await this.#refs.read(token.session, given))?.token.version !== token.version;
      return new ReaderVersion(repository.provider, logEntry(entry, token.ref.tags), manifest, hasMoved);
    };
    return open().catch((error: unknown) => {
      // The version was collected. The next ref names objects that exist (SPEC.md R-GC-2).
      if (!wasCollected(error)) throw error;
      return open();
    });
  }

  async #find(revision: string, options: RequestOptions): Promise<Seen & { entry: HistoryEntry }> {
    const named = splitRevision(this.id, revision);
    if (named.session !== this.id) return new ReaderSession(this.#refs, named.session).#find(named.revision, options);
    const seen = await this.#require(options);
    const { ref } = seen.token;
    const history = { id: this.id, ref, entries: (given: RequestOptions = {}) => seen.repository.refs.entries(ref, given) };
    const entry = await resolveRevision(history, revision, options).catch((error: unknown) => {
      if (!isError(error, 'NOT_FOUND') || error.details['revision'] === undefined) throw error;
      const { code, message, details } = error;
      throw new BrowserStateError(code, message, { hint: 'Call `log()` of the session to see what there is.', details, cause: error });
    });
    return { ...seen, entry };
  }

  async #require(options: RequestOptions): Promise<{ repository: Repository; token: Token }> {
    const seen = await this.#refs.read(this.id, options);
    if (seen?.token.ref.entries[0] !== undefined) return seen;
    throw new BrowserStateError('NOT_FOUND', `session ${JSON.stringify(this.id)} not found at ${this.#refs.url}`, {
      hint: 'Check the name, the user and the address. Push a store in a folder to a bucket: folders cannot be read over HTTP.',
      details: { session: this.id },
    });
  }
}
