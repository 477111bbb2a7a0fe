/** The sessions of v0 that a store can import. */
import { type BrowserStateError, isError } from '../base/errors.js';
import { checkId } from '../format/keys.js';
import type { Call } from '../session/call.js';
import type { LegacyPlace } from '../session/replica/legacy-place.js';
import { measure } from './sources.js';

/** A session of v0. */
export interface LegacySession {
  /** Its name, which may not be a valid one here. */
  session: string;
  from: string;
  files: number;
  bytes: number;
  /** Whether this store has or deleted a session of that name, or why it cannot be migrated. */
  state: 'new' | 'here' | 'deleted' | 'refused';
  /** The reason for the last of these states. */
  problem?: BrowserStateError;
}

/** Returns where sessions of v0 may be; first the remote. */
export function legacyPlaces({ local, remote }: Call): LegacyPlace[] {
  return [...(remote === undefined ? [] : [remote.legacy]), local.legacy];
}

/** Yields the sessions of v0 in the order of their names; see `Store.legacySessions`. */
export async function* listLegacy(op: Call): AsyncGenerator<LegacySession> {
  const found = new Map<string, LegacyPlace>();
  for (const place of legacyPlaces(op)) {
    for (const name of await place.sessions(op)) if (!found.has(name)) found.set(name, place);
  }
  for (const [session, place] of byName(found)) yield await describe(session, place, op);
}

async function describe(session: string, place: LegacyPlace, op: Call): Promise<LegacySession> {
  const from = `${place.url}/${session}`;
  try {
    const entries = await place.entries(session, op);
    checkId('session', session);
    const refs = [await op.remote?.read(session, op), await op.local.read(session, op)];
    const wasDeleted = refs.some((ref) => ref?.wasDeleted);
    const state = refs.some((ref) => ref?.exists) ? 'here' : wasDeleted ? 'deleted' : 'new';
    return { session, from, ...measure(entries), state };
  } catch (error) {
    if (!isError(error, 'USAGE', 'INTEGRITY', 'UNREADABLE')) throw error;
    return { session, from, files: 0, bytes: 0, state: 'refused', problem: error };
  }
}

/** Returns entries in the order of their names. */
export function byName<T>(entries: ReadonlyMap<string, T>): [name: string, value: T][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}
