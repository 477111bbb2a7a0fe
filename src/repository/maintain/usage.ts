/** The contents and the size of a repository. */
import { readAhead } from '../../base/concurrency.js';
import { REMOTE_CONCURRENCY } from '../../base/limits.js';
import type { RequestOptions } from '../../base/request.js';
import { type ObjectFolder, objectFolders } from '../../format/keys.js';
import type { Ref } from '../../format/ref.js';
import type { Repository } from '../repository.js';
import { isDamage, Marker } from './mark.js';

export interface Usage {
  sessions: number;
  commits: number;
  /** Objects and their bytes, by kind. */
  objects: Record<ObjectFolder, { count: number; bytes: number }>;
  /** Bytes of all objects. */
  storedBytes: number;
  /** Bytes of the files of all kept commits, as if each commit were stored by itself. */
  logicalBytes: number;
  /**
   * Bytes of temporary files, of leftovers of killed processes, and of objects that no kept commit
   * needs. They include the objects of commits in progress. Null if damage hides which objects are
   * needed.
   */
  reclaimableBytes: number | null;
}

/** Measures a repository. `leftover` is the bytes of leftovers that the provider does not know. */
export async function usageOf(repository: Repository, leftover: number, options: RequestOptions): Promise<Usage> {
  const { provider, refs } = repository;
  const objects = { packs: { count: 0, bytes: 0 }, manifests: { count: 0, bytes: 0 }, segments: { count: 0, bytes: 0 } };
  const usage: Usage = { sessions: 0, commits: 0, objects, storedBytes: 0, logicalBytes: 0, reclaimableBytes: null };
  const sizes = new Map<string, number>();
  for (const folder of objectFolders) {
    for await (const { key, size = 0 } of provider.list(`${folder}/`, options)) {
      objects[folder].count++;
      objects[folder].bytes += size;
      usage.storedBytes += size;
      sizes.set(key, size);
    }
  }
  const marker = new Marker(repository, options);
  const reached = new Set<string>();
  let isWhole = true;
  const read = async (session: string): Promise<Ref | undefined> => (await refs.read(session, options))?.ref;
  for await (const ref of readAhead(await sessionsOf(repository, options), REMOTE_CONCURRENCY, read)) {
    if (ref === undefined || ref.entries.length === 0) continue;
    usage.sessions++;
    for await (const { commit } of refs.entries(ref, options)) {
      usage.commits++;
      usage.logicalBytes += commit.bytes;
    }
    await marker.mark(ref, reached).catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      isWhole = false;
    });
  }
  if (!isWhole) return usage;
  for (const key of reached) sizes.delete(key);
  const unneeded = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { ...usage, reclaimableBytes: unneeded + leftover + ((await provider.temporaryBytes?.(options)) ?? 0) };
}

async function sessionsOf({ refs }: Repository, options: RequestOptions): Promise<string[]> {
  const sessions: string[] = [];
  for await (const session of refs.list(options)) sessions.push(session);
  return sessions;
}
