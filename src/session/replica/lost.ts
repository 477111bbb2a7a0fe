/**
 * What a remote has lost of what its refs name, and what of it the local store can send again
 * (SPEC.md 11.5).
 */
import { BrowserStateError, integrity, isError } from '../../base/errors.js';
import { objectKey } from '../../format/keys.js';
import { framesOf } from '../../format/locator.js';
import type { Manifest } from '../../format/manifest.js';
import type { Row } from '../../format/ref.js';
import type { RequestOptions } from '../../provider/provider.js';
import { PackPresence } from '../commit/reuse.js';
import type { Outgoing } from '../outgoing.js';
import type { SessionRef } from '../session-ref.js';
import type { Replica } from './replica.js';

/**
 * Returns the entries in the remote's ref that need what is lost and that the local store can send
 * again, oldest first. Those in segments are left to a repair.
 */
export async function findRelocations(
  local: Replica,
  there: SessionRef,
  lost: ReadonlySet<string>,
  op: RequestOptions,
): Promise<Outgoing[]> {
  const here = await local.read(there.id, op);
  if (!here.exists || lost.size === 0) return [];
  const own = new Map<string, Row>();
  for await (const row of here.entries(op)) own.set(row.id, row);
  const packs = new PackPresence(here.repository, op);
  const relocations: Outgoing[] = [];
  for (const row of there.ref.rows) {
    const mine = own.get(row.id);
    if (mine === undefined || !(await needs(there, row, lost, op))) continue;
    const load = () => here.manifest(mine, op);
    const { blobs } = await load();
    if ((await packs.missing(blobs.values())).size === 0) relocations.unshift({ ...row, isHere: true, load });
  }
  return relocations;
}

/** Returns whether an entry names something that is lost. */
export async function needs(there: SessionRef, row: Row, lost: ReadonlySet<string>, op: RequestOptions): Promise<boolean> {
  if (lost.has(objectKey('manifests', row.manifest))) return true;
  const manifest = await there.manifest(row, op).catch((error: unknown): Manifest | undefined => {
    if (!isError(error, 'INTEGRITY')) throw error;
    return undefined;
  });
  if (manifest === undefined) return true;
  return [...manifest.blobs.values()].some(({ location }) => framesOf(location).some(({ pack }) => lost.has(objectKey('packs', pack))));
}

/**
 * Returns the keys of what the head needs and the remote has no more: packs, and the manifest
 * itself.
 */
export async function missingOfHead(there: SessionRef, op: RequestOptions): Promise<Set<string>> {
  const { head, repository } = there;
  if (head === undefined) return new Set();
  const key = objectKey('manifests', head.manifest);
  const isManifestThere = repository.provider.get(key, { ...op, range: { start: 0, end: 1 } }).then(
    () => true,
    (error: unknown) => {
      if (!isError(error, 'NOT_FOUND', 'INTEGRITY')) throw error;
      return false;
    },
  );
  isManifestThere.catch(() => undefined);
  const { blobs } = await there.manifest(head, op);
  const lost = await new PackPresence(repository, op).missing(blobs.values());
  return (await isManifestThere) ? lost : lost.add(key);
}

/** The error for packs on the remote that a session needs and this machine cannot send again. */
export function lostPacks(url: string, lost: ReadonlySet<string>, session: string): BrowserStateError {
  return new BrowserStateError('INTEGRITY', lossOf(url, lost, session), {
    hint: 'Run `browserstate verify --on remote` to see all that is missing; push from a machine that has the session.',
    details: { session, packs: [...lost].sort() },
  });
}

/**
 * The error for packs of the local store that a version needs. It is none of `lostIn`: nothing can
 * be sent for it.
 */
export function lostHere(url: string, lost: ReadonlySet<string>, session: string): BrowserStateError {
  const [key = ''] = [...lost].sort();
  return integrity(lossOf(url, lost, session), undefined, { session, key });
}

function lossOf(url: string, lost: ReadonlySet<string>, session: string): string {
  const [first] = [...lost].sort();
  const more = lost.size > 1 ? ` and ${lost.size - 1} more` : '';
  return `${url}${first}${more}: missing or cut short, and session ${session} needs it`;
}

/** Returns what `lostPacks` told; undefined for any other error. */
export function lostIn(error: unknown): { session: string; packs: ReadonlySet<string> } | undefined {
  if (!isError(error, 'INTEGRITY')) return undefined;
  const { session, packs } = error.details;
  return typeof session === 'string' && Array.isArray(packs) ? { session, packs: new Set(packs.map(String)) } : undefined;
}
