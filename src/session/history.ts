/**
 * What can be read from a session's history, and the changes of it that need no directory: rollback, fork, tag, delete (SPEC.md R-WRITE-5). All work on
 * whatever site holds the session.
 */
import { BrowserStateError, isError } from '../errors.js';
import { MAX_SWAP_ATTEMPTS } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { newName } from '../repository/layout.js';
import { newRow, type Ref, type Row } from '../repository/ref.js';
import type { RefChange, Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import { type LogEntry, logEntry } from './log-entry.js';
import { resolveRevision, splitRevision } from './revision.js';
import { type Found, type Site, type StoredManifest, wasCollected } from './site.js';
import { noTag, requireTag, withTag } from './tags.js';

export interface RollbackOptions extends RequestOptions {
  message?: string | undefined;
}

export interface AtOptions extends RequestOptions {
  /** A revision; the head unless given. */
  at?: string | undefined;
}

export async function findRow(site: Site, session: string, revision: string, options: RequestOptions): Promise<Found & { row: Row }> {
  const found = await site.requireSession(session, options);
  return { ...found, row: await resolveRevision(found.repository.refs, session, found.token.ref, revision, options) };
}

/**
 * Appends a commit with the tree of another one, of this session or, as `SESSION:REV`, of another. Atomic. Throws CONFLICT if another writer moved the head
 * meanwhile.
 */
export async function rollback(site: Site, session: string, to: string, options: RollbackOptions): Promise<LogEntry> {
  const { host } = site;
  return change(site, session, options, async (repository, token, head) => {
    const { k, source, row } = await findSource(site, repository, token, to, options);
    const { tree, blobs } = await site.readManifest(repository, source, row, options);
    const from = source === token ? '' : ` of ${source.session}`;
    const message = options.message ?? `Roll back to ${row.id.slice(0, 12)}${from}`;
    const commit = { ...row.commit, parents: [head.id], time: host.now(), who: host.who(), message, labels: {}, extensions: [] };
    const name = newName(host, k);
    const [manifest] = await Promise.all([
      repository.writeManifest(name, { commit, tree, blobs }, 'auto', options),
      site.requirePresent(repository, source, row, options),
    ]);
    const added = newRow('rollback', commit, name);
    const rows = await repository.refs.addRow({ ...token.ref, epoch: k }, added, options);
    const history = { ...rows, epoch: k, head: site.inlineHead(manifest) };
    return { change: history, result: logEntry(added, token.ref.tags), stored: { row: added, bytes: manifest } };
  });
}

/** Finds the version that a change of the token's ref is to name, and the epoch under which it may. */
async function findSource(
  site: Site,
  repository: Repository,
  token: Token,
  to: string,
  options: RequestOptions,
): Promise<{ k: number; source: Token; row: Row }> {
  const { session, revision } = splitRevision(token.session, to);
  if (session === token.session) {
    return { k: token.ref.epoch, source: token, row: await resolveRevision(repository.refs, session, token.ref, revision, options) };
  }
  // Both are read after the token, so that nothing that the other session names can be collected unnoticed.
  const [{ k }, { token: source, row }] = await Promise.all([repository.epoch(options), findRow(site, session, revision, options)]);
  return { k: Math.max(k, token.ref.epoch), source, row };
}

/**
 * Creates a session that begins with this one's history up to a commit; nothing is copied. Throws CONFLICT if a session of that name exists, and INTEGRITY
 * if the version or the history before it cannot be read. Creates no ref then.
 */
export async function fork(site: Site, session: string, name: string, options: AtOptions): Promise<LogEntry> {
  const { repository, token, row } = await findSourceOfFork(site, session, options);
  await requireHistory(site, repository, token, row, options);
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    const target = (await repository.refs.create(name, options)) ?? (await repository.refs.ensure(name, options));
    if (target.ref.rows.length > 0) {
      throw new BrowserStateError('CONFLICT', `session ${name} exists already`, {
        details: { session: name },
        hint: 'Choose another name, or delete that session first.',
      });
    }
    const forked = await drafting(site, repository, (drafted) => forkTo(site, drafted, session, { target, checked: row }, options));
    if (forked !== undefined) return forked;
  }
  throw moved(session);
}

/** Finds the version that a fork begins with, in what the site recalls if that has it. */
async function findSourceOfFork(site: Site, session: string, options: AtOptions): Promise<Omit<Found, 'head'> & { row: Row }> {
  const at = options.at ?? 'HEAD';
  const recalled = site.isConfirmed ? await site.recall(session) : undefined;
  if (recalled === undefined) return findRow(site, session, at, options);
  const row = await resolveRevision(recalled.repository.refs, session, recalled.token.ref, at, options).catch(unlessMissing);
  return row === undefined ? findRow(site, session, at, options) : { ...recalled, row };
}

/** Throws INTEGRITY if a version, or the segments that are named again with it, cannot be read. */
async function requireHistory(site: Site, repository: Repository, token: Token, row: Row, options: RequestOptions): Promise<void> {
  const isInline = token.ref.rows.some(({ id }) => id === row.id);
  await site.requirePresent(repository, token, row, options, isInline ? token.ref.segments : []);
}

