/** Turns what the parser complains of into a usage error that names what was typed, and what was probably meant. */
import { nearest } from '../src/nearest.js';
import { type Command, commandName, type OptionTable } from './command.js';
import { CliError } from './failure.js';
import { globalOptions } from './options.js';

export interface Complaint {
  /** The parser's own words. */
  message: string;
  typed: readonly string[];
  /** The command whose arguments were being read; undefined before one was recognised. */
  command: Command | undefined;
  commands: readonly Command[];
}

/** The parser's words for what is missing or wrong, and this program's. */
const rewordings: readonly (readonly [theirs: RegExp, ours: (...found: string[]) => string])[] = [
  [/^Missing required arguments?: ([^,]+)/, (name = '') => `expected --${name}, found none`],
  [/^Not enough arguments following: (.+)/, (name = '') => `expected a value after ${dashed(name)}, found none`],
  [
    /Argument: (\S+), Given: (.*), Choices: (.*)/,
    (name = '', given, choices) => `expected one of ${choices} after ${dashed(name)}, found ${given}`,
  ],
];

export function usageError(complaint: Complaint): CliError {
  const { message, command } = complaint;
  const [, unknown] = /^Unknown (?:argument|command)s?: (.*)/.exec(message) ?? [];
  if (unknown !== undefined) return unknownWord(complaint, unknown.split(', '));
  const tooFew = message.startsWith('Not enough non-option arguments');
  if (tooFew || message.startsWith('Missing required argument') || command === undefined) {
    // An option that is not known may be what was meant by the one that is missing, or has taken the argument, or the command, for its value.
    const option = unknownOption(complaint);
    if (option !== undefined) return unknownWord(complaint, [option]);
  }
  const hint = command ? usageHint(command) : listHint;
  if (tooFew) return new CliError('USAGE', `expected ${command?.usage}, found too few arguments`, hint);
  for (const [theirs, ours] of rewordings) {
    const match = theirs.exec(message);
    if (match !== null) return new CliError('USAGE', ours(...match.slice(1)), hint);
  }
  return new CliError('USAGE', message, hint);
}

const listHint = '`browserstate --help` lists the commands.';

function usageHint(command: Command): string {
  return `\`browserstate ${commandName(command)} --help\` shows what it takes, with examples.`;
}

function unknownWord({ typed, command, commands }: Complaint, unknown: readonly string[]): CliError {
  const names = typed.map(optionName);
  const option = unknown.find((word) => names.includes(word));
  const word = unknown.find((each) => !names.includes(each) && typed.includes(each));
  if (command === undefined && word !== undefined) {
    const hint = didYouMean(nearest(word, commands.map(commandName))) ?? listHint;
    return new CliError('USAGE', `unknown command ${JSON.stringify(word)}`, hint);
  }
  const hint = command ? usageHint(command) : listHint;
  if (option === undefined) {
    return new CliError('USAGE', `expected ${command?.usage}, found ${JSON.stringify(word ?? unknown[0])} besides`, hint);
  }
  const meant = nearest(option, Object.keys(visibleOptions(command)));
  return new CliError('USAGE', `unknown option ${dashed(option)}`, didYouMean(meant && dashed(meant)) ?? hint);
}

/** The first option among the words that the command does not have. */
function unknownOption({ typed, command }: Complaint): string | undefined {
  const options = Object.entries({ ...globalOptions, ...command?.options, help: { alias: 'h' } } as OptionTable);
  const known = new Set(options.flatMap(([name, { alias = [] }]) => [name, ...[alias].flat()]));
  return typed.map(optionName).find((name) => name !== undefined && !known.has(name));
}

/** The name in `--name`, `--name=value` or `-n`; undefined for any other word. */
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
