/** Usage errors, which name the mistyped word and suggest the probably intended one. */
import { nearest } from '../../src/base/nearest.js';
import { CliError } from '../failure.js';
import { type Command, commandName, type OptionTable } from './command.js';
import { globalOptions } from './options.js';

export interface Complaint {
  /** The parser's message. */
  message: string;
  /** The typed words, up to `--` if there is one. */
  typed: readonly string[];
  hasSeparator: boolean;
  /** The command whose arguments were being parsed. Undefined if no command was recognized yet. */
  command: Command | undefined;
  commands: readonly Command[];
}

/** The parser's messages about missing or invalid arguments, with their replacements. */
const rewordings: readonly (readonly [theirs: RegExp, ours: (...found: string[]) => string])[] = [
  [/^Missing required arguments?: ([^,]+)/, (name = '') => `expected --${name}, found none`],
  [/^Not enough arguments following: (.+)/, (name = '') => `expected a value after ${dashed(name)}, found none`],
  [
    /Argument: (\S+), Given: (.*), Choices: (.*)/,
    (name = '', given, choices) => `expected one of ${choices} after ${dashed(name)}, found ${given}`,
  ],
];

/** Names that other programs have for our commands. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  open: ['launch', 'login', 'start'],
  snapshot: ['add', 'backup', 'commit', 'create', 'import', 'save'],
  restore: ['checkout', 'export', 'load'],
  run: ['exec', 'mount'],
  sessions: ['list', 'ls'],
  log: ['history', 'show'],
  diff: ['compare'],
  stats: ['df', 'du', 'info'],
  rollback: ['reset', 'revert', 'undo'],
  fork: ['branch', 'clone', 'copy', 'cp'],
  delete: ['del', 'destroy', 'remove', 'rm'],
  push: ['upload'],
  pull: ['download', 'fetch'],
  verify: ['check', 'fsck'],
  gc: ['clean', 'prune', 'vacuum'],
};

export function usageError(complaint: Complaint): CliError {
  const { message, command } = complaint;
  if (complaint.hasSeparator && command !== undefined) refuseMissingValue(complaint.typed, command);
  const [, unknown] = /^Unknown (?:argument|command)s?: (.*)/.exec(message) ?? [];
  if (unknown !== undefined) return unknownWord(complaint, unknown.split(', '));
  const tooFew = message.startsWith('Not enough non-option arguments');
  if (tooFew || message.startsWith('Missing required argument') || command === undefined) {
    // An unknown option may be a misspelling of the missing one. It may also have consumed the
    // argument or the command as its value.
    const option = unknownOption(complaint);
    if (option !== undefined) return unknownWord(complaint, [option]);
  }
  const hint = valueHint(complaint) ?? sessionHint(complaint) ?? (command ? usageHint(command) : listHint);
  if (tooFew) return new CliError('USAGE', `expected ${command?.usage}, found too few arguments`, hint);
  for (const [theirs, ours] of rewordings) {
    const match = theirs.exec(message);
    if (match !== null) return new CliError('USAGE', ours(...match.slice(1)), hint);
  }
  return new CliError('USAGE', message, hint);
}

/** Throws USAGE if the last word before `--` is an option without its value. */
export function refuseMissingValue(typed: readonly string[], command: Command): void {
  const last = typed.at(-1) ?? '';
  const name = last.includes('=') ? undefined : optionName(last);
  const options = Object.entries({ ...globalOptions, ...command.options } as OptionTable);
  const [, option] = options.find(([each, { alias }]) => each === name || (name !== undefined && [alias].flat().includes(name))) ?? [];
  if (name === undefined || option === undefined || option.type === 'boolean') return;
  throw new CliError('USAGE', `expected a value after ${dashed(name)}, found none`, usageHint(command));
}

