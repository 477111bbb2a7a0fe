/**
 * The check of the options and arguments of a library call: an unknown option and a value of
 * another kind are errors and never ignored.
 */
import { BrowserStateError } from './errors.js';
import { nearest } from './nearest.js';

/** A kind of value. */
export interface Kind<Value> {
  /** The kind in words, as they follow "expected". */
  readonly expected: string;
  accepts(value: unknown): value is Value;
  /** True if a text given instead may be a secret. No message shows such a text. */
  readonly isPrivate?: boolean;
  readonly isRequired?: boolean;
  /** All values of the kind, if they are few. */
  readonly values?: readonly string[];
  /** The methods of an object. */
  readonly methods?: readonly string[];
  /** The options of a group. They are checked with the options of the call. */
  readonly options?: object;
}

/**
 * The options `T` of a call, each with the kind of its value. The compiler rejects a table that
 * lacks an option, has an extra option, or accepts a value that is not of the option's type.
 */
export type OptionNames<T> = { readonly [Name in keyof Required<T>]: Kind<Exclude<T[Name], undefined>> };

function kindOf<Value>(expected: string, test: (value: unknown) => boolean, isPrivate = false): Kind<Value> {
  return { expected, isPrivate, accepts: (value): value is Value => test(value) };
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const lacks = (value: object, name: string): boolean => typeof (value as Record<string, unknown>)[name] !== 'function';
const SOURCE = ['get', 'read'];
const PROVIDER = [...SOURCE, 'put', 'swap', 'list', 'delete', 'close'];
const isProvider = (value: unknown, methods: readonly string[]): boolean =>
  isObject(value) && isText(value['url']) && !methods.some((name) => lacks(value, name));
const isIterable = (value: unknown): value is Iterable<unknown> => typeof value === 'object' && value !== null && Symbol.iterator in value;

/** The kinds of options and arguments. */
export const kind = {
  text: kindOf<string>('a string', isText),
  secret: kindOf<string>('a string', isText, true),
  flag: kindOf<boolean>('true or false', (value) => typeof value === 'boolean'),
  /** A whole number. */
  from: (least: number) =>
    kindOf<number>(`a whole number from ${least} on`, (value) => Number.isSafeInteger(value) && Number(value) >= least),
  /** A maximum number of items. Infinity stands for all. */
  most: kindOf<number>(
    'a whole number from 0 on',
    (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && Number(value) >= 0),
  ),
  positive: kindOf<number>('a number above 0', (value) => Number.isFinite(value) && Number(value) > 0),
  texts: kindOf<string[]>('an array of strings', (value) => Array.isArray(value) && value.every(isText)),
  /**
   * Strings that are iterated once. A plain string is rejected, because its characters would be
   * iterated.
   */
  iterable: kindOf<Iterable<string>>('an array of strings', isIterable),
  labels: kindOf<Record<string, string>>(
    'an object with strings',
    (value) => isObject(value) && !isIterable(value) && Object.values(value).every(isText),
  ),
  map: kindOf<never>('a Map', (value) => isIterable(value) && 'entries' in value && !Array.isArray(value)),
  oneOf: <const Name extends string>(...values: Name[]): Kind<Name> => {
    const names = values.map((value) => JSON.stringify(value));
    return { ...kindOf(`${names.slice(0, -1).join(', ')} or ${names.at(-1)}`, (value) => values.includes(value as Name)), values };
  },
  signal: kindOf<AbortSignal>(
    'an AbortSignal',
    (value) => isObject(value) && typeof value['aborted'] === 'boolean' && typeof value['addEventListener'] === 'function',
  ),
  call: kindOf<never>('a function', (value) => typeof value === 'function', true),
  /** An object that is checked elsewhere. */
  object: kindOf<never>('an object', isObject, true),
  /** A group of options. */
  options: <T extends object>(options: OptionNames<T>): Kind<T> => ({ ...kindOf<T>('an object', isObject, true), options }),
  optionsOrFalse: <T extends object>(options: OptionNames<T>): Kind<T> => ({
    ...kindOf<T>('an object or false', (value) => value === false || isObject(value)),
    options,
  }),
  source: {
    ...kindOf<never>('an object with `url`, `get` and `read`', (value) => isProvider(value, SOURCE), true),
    methods: SOURCE,
  },
  /** The location of a repository. */
  repository: {
    ...kindOf<never>('a string or a provider', (value) => isText(value) || isProvider(value, PROVIDER), true),
    methods: PROVIDER,
  },
  address: kindOf<never>('a string or a URL', (value) => isText(value) || isObject(value), true),
  textOrPromise: kindOf<never>('a string or a promise of one', (value) => isText(value) || isObject(value)),
};

/** Returns the kind of a required option. */
export function required<Value>(of: Kind<Value>): Kind<Value> {
  return { ...of, isRequired: true };
}

/**
 * Throws USAGE unless `given` is undefined or an object with only the options in `names`, each of
 * its kind. Names the options of a group with the group: `mount: prepare`.
 */
export function checkOptions<T extends object>(call: string, given: T | undefined, names: OptionNames<NoInfer<T>>): void {
  const options: unknown = given === undefined ? {} : given;
  if (!isObject(options)) {
    throw new BrowserStateError('USAGE', `${call}: options are not an object`, {
      hint: `Pass an object with some of ${list(names)}.`,
      details: { call },
    });
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown !== undefined) {
    const meant = nearest(unknown, Object.keys(names));
    throw new BrowserStateError('USAGE', `${call}: unknown option ${JSON.stringify(unknown)}`, {
      hint: meant === undefined ? `Use one of ${list(names)}, or leave it out.` : `Did you mean ${JSON.stringify(meant)}?`,
      details: { call, option: unknown, nearest: meant ?? null },
    });
  }
  for (const [name, kind] of Object.entries<Kind<unknown>>(names)) {
    const value = options[name];
    if (value !== undefined || kind.isRequired) checkArgument(call, name, value, kind);
    if (kind.options !== undefined && isObject(value)) checkOptions(`${call}: ${name}`, value, kind.options as OptionNames<typeof value>);
  }
}

/** Throws USAGE unless the argument or option `name` of a call is of the kind `of`. */
export function checkArgument(call: string, name: string, value: unknown, of: Kind<unknown> = kind.text): void {
  if (of.accepts(value)) return;
  const { expected, isPrivate, methods = [] } = of;
  const missing = isObject(value) ? methods.find((name) => lacks(value, name)) : undefined;
  const found = shown(value, isPrivate) + (missing === undefined ? '' : ` without the method \`${missing}\``);
  const meant = typeof value === 'string' && of.values !== undefined ? nearest(value, of.values) : undefined;
  const isLone = typeof value === 'string' && (of === kind.texts || of === kind.iterable);
  const hint = isLone
    ? `Pass an array: [${shown(value)}].`
    : meant !== undefined
      ? `Did you mean ${JSON.stringify(meant)}?`
      : Object.prototype.toString.call(value) === '[object URL]'
        ? `Pass ${expected}: \`fileURLToPath(url)\` makes a path of a file URL.`
        : `Pass ${expected}.`;
  throw new BrowserStateError('USAGE', `${call}: expected \`${name}\` to be ${expected}, found ${found}`, {
    hint,
    details: { call, option: name, nearest: meant ?? null },
  });
}

/** Returns a value in few words for a message. A private value is shown as its type. */
export function shown(value: unknown, isPrivate = false): string {
  if (typeof value === 'function') return 'a function';
  if (isPrivate && (typeof value === 'string' || typeof value === 'number')) return `a ${typeof value}`;
  if (typeof value === 'string') return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
  if (typeof value !== 'object' || value === null) return String(value);
  const odd = isPrivate ? undefined : Object.entries(value).find(([, item]) => typeof item !== 'string');
  const article = Array.isArray(value) ? 'an array' : 'an object';
  return odd === undefined ? article : `${article} with ${typeof odd[1] === 'object' ? 'another object' : shown(odd[1])} as ${odd[0]}`;
}

/** Characters of a text in a message. */
const MAX_SHOWN = 60;

function list(names: object): string {
  return Object.keys(names).sort().join(', ');
}
