/**
 * The host, signal and callbacks that all parts of one library call share. A call creates them
 * once, at its entry, and passes them on as one argument.
 */
import { throwIfAborted } from './errors.js';
import type { Host } from './host.js';
import { checkArgument, checkOptions, kind, type OptionNames } from './option-check.js';
import type { OnProgress } from './progress.js';
import type { RequestOptions } from './request.js';

export interface Operation extends RequestOptions {
  host: Host;
  onProgress?: OnProgress | undefined;
  /** Called with facts that a person should know. */
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * Returns the operation of a call: the given signal and callbacks, and the store's for all others.
 * Throws USAGE for an option that is not in `names` or has another kind. Throws USAGE for an
 * argument in `texts` that is not a string. Throws CANCELLED if the signal has fired.
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

/** The options of a call that has no others. */
export const requestOptions: OptionNames<RequestOptions> = { signal: kind.signal };
