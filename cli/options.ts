/** Options that several commands share, and the reading of those that have a form of their own. */

import type { OnConflict } from '../src/index.js';
import type { OptionTable, PositionalTable } from './command.js';
import { CliError } from './failure.js';

const group = 'Global options:';

export const globalOptions = {
  home: { type: 'string', requiresArg: true, group, describe: 'Directory of the repository; BROWSERSTATE_HOME, or ~/.browserstate' },
  remote: {
    type: 'string',
    requiresArg: true,
    group,
    describe: 'Address of what is shared: file:///path, s3://bucket/prefix, gs://bucket/prefix; BROWSERSTATE_REMOTE, or none',
  },
  user: { type: 'string', requiresArg: true, group, describe: 'Whose repository it is; BROWSERSTATE_USER, or default' },
  json: { type: 'boolean', group, describe: 'Print the result, or the error, as one line of JSON' },
  quiet: { type: 'boolean', alias: 'q', group, describe: 'Print no progress and no warnings' },
  verbose: { type: 'boolean', alias: 'v', group, describe: 'Name each file, and say where an error came from' },
  'no-color': { type: 'boolean', group, describe: 'Print no colours, as the environment variable NO_COLOR does' },
} as const satisfies OptionTable;

export const session = {
  session: { type: 'string', alias: 's', requiresArg: true, demandOption: true, describe: 'The session: the name of a line of versions' },
} as const satisfies OptionTable;

export const at = {
  at: {
    type: 'string',
    requiresArg: true,
    describe: 'The revision, instead of HEAD: a tag, a commit id or its start, with ~N, or @TIME; SESSION:REV of another session',
  },
} as const satisfies OptionTable;

/** Which files of a directory count. */
export const rules = {
  exclude: {
    type: 'array',
    string: true,
    requiresArg: true,
    describe: 'Leave out what this pattern (gitignore syntax) matches; may be given again',
  },
  'keep-caches': { type: 'boolean', describe: 'Keep caches and other files that a browser makes anew' },
} as const satisfies OptionTable;

/** For commands that change a session without a directory. */
export const noPush = {
  'no-push': { type: 'boolean', alias: 'offline', describe: 'Do it on this machine alone, and leave the remote as it is' },
} as const satisfies OptionTable;

/** For commands that look. */
export const offline = {
  offline: { type: 'boolean', describe: 'Use what is on this machine, and do not ask the remote' },
} as const satisfies OptionTable;

export const on = {
  on: { choices: ['home', 'remote'], default: 'home', requiresArg: true, describe: 'The repository on this machine, or the remote' },
} as const satisfies OptionTable;

export const onConflict = {
  'on-conflict': {
    choices: ['fail', 'fork', 'ours', 'theirs'] satisfies OnConflict[],
    default: 'fail',
    requiresArg: true,
    describe: 'Where the remote has moved: end with an error, go on as a session of your own, or join both, with the content of one',
  },
} as const satisfies OptionTable;

/** One session, or all of them. */
export const sessionOrAll = {
  session: { ...session.session, demandOption: false },
  all: { type: 'boolean', describe: 'Every session, instead of one' },
} as const satisfies OptionTable;

export const dir = (describe: string) => ({ dir: { type: 'string', demandOption: true, describe } }) as const satisfies PositionalTable;

/** The labels that were given as `key=value`. Throws USAGE for one without a `=`. */
export function parseLabels(texts: readonly string[] | undefined): Record<string, string> | undefined {
  return texts && Object.fromEntries(texts.map(parseLabel));
}

function parseLabel(text: string): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new CliError('USAGE', `expected a label as KEY=VALUE, found ${JSON.stringify(text)}`);
}

/** A number of things to show. Throws USAGE for anything but digits. */
export function parseCount(option: string, text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new CliError('USAGE', `expected a whole number after ${option}, found ${JSON.stringify(text)}`);
}
