/** Options that several commands share, and the parsers of their values. */

import type { OnConflict } from '../../src/index.js';
import { CliError } from '../failure.js';
import type { OptionTable, PositionalTable } from './command.js';

/** The option of yargs by which a shell completes the words after it. */
export const COMPLETE = '--get-yargs-completions';

const group = 'Global options:';

export const globalOptions = {
  home: { type: 'string', requiresArg: true, group, describe: 'Local store (BROWSERSTATE_HOME; ~/.browserstate)' },
  remote: {
    type: 'string',
    requiresArg: true,
    group,
    describe: 'Remote: file://, s3:// or gs:// URL (BROWSERSTATE_REMOTE)',
  },
  user: { type: 'string', requiresArg: true, group, describe: 'Owner of the sessions (BROWSERSTATE_USER; default)' },
  json: { type: 'boolean', group, describe: 'Print the result or the error as one line of JSON' },
  quiet: { type: 'boolean', alias: 'q', group, describe: 'Print no progress and no warnings' },
  verbose: { type: 'boolean', alias: 'v', group, describe: 'Print each file, and stack traces of errors' },
  'no-color': { type: 'boolean', group, describe: 'Print no colors, like the environment variable NO_COLOR' },
} as const satisfies OptionTable;

export const session = {
  session: { type: 'string', alias: 's', requiresArg: true, demandOption: true, describe: 'Session name' },
} as const satisfies OptionTable;

export const at = {
  at: {
    type: 'string',
    requiresArg: true,
    describe: 'Revision: TAG, COMMIT, REV~N, @TIME, SESSION:REV [HEAD]',
  },
} as const satisfies OptionTable;

export const keepSessionCookies = {
  'keep-session-cookies': { type: 'boolean', describe: 'Keep session cookies, from now on: the profile remembers it' },
} as const satisfies OptionTable;

/** Options that select the files of a directory. */
export const rules = {
  exclude: {
    type: 'array',
    string: true,
    requiresArg: true,
    describe: 'Exclude paths by a gitignore pattern (repeatable)',
  },
  'keep-caches': { type: 'boolean', describe: 'Include caches and other files that browsers recreate' },
} as const satisfies OptionTable;

/** The option of commands that change a session: the remote may be read, but gets nothing. */
export const noPush = {
  'no-push': { type: 'boolean', describe: 'Change the local store only; leave the remote as it is' },
} as const satisfies OptionTable;

/** Help text for commands that have both options. */
export const noPushDetails =
  '--no-push leaves the remote as it is, and reads it only for a revision that is not in the local store. --offline does not contact it.';

/** The option of commands that read the remote. */
export const offline = {
  offline: { type: 'boolean', describe: 'Use local data only; do not contact the remote' },
} as const satisfies OptionTable;

export const on = {
  on: { choices: ['local', 'remote'], default: 'local', requiresArg: true, describe: 'The local store or the remote' },
} as const satisfies OptionTable;

export const onConflict = {
  'on-conflict': {
    choices: ['fail', 'fork', 'ours', 'theirs'] satisfies OnConflict[],
    default: 'fail',
    requiresArg: true,
    describe: 'If the remote has other commits: whose content wins',
  },
} as const satisfies OptionTable;

/** The rest of the help sentence "If the remote has other commits, ...". */
export const onConflictDetails =
  '--on-conflict decides. fail: end with an error that names the conflict session of your commits; fork: push your commits as a new session; ours, theirs: merge both, with the local or the remote content.';

/** The options that name one session, or all sessions. */
export const sessionOrAll = {
  session: { ...session.session, demandOption: false },
  all: { type: 'boolean', describe: 'All sessions' },
} as const satisfies OptionTable;

export const dir = (describe: string) => ({ dir: { type: 'string', demandOption: true, describe } }) as const satisfies PositionalTable;

/** Parses labels of the form `key=value`. Throws USAGE for a label without a `=`. */
export function parseLabels(texts: readonly string[] | undefined): Record<string, string> | undefined {
  return texts && Object.fromEntries(texts.map(parseLabel));
}

function parseLabel(text: string): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new CliError('USAGE', `expected a label as KEY=VALUE, found ${JSON.stringify(text)}`, 'Write --label KEY=VALUE.');
}

/** Parses the number of items to show. Throws USAGE for anything except digits. */
export function parseCount(option: string, text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new CliError('USAGE', `expected a whole number after ${option}, found ${JSON.stringify(text)}`, `Write ${option} 10, for example.`);
}
