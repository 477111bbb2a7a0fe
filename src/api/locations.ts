/** Where a user's repositories lie: home on this machine, and the remote. Opening a place asks it for nothing. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { MAX_REMOTE_SPAN, REMOTE_CONCURRENCY } from '../base/limits.js';
import { STORE_FOLDER } from '../format/keys.js';
import { errno } from '../fs/errors.js';
import { legacyFolder, legacyObjects } from '../legacy/sources.js';
import { checkWholeNumber } from '../provider/arguments.js';
import { localProvider } from '../provider/local/local.js';
import type { Provider } from '../provider/provider.js';
import { openProviderUrl } from '../provider/url.js';
import { type RetryEvent, retrying } from '../provider/wrap/retry.js';
import { scoped } from '../provider/wrap/scoped.js';
import type { LegacyPlace } from '../session/replica/legacy-place.js';
import type { RemoteOptions } from '../session/replica/remote.js';
import { realPath } from '../workspace/workspace.js';

/** How bytes are moved to and from a remote. */
export interface TransferOptions {
  /** Requests under way at once; 32 unless given. What they hold in memory is bounded apart. */
  maxConcurrentOperations?: number | undefined;
  /** Bytes that one request fetches at most; 8 MiB, which is a whole pack, unless given. What lies in one frame is never cut. */
  chunkSize?: number | undefined;
  /** How often a request without an answer is asked again; 3 unless given. */
  maxRetries?: number | undefined;
  /** Milliseconds before the first of them, at most; twice as many before each further one. 1000 unless given. */
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

/** Where a store is. */
export interface Places {
  provider: Provider;
  /** A private directory of this machine for the index and the records. */
  folder: string;
  /** A folder that is for this store alone, and is removed when it is closed. */
  temporary?: string | undefined;
  /** The sessions of v0 in the same place. */
  legacy: LegacyPlace;
  /** The repository that is shared with other machines. */
  remote?: Omit<RemoteOptions, 'host' | 'records' | 'onWarning'> | undefined;
}

/**
 * A user's part of home and of the remote. With a provider that is no folder as home, index and records are in a folder of their own. Throws
 * USAGE for addresses and numbers that cannot be, and for a remote that is home itself.
 */
export async function openPlaces({ home, remote, userId, host, transfer, onRetry }: PlaceOptions): Promise<Places> {
  if (typeof home === 'string' && /^[a-z][a-z0-9+.-]+:\//i.test(home)) {
    throw new BrowserStateError('USAGE', `expected a directory of this machine as home, found the address ${home}`, {
      hint: 'What is shared with other machines is the remote: --remote URL, BROWSERSTATE_REMOTE, or the option `remote`.',
    });
  }
  const root = typeof home === 'string' ? home : folderOf(home);
  if (root !== undefined) refuseFile(root);
  const temporary = root === undefined ? host.temporaryFolder() : undefined;
  const folder = join(root ?? (temporary as string), userId, STORE_FOLDER);
  // One registry: a socket in a remote's folder would keep its disk from being unmounted.
  const owners = host.owners(join(folder, 'records'));
  const provider = typeof home === 'string' ? localProvider(folder, host, { owners }) : scoped(home, `${userId}/${STORE_FOLDER}/`);
  const legacy = typeof home === 'string' ? legacyFolder(join(home, userId)) : legacyOf(home, home, userId);
  if (remote === undefined) return { provider, folder, temporary, legacy };
  const whole = typeof remote === 'string' ? await openProviderUrl(remote, host, owners) : remote;
  const there = folderOf(whole);
  refuseSamePlace(typeof home === 'string' ? resolve(home) : (folderOf(home) ?? home), there ?? whole);
  const { concurrency, maxSpan, ...patience } = settingsOf(transfer);
  const asked = retrying(whole, { ...patience, maxConcurrent: concurrency, random: () => fraction(host), onRetry });
  return {
    provider,
    folder,
    temporary,
    legacy,
    remote: {
      provider: scoped(asked, `${userId}/${STORE_FOLDER}/`),
      legacy: legacyOf(whole, asked, userId),
      transfer: { concurrency, maxSpan },
    },
  };
}

function settingsOf(given: TransferOptions) {
  const whole = (name: keyof TransferOptions, least: number) => {
    const value = given[name];
    return value === undefined ? undefined : checkWholeNumber(`transfer.${name}`, value, least);
  };
  return {
    concurrency: whole('maxConcurrentOperations', 1) ?? REMOTE_CONCURRENCY,
    maxSpan: whole('chunkSize', 1) ?? MAX_REMOTE_SPAN,
    maxRetries: whole('maxRetries', 0),
    retryDelayMs: whole('retryDelay', 0),
  };
}

/** Throws USAGE if there is a file in the place of a directory, or above it. */
function refuseFile(root: string): void {
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

/** A number from 0 to 1. */
function fraction(host: Host): number {
  return Buffer.from(host.random(4)).readUInt32LE() / 2 ** 32;
}

/** The folder that a provider keeps everything in; undefined where it is no folder. */
function folderOf({ url }: Provider): string | undefined {
  return url.startsWith('file:') ? fileURLToPath(url) : undefined;
}

function refuseSamePlace(home: string | Provider, remote: string | Provider): void {
  const areFolders = typeof home === 'string' && typeof remote === 'string';
  if (areFolders ? real(home) !== real(remote) : home !== remote) return;
  throw new BrowserStateError(
    'USAGE',
    `expected a remote apart from home, found both in ${typeof remote === 'string' ? remote : remote.url}`,
    {
      hint: 'Home is private to this machine; name another folder or a bucket as the remote, or none.',
    },
  );
}

/** Where a path leads by all links; as it is where that cannot be told. */
function real(path: string): string {
  try {
    return realPath(path);
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return path;
  }
}

/** The older package's sessions beside a store: a folder holds them as files. */
function legacyOf(whole: Provider, asked: Provider, userId: string): LegacyPlace {
  const folder = folderOf(whole);
  return folder === undefined ? legacyObjects(asked, userId) : legacyFolder(join(folder, userId));
}
