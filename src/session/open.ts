/** Opening one user's store: the library's entry, and what the front door stands on. */
import { BrowserStateError } from '../errors.js';
import { type Host, systemHost } from '../host.js';
import { checkOptions } from '../option-check.js';
import type { Provider } from '../provider/provider.js';
import type { RetryEvent } from '../provider/retry.js';
import { checkId } from '../repository/layout.js';
import { optionsOf } from './calls.js';
import { openPlaces, type TransferOptions } from './places.js';
import type { OnProgress } from './progress.js';
import { Store } from './store.js';

export interface OpenOptions {
  /**
   * The directory of this machine's repositories; `~/.browserstate` unless given. Made when it is first written. With a
   * provider that is no folder, what only this machine needs (index, records, mounted directories) is in a private folder of the system's place for temporary files,
   * which is removed when the store is closed; nothing is written to `~/.browserstate`.
   */
  home?: string | Provider | undefined;
  /** The repositories that are shared with other machines, as an address (`file:`, `s3:`, `gs:`) or a provider; without one everything is local. */
  remote?: string | Provider | undefined;
  /** Whose repository it is, in both; `default` unless given. */
  userId?: string | undefined;
  /** How bytes are moved to and from the remote. */
  transfer?: TransferOptions | undefined;
  /** Told before a request to the remote that got no answer is asked again. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Clock, randomness and identity; the system's unless given. */
  host?: Host | undefined;
  /** Told what a person should know, such as that the index cannot be used; nothing is printed. */
  onWarning?: ((message: string) => void) | undefined;
  /** Cancels whatever the store is doing, of all calls that are given no signal of their own. */
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Opens one user's store. Nothing is read or written until it is used; the store is created when it is first written, and the remote by the
 * first push.
 *
 * @example
 * const store = await openRepository({ home: '/var/lib/browserstate', remote: 's3://profiles/team?region=eu-central-1' });
 * const session = store.session('linkedin');
 * const { commit } = await session.commit('/tmp/profile', { message: 'logged in' });
 * await session.push();
 * await session.checkout('/tmp/elsewhere', { at: 'HEAD~1' });
 * await store.close();
 *
 * Throws USAGE for a user id, an address or a number that cannot be one, and for a remote that is home itself; UNSUPPORTED on Windows.
 */
export async function openRepository(options: OpenOptions = {}): Promise<Store> {
  checkOptions('openRepository', options, optionsOf.open);
  checkOptions('openRepository: transfer', options.transfer, optionsOf.transfer);
  const { userId = 'default', host = systemHost, remote, transfer = {}, onRetry, signal, onProgress, onWarning } = options;
  if (host.platform() === 'win32') throw new BrowserStateError('UNSUPPORTED', 'browserstate does not run on Windows');
  checkId('user', userId);
  const places = await openPlaces({ home: options.home ?? host.defaultHome(), remote, userId, host, transfer, onRetry });
  return new Store({ ...places, host, signal, onProgress, onWarning });
}
