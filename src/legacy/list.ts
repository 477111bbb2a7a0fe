/** The sessions of v0 that a store can import. */
import { type BrowserStateError, isError } from '../base/errors.js';
import { checkId } from '../format/keys.js';
import type { Call } from '../session/call.js';
import type { LegacySource } from '../session/replica/legacy-source.js';
import { byName } from '../session/session-list.js';
import { measure } from './sources.js';

export interface LegacySession {
  /** The name in v0, which may be invalid here. */
  session: string;
  from: string;
  files: number;
  bytes: number;
  /** Whether the store has, or deleted, a session of that name. `rejected`: not migratable. */
  state: 'new' | 'here' | 'deleted' | 'rejected';
  /** The reason for the state `rejected`. */
  problem?: BrowserStateError;
}

/** Returns the sources of v0 sessions, first that of the remote. */
export function legacySources({ local, remote }: Call): LegacySource[] {
  return [...(remote === undefined ? [] : [remote.legacy]), local.legacy];
}

/** Yields the sessions of v0 in the order of their names; see `Store.legacySessions`. */
export async function* listLegacy(op: Call): AsyncGenerator<LegacySession> {
  const found = new Map<string, LegacySource>();
  for (const source of legacySources(op)) {
    for (const name of await source.sessions(op)) if (!found.has(name)) found.set(name, source);
  }
  for (const [session, source] of byName(found)) yield await describe(session, source, op);
}

async function describe(session: string, source: LegacySource, op: Call): Promise<LegacySession> {
  const from = `${source.url}/${session}`;
  try {
    const entries = await source.entries(session, op);
    checkId('session', session);
    const refs = [await op.remote?.read(session, op), await op.local.read(session, op)];
    const wasDeleted = refs.some((ref) => ref?.wasDeleted);
    const state = refs.some((ref) => ref?.exists) ? 'here' : wasDeleted ? 'deleted' : 'new';
    return { session, from, ...measure(entries), state };
  } catch (error) {
    if (!isError(error, 'USAGE', 'INTEGRITY', 'UNREADABLE')) throw error;
    return { session, from, files: 0, bytes: 0, state: 'rejected', problem: error };
  }
}
