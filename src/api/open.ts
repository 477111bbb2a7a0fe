/** The entry point of the library: opens one user's store. */
import { BrowserStateError } from '../base/errors.js';
import { systemHost } from '../base/host.js';
import { checkOptions } from '../base/option-check.js';
import { unexpectedFailure } from '../base/system-errors.js';
import { checkId } from '../format/keys.js';
import { openPlaces } from './locations.js';
import { type OpenOptions, optionsOf } from './options.js';
import { Store } from './store.js';

/**
 * Opens one user's store. Reads and writes nothing: the first write creates the local store, and
 * the first push the store on the remote.
 *
 * @example
 * const store = await openStore({ remote: 's3://profiles/team?region=eu-central-1' });
 * const session = store.session('linkedin');
 * const { commit } = await session.commit('/tmp/profile', { message: 'logged in' });
 * await session.push();
 * await session.checkout('/tmp/elsewhere', { at: 'HEAD~1' });
 * await store.close();
 *
 * Throws USAGE for an invalid user id, address or option, and for a remote that is the local store
 * itself; UNSUPPORTED on Windows.
 */
export async function openStore(options: OpenOptions = {}): Promise<Store> {
  checkOptions('openStore', options, optionsOf.open);
  const { userId = 'default', host = systemHost, remote, transfer = {}, onRetry, signal, onProgress, onWarning } = options;
  if (host.platform() === 'win32')
    throw new BrowserStateError('UNSUPPORTED', 'browserstate does not run on Windows', { hint: 'Run it in WSL.' });
  checkId('user', userId);
  const places = await openPlaces({ home: options.home ?? host.defaultHome(), remote, userId, host, transfer, onRetry }).catch(
    (error: unknown) => {
      throw unexpectedFailure(error);
    },
  );
  return new Store({ ...places, host, signal, onProgress, onWarning });
}
