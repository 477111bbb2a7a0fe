/** `run`: runs a command in a mounted session. */
import { basename } from 'node:path';
import type { BrowserState } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { keepSessionCookies, offline, onConflict, onConflictDetails, parseLabels, rules, session } from '../args/options.js';
import type { Context } from '../context.js';
import { CliError, describeFailure } from '../failure.js';
import { type Finished, type MountedCommand, reportUnmount, runMounted } from '../mounted.js';

/**
 * Detects a browser by its name or its profile option. Drivers such as chromedriver do not match.
 */
const BROWSER = /\b(?:chrome|chromium|firefox|msedge|edge|brave|vivaldi|opera|librewolf)\b/i;
const isBrowser = ([program = '', ...args]: readonly string[]): boolean =>
  BROWSER.test(basename(program)) || args.some((each) => each.startsWith('--user-data-dir'));

/** Options with which a browser prints something and exits without using a profile. */
const INQUIRIES: ReadonlySet<string> = new Set(['--version', '--product-version', '--full-version', '--help', '-v', '-V', '-h']);
const isInquiry = ([program = '', ...args]: readonly string[]): boolean =>
  BROWSER.test(basename(program)) && args.some((word) => INQUIRIES.has(word));

const UNUSED = 'the command may not have used the directory: pass its path as {}, or read BROWSERSTATE_DIR';

export const run = defineCommand({
  usage: 'run <command..>',
  summary: 'Mount a session, run a command in it, then commit and push the changes.',
  details: `Write the command after \`--\`. \`{}\` in its arguments is replaced by the directory, which is also in BROWSERSTATE_DIR. The exit status is that of the command. Ctrl-C is forwarded to the command, but not to its children; changes are committed after it exits. A second Ctrl-C ends them all, a third one kills them. The command reads from your terminal but does not control it: /dev/tty, Ctrl-Z and changes of the window size do not reach it. \`run -s work -- script -qec CMD /dev/null\` gives CMD its own terminal. If the remote has other commits, ${onConflictDetails}`,
  positionals: { command: { type: 'string', array: true, demandOption: true, describe: 'The command and its arguments' } },
  options: {
    ...session,
    existing: { type: 'boolean', describe: 'Fail if the session does not exist' },
    mode: {
      choices: ['shared', 'exclusive', 'fork'],
      default: 'shared',
      requiresArg: true,
      describe: 'exclusive: hold a lease; fork: use a new session',
    },
    message: { type: 'string', alias: 'm', requiresArg: true, describe: 'Commit message' },
    label: { type: 'array', string: true, requiresArg: true, describe: 'Label of the form KEY=VALUE (repeatable)' },
    ...keepSessionCookies,
    prepare: { choices: ['on', 'off'], default: 'on', requiresArg: true, describe: 'off: mount the profile exactly as committed' },
    ...rules,
    'allow-shrink': { type: 'boolean', describe: 'Commit even if cookies or most files are gone' },
    ...offline,
    ...onConflict,
  },
  examples: [
    ['run -s work -- chromium --user-data-dir={} --password-store=basic', 'Run a browser on a session'],
    ['run -s work --mode fork -- node bot.js', 'Run a program that reads BROWSERSTATE_DIR, on a fork'],
    ['run -s work --mode exclusive --on-conflict ours -- ./bot {}', 'Allow one worker at a time'],
  ],
  async run(context, args) {
    const { mode, existing, keepSessionCookies, prepare, exclude, keepCaches, offline, onConflict, message, allowShrink } = args;
    if (args.command[0] === '')
      throw new CliError('USAGE', 'expected a command after `--`, found an empty text', 'Name a program after `--`.');
    const labels = parseLabels(args.label);
    const mounting = {
      mode,
      create: !existing,
      message,
      labels,
      offline,
      onConflict,
      exclude,
      keepCaches,
      prepare: prepare === 'off' ? (false as const) : { keepSessionCookies },
      handleSignals: false,
      browser: isBrowser(args.command) && !isInquiry(args.command),
      signal: context.signal,
    };
    const mount = async (state: BrowserState): Promise<MountedCommand> => {
      const dir = await state.mount(args.session, mounting);
      return { dir, words: args.command.map((word) => word.replaceAll('{}', dir)), kind: 'command' };
    };
    report(context, await runMounted(context, mount, { allowShrink, signal: context.signal }), args.command);
  },
});

/**
 * Reports the outcome. If both the command and the unmount fail, the exit status is the command's.
 */
function report(context: Context, { ended, done, lost }: Finished, words: readonly string[]): void {
  const { status, failure } = ended;
  context.status = status;
  if (failure !== undefined) context.report.error(failure, failure);
  else if (done === undefined) {
    if (status === 0) throw lost;
    context.report.error(describeFailure(lost, context.signal.aborted), lost);
  } else {
    reportUnmount(context, done, { status });
    // For a browser, the library reports that the mount was not used.
    if (!done.changed && !isBrowser(words) && !words.some((word) => word.includes('{}'))) context.report.warn(UNUSED);
  }
}
