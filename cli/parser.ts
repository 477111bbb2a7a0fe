/** Reads a command line with yargs. Parsing only chooses: nothing runs while it is under way, so every error that it throws is one of usage. */
import yargs, { type Argv } from 'yargs';
import type { Command, OptionTable } from './command.js';
import { refuseMissingValue, separatorHint, usageError } from './complaint.js';
import type { GlobalArguments } from './context.js';
import { CliError } from './failure.js';
import { globalOptions } from './options.js';

const MAX_HELP_WIDTH = 110;

export interface Choice {
  command: Command;
  args: GlobalArguments & Parameters<Command['run']>[1];
  printCompletionScript: () => void;
}

/**
 * The command that `typed` chooses; undefined where yargs has answered already, with help, the version or completions. Throws
 * USAGE for everything that is no command.
 */
export function parse(typed: readonly string[], commands: readonly Command[], version: string): Choice | undefined {
  const own = typed.includes('--') ? typed.slice(0, typed.indexOf('--')) : typed;
  let reading: Command | undefined;
  let choice: Choice | undefined;
  const parser = configure(yargs(guardArguments(typed)), version).fail((message: string | null, error: Error | undefined) => {
    const words = (message ?? error?.message ?? '').replaceAll(GUARD, '');
    throw usageError({ message: words, typed: own, hasSeparator: own.length < typed.length, command: reading, commands });
  });
  for (const command of commands) {
    parser.command(
      command.usage,
      command.summary,
      (y) => {
        reading = command;
        describe(y, command);
      },
      (args) => {
        for (const name of Object.keys(command.positionals)) args[name] = unguarded(args[name]);
        choice = { command, args: args as Choice['args'], printCompletionScript: () => parser.showCompletionScript() };
        throw parsed;
      },
    );
  }
  try {
    parser.parse();
  } catch (error) {
    if (error !== parsed) throw error;
  }
  if (choice !== undefined) refuseAmbiguous(choice, own, own.length < typed.length);
  return choice;
}

/** Ends yargs's work where a command is chosen: it would go on to lay out the help of that command, which takes longer than all the parsing. */
const parsed = Symbol('parsed');

/** A character that no argument of a process can hold. */
const GUARD = '\0';

/** The words, with `--` taken out and what follows it guarded: yargs itself does not give that to a command as its arguments. */
function guardArguments(typed: readonly string[]): string[] {
  const end = typed.indexOf('--');
  if (end === -1 || typed[0] === '--get-yargs-completions') return [...typed];
  return [...typed.slice(0, end), ...typed.slice(end + 1).map((word) => GUARD + word)];
}

function unguarded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unguarded);
  return typeof value === 'string' ? value.replace(GUARD, '') : value;
}

/** Throws USAGE for an empty argument, and for a value given twice, as an option or as an argument: what was meant cannot be known. */
function refuseAmbiguous({ command, args }: Choice, typed: readonly string[], hasSeparator: boolean): void {
  const named = Object.keys(command.positionals).find((name) => typed.some((word) => word.split('=', 1)[0] === `--${name}`));
  if (named !== undefined) throw new CliError('USAGE', `unknown option --${named}`, `It is an argument: browserstate ${command.usage}`);
  const empty = Object.keys(command.positionals).find((name) => args[name] === '');
  if (empty !== undefined) throw new CliError('USAGE', `expected <${empty}>, found an empty text`);
  const options: Readonly<Record<string, { type?: string | undefined; array?: boolean | undefined }>> = {
    ...globalOptions,
    ...command.positionals,
    ...command.options,
  };
  refuseValues(command, typed);
  if (hasSeparator) refuseMissingValue(typed, command);
  else refuseOptionsOfCommand(command, args, typed);
  for (const [name, { type, array }] of Object.entries(options)) {
    const value = args[name];
    if (type !== 'array' && !array && Array.isArray(value))
      throw new CliError('USAGE', `expected --${name} once, found it ${value.length} times`);
  }
}

/** Throws USAGE for a switch with a value that is neither true nor false. */
function refuseValues(command: Command, typed: readonly string[]): void {
  const options: OptionTable = { ...globalOptions, ...command.options };
  for (const word of typed) {
    const [, name = '', value = ''] = /^--?([^=]+)=(.*)$/s.exec(word) ?? [];
    const [known, option] = Object.entries(options).find(([each, { alias }]) => each === name || [alias].flat().includes(name)) ?? [];
    if (option?.type !== 'boolean' || /^(?:true|false)$/.test(value)) continue;
    throw new CliError(
      'USAGE',
      `--${known}: expected no value, found ${JSON.stringify(value)}`,
      `Write --${known} alone, or leave it out.`,
    );
  }
}

/** Throws USAGE for options after the first word of a command that is run, which may be the command's or ours. */
function refuseOptionsOfCommand(command: Command, args: Choice['args'], typed: readonly string[]): void {
  if (!('command' in command.positionals)) return;
  const [first] = args['command'] as string[];
  if (typed.slice(typed.lastIndexOf(first as string)).some((word) => word.startsWith('-')))
    throw new CliError('USAGE', 'expected `--` before the command, found none', separatorHint(command));
}

function configure(parser: Argv, version: string): Argv {
  return parser
    .scriptName('browserstate')
    .usage('$0 <command>\n\nVersioned, deduplicated, verified snapshots of browser profiles.')
    .options(globalOptions)
    .parserConfiguration({
      'boolean-negation': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .strict()
    .demandCommand(1, 'expected a command, found none')
    .detectLocale(false)
    .exitProcess(false)
    .help()
    .alias('help', 'h')
    .group(['help', 'version'], 'Global options:')
    .version(version)
    .wrap(Math.min(MAX_HELP_WIDTH, process.stdout.columns || MAX_HELP_WIDTH))
    .epilogue('`$0 <command> --help` shows what a command takes, with examples.');
}

function describe(parser: Argv, command: Command): void {
  const { usage, summary, details, positionals, options, examples } = command;
  parser.usage(`$0 ${usage}${'session' in options ? ' --session <id>' : ''} [options]\n\n${[summary, details].filter(Boolean).join(' ')}`);
  for (const [name, positional] of Object.entries(positionals)) parser.positional(name, positional);
  // A group of its own comes before that of the global options.
  parser.options(options).group(Object.keys(options), 'Options:').epilogue('');
  for (const [text, does] of examples) parser.example(`$0 ${text}`, does);
}
