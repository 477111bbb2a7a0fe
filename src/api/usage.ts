/** The contents and the size of a repository. */
import { readAhead } from '../base/concurrency.js';
import { isError } from '../base/errors.js';
import { type ObjectFolder, objectFolders, objectKey } from '../format/keys.js';
import { framesOf } from '../format/locator.js';
import type { Row } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Repository } from '../repository/repository.js';
import { CHECK_ADDRESS, noStore } from '../repository/repository.js';
import { LocalReplica } from '../session/replica/local.js';
import type { Replica } from '../session/replica/replica.js';
import { leftoverBytes } from '../session/replica/sweep.js';

export interface Usage {
  sessions: number;
  commits: number;
  /** Objects and their bytes, by kind. */
  objects: Record<ObjectFolder, { count: number; bytes: number }>;
  /** Bytes of all objects. */
  storedBytes: number;
  /** Bytes of the files of all kept commits, as if each were stored by itself. */
  logicalBytes: number;
  /**
   * Bytes of temporary files, of leftovers of killed processes, and of objects that no kept commit
   * needs, including those of commits that are being made. Null if damage hides which are needed.
   */
  reclaimableBytes: number | null;
}

/** A manifest of a large profile takes a hundred MB. */
const MANIFESTS_AHEAD = 2;

/** Measures a repository. Throws NOT_FOUND if there is none. */
export async function usageOf(replica: Replica, options: RequestOptions): Promise<Usage> {
  const objects = { packs: { count: 0, bytes: 0 }, manifests: { count: 0, bytes: 0 }, segments: { count: 0, bytes: 0 } };
  const usage: Usage = { sessions: 0, commits: 0, objects, storedBytes: 0, logicalBytes: 0, reclaimableBytes: 0 };
  const repository = await replica.open(options);
  if (repository === undefined) throw noStore(replica.provider, CHECK_ADDRESS);
  const sizes = new Map<string, number>();
  for (const folder of objectFolders) {
    for await (const { key, size = 0 } of replica.provider.list(`${folder}/`, options)) {
      objects[folder].count++;
      objects[folder].bytes += size;
      usage.storedBytes += size;
      sizes.set(key, size);
    }
  }
  const manifests = new Map<string, Row>();
  for await (const session of repository.refs.list(options)) {
    const ref = (await repository.refs.read(session, options))?.ref;
    if (ref === undefined || ref.rows.length === 0) continue;
    usage.sessions++;
    for (const { name } of ref.segments) sizes.delete(objectKey('segments', name));
    for await (const row of repository.refs.rows(ref, options)) {
      usage.commits++;
      usage.logicalBytes += row.commit.bytes;
      manifests.set(objectKey('manifests', row.manifest), row);
    }
  }
  const isKnown = await forgetNeeded(repository, manifests, sizes, options);
  const unneeded = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const left = replica instanceof LocalReplica ? await leftoverBytes(replica) : 0;
  usage.reclaimableBytes = isKnown ? unneeded + left + ((await replica.provider.temporaryBytes?.(options)) ?? 0) : null;
  return usage;
}

/**
 * Removes the manifests and the objects that they need from `sizes`. Returns false if a manifest is
 * unreadable.
 */
async function forgetNeeded(
  repository: Repository,
  manifests: ReadonlyMap<string, Row>,
  sizes: Map<string, number>,
  options: RequestOptions,
): Promise<boolean> {
  const packs = async (row: Row): Promise<Set<string>> => {
    const { blobs } = await repository.readManifest(row, options);
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
