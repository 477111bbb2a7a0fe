/**
 * What all parts of one library call share. It is made once, where the call enters the library, and
 * passed on as one argument.
 */
import { BrowserStateError, throwIfAborted } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { checkArgument, checkOptions, kind, type OptionNames } from '../base/option-check.js';
import type { RequestOptions } from '../provider/provider.js';
import type { LocalReplica } from './replica/local.js';
import type { OnProgress } from '../base/progress.js';
import type { RemoteReplica } from './replica/remote.js';

export interface Operation extends RequestOptions {
  host: Host;
  onProgress?: OnProgress | undefined;
  /** Called with facts that a person should know. */
  onWarning?: ((message: string) => void) | undefined;
}

/** An operation on the sessions of this machine, and of the remote unless it is left alone. */
export interface Call extends Operation {
  local: LocalReplica;
  remote: RemoteReplica | undefined;
}

/** An operation on both. */
export interface RemoteCall extends Call {
  remote: RemoteReplica;
}

export function hasRemote(op: Call): op is RemoteCall {
  return op.remote !== undefined;
}

/** Throws USAGE if there is no remote. */
export function requireRemote(op: Call): RemoteCall {
  if (hasRemote(op)) return op;
  throw new BrowserStateError('USAGE', 'expected a remote, found none', {
    hint: 'Name one with --remote URL, BROWSERSTATE_REMOTE, or the option `remote` of openStore.',
  });
}

/**
 * Returns what the parts of a call share: what it is given, and the store's for the rest. Throws
 * USAGE for an option that is not among `names` or not of its kind and for an argument in `texts`
 * that is no string, and CANCELLED if the signal has fired.
 */
export function operationOf<O extends Operation, T extends object>(
  store: O,
  call: string,
  given: T | undefined,
  names: OptionNames<NoInfer<T>>,
  texts: object = {},
): O {
  for (const [name, value] of Object.entries(texts)) checkArgument(call, name, value);
  checkOptions(call, given, names);
  const { signal, onProgress, onWarning }: Partial<Operation> = given ?? {};
  const own = { signal: signal ?? store.signal, onProgress: onProgress ?? store.onProgress, onWarning: onWarning ?? store.onWarning };
  throwIfAborted(own.signal);
  return { ...store, ...own };
}

/** Returns the same for a call that may leave the remote alone. */
export function callOf<T extends object>(
  store: Call,
  call: string,
  given: T | undefined,
  names: OptionNames<NoInfer<T>>,
  texts: object = {},
): Call {
  const op = operationOf(store, call, given, names, texts);
  const { offline }: { offline?: boolean | undefined } = given ?? {};
  return offline ? { ...op, remote: undefined } : op;
}

/** The options of a call that has no others. */
export const requestOptions: OptionNames<RequestOptions> = { signal: kind.signal };
