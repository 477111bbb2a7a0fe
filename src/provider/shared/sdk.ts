/** The SDKs of the network providers, which users install only if they need them. */
import { BrowserStateError, isAnyError } from '../../base/errors.js';
import { loadPackage } from '../../base/packages.js';

/** Loads the SDK of a service. Throws UNSUPPORTED if it is not installed. */
export function loadSdk(name: string, service: string): unknown {
  try {
    return loadPackage(name);
  } catch (cause) {
    if (!(isAnyError(cause) && 'code' in cause && cause.code === 'MODULE_NOT_FOUND' && cause.message.includes(name))) throw cause;
    throw new BrowserStateError('UNSUPPORTED', `the package ${name}, which ${service} needs, is not installed`, {
      hint: `Install it: npm install ${name}`,
      cause,
    });
  }
}
