/** The contents and the size of a repository. */
import { readAhead } from '../../base/concurrency.js';
import { isError } from '../../base/errors.js';
import { MANIFESTS_AHEAD } from '../../base/limits.js';
import type { RequestOptions } from '../../base/request.js';
import { type ObjectFolder, objectFolders, objectKey } from '../../format/keys.js';
import { framesOf } from '../../format/locator.js';
import type { HistoryEntry } from '../../format/ref.js';
import type { Repository } from '../repository.js';

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
  const manifests = new Map<string, HistoryEntry>();
  for await (const session of refs.list(options)) {
    const ref = (await refs.read(session, options))?.ref;
    if (ref === undefined || ref.entries.length === 0) continue;
    usage.sessions++;
    for (const { name } of ref.segments) sizes.delete(objectKey('segments', name));
    for await (const entry of refs.entries(ref, options)) {
      usage.commits++;
      usage.logicalBytes += entry.commit.bytes;
      manifests.set(objectKey('manifests', entry.manifest), entry);
    }
  }
  if (!(await forgetNeeded(repository, manifests, sizes, options))) return usage;
  const unneeded = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { ...usage, reclaimableBytes: unneeded + leftover + ((await provider.temporaryBytes?.(options)) ?? 0) };
}

/**
 * Removes the manifests and the objects that they need from `sizes`. Returns false if a manifest is
 * unreadable.
 */
async function forgetNeeded(
  repository: Repository,
  manifests: ReadonlyMap<string, HistoryEntry>,
  sizes: Map<string, number>,
  options: RequestOptions,
): Promise<boolean> {
  const packs = async (entry: HistoryEntry): Promise<Set<string>> => {
    const { blobs } = await repository.readManifest(entry, options);
    return new Set([...blobs.values()].flatMap(({ location }) => framesOf(location).map(({ pack }) => objectKey('packs', pack))));
  };
  for (const key of manifests.keys()) sizes.delete(key);
  try {
    for await (const needed of readAhead(manifests.values(), MANIFESTS_AHEAD, packs)) for (const key of needed) sizes.delete(key);
    return true;
  } catch (error) {
    if (!isError(error, 'INTEGRITY', 'NOT_FOUND', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
    return false;
  }
}
