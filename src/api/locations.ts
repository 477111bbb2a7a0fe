/** The locations of a user's two repositories. Opening them sends no request. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { MAX_REMOTE_SPAN, REMOTE_CONCURRENCY } from '../base/limits.js';
import { STORE_FOLDER } from '../format/keys.js';
import { errno } from '../fs/errors.js';
import { legacyFolder, legacyObjects } from '../legacy/sources.js';
import { localProvider } from '../provider/local/local.js';
import type { Provider } from '../provider/provider.js';
import { openProviderUrl } from '../provider/url.js';
import { type RetryEvent, retrying } from '../provider/wrap/retry.js';
import { scoped } from '../provider/wrap/scoped.js';
import type { LegacySource } from '../session/replica/legacy-source.js';
import type { RemoteOptions } from '../session/replica/remote.js';
import { realPath } from '../workspace/workspace.js';

/** Concurrency and retries of requests to a remote. */
export interface TransferOptions {
  /** Concurrent requests; 32 if not given. Their memory is bounded separately. */
  maxConcurrentOperations?: number | undefined;
  /** Maximum bytes of one request; 8 MiB (a whole pack) if not given. A frame is never cut. */
  chunkSize?: number | undefined;
  /** Maximum retries of a failed request; 3 if not given. */
  maxRetries?: number | undefined;
  /** Maximum milliseconds before the first retry, doubled for each further one; 1000 by default. */
  retryDelay?: number | undefined;
}

export interface PlaceOptions {
  home: string | Provider;
  remote: string | Provider | undefined;
  userId: string;
  host: Host;
  transfer: TransferOptions;
  onRetry: ((event: RetryEvent) => void) | undefined;
}

export interface Places {
  provider: Provider;
  /** A private directory of this machine for the index and the records. */
  folder: string;
  /** A directory of this store alone, which is removed when the store is closed. */
  temporary?: string | undefined;
  /** The sessions of v0 in the same location. */
  legacy: LegacySource;
  remote?: Omit<RemoteOptions, 'host' | 'records' | 'onWarning'> | undefined;
}

/**
 * Opens a user's part of the local store and of the remote. If the local store is a provider that
 * is not a folder, index and records are in a temporary directory. Throws USAGE for an invalid
 * address, and if both are the same location.
 */
export async function openPlaces({ home, remote, userId, host, transfer, onRetry }: PlaceOptions): Promise<Places> {
  if (typeof home === 'string' && /^[a-z][a-z0-9+.-]+:\//i.test(home)) {
    throw new BrowserStateError('USAGE', `expected a directory of this machine as home, found the address ${home}`, {
      hint: 'Name a remote with --remote URL or BROWSERSTATE_REMOTE; in a program, with the option `remote`.',
    });
  }
  const root = folderOf(home);
  if (root !== undefined) rejectFile(root);
  const temporary = root === undefined ? host.temporaryFolder() : undefined;
  const folder = join(root ?? (temporary as string), userId, STORE_FOLDER);
  // One registry for both: a socket in a remote's folder would keep its disk mounted.
  const owners = host.owners(join(folder, 'records'));
  const below = `${userId}/${STORE_FOLDER}/`;
  const provider = typeof home === 'string' ? localProvider(folder, host, { owners }) : scoped(home, below);
  // A folder holds the sessions of v0 as files.
  const legacyOf = (place: string | Provider, objects = place as Provider): LegacySource => {
    const files = folderOf(place);
    return files === undefined ? legacyObjects(objects, userId) : legacyFolder(join(files, userId));
  };
  const here = { provider, folder, temporary, legacy: legacyOf(home) };
  if (remote === undefined) return here;
  const whole = typeof remote === 'string' ? await openProviderUrl(remote, host, owners) : remote;
  rejectSamePlace(home, whole);
  const random = (): number => Buffer.from(host.random(4)).readUInt32LE() / 2 ** 32;
  const { maxConcurrentOperations = REMOTE_CONCURRENCY, chunkSize = MAX_REMOTE_SPAN, maxRetries, retryDelay } = transfer;
  const patient = retrying(whole, { maxConcurrent: maxConcurrentOperations, maxRetries, retryDelayMs: retryDelay, random, onRetry });
  return {
    ...here,
    remote: {
      provider: scoped(patient, below),
      legacy: legacyOf(whole, patient),
      transfer: { concurrency: maxConcurrentOperations, maxSpan: chunkSize },
    },
  };
}

/** Throws USAGE if the path, or one above it, is a file. */
function rejectFile(root: string): void {
  try {
    // Without `throwIfNoEntry: false`: newer versions of Node count ENOTDIR as no entry then.
    if (statSync(root).isDirectory()) return;
  } catch (error) {
    if (errno(error) === undefined) throw error;
    if (errno(error) !== 'ENOTDIR') return;
  }
  throw new BrowserStateError('USAGE', `home ${root} is not a directory`, {
    hint: 'Name a directory, which need not exist, with --home DIR, BROWSERSTATE_HOME or the option `home`.',
    details: { path: root },
  });
}

/** Returns the folder at a path or of a provider; undefined for a provider without one. */
function folderOf(place: string | Provider): string | undefined {
  if (typeof place === 'string') return place;
  return place.url.startsWith('file:') ? fileURLToPath(place.url) : undefined;
}

function rejectSamePlace(home: string | Provider, remote: Provider): void {
  const [here, there] = [folderOf(home), folderOf(remote)];
  const areFolders = here !== undefined && there !== undefined;
  if (areFolders ? real(here) !== real(there) : home !== remote) return;
  throw new BrowserStateError('USAGE', `the remote is the local store itself: ${there ?? remote.url}`, {
    hint: 'Name another folder or a bucket as the remote, or none: the local store is private to this machine.',
  });
}

/** Returns the path with all links resolved, or unchanged if the system does not resolve them. */
function real(path: string): string {
  try {
    return realPath(path);
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return path;
  }
}