/** Gives a session without history that of `session`, up to a commit; undefined where another writer was first. */
async function forkTo(
  site: Site,
  repository: Repository,
  session: string,
  { target, checked }: { target: Token; checked: Row },
  options: AtOptions,
): Promise<LogEntry | undefined> {
  // Both are read after the target's token, so that nothing that the source names can be collected unnoticed.
  const [{ k }, { token, row }] = await Promise.all([repository.epoch(options), findRow(site, session, options.at ?? 'HEAD', options)]);
  if (row.id !== checked.id) await requireHistory(site, repository, token, row, options);
  const history = await historyFrom(repository, token, row, { ...target.ref, epoch: k }, options);
  const event = repository.refs.event(target.ref, 'fork', `${session} ${row.id}`);
  const swapped = await repository.refs.swap(target, { state: 'live', ...history, ...event, epoch: k }, options);
  return swapped && logEntry(row, swapped.ref.tags);
}

/** The rows of a session from one on, as those of `ref`. Segments that are wholly older than the row are named again; nothing of them is read. */
async function historyFrom(
  { refs }: Repository,
  token: Token,
  row: Row,
  ref: Ref,
  options: RequestOptions,
): Promise<Pick<Ref, 'rows' | 'segments'>> {
  const inline = token.ref.rows.findIndex(({ id }) => id === row.id);
  if (inline !== -1) return { rows: token.ref.rows.slice(inline), segments: token.ref.segments };
  const rows: Row[] = [];
  for await (const each of refs.rows(token.ref, options)) if (rows.length > 0 || each.id === row.id) rows.push(each);
  return refs.adopt(ref, rows, options);
}

/** Gives a commit a name that keeps it for ever; a tag of that name moves. */
export async function tag(site: Site, session: string, name: string, options: AtOptions): Promise<LogEntry> {
  requireTag(name);
  return change(site, session, options, async (repository, token) => {
    const row = await resolveRevision(repository.refs, session, token.ref, options.at ?? 'HEAD', options);
    await site.requirePresent(repository, token, row, options);
    const tags = withTag(token.ref, name, row.id);
    const changed = { tags, ...repository.refs.event(token.ref, 'tag', `${name} ${row.id}`) };
    return { change: changed, result: logEntry(row, tags) };
  });
}

/** Removes a tag and returns the commit that it named. Throws NOT_FOUND if there is no such tag. */
export async function untag(site: Site, session: string, name: string, options: RequestOptions): Promise<ObjectId> {
  return change(site, session, options, async (repository, token) => {
    const named = token.ref.tags.get(name);
    if (named === undefined) throw noTag(session, name);
    const tags = new Map([...token.ref.tags].filter(([other]) => other !== name));
    return { change: { tags, ...repository.refs.event(token.ref, 'tag', `${name} removed`) }, result: named };
  });
}

/** Removes the session and its history. Its name can be used again. */
export async function deleteSession(site: Site, session: string, options: RequestOptions): Promise<void> {
  await change(site, session, options, async (repository, token) => {
    const emptied = { state: 'deleted', tags: new Map(), rows: [], segments: [], lease: undefined, head: new Uint8Array(0) } as const;
    return { change: { ...emptied, ...repository.refs.event(token.ref, 'delete', '') }, result: undefined };
  });
}

interface Made<T> {
  change: RefChange;
  result: T;
  /** That of a new row. */
  stored?: StoredManifest;
}

/**
 * Changes the ref, starting over as long as other writers are faster and leave the head (R-WRITE-2). The first attempt starts from what the site
 * recalls; if that is outdated the swap loses, and nothing was decided by it.
 */
async function change<T>(
  site: Site,
  session: string,
  options: RequestOptions,
  make: (repository: Repository, token: Token, head: Row) => Promise<Made<T>>,
): Promise<T> {
  const recalled = await site.recall(session);
  if (recalled !== undefined) {
    const done = await attemptChange(site, recalled, options, (...from) => make(...from).catch(unlessMissing));
    if (done) return done.result;
  }
  let before: ObjectId | undefined;
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    const found = await site.requireSession(session, options);
    if (before !== undefined && before !== found.head.id) throw moved(session);
    before = found.head.id;
    try {
      const done = await attemptChange(site, found, options, make);
      if (done) return done.result;
    } catch (error) {
      if (!wasCollected(error)) throw error;
    }
  }
  throw moved(session);
}

/** Undefined if there is nothing to change, or another writer was first. */
async function attemptChange<T>(
  site: Site,
  { repository: found, token, head }: Found,
  options: RequestOptions,
  make: (repository: Repository, token: Token, head: Row) => Promise<Made<T> | undefined>,
): Promise<{ result: T } | undefined> {
  return drafting(site, found, async (repository) => {
    const made = await make(repository, token, head);
    if (made === undefined) return undefined;
    const next = await repository.refs.swap(token, made.change, options);
    if (next === undefined) return undefined;
    await site.noteRef(repository, next, made.stored);
    return { result: made.result };
  });
}

async function drafting<T>(
  site: Site,
  repository: Repository,
  attempt: (repository: Repository) => Promise<T | undefined>,
): Promise<T | undefined> {
  return site.drafting === undefined ? attempt(repository) : site.drafting(repository, attempt);
}

/** What is not in a recalled state may have come since. */
function unlessMissing(error: unknown): undefined {
  if (!isError(error, 'NOT_FOUND', 'CONFLICT')) throw error;
  return undefined;
}

function moved(session: string): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} was changed by another writer meanwhile; nothing was changed here`, {
    details: { session },
    hint: 'Repeat the command.',
  });
}
