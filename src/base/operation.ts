/**
 * What all parts of one library call share. It is made once, where the call enters the library, and
 * passed on as one argument.
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

/** The options of a call that has no others. */
export const requestOptions: OptionNames<RequestOptions> = { signal: kind.signal };
