/** Packs and manifests that a replica has lost, and the local store can resend (SPEC.md 11.5). */
import { BrowserStateError, ignore, isError } from '../../base/errors.js';
import { objectKey } from '../../format/keys.js';
import type { HistoryEntry } from '../../format/ref.js';
import type { RequestOptions } from '../../provider/provider.js';
import { needsPack, PackPresence } from '../commit/reuse.js';
import { type Outgoing, outgoing } from '../outgoing.js';
import type { SessionRef } from '../session-ref.js';
import type { Replica } from './replica.js';

/**
 * Returns the entries in the remote's ref, not its segments, that need lost objects and that the
 * local store can send again, oldest first.
 */
export async function findRelocations(
  local: Replica,
  there: SessionRef,
  lost: ReadonlySet<string>,
  op: RequestOptions,
): Promise<Outgoing[]> {
  const here = await local.read(there.id, op);
  if (!here.exists || lost.size === 0) return [];
  const own = new Map<string, HistoryEntry>();
  for await (const entry of here.entries(op)) own.set(entry.id, entry);
  const packs = new PackPresence(here.repository, op);
  const found: HistoryEntry[] = [];
  for (const entry of there.ref.entries) {
    const mine = own.get(entry.id);
    if (mine === undefined || !(await needs(there, entry, lost, op))) continue;
    const { blobs } = await here.manifest(mine, op);
    if ((await packs.missing(blobs.values())).size === 0) found.push(mine);
  }
  return outgoing(here, found, op);
}

/** Returns whether an entry needs a lost object. */
export async function needs(there: SessionRef, entry: HistoryEntry, lost: ReadonlySet<string>, op: RequestOptions): Promise<boolean> {
  if (lost.has(objectKey('manifests', entry.manifest))) return true;
  const manifest = await there.manifest(entry, op).catch(ignore('INTEGRITY'));
  return manifest === undefined || [...manifest.blobs.values()].some((place) => needsPack(place, lost));
}

/** Returns the keys of the packs and the manifest that the head needs and the remote has lost. */
export async function missingOfHead(there: SessionRef, op: RequestOptions): Promise<Set<string>> {
  const { head, repository } = there;
  if (head === undefined) return new Set();
  const key = objectKey('manifests', head.manifest);
  const looking = repository.provider.get(key, { ...op, range: { start: 0, end: 1 } }).catch(ignore('NOT_FOUND', 'INTEGRITY'));
  looking.catch(() => undefined);
  const { blobs } = await there.manifest(head, op);
  const lost = await new PackPresence(repository, op).missing(blobs.values());
  return (await looking) ? lost : lost.add(key);
}

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
