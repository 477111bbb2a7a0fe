/** The entry point of the reader, which opens a store for reading on any runtime. */
import { BrowserStateError } from '../base/errors.js';
import { checkOptions, kind, type OptionNames, required } from '../base/option-check.js';
import { portableHost } from '../base/portable-host.js';
import { checkId } from '../format/keys.js';
import { type Fetch, HttpSource, type Sign } from '../provider/http/http.js';
import { readOnly, type Source } from '../provider/http/read-only.js';
import { type S3Address, s3Source } from '../provider/http/s3.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import { retrying } from '../provider/wrap/retry.js';
import { scoped } from '../provider/wrap/scoped.js';
import { type SessionSummary, summaryOf } from '../session/session-list.js';
import { RefReader } from './refs.js';
import { ReaderSession } from './session.js';

export interface ReaderOptions {
  /**
   * The address above the users' folders. Every request includes its query. Such a store cannot be
   * listed.
   */
  url?: string | URL | undefined;
  /** A bucket of S3 or of a compatible store, instead of `url`. */
  s3?: S3Address | undefined;
  /** Any other source of the objects, instead of `url`. */
  provider?: Source | undefined;
  /** The user whose store is read. The default is `default`. */
  userId?: string | undefined;
  /**
   * Called with each request before it is sent. Returns a presigned URL, or the headers of a
   * signature; see `Sign`.
   */
  sign?: Sign | undefined;
  /** Sends requests. The default is the global `fetch`. */
  fetch?: Fetch | undefined;
}

const readerOptions: OptionNames<ReaderOptions> = {
  url: kind.address,
  s3: kind.options<S3Address>({
    bucket: required(kind.text),
    prefix: kind.text,
    region: kind.text,
    endpoint: kind.secret,
    pathStyle: kind.flag,
  }),
  provider: kind.source,
  userId: kind.text,
  sign: kind.call,
  fetch: kind.call,
};
const sessionsOptions: OptionNames<ReaderSessionsOptions> = { signal: kind.signal, onProblem: kind.call };

export type ReaderSessionInfo = SessionSummary;

export interface ReaderSessionsOptions extends RequestOptions {
  /**
   * Called with each session whose ref is damaged or of a newer version. Without this function, the
   * first such error is thrown after the other sessions.
   */
  onProblem?: ((session: string, problem: BrowserStateError) => void) | undefined;
}

/**
 * Opens one user's store for reading. Works without Node: in web pages, Deno, Bun and edge workers.
 * Sends no request before the first method is called. Retries failed requests. Verifies all
 * returned data. Throws USAGE for an invalid address, user id or option.
 *
 * @example
 * const reader = openReader({ url: 'https://profiles.example/team' });
 * const version = await reader.session('work').version({ at: 'HEAD~1' });
 * const bytes = await version.read('Default/Preferences');
 */
export function openReader(options: ReaderOptions): Reader {
  checkOptions('openReader', options, readerOptions);
  const { userId = 'default' } = options ?? {};
  checkId('user', userId);
  const random = (): number => new DataView(portableHost.random(4).buffer as ArrayBuffer).getUint32(0) / 2 ** 32;
  return new Reader(scoped(retrying(providerOf(options ?? {}), { random }), `${userId}/.store/`));
}

export class Reader {
  readonly #refs: RefReader;

  constructor(provider: Provider) {
    this.#refs = new RefReader(provider);
  }

  /**
   * Yields all sessions that have a commit, in the order of their names. Throws UNSUPPORTED if the
   * source cannot be listed, such as a plain address, and NOT_FOUND if there is no store.
   */
  async *sessions(options: ReaderSessionsOptions = {}): AsyncGenerator<ReaderSessionInfo> {
    checkOptions('sessions', options, sessionsOptions);
    const problems: BrowserStateError[] = [];
    const report = options.onProblem ?? ((_session: string, problem: BrowserStateError) => void problems.push(problem));
    for await (const { session, token, problem } of this.#refs.all(options)) {
      if (problem !== undefined) report(session, problem);
      const summary = token && summaryOf(session, token.ref);
      if (summary !== undefined) yield summary;
    }
    for (const problem of problems) throw problem;
  }

  /** Returns a session by its id. The session need not exist. Throws USAGE for an invalid id. */
  session(id: string): ReaderSession {
    checkId('session', id);
    return new ReaderSession(this.#refs, id);
  }
}

function providerOf({ url, s3, provider, sign, fetch = globalThis.fetch as Fetch }: ReaderOptions): Provider {
  if ([url, s3, provider].filter((each) => each !== undefined).length !== 1) {
    throw new BrowserStateError('USAGE', 'openReader: expected one of `url`, `s3` and `provider`', {
      hint: "Give the address of the store, as in openReader({ url: 'https://profiles.example/team' }).",
    });
  }
  if (provider !== undefined) return readOnly(provider);
  if (s3 === undefined) return readOnly(new HttpSource(addressOf(url), { fetch, sign }));
  const bucket = readOnly(s3Source(s3, { fetch, sign }));
  return s3.prefix === undefined || s3.prefix === '' ? bucket : scoped(bucket, s3.prefix);
}

function addressOf(url: string | URL | undefined): URL {
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  // An address is not shown before it is known to hold no credentials.
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new BrowserStateError('USAGE', 'openReader: `url` is not an http or https address', {
      hint: 'Write all of it, from https:// on.',
    });
  }
  if (parsed.username === '' && parsed.password === '' && parsed.hash === '') return parsed;
  throw new BrowserStateError('USAGE', 'openReader: `url` has credentials or a fragment in it', {
    hint: 'Leave them out, and sign the requests with `sign`.',
  });
}
