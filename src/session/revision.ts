/** Revisions: the ways in which a person names a version of a session. */
import { BrowserStateError } from '../base/errors.js';
import { isId } from '../format/keys.js';
import { ID_DIGITS } from '../format/object-id.js';
import type { Ref, Row } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';

const MIN_PREFIX = 4;

/** The history of a session in one place: in the local store, or on the remote. */
export interface History {
  readonly id: string;
  readonly ref: Ref;
  entries(options?: RequestOptions): AsyncIterable<Row>;
}

/**
 * Returns the row that `revision` names: `HEAD`, a tag, a commit id or a unique prefix of it (4 hex digits or more, of either case), each with any number of `~N` for the
 * Nth first parent; or `@time` for the newest commit not later than that. Throws USAGE for what cannot be a revision or is
 * ambiguous, NOT_FOUND for one that names nothing.
 */
export async function resolveRevision(history: History, revision: string, options: RequestOptions = {}): Promise<Row> {
  return (await resolveAmong([history], revision, options)).row;
}

/**
 * Returns the same of a session whose history lies in several places, none of which need have all of it, and the place of the row. `HEAD` is
 * that of the first; a tag and a time mean those of the first that has one; ids and parents are looked for in all.
 */
export async function resolveAmong<P extends History>(
  places: readonly [P, ...P[]],
  revision: string,
  options: RequestOptions = {},
): Promise<{ place: P; row: Row }> {
  const rows = new RowLookup(places, options);
  const session = places[0].id;
  if (revision.startsWith('@')) return atTime(rows, session, revision);
  const match = /^([^~]+)((?:~[0-9]*)*)$/.exec(revision);
  if (match === null) throw badRevision(revision);
  let found = await named(rows, session, match[1] as string);
  for (const step of (match[2] as string).split('~').slice(1)) {
    for (let n = step === '' ? 1 : Number(step); n > 0; n--) found = await firstParent(rows, session, found.row, revision);
  }
  return found;
}

/** Splits `SESSION:REV`; a revision without a session is of `session`. A time has colons of its own. */
export function splitRevision(session: string, revision: string): { session: string; revision: string } {
  const colon = revision.indexOf(':');
  if (colon === -1 || (revision.startsWith('@') && !Number.isNaN(Date.parse(revision.slice(1))))) return { session, revision };
  const [named, rest] = [revision.slice(0, colon), revision.slice(colon + 1)];
  if (!isId(named) || rest === '') throw badRevision(revision);
  return { session: named, revision: rest };
}

/** Whether a revision is a commit id or the start of one: then it names the same commit wherever it is resolved. */
export function isCommitId(revision: string): boolean {
  return revision.length >= MIN_PREFIX && /^[0-9a-f]+$/i.test(revision);
}

interface Located<P> {
  place: P;
  row: Row;
}

async function named<P extends History>(rows: RowLookup<P>, session: string, name: string): Promise<Located<P>> {
  const [first] = rows.places;
  const head = first?.ref.rows[0];
  if (name === 'HEAD' && first !== undefined && head !== undefined) return { place: first, row: head };
  for (const { ref } of rows.places) {
    const tagged = ref.tags.get(name);
    const found = tagged && (await rows.byId(tagged));
    if (found) return found;
  }
  const prefix = name.toLowerCase();
  if (!/^[0-9a-f]+$/.test(prefix)) throw unknown(session, name);
  if (prefix.length < MIN_PREFIX || prefix.length > ID_DIGITS) throw badRevision(name);
  const found = prefix.length === ID_DIGITS ? [await rows.byId(prefix)] : await rows.filter(({ id }) => id.startsWith(prefix));
  if (found.length > 1) {
    const commits = found.map((each) => each?.row.id ?? '');
    const candidates = commits.slice(0, 5).map((id) => id.slice(0, 12));
    throw new BrowserStateError(
      'USAGE',
      `${name}: expected the prefix of one commit of session ${session}, found ${found.length}: ${candidates.join(', ')}`,
      { hint: 'Give more digits.', details: { session, revision: name, commits: commits.slice(0, 5) } },
    );
  }
  const [located] = found;
  if (located === undefined) throw unknown(session, name);
  return located;
}

async function firstParent<P extends History>(rows: RowLookup<P>, session: string, row: Row, revision: string): Promise<Located<P>> {
  const parent = row.commit.parents[0];
  const found = parent && (await rows.byId(parent));
  if (found) return found;
  const why = parent === undefined ? 'is the first commit' : 'is the oldest one that is kept';
  throw new BrowserStateError('NOT_FOUND', `${revision}: ${row.id.slice(0, 12)} ${why} of session ${session}`, {
    hint: `Run \`browserstate log -s ${session}\` to see what there is.`,
    details: { session, revision, commit: row.id },
  });
}

async function atTime<P extends History>(rows: RowLookup<P>, session: string, revision: string): Promise<Located<P>> {
  const time = Date.parse(revision.slice(1));
  if (Number.isNaN(time)) throw badRevision(revision);
  const found = await rows.find(({ commit }) => commit.time <= time);
  if (found !== undefined) return found;
  throw new BrowserStateError('NOT_FOUND', `${revision}: session ${session} has no commit that old`, {
    hint: `Run \`browserstate log -s ${session}\` to see what there is.`,
    details: { session, revision },
  });
}

/** Rows of several places, newest first, one place after the other; older ones are read only when they are needed, and each once. */
class RowLookup<P extends History> {
  readonly places: readonly P[];
  readonly #seen = new Map<string, Located<P>>();
  readonly #rest: AsyncGenerator<Located<P>>;

  constructor(places: readonly P[], options: RequestOptions) {
    this.places = places;
    this.#rest = rowsOf(places, options);
  }

  async byId(id: string): Promise<Located<P> | undefined> {
    const seen = this.#seen.get(id);
    if (seen !== undefined) return seen;
    for await (const found of this.#unseen()) if (found.row.id === id) return found;
    return undefined;
  }

  async find(test: (row: Row) => boolean): Promise<Located<P> | undefined> {
    for (const found of this.#seen.values()) if (test(found.row)) return found;
    for await (const found of this.#unseen()) if (test(found.row)) return found;
    return undefined;
  }

  async filter(test: (row: Row) => boolean): Promise<Located<P>[]> {
    for await (const _ of this.#unseen());
    return [...this.#seen.values()].filter(({ row }) => test(row));
  }

  async *#unseen(): AsyncGenerator<Located<P>> {
    for (let next = await this.#rest.next(); !next.done; next = await this.#rest.next()) {
      if (this.#seen.has(next.value.row.id)) continue;
      this.#seen.set(next.value.row.id, next.value);
      yield next.value;
    }
  }
}

async function* rowsOf<P extends History>(places: readonly P[], options: RequestOptions): AsyncGenerator<Located<P>> {
  for (const place of places) for await (const row of place.entries(options)) yield { place, row };
}

function badRevision(revision: string): BrowserStateError {
  return new BrowserStateError('USAGE', `expected a revision, found ${JSON.stringify(revision)}`, {
    hint: 'Write HEAD, a tag, 4 or more hex digits of a commit id, any of these with ~N, or @ and a time such as @2026-11-20T10:00Z; SESSION: before it names another session.',
    details: { revision },
  });
}

function unknown(session: string, name: string): BrowserStateError {
  return new BrowserStateError('NOT_FOUND', `${name}: session ${session} has no such revision`, {
    hint: `Run \`browserstate log -s ${session}\` to see what there is.`,
    details: { session, revision: name },
  });
}
