/** Errors for packs and manifests that a replica has lost (SPEC.md 11.5). */
import { BrowserStateError, isError } from '../../base/errors.js';

/** Returns the error for packs of the remote that this machine cannot send again. */
export function lostPacks(url: string, lost: ReadonlySet<string>, session: string): BrowserStateError {
  return new BrowserStateError('INTEGRITY', lossOf(url, lost, session), {
    hint: 'Run `browserstate verify --on remote` to see all that is missing; push from a machine that has the session.',
    details: { session, packs: [...lost].sort() },
  });
}

export function lossOf(url: string, lost: ReadonlySet<string>, session: string): string {
  const [first] = [...lost].sort();
  const more = lost.size > 1 ? ` and ${lost.size - 1} more` : '';
  return `${url}${first}${more}: missing or cut short, and session ${session} needs it`;
}

/** Returns the session and the packs in an error of `lostPacks`; undefined for any other error. */
export function lostIn(error: unknown): { session: string; packs: ReadonlySet<string> } | undefined {
  if (!isError(error, 'INTEGRITY')) return undefined;
  const { session, packs } = error.details;
  return typeof session === 'string' && Array.isArray(packs) ? { session, packs: new Set(packs.map(String)) } : undefined;
}
