/** The help of the program: its commands in groups, and the options of all commands. */
import type { Command, OptionTable } from './command.js';
import { globalOptions } from './options.js';

/** Commands by the heading of their group in the help. */
export type CommandGroups = Readonly<Record<string, readonly Command[]>>;

/**
 * The commands to type first, for a person who types no command. The first one is a saved login.
 */
const firstSteps: readonly (readonly [command: string, does: string])[] = [
  ['open work https://example.org/', 'Log in and close the window; the same command opens it again'],
  ['snapshot DIR -s work', 'Or save a browser profile that you have'],
  ['sessions', 'List what is saved'],
  ['--help', 'List all commands'],
];

const NAME = 'browserstate';
const SUMMARY = 'Versioned, deduplicated, verified snapshots of browser profiles.';
const MIN_TEXT_WIDTH = 30;
const MAX_HELP_WIDTH = 110;

/** Returns the number of columns for help. */
export function helpWidth(): number {
  return Math.min(MAX_HELP_WIDTH, process.stdout.columns || MAX_HELP_WIDTH);
}

/** Returns the text for a person who types no command. */
export function introduction(width: number): string {
  return `${SUMMARY}\n\nStart with:\n${rows(
    firstSteps.map(([command, does]) => [`${NAME} ${command}`, does]),
    width,
  )}`;
}

export function overview(groups: CommandGroups, width: number): string {
  const nameWidth = Math.max(...Object.values(groups).flatMap((commands) => commands.map(({ usage }) => usage.length)));
  const parts = Object.entries(groups).map(
    ([title, commands]) =>
      `${title}\n${rows(
        commands.map(({ usage, summary }) => [usage.padEnd(nameWidth), summary]),
        width,
      )}`,
  );
  const options = { ...globalOptions, help: { alias: 'h', describe: 'Show help' }, version: { describe: 'Show version number' } };
  const described = Object.entries(options as OptionTable).map(([name, { alias, describe = '' }]): [string, string] => [
    `${alias === undefined ? '    ' : `-${alias}, `}--${name}`,
    describe as string,
  ]);
  parts.push(`Global options:\n${rows(described, width)}`);
  return `${NAME} <command>\n\n${SUMMARY}\n\n${parts.join('\n')}\n\`${NAME} <command> --help\` shows the options of a command, with examples.\n`;
}

/** Returns lines of names and texts in two columns. Wraps texts that are too long. */
function rows(entries: readonly (readonly [name: string, text: string])[], width: number): string {
  const indent = Math.max(...entries.map(([name]) => name.length)) + 4;
  return entries
    .map(([name, text]) => `${`  ${name}`.padEnd(indent)}${wrap(text, width - indent).join(`\n${' '.repeat(indent)}`)}\n`)
    .join('');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > Math.max(width, MIN_TEXT_WIDTH)) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