/** Returns a hint if the session's name looks like an unknown option. */
function valueHint({ typed, command }: Complaint): string | undefined {
  const at = typed.findIndex((word) => word === '-s' || word === '--session');
  const value = at === -1 ? undefined : typed[at + 1];
  const isOption = value === undefined || !value.startsWith('-') || knownNames(command).has(optionName(value) ?? '');
  return isOption ? undefined : `Write --session=${value} if that is its name.`;
}

/** Returns a hint if the session's name is an argument instead of an option. */
function sessionHint({ typed, hasSeparator, command }: Complaint): string | undefined {
  const [first, session = '-'] = typed;
  if (!command?.options['session'] || first !== commandName(command) || session.startsWith('-')) return undefined;
  // Only a command after `--` leaves the first argument to the session.
  const isCommand = 'command' in command.positionals && hasSeparator;
  if (!isCommand && Object.keys(command.positionals).length > 0) return undefined;
  return `Did you mean \`browserstate ${first} -s ${session}${isCommand ? ' -- COMMAND' : ''}\`?`;
}

/** Returns a hint for a command whose own options were parsed as options of this program. */
export function separatorHint(command: Command): string {
  return `Write \`--\` before the command: browserstate ${commandName(command)} -s SESSION -- COMMAND ...`;
}

const listHint = 'Run `browserstate --help` to list the commands.';

function usageHint(command: Command): string {
  return `Run \`browserstate ${commandName(command)} --help\` to see its options, with examples.`;
}

function unknownWord({ typed, hasSeparator, command, commands }: Complaint, unknown: readonly string[]): CliError {
  const names = typed.map(optionName);
  const option = unknown.find((word) => names.includes(word));
  const word = unknown.find((each) => !names.includes(each) && typed.includes(each));
  if (command === undefined && word !== undefined) {
    const known = commands.map(commandName);
    const hint = didYouMean(known.find((name) => synonyms[name]?.includes(word)) ?? nearest(word, known)) ?? listHint;
    return new CliError('USAGE', `unknown command ${JSON.stringify(word)}`, hint);
  }
  const hint = command ? usageHint(command) : listHint;
  if (option === undefined) {
    return new CliError('USAGE', `expected ${command?.usage}, found ${JSON.stringify(word ?? unknown[0])} as well`, hint);
  }
  if (command !== undefined && 'command' in command.positionals && !hasSeparator)
    return new CliError('USAGE', `unknown option ${dashed(option)}`, separatorHint(command));
  if (command !== undefined && 'session' in command.positionals && (option === 's' || option === 'session'))
    return new CliError('USAGE', `unknown option ${dashed(option)}`, `The session is an argument: browserstate ${command.usage}`);
  const meant = nearest(option, Object.keys(visibleOptions(command)));
  return new CliError('USAGE', `unknown option ${dashed(option)}`, didYouMean(meant && dashed(meant)) ?? hint);
}

/** Returns the first option among the words that the command does not have. */
function unknownOption({ typed, command }: Complaint): string | undefined {
  const known = knownNames(command);
  return typed.map(optionName).find((name) => name !== undefined && !known.has(name));
}

function knownNames(command: Command | undefined): ReadonlySet<string> {
  const options = Object.entries({ ...globalOptions, ...command?.options, help: { alias: 'h' } } as OptionTable);
  return new Set(options.flatMap(([name, { alias = [] }]) => [name, ...[alias].flat()]));
}

/** Returns the name in `--name`, `--name=value` or `-n`, or undefined for any other word. */
function optionName(word: string): string | undefined {
  return /^(?:--([^=]+)|-([^-]))/.exec(word)?.slice(1).find(Boolean);
}

function visibleOptions(command: Command | undefined): OptionTable {
  const options: OptionTable = { ...globalOptions, ...command?.options };
  return Object.fromEntries(Object.entries(options).filter(([, { hidden }]) => !hidden));
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function didYouMean(meant: string | undefined): string | undefined {
  return meant && `Did you mean ${meant}?`;
}
