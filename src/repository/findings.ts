/** Findings of a verification: each once, with every session that needs what is damaged. */
import { type BrowserStateError, isError } from '../errors.js';

/** A missing object or cell; bytes that break a rule; bytes that this version cannot read; a name that no object has. */
export type FindingCode = 'MISSING' | 'DAMAGED' | 'NEWER_VERSION' | 'UNSUPPORTED' | 'STRAY';

export interface Finding {
  code: FindingCode;
  /** The provider key of what is damaged, missing or unknown. */
  key: string;
  message: string;
  /** Sessions that need it. */
  sessions: string[];
}

const codes: Partial<Record<BrowserStateError['code'], FindingCode>> = {
  NOT_FOUND: 'MISSING',
  INTEGRITY: 'DAMAGED',
  NEWER_VERSION: 'NEWER_VERSION',
  UNSUPPORTED: 'UNSUPPORTED',
};

export class Findings {
  readonly list: Finding[] = [];
  readonly #known = new Map<string, { finding: Finding; sessions: Set<string> }>();

  /** Adds a finding, or the sessions to one that is known. */
  add(code: FindingCode, key: string, message: string, sessions: Iterable<string> = []): Finding {
    const known = this.#known.get(`${key} ${message}`) ?? this.#begin({ code, key, message, sessions: [] });
    for (const session of sessions) {
      if (known.sessions.has(session)) continue;
      known.sessions.add(session);
      known.finding.sessions.push(session);
    }
    return known.finding;
  }

  /** Runs a step. Damage becomes a finding, which is returned as `damage`; every other error is thrown. */
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

  #begin(finding: Finding): { finding: Finding; sessions: Set<string> } {
    const begun = { finding, sessions: new Set<string>() };
    this.#known.set(`${finding.key} ${finding.message}`, begun);
    this.list.push(finding);
    return begun;
  }
}
