/**
 * The refs of a store that is only read, and the repository that each says it is of (SPEC.md 11.5).
 */
import { equalBytes } from '../base/bytes.js';
import { readAhead } from '../base/concurrency.js';
import { BrowserStateError, isError, readingKey } from '../base/errors.js';
import { REMOTE_CONCURRENCY } from '../base/limits.js';
import { portableHost } from '../base/portable-host.js';
import { unwrap } from '../format/envelope.js';
import { checkId, refKey } from '../format/keys.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import type { Token } from '../repository/refs.js';
import { Repository } from '../repository/repository.js';

/** A session's ref, also an empty or deleted one. */
export interface Seen {
  repository: Repository;
  token: Token;
}

export class RefReader {
  readonly #provider: Provider;
  #repository: Repository | undefined;
  /** The highest sequence of each session that was read of the repository. */
  readonly #sequences = new Map<string, number>();

  constructor(provider: Provider) {
    this.#provider = provider;
  }

  get url(): string {
    return this.#provider.url;
  }

  /**
   * Returns the session's ref as it is now; undefined if there is none. Throws INTEGRITY for an
   * older ref than one that was read before (R-SYNC-7).
   */
  async read(session: string, options: RequestOptions): Promise<Seen | undefined> {
    checkId('session', session);
    const key = refKey(session);
    const cell = await readingKey(key, () => this.#provider.read(key, options));
    if (cell === undefined || cell === 'unchanged') return undefined;
    const { repository: id } = await readingKey(key, () => unwrap(cell.bytes, { kind: 'ref', repository: undefined, key }));
    const repository = this.#at(id);
    const token = await repository.refs.open(session, cell);
    this.#refuseOlder(token);
    return { repository, token };
  }

  /**
   * Yields the refs of all sessions with a commit, in the order of their names; the error in place
   * of one that is damaged. Throws NOT_FOUND if there is no store, and UNSUPPORTED if the source
   * cannot list.
   */
  async *all(options: RequestOptions): AsyncGenerator<{ session: string; found: Token | BrowserStateError }> {
    const repository = await Repository.open(this.#provider, portableHost, options);
    if (repository === undefined) {
      throw new BrowserStateError('NOT_FOUND', `there is no store at ${this.url}`, { hint: 'Check the address, the prefix and the user.' });
    }
    const names: string[] = [];
    for await (const name of repository.refs.list(options)) names.push(name);
    const read = async (session: string): Promise<{ session: string; found: Token | BrowserStateError | undefined }> => {
      const found = await repository.refs.read(session, options).catch((error: unknown) => problemOf(session, error));
      return { session, found };
    };
    for await (const { session, found } of readAhead(names.sort(), REMOTE_CONCURRENCY, read)) {
      const isProblem = found instanceof BrowserStateError;
      if (isProblem || found?.ref.rows[0] !== undefined) yield { session, found };
    }
  }

  #at(id: Uint8Array): Repository {
    if (this.#repository !== undefined && equalBytes(this.#repository.id, id)) return this.#repository;
    this.#sequences.clear();
    this.#repository = Repository.at(this.#provider, portableHost, id);
    return this.#repository;
  }

  #refuseOlder({ session, ref }: Token): void {
    const seen = this.#sequences.get(session) ?? 0;
    if (ref.sequence < seen) {
      throw new BrowserStateError('INTEGRITY', `session ${session}: its ref is older than one that was read before`, {
        hint: 'Check whether a cache before the store returns old answers: the names below refs/ must not be cached.',
        details: { session, key: refKey(session) },
      });
    }
    this.#sequences.set(session, ref.sequence);
  }
}

/** Returns what is wrong with one ref alone. Throws every other error. */
function problemOf(session: string, error: unknown): BrowserStateError {
  if (!isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
  const { code, message, hint, details } = error;
  return new BrowserStateError(code, `session ${session}: ${message}`, { hint, details: { session, ...details }, cause: error });
}
