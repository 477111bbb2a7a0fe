/** What the package exports, and nothing else. */
import { join } from 'node:path';
import { BrowserStateError } from './errors.js';
import { type Host, systemHost } from './host.js';
import { localProvider } from './provider/local.js';
import type { Provider } from './provider/provider.js';
import { scoped } from './provider/scoped.js';
import { checkId } from './repository/layout.js';
import { STORE_FOLDER } from './session/home.js';
import type { OnProgress } from './session/progress.js';
import { Store, type StoreOptions } from './session/store.js';

export interface OpenOptions {
  /** The directory of this machine's repositories; `~/.browserstate` unless given. Made when it is first written. */
  home?: string | undefined;
  /** Whose repository it is; `default` unless given. */
  userId?: string | undefined;
  /** The repository that is shared with other machines, as a URL (`file:`, `s3:`, `gs:`) or a provider; each user has a part of its own in it. */
  remote?: Provider | undefined;
  /** Keeps objects and cells in this provider instead of in `home`; the index and the records stay in `home`. */
  provider?: Provider | undefined;
  /** Clock, randomness and identity; the system's unless given. */
  host?: Host | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Opens one user's store. Nothing is read or written until it is used; the store is created when it is first written.
 *
 * @example
 * const store = await openRepository({ home: '/var/lib/browserstate' });
 * const { commit } = await store.session('linkedin').commit('/tmp/profile', { message: 'logged in' });
 * await store.session('linkedin').checkout('/tmp/elsewhere', { at: 'HEAD~1' });
 * await store.close();
 *
 * Throws USAGE for a user id that cannot be one, UNSUPPORTED on Windows.
 */
export async function openRepository(options: OpenOptions = {}): Promise<Store> {
  const { userId = 'default', host = systemHost, signal, onProgress } = options;
  if (host.platform() === 'win32') throw new BrowserStateError('UNSUPPORTED', 'browserstate does not run on Windows');
  checkId('user', userId);
  const legacyFolder = join(options.home ?? host.defaultHome(), userId);
  const folder = join(legacyFolder, STORE_FOLDER);
  const provider = options.provider ? scoped(options.provider, `${userId}/${STORE_FOLDER}/`) : localProvider(folder, host);
  const remote = options.remote === undefined ? undefined : remoteOf(options.remote, userId);
  return new Store({ provider, folder, legacyFolder, host, remote, signal, onProgress });
}

/** A user's part of the remote. */
function remoteOf(whole: Provider, userId: string): StoreOptions['remote'] {
  return {
    provider: scoped(whole, `${userId}/${STORE_FOLDER}/`),
    async hasLegacy(session, options) {
      for await (const { key } of whole.list(`${userId}/${session}/`, options)) return key !== '';
      return false;
    },
  };
}

export { BrowserStateError, type ErrorCode, isError } from './errors.js';
export type { TreeDiff } from './object/diff.js';
export type { ObjectId } from './object-id.js';
export type { Compression } from './pack/codec.js';
export { localProvider } from './provider/local.js';
export { memoryProvider } from './provider/memory.js';
export type { ByteRange, Cell, Listed, Provider, ProviderSupports, RequestOptions, Version } from './provider/provider.js';
export type { CheckOptions, CheckResult, Finding } from './repository/check.js';
export type { RefEvent } from './repository/ref.js';
export type { CheckoutOptions, CheckoutResult } from './session/checkout.js';
export type { CommitOptions, CommitResult, CommitStats } from './session/commit.js';
export type { OnConflict } from './session/conflict.js';
export type { AtOptions, LogEntry, RollbackOptions } from './session/history.js';
export type { OnProgress, Progress } from './session/progress.js';
export type { PullOptions, PullResult } from './session/pull.js';
export type { PushOptions, PushResult } from './session/push.js';
export type { OfflineOptions, Session, StatusOptions, SyncResult } from './session/session.js';
export type { SessionInfo, Store, Usage } from './session/store.js';
export type { Host };
