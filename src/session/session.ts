/** A session: one profile's line of history, and what can be done with it. */
import { BrowserStateError } from '../errors.js';
import { MAX_SWAP_ATTEMPTS } from '../limits.js';
import { diffTrees, type TreeDiff } from '../object/diff.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { newName } from '../repository/layout.js';
import { newRow, type Ref, type RefEvent, type Row, type RowOp } from '../repository/ref.js';
import type { RefChange, Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import { capture, hashOnly } from '../workspace/capture.js';
import { refuseHalfDone } from '../workspace/checkout.js';
import { readFacts } from '../workspace/excludes.js';
import { buildFilter, readRules } from '../workspace/filter.js';
import { scan } from '../workspace/scan.js';
import { type CheckoutOptions, type CheckoutResult, checkoutSession, selectMatching } from './checkout.js';
import { type CommitOptions, type CommitResult, commitDirectory } from './commit.js';
import type { Home } from './home.js';
import { resolveRevision } from './revision.js';
import { requireTag, withTag } from './tags.js';

/** A commit as `log` tells it. */
export interface LogEntry {
  commit: ObjectId;
  tree: ObjectId;
  parents: ObjectId[];
  time: Date;
  message: string;
  who: string;
  labels: Record<string, string>;
  files: number;
  bytes: number;
  op: RowOp;
  tags: string[];
}

export interface StatusOptions extends RequestOptions {
  exclude?: readonly string[] | undefined;
  keepCaches?: boolean | undefined;
}

export class Session {
  readonly #home: Home;
  readonly #defaults: Pick<CommitOptions, 'signal' | 'onProgress'>;

  /** `defaults` serve operations that are given no signal or progress callback of their own. */
  constructor(
    home: Home,
    readonly id: string,
    defaults: Pick<CommitOptions, 'signal' | 'onProgress'> = {},
  ) {
    this.#home = home;
    this.#defaults = defaults;
  }

  /** Commits a directory. See `commitDirectory` for what it throws; atomic. */
  commit(dir: string, options?: CommitOptions): Promise<CommitResult> {
    return commitDirectory(this.#home, this.id, dir, { ...this.#defaults, ...options });
  }

  /** Makes a directory hold a version. See `checkoutSession` for what it throws; atomic but for a cut-off in-place change, which the next checkout redoes. */
  checkout(dir: string, options?: CheckoutOptions): Promise<CheckoutResult> {
    return checkoutSession(this.#home, this.id, dir, { ...this.#defaults, ...options });
  }

  /** The session's commits, newest first. Throws NOT_FOUND where there is no such session. */
  async *log({ limit = Number.POSITIVE_INFINITY, signal }: { limit?: number } & RequestOptions = {}): AsyncGenerator<LogEntry> {
    const { repository, token } = await this.#home.requireSession(this.id, { signal });
    let left = limit;
    if (left <= 0) return;
    for await (const row of repository.refs.rows(token.ref, { signal })) {
      yield logEntry(row, token.ref);
      if (--left <= 0) return;
    }
  }

  /** The newest changes that made no commit (tags, forks, deletions), newest first. */
  async events(options: RequestOptions = {}): Promise<readonly RefEvent[]> {
    return (await this.#home.requireSession(this.id, options)).token.ref.events;
  }

  /** The tags and the commits that they name. */
  async tags(options: RequestOptions = {}): Promise<ReadonlyMap<string, ObjectId>> {
    return (await this.#home.requireSession(this.id, options)).token.ref.tags;
  }

  /** The commit that a revision names. Throws USAGE or NOT_FOUND where it names none. */
  async resolve(revision: string, options: RequestOptions = {}): Promise<LogEntry> {
    const { token, row } = await this.#find(revision, options);
    return logEntry(row, token.ref);
  }

  /** The paths in which two versions differ; times alone make no difference. */
  async diff(from: string, to = 'HEAD', options: RequestOptions = {}): Promise<TreeDiff> {
    const { repository, token, row } = await this.#find(from, options);
    const other = await resolveRevision(repository.refs, this.id, token.ref, to, options);
    const [a, b] = await Promise.all([row, other].map((each) => this.#home.readManifest(repository, token, each, options)));
    return diffTrees((a as NonNullable<typeof a>).tree, (b as NonNullable<typeof b>).tree);
  }

  /** The paths in which a directory differs from the head. Nothing is written. */
  async status(dir: string, options: StatusOptions = {}): Promise<TreeDiff> {
    const { repository, token, head } = await this.#home.requireSession(this.id, options);
    const { tree } = await this.#home.readManifest(repository, token, head, options);
    const workspace = await this.#home.workspace(dir);
    refuseHalfDone(workspace);
    const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
    const found = await scan(workspace.dir, buildFilter({ facts: readFacts(workspace.dir), ...rules }), { signal: options.signal });
    const cache = await workspace.readCache();
    const there = await capture(workspace.dir, found, {
      sink: hashOnly,
      cache,
      learn: undefined,
      previous: undefined,
      signal: options.signal,
    });
    const { only, session } = workspace.record ?? {};
    return only && session === this.id ? diffTrees(selectMatching(tree, only), selectMatching(there, only)) : diffTrees(tree, there);
  }

  /** Appends a commit with the tree of an older one. Atomic. Throws CONFLICT where another writer moved the head meanwhile. */
  async rollback(to: string, options: RequestOptions & { message?: string | undefined } = {}): Promise<LogEntry> {
    const { token: first, row } = await this.#find(to, options);
    const { host } = this.#home;
    return this.#change(options, async (repository, token) => {
      const head = token.ref.rows[0] as Row;
      if (head.id !== first.ref.rows[0]?.id) throw this.#moved();
      const { tree, blobs } = await this.#home.readManifest(repository, token, row, options);
      const message = options.message ?? `Roll back to ${row.id.slice(0, 12)}`;
      const commit = { ...row.commit, parents: [head.id], time: host.now(), who: host.who(), message, labels: {}, extensions: [] };
      const name = newName(host, token.ref.epoch);
      await repository.writeManifest(name, { commit, tree, blobs }, 'auto', options);
      const added = newRow('rollback', commit, name);
      return { change: await repository.refs.addRow(token.ref, added, options), result: logEntry(added, token.ref) };
    });
  }

  /**
   * Creates a session that begins with this one's history up to a commit; nothing is copied. Throws CONFLICT where a session of that name exists.
   */
  async fork(name: string, options: RequestOptions & { at?: string | undefined } = {}): Promise<LogEntry> {
    const { repository } = await this.#home.requireSession(this.id, options);
    this.#home.refuseLegacy(name);
    for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
      const target = await repository.refs.ensure(name, options);
      if (target.ref.rows.length > 0) {
        throw new BrowserStateError('CONFLICT', `session ${name} exists already`, {
          hint: 'Choose another name, or delete that session first.',
        });
      }
      const forked = await this.#forkTo(repository, target, options);
      if (forked !== undefined) return forked;
    }
    throw this.#moved();
  }

  /** Gives a session without history this one's, up to a commit; undefined where another writer was first. */
  async #forkTo(
    repository: Repository,
    target: Token,
    options: RequestOptions & { at?: string | undefined },
  ): Promise<LogEntry | undefined> {
    const { k } = await repository.epoch(options);
    // The source is read after the target's token and the epoch, so that nothing it names can be collected unnoticed.
    const { token, row } = await this.#find(options.at ?? 'HEAD', options);
    const rows: Row[] = [];
    for await (const each of repository.refs.rows(token.ref, options)) if (rows.length > 0 || each.id === row.id) rows.push(each);
    const history = await repository.refs.adopt({ ...target.ref, epoch: k }, rows, options);
    const event = repository.refs.event(target.ref, 'fork', `${this.id} ${row.id}`);
    const swapped = await repository.refs.swap(target, { state: 'live', ...history, ...event, epoch: k }, options);
    return swapped && logEntry(row, swapped.ref);
  }

  /** Gives a commit a name that keeps it for ever; a tag of that name moves. */
  async tag(name: string, options: RequestOptions & { at?: string | undefined } = {}): Promise<LogEntry> {
    requireTag(name);
    return this.#change(options, async (repository, token) => {
      const row = await resolveRevision(repository.refs, this.id, token.ref, options.at ?? 'HEAD', options);
      const tags = withTag(token.ref, name, row.id);
      const change = { tags, ...repository.refs.event(token.ref, 'tag', `${name} ${row.id}`) };
      return { change, result: logEntry(row, { ...token.ref, tags }) };
    });
  }

  /** Removes the session and its history. Its name can be used again. */
  async delete(options: RequestOptions = {}): Promise<void> {
    await this.#change(options, async (repository, token) => {
      const emptied = { state: 'deleted', tags: new Map(), rows: [], segments: [], lease: undefined, head: new Uint8Array(0) } as const;
      return { change: { ...emptied, ...repository.refs.event(token.ref, 'delete', '') }, result: undefined };
    });
  }

  /** Changes the ref, starting over as long as other writers are faster and leave the head (R-WRITE-2). */
  async #change<T>(
    options: RequestOptions,
    make: (repository: Repository, token: Token) => Promise<{ change: RefChange; result: T }>,
  ): Promise<T> {
    let before: ObjectId | undefined;
    for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
      const { repository, token, head } = await this.#home.requireSession(this.id, options);
      if (before !== undefined && before !== head.id) throw this.#moved();
      before = head.id;
      const { change, result } = await make(repository, token);
      if (await repository.refs.swap(token, change, options)) return result;
    }
    throw this.#moved();
  }

  async #find(revision: string, options: RequestOptions): Promise<{ repository: Repository; token: Token; row: Row }> {
    const { repository, token } = await this.#home.requireSession(this.id, options);
    return { repository, token, row: await resolveRevision(repository.refs, this.id, token.ref, revision, options) };
  }

  #moved(): BrowserStateError {
    return new BrowserStateError('CONFLICT', `session ${this.id} was changed by another writer meanwhile; nothing was changed here`, {
      hint: 'Repeat the command.',
    });
  }
}

function logEntry({ id, op, commit }: Row, ref: Ref): LogEntry {
  const tags = [...ref.tags].filter(([, tagged]) => tagged === id).map(([name]) => name);
  const { tree, parents, message, who, labels, files, bytes } = commit;
  return { commit: id, tree, parents, time: new Date(commit.time), message, who, labels, files, bytes, op, tags };
}
