/** The refs of a store that is only read, and the repository that each ref names (SPEC.md 11.5). */
import { equalBytes } from '../base/bytes.js';
import { BrowserStateError, readingKey } from '../base/errors.js';
import { portableHost } from '../base/portable-host.js';
import { unwrap } from '../format/envelope.js';
import { checkId, refKey } from '../format/keys.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import type { Token } from '../repository/refs.js';
import { Repository } from '../repository/repository.js';
import { type ListedRef, listRefs } from '../session/session-list.js';

/** A session's ref, which may be empty or deleted. */
export interface Seen {
  repository: Repository;
  token: Token;
}

export class RefReader {
  readonly #provider: Provider;
  #repository: Repository | undefined;
  /** The highest sequence that was read of each session of the repository. */
  readonly #sequences = new Map<string, number>();

  constructor(provider: Provider) {
    this.#provider = provider;
  }

  get url(): string {
    return this.#provider.url;
  }

  /**
   * Returns the session's current ref, or undefined if there is none. Throws INTEGRITY for a ref
   * that is older than a ref that was read before (R-SYNC-7).
   */
  async read(session: string, options: RequestOptions): Promise<Seen | undefined> {
    checkId('session', session);
    const key = refKey(session);
    const cell = await readingKey(key, () => this.#provider.read(key, options));
    if (cell === undefined || cell === 'unchanged') return undefined;
    const { repository: id } = await readingKey(key, () => unwrap(cell.bytes, { kind: 'ref', repository: undefined, key }));
    const repository = this.#at(id);
    const token = await repository.refs.open(session, cell);
    this.#rejectOlder(token);
    return { repository, token };
  }

  /**
   * Yields the refs of all sessions, or the error of a damaged ref. Throws NOT_FOUND if there is no
   * store, and UNSUPPORTED if the source cannot list.
   */
  async *all(options: RequestOptions): AsyncGenerator<ListedRef> {
    const repository = await Repository.open(this.#provider, portableHost, options);
    if (repository === undefined) {
      throw new BrowserStateError('NOT_FOUND', `there is no store at ${this.url}`, { hint: 'Check the address, the prefix and the user.' });
    }
    yield* listRefs(repository, '', options);
  }

  #at(id: Uint8Array): Repository {
    if (this.#repository !== undefined && equalBytes(this.#repository.id, id)) return this.#repository;
    this.#sequences.clear();
    this.#repository = Repository.at(this.#provider, portableHost, id);
    return this.#repository;
  }

  #rejectOlder({ session, ref }: Token): void {
    const seen = this.#sequences.get(session) ?? 0;
    if (ref.sequence < seen) {
      throw new BrowserStateError('INTEGRITY', `session ${session}: its ref is older than one that was read before`, {
        hint: 'Disable caching of the names below refs/: a cache before the store returns old answers.',
        details: { session, key: refKey(session) },
      });
    }
    this.#sequences.set(session, ref.sequence);
  }
}
