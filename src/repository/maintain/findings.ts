/**
 * The findings of a verification, bounded in number. Each finding is listed once, with every
 * session that needs the damaged object.
 */
import { type BrowserStateError, isError } from '../../base/errors.js';

/**
 * The kinds of findings: missing objects or cells, bytes that break a rule, bytes that this version
 * cannot read, and names that no object has.
 */
export type FindingCode = 'MISSING' | 'DAMAGED' | 'NEWER_VERSION' | 'UNSUPPORTED' | 'STRAY';

export interface Finding {
  code: FindingCode;
  /** The provider key of the damaged, missing or unknown object. */
  key: string;
  message: string;
  /** Sessions that need the object. */
  sessions: string[];
}

const codes: Partial<Record<BrowserStateError['code'], FindingCode>> = {
  NOT_FOUND: 'MISSING',
  INTEGRITY: 'DAMAGED',
  NEWER_VERSION: 'NEWER_VERSION',
  UNSUPPORTED: 'UNSUPPORTED',
};

/**
 * Maximum listed findings of one code about one key, and of all. Further findings are only counted,
 * so that no repository makes the list large.
 */
export const MAX_FINDINGS_OF_KEY = 10;
export const MAX_FINDINGS = 10_000;

interface Known {
  finding: Finding;
  sessions: Set<string>;
  /**
   * Number of unlisted findings that this finding counts, if any. A finding that several manifests
   * share may be counted more than once.
   */
  more: number;
}

export class Findings {
  readonly list: Finding[] = [];
  readonly #known = new Map<string, Known>();
  readonly #byFinding = new Map<Finding, Known>();
  /** Listed findings by code and key. */
  readonly #ofKey = new Map<string, number>();
  #listed = 0;

  /**
   * Adds a finding, or adds the sessions to a known finding. Returns the finding that represents
   * it.
   */
  add(code: FindingCode, key: string, message: string, sessions: Iterable<string> = []): Finding {
    const known = this.#known.get(`${key} ${message}`) ?? this.#begin(code, key, message);
    return this.#name(known, sessions);
  }

  /** Adds sessions to a finding that `add` or `attempt` returned. */
  addSessions(finding: Finding, sessions: Iterable<string>): void {
    const known = this.#byFinding.get(finding);
    if (known !== undefined) this.#name(known, sessions);
  }

  /**
   * Runs a step. Records damage as a finding, and returns the finding as `damage`. Throws every
   * other error.
   */
  async attempt<T>(
    key: string,
    step: () => Promise<T>,
    sessions: Iterable<string> = [],
  ): Promise<{ value: T; damage?: undefined } | { value?: undefined; damage: Finding }> {
    try {
      return { value: await step() };
    } catch (error) {
      const code = isError(error) ? codes[error.code] : undefined;
      if (code === undefined) throw error;
      return { damage: this.add(code, key, (error as BrowserStateError).message, sessions) };
    }
  }

  #name(known: Known, sessions: Iterable<string>): Finding {
    for (const session of sessions) {
      if (known.sessions.has(session)) continue;
      known.sessions.add(session);
      known.finding.sessions.push(session);
    }
    return known.finding;
  }

  #begin(code: FindingCode, key: string, message: string): Known {
    const ofKey = this.#ofKey.get(`${code} ${key}`) ?? 0;
    if (ofKey >= MAX_FINDINGS_OF_KEY) return this.#count(code, key, 'about it');
    if (this.#listed >= MAX_FINDINGS) {
      const folder = /^(config|packs|manifests|segments|refs|gc)(?=\/|$)/.exec(key)?.[0];
      return this.#count(code, folder ?? '/', 'below it');
    }
    this.#listed++;
    this.#ofKey.set(`${code} ${key}`, ofKey + 1);
    return this.#list(`${key} ${message}`, { code, key, message, sessions: [] });
  }

  /** Counts one more unlisted finding. */
  #count(code: FindingCode, key: string, where: string): Known {
    const at = `${code} ${key} ${where}`;
    const known = this.#known.get(at) ?? this.#list(at, { code, key, message: '', sessions: [] });
    known.finding.message = `and ${++known.more} more ${where}`;
    return known;
  }

  #list(at: string, finding: Finding): Known {
    const known = { finding, sessions: new Set<string>(), more: 0 };
    this.#known.set(at, known);
    this.#byFinding.set(finding, known);
    this.list.push(finding);
    return known;
  }
}
