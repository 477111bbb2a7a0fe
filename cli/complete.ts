/**
 * Completion of names in a shell: sessions, tags and abandoned mounts of the local store.
 * Completion never contacts a remote, and prints nothing but names. yargs completes commands and
 * options.
 */
import type { Store } from '../src/index.js';
import { type Command, commandName, type OptionTable } from './args/command.js';
import { globalOptions } from './args/options.js';
import { Context } from './context.js';
import type { Interrupts } from './interrupt.js';
import { Report } from './output/report.js';

interface Typed {
  store: Store;
  /** The value of `--session`. */
  session: string | undefined;
}

type Source = (typed: Typed) => Promise<string[]>;

async function sessions({ store }: Typed): Promise<string[]> {
  const names: string[] = [];
  for await (const { session } of store.sessions({ offline: true, onProblem: () => undefined })) names.push(session);
  return names;
}

async function tags({ store, session }: Typed): Promise<string[]> {
  return session === undefined ? [] : [...(await store.session(session).tags({ offline: true })).keys()].sort();
}

async function revisions(typed: Typed): Promise<string[]> {
  return typed.session === undefined ? [] : ['HEAD', ...(await tags(typed))];
}

async function mounts({ store }: Typed): Promise<string[]> {
  return (await store.abandonedMounts()).map(({ id }) => id);
}

/** The sources of names for options and arguments, by the name of the option or argument. */
const sources: Readonly<Record<string, Source>> = {
  session: sessions,
  at: revisions,
  to: revisions,
  a: revisions,
  b: revisions,
  delete: tags,
  commit: mounts,
  discard: mounts,
};

/**
 * Resolves to the possible replacements of the last word: names, or the choices of an option.
 * Resolves to undefined if a command or an option belongs there. Resolves to an empty list if
 * nothing is known. The shell, for example, completes the path of a directory.
 */
export async function completeNames(
  words: readonly string[],
  commands: readonly Command[],
  signals: Interrupts & { env: NodeJS.ProcessEnv },
): Promise<readonly string[] | undefined> {
  const all = commands.map(commandName);
  const at = words.findIndex((word) => all.includes(word));
  const command = commands[all.indexOf(words[at] ?? '')];
  if (command === undefined || at === words.length - 1) return undefined;
  const { name, choices, values, prefix } = placeOf(words, at, command);
  if (name === undefined) return undefined;
  const source = sources[name];
  const found = choices ?? (source === undefined ? [] : await namesFrom(source, values, signals));
  return found.map((each) => prefix + each);
}

async function namesFrom(source: Source, { home, user, session }: Values, signals: Interrupts & { env: NodeJS.ProcessEnv }) {
  const report = new Report({ json: false, quiet: true, verbose: false, color: false });
  try {
    const context = new Context({ home, user }, { ...signals, env: { ...signals.env, BROWSERSTATE_REMOTE: undefined }, report });
    const store = await context.store();
    return await source({ store, session }).finally(() => context.close());
  } catch {
    // If there is no such session, or the store cannot be read, completion is silent.
    return [];
  }
}

/** The values of options, by the options' names. */
type Values = Readonly<Record<string, string>>;

interface Place {
  /** The argument, or the option whose value the last word is. Undefined for any other word. */
  name: string | undefined;
  /** The values that the option can have, if they are known. */
  choices?: readonly string[] | undefined;
  /** The part of the last word that is before the value, such as `--session=`. */
  prefix: string;
  values: Values;
}

/** Reads the words after the command, which is the word at `commandAt`. */
function placeOf(words: readonly string[], commandAt: number, { options, positionals }: Command): Place {
  const known: OptionTable = { ...globalOptions, ...options };
  const args = Object.keys(positionals);
  const values: Record<string, string> = {};
  let waiting: string | undefined;
  let isLiteral = false;
  let count = 0;
  for (const [i, word] of words.slice(0, -1).entries()) {
    if (waiting !== undefined) {
      values[waiting] = word;
      waiting = undefined;
    } else if (word === '--') isLiteral = true;
    else if (isLiteral || !word.startsWith('-')) count += i > commandAt ? 1 : 0;
    else {
      const { name, value } = optionOf(word, known);
      if (name !== undefined && value !== undefined) values[name] = value;
      else waiting = name;
    }
  }
  const last = words.at(-1) as string;
  const place = (name: string | undefined, prefix = ''): Place => ({
    name,
    choices: known[name ?? '']?.choices as readonly string[] | undefined,
    prefix,
    values,
  });
  if (waiting !== undefined) return place(waiting);
  if (isLiteral || !last.startsWith('-')) return place(args[Math.min(count, args.length - 1)]);
  const { name, value } = optionOf(last, known);
  return value === undefined ? place(undefined) : place(name, last.slice(0, last.length - value.length));
}

/**
 * Returns the option in a word, and the value after its `=`. Returns neither if the option has no
 * value.
 */
function optionOf(word: string, known: OptionTable): { name?: string; value?: string | undefined } {
  const [, typed = '', value] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const [name, option] = Object.entries(known).find(([each, { alias = [] }]) => each === typed || [alias].flat().includes(typed)) ?? [];
  return name === undefined || option?.type === 'boolean' ? {} : { name, value };
}

/** Returns the words of a shell's line up to its cursor. The last word is empty after a blank. */
export function wordsOf(line: string): string[] {
  const words = line.match(/(?:'[^']*'?|"(?:\\.|[^"\\])*"?|\\.|[^\s'"\\])+/gs) ?? [];
  const plain = words.map((word) => word.replace(/'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.)/gs, (_, a = '', b = '', c = '') => a + b + c));
  return /\s$/.test(line) ? [...plain, ''] : plain;
}
