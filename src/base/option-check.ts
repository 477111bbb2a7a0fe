/** The check of the options of a library call: an unknown option is an error and never ignored. */
import { BrowserStateError } from './errors.js';
import { nearest } from './nearest.js';

/**
 * The names of the options `T`: the compiler rejects a table that lacks one or has one too many.
 */
export type OptionNames<T> = { readonly [Name in keyof Required<T>]: true };

/** Throws USAGE unless `given` is undefined or an object with only the options in `names`. */
export function checkOptions<T extends object>(call: string, given: T | undefined, names: OptionNames<T>): void {
  if (given === undefined) return;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new BrowserStateError('USAGE', `${call}: options are not an object`, {
      hint: `Pass an object with some of ${list(names)}.`,
      details: { call },
    });
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  const meant = nearest(unknown, Object.keys(names));
  throw new BrowserStateError('USAGE', `${call}: unknown option ${JSON.stringify(unknown)}`, {
    hint: meant === undefined ? `Use one of ${list(names)}, or leave it out.` : `Did you mean ${JSON.stringify(meant)}?`,
    details: { call, option: unknown, nearest: meant ?? null },
  });
}

function list(names: object): string {
  return Object.keys(names).sort().join(', ');
}
