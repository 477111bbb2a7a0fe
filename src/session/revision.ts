/** Revisions: the ways in which a person names a version of a session. */
import { BrowserStateError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { isId } from '../format/keys.js';
import { ID_DIGITS } from '../format/object-id.js';
import type { HistoryEntry, Ref } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';

const MIN_PREFIX = 4;
/** Maximum commits that an error about an ambiguous prefix names. */
const MAX_CANDIDATES = 5;

const TIME = /^(\d{4}-\d\d-\d\d)(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{3})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;

/** The history of a session in one replica. */
export interface History {
  readonly id: string;
  readonly ref: Ref;
  entries(options?: RequestOptions): AsyncIterable<HistoryEntry>;
}

/** An entry, and a history that has it. */
interface Located<H> {
  place: H;
  entry: HistoryEntry;
}

/**
 * Returns the entry that `revision` names: `HEAD`, a tag, a commit id or a unique prefix of at
 * least 4 digits. Each may be followed by `~N`, any number of times, for the Nth first parent.
 * `@time` names the newest commit that is not later. Throws USAGE for an invalid or ambiguous
 * revision, and NOT_FOUND.
 */
export async function resolveRevision(history: History, revision: string, options: RequestOptions = {}): Promise<HistoryEntry> {
  return (await resolveAmong([history], revision, options)).entry;
}

/**
 * Resolves a revision among several histories, which may lack entries. `HEAD` is the head of the
 * first. Tags and times are looked up in order, ids and parents in all.
 */
export async function resolveAmong<H extends History>(
  histories: readonly [H, ...H[]],
  revision: string,
  options: RequestOptions = {},
): Promise<Located<H>> {
  const resolver = new Resolver(histories, revision, options);
  if (revision.startsWith('@')) return resolver.atTime(parseTime(revision.slice(1)));
  const match = /^([^~]+)((?:~[0-9]*)*)$/.exec(revision);
  if (match === null) throw badRevision(revision);
  let found = await resolver.named(match[1] as string);
  for (const step of (match[2] as string).split('~').slice(1)) {
    for (let n = step === '' ? 1 : Number(step); n > 0; n--) found = await resolver.firstParent(found.entry);
  }
  return found;
}

/** Splits `SESSION:REV`. A revision without a session, such as a time, is of `session`. */
export function splitRevision(session: string, revision: string): { session: string; revision: string } {
  const colon = revision.indexOf(':');
  if (colon === -1 || (revision.startsWith('@') && !Number.isNaN(parseTime(revision.slice(1))))) return { session, revision };
  const [named, rest] = [revision.slice(0, colon), revision.slice(colon + 1)];
  if (!isId(named) || rest === '') throw badRevision(revision);
  return { session: named, revision: rest };
}

/** Returns whether a revision is a commit id or its prefix: the same in every replica. */
export function isCommitId(revision: string): boolean {
  return revision.length >= MIN_PREFIX && /^[0-9a-f]+$/i.test(revision);
}

/**
 * Returns the milliseconds of a time of SPEC.md 11.9, or NaN for any other text. A time without a
 * zone is in the zone of the machine.
 */
function parseTime(text: string): number {
  const date = TIME.exec(text)?.[1];
  const day = date === undefined ? Number.NaN : Date.parse(date);
  // The engine takes February 30 for March 2.
  const isDay = !Number.isNaN(day) && new Date(day).toISOString().slice(0, 10) === date;
  return isDay ? Date.parse(text) : Number.NaN;
}

class Resolver<H extends History> {
  /** The entries that were read so far. */
  readonly #seen = new Map<string, Located<H>>();
  readonly #rest: AsyncGenerator<Located<H>>;

  constructor(
    private readonly histories: readonly [H, ...H[]],
    private readonly revision: string,
    options: RequestOptions,
  ) {
    this.#rest = this.#read(options);
  }

  get #session(): string {
    return this.histories[0].id;
  }

  async named(name: string): Promise<Located<H>> {
    const [first] = this.histories;
    const head = first.ref.entries[0];
    if (name === 'HEAD' && head !== undefined) return { place: first, entry: head };
    for (const { ref } of this.histories) {
      const tagged = ref.tags.get(name);
      const found = tagged && (await this.#byId(tagged));
      if (found) return found;
    }
    const prefix = name.toLowerCase();
    if (/^[0-9a-f]+$/.test(prefix) && (prefix.length < MIN_PREFIX || prefix.length > ID_DIGITS)) throw badRevision(name);
    const [found, ...others] = isCommitId(prefix) ? await this.#byPrefix(prefix) : [];
    if (found === undefined) {
      const meant = nearest(name, ['HEAD', ...this.histories.flatMap(({ ref }) => [...ref.tags.keys()])]);
      throw this.#notFound(name, `session ${this.#session} has no such revision`, { meant });
    }
    if (others.length === 0) return found;
    const commits = [found, ...others].slice(0, MAX_CANDIDATES).map(({ entry }) => entry.id);
    const candidates = commits.map((id) => id.slice(0, 12)).join(', ');
    throw new BrowserStateError(
      'USAGE',
      `${name}: expected the prefix of one commit of session ${this.#session}, found ${others.length + 1}: ${candidates}`,
      { hint: 'Give more digits.', details: { session: this.#session, revision: name, commits } },
    );
  }

  async firstParent({ id, commit }: HistoryEntry): Promise<Located<H>> {
    const parent = commit.parents[0];
    const found = parent && (await this.#byId(parent));
    if (found) return found;
    const why = parent === undefined ? 'is the first commit' : 'is the oldest one that is kept';
    throw this.#notFound(this.revision, `${id.slice(0, 12)} ${why} of session ${this.#session}`, { commit: id });
  }

  async atTime(time: number): Promise<Located<H>> {
    if (Number.isNaN(time)) throw badRevision(this.revision);
    for await (const found of this.#rest) if (found.entry.commit.time <= time) return found;
    throw this.#notFound(this.revision, `session ${this.#session} has no commit that old`, {});
  }

  async #byId(id: string): Promise<Located<H> | undefined> {
    const seen = this.#seen.get(id);
    if (seen !== undefined) return seen;
    for (let next = await this.#rest.next(); !next.done; next = await this.#rest.next()) if (next.value.entry.id === id) return next.value;
    return undefined;
  }

  async #byPrefix(prefix: string): Promise<Located<H>[]> {
    const whole = prefix.length === ID_DIGITS ? await this.#byId(prefix) : undefined;
    if (whole !== undefined) return [whole];
    for await (const _ of this.#rest);
    return [...this.#seen.values()].filter(({ entry }) => entry.id.startsWith(prefix));
  }

  async *#read(options: RequestOptions): AsyncGenerator<Located<H>> {
    for (const place of this.histories) {
      for await (const entry of place.entries(options)) {
        if (this.#seen.has(entry.id)) continue;
        const found = { place, entry };
        this.#seen.set(entry.id, found);
        yield found;
      }
    }
  }

  #notFound(revision: string, problem: string, { meant, commit }: { meant?: string | undefined; commit?: string }): BrowserStateError {
    const session = this.#session;
    const advice = `Run \`browserstate log -s ${session}\` to see what there is.`;
    return new BrowserStateError('NOT_FOUND', `${revision}: ${problem}`, {
      hint: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
      details: { session, revision, ...(commit !== undefined && { commit }), ...(meant !== undefined && { nearest: meant }) },
    });
  }
}

function badRevision(revision: string): BrowserStateError {
  return new BrowserStateError('USAGE', `expected a revision, found ${JSON.stringify(revision)}`, {
    hint: 'Write HEAD, a tag, 4 or more hex digits of a commit id, any of these with ~N, or @ and a time such as @2026-11-20T10:00Z; SESSION: before it names another session.',
    details: { revision },
  });
}
