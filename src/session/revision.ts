/** Revisions: the ways in which a person names a version of a session. */
import { BrowserStateError } from '../errors.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Ref, Row } from '../repository/ref.js';
import type { Refs } from '../repository/refs.js';

const MIN_PREFIX = 4;

/**
 * The row that `revision` names: `HEAD`, a tag, a commit id or a unique prefix of it (4 hex digits or more, of either case), each with any number of `~N` for the
 * Nth first parent; or `@time` for the newest commit not later than that. Throws USAGE for what cannot be a revision or is
 * ambiguous, NOT_FOUND for one that names nothing.
 */
export async function resolveRevision(refs: Refs, session: string, ref: Ref, revision: string, options: RequestOptions = {}): Promise<Row> {
  const rows = new RowLookup(refs, ref, options);
  if (revision.startsWith('@')) return atTime(rows, session, revision);
  const match = /^([^~]+)((?:~[0-9]*)*)$/.exec(revision);
  if (match === null) throw badRevision(revision);
  const name = match[1] as string;
  let row = await named(rows, session, ref, name);
  for (const step of (match[2] as string).split('~').slice(1)) {
    for (let n = step === '' ? 1 : Number(step); n > 0; n--) row = await firstParent(rows, session, row, revision);
  }
  return row;
}

async function named(rows: RowLookup, session: string, ref: Ref, name: string): Promise<Row> {
  const head = ref.rows[0];
  if (name === 'HEAD' && head !== undefined) return head;
  const tagged = ref.tags.get(name);
  if (tagged !== undefined) {
    const row = await rows.find(({ id }) => id === tagged);
    if (row !== undefined) return row;
  }
  const prefix = name.toLowerCase();
  if (!/^[0-9a-f]+$/.test(prefix)) throw unknown(session, name);
  if (prefix.length < MIN_PREFIX || prefix.length > 64) throw badRevision(name);
  const found = await rows.filter(({ id }) => id.startsWith(prefix));
  if (found.length > 1) {
    const candidates = found.slice(0, 5).map(({ id }) => id.slice(0, 12));
    throw new BrowserStateError(
      'USAGE',
      `${name}: expected the prefix of one commit of session ${session}, found ${found.length}: ${candidates.join(', ')}`,
      {
        hint: 'Give more digits.',
      },
    );
  }
  const [row] = found;
  if (row === undefined) throw unknown(session, name);
  return row;
}

async function firstParent(rows: RowLookup, session: string, row: Row, revision: string): Promise<Row> {
  const parent = row.commit.parents[0];
  const found = parent && (await rows.find(({ id }) => id === parent));
  if (found) return found;
  const why = parent === undefined ? 'is the first commit' : 'is the oldest one that is kept';
  throw new BrowserStateError('NOT_FOUND', `${revision}: ${row.id.slice(0, 12)} ${why} of session ${session}`, {
    hint: `\`browserstate log -s ${session}\` shows what there is.`,
  });
}

async function atTime(rows: RowLookup, session: string, revision: string): Promise<Row> {
  const time = Date.parse(revision.slice(1));
  if (Number.isNaN(time)) throw badRevision(revision);
  const row = await rows.find(({ commit }) => commit.time <= time);
  if (row !== undefined) return row;
  throw new BrowserStateError('NOT_FOUND', `${revision}: session ${session} has no commit that old`);
}

/** Looks through rows, newest first, reading older ones only when they are needed, and each once. */
class RowLookup {
  readonly #seen: Row[] = [];
  readonly #rest: AsyncGenerator<Row>;

  constructor(refs: Refs, ref: Ref, options: RequestOptions) {
    this.#rest = refs.rows(ref, options);
  }

  async find(test: (row: Row) => boolean): Promise<Row | undefined> {
    for await (const row of this.#all()) if (test(row)) return row;
    return undefined;
  }

  async filter(test: (row: Row) => boolean): Promise<Row[]> {
    const found: Row[] = [];
    for await (const row of this.#all()) if (test(row)) found.push(row);
    return found;
  }

  async *#all(): AsyncGenerator<Row> {
    yield* this.#seen;
    for (let next = await this.#rest.next(); !next.done; next = await this.#rest.next()) {
      this.#seen.push(next.value);
      yield next.value;
    }
  }
}

function badRevision(revision: string): BrowserStateError {
  return new BrowserStateError('USAGE', `expected a revision, found ${JSON.stringify(revision)}`, {
    hint: 'A revision is HEAD, a tag, 4 or more hex digits of a commit id, any of these with ~N, or @ and a time such as @2026-11-20T10:00Z.',
  });
}

function unknown(session: string, name: string): BrowserStateError {
  return new BrowserStateError('NOT_FOUND', `${name}: session ${session} has no such revision`, {
    hint: `\`browserstate log -s ${session}\` shows what there is.`,
  });
}
