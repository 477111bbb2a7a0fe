/**
 * The parser of the command line, on yargs. Nothing runs during parsing, so every error that the
 * parser throws is a usage error.
 */
import yargs, { type Argv } from 'yargs';
import type { GlobalArguments } from '../context.js';
import { CliError } from '../failure.js';
import type { Command, OptionTable } from './command.js';
import { COMPLETE, globalOptions } from './options.js';
import { type CommandGroups, helpWidth, overview } from './overview.js';
import { refuseMissingValue, separatorHint, usageError } from './usage-error.js';

export interface Choice {
  command: Command;
  args: GlobalArguments & Parameters<Command['run']>[1];
}

/**
 * Returns the command that the words choose. `help COMMAND` is `COMMAND --help`. Returns undefined
 * if help, the version or completions were printed. Throws USAGE for an invalid command line.
 */
export function parse(words: readonly string[], groups: CommandGroups, version: string): Choice | undefined {
  const typed = words[0] === 'help' ? [...words.slice(1), '--help'] : words;
  const commands = Object.values(groups).flat();
  const own = typed.includes('--') ? typed.slice(0, typed.indexOf('--')) : typed;
  const width = helpWidth();
  let reading: Command | undefined;
  let choice: Choice | undefined;
  const parser = configure(yargs(), version, width).fail((message: string | null, error: Error | undefined) => {
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
        choice = { command, args: args as Choice['args'] };
        throw parsed;
      },
    );
  }
  try {
    parser.parse(guardArguments(typed), (_error: Error | undefined, { help }: { help?: boolean }, output: string) => {
      // yargs has no groups of commands.
      if (output !== '') console.log(help && reading === undefined ? overview(groups, width).trimEnd() : output);
    });
  } catch (error) {
    if (error !== parsed) throw error;
  }
  if (choice !== undefined) refuseAmbiguous(choice, own, own.length < typed.length);
  return choice;
}

/**
 * Thrown to stop yargs once a command is chosen. Otherwise yargs lays out that command's help,
 * which takes longer than all the parsing.
 */
const parsed = Symbol('parsed');

/** A character that no process argument can contain. */
const GUARD = '\0';

/**
 * Returns the words without `--`, and guards the words after it. yargs does not pass them to a
 * command as its arguments.
 */
function guardArguments(typed: readonly string[]): string[] {
  const end = typed.indexOf('--');
  if (end === -1 || typed[0] === COMPLETE) return [...typed];
  return [...typed.slice(0, end), ...typed.slice(end + 1).map((word) => GUARD + word)];
}

function unguarded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unguarded);
  return typeof value === 'string' ? value.replace(GUARD, '') : value;
}

/** Throws USAGE for an empty argument, and for a value given twice. */
function refuseAmbiguous({ command, args }: Choice, typed: readonly string[], hasSeparator: boolean): void {
  const named = Object.keys(command.positionals).find((name) => typed.some((word) => word.split('=', 1)[0] === `--${name}`));
  if (named !== undefined) throw new CliError('USAGE', `unknown option --${named}`, `It is an argument: browserstate ${command.usage}`);
  const empty = Object.keys(command.positionals).find((name) => args[name] === '');
  if (empty !== undefined) throw new CliError('USAGE', `expected <${empty}>, found an empty text`, `Write browserstate ${command.usage}.`);
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
      throw new CliError('USAGE', `expected --${name} once, found it ${value.length} times`, `Write --${name} once.`);
  }
}

/** Throws USAGE for a switch with a value other than true or false. */
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

/** Throws USAGE for options after the first word of a command without `--`: they are ambiguous. */
function refuseOptionsOfCommand(command: Command, args: Choice['args'], typed: readonly string[]): void {
  if (!('command' in command.positionals)) return;
  const [first] = args['command'] as string[];
  if (typed.slice(typed.lastIndexOf(first as string)).some((word) => word.startsWith('-')))
    throw new CliError('USAGE', 'expected `--` before the command, found none', separatorHint(command));
}

function configure(parser: Argv, version: string, width: number): Argv {
  return parser
    .scriptName('browserstate')
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
    .wrap(width);
}

function describe(parser: Argv, command: Command): void {
  const { usage, summary, details, positionals, options, examples } = command;
  const named = options['all'] === undefined ? ' --session <id>' : ' --session <id> | --all';
  parser.usage(`$0 ${usage}${'session' in options ? named : ''} [options]\n\n${[summary, details].filter(Boolean).join(' ')}`);
  for (const [name, positional] of Object.entries(positionals)) parser.positional(name, positional);
  // An explicit group is printed before the global options.
  parser.options(options).group(Object.keys(options), 'Options:');
  for (const [text, does] of examples) parser.example(`$0 ${text}`, does);
}
