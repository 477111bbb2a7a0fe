/** `open`: opens a browser for a person on a mounted session. */
import { homedir } from 'node:os';
import type { OpenedSession } from '../../src/drivers/open.js';
import type { BrowserState } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { keepSessionCookies, offline, onConflict, onConflictDetails } from '../args/options.js';
import type { Context } from '../context.js';
import { CliError } from '../failure.js';
import { type MountedCommand, reportUnmount, runMounted } from '../mounted.js';

/** The exit status for a browser that another process killed. */
const KILLED = 1;

export const open = defineCommand({
  usage: 'open <session> [url]',
  summary: 'Open a session in a browser, then commit and push it when the window is closed.',
  details: `A new session is created unless --existing is given. Without --browser, BROWSERSTATE_BROWSER names the browser, or the first one found is used: Chromium, Chrome, Edge, Brave, Firefox, or one that Playwright or Puppeteer has downloaded. A session of Firefox opens in Firefox. The browser uses a copy of the session and not your own profile. Ctrl-C closes it; a second one ends it. At Ctrl-C, Firefox keeps what it has written until then: close its window instead. If the remote has other commits, ${onConflictDetails}`,
  positionals: {
    session: { type: 'string', demandOption: true, describe: 'Session name' },
    url: { type: 'string', describe: 'Page to open' },
  },
  options: {
    browser: { type: 'string', requiresArg: true, describe: 'Name, such as firefox, or path of a browser' },
    headless: { type: 'boolean', describe: 'Open no window; Ctrl-C closes the browser' },
    existing: { type: 'boolean', describe: 'Fail if the session does not exist' },
    message: { type: 'string', alias: 'm', requiresArg: true, describe: 'Commit message' },
    ...keepSessionCookies,
    ...offline,
    ...onConflict,
  },
  examples: [
    ['open work https://example.org/', 'Log in and close the window; the same command opens it again'],
    ['open mail --browser firefox', 'Use Firefox'],
    ['open new --browser ~/chrome-linux64/chrome', 'Use the program at a path'],
  ],
  async run(context, { session, url, browser, headless, existing, message, keepSessionCookies, offline, onConflict }) {
    const { env, report, signal } = context;
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(session))
      throw new CliError('USAGE', 'expected a session before the URL, found none', 'Write `browserstate open SESSION URL`.');
    const { exitFailure, killedWarning, mountForBrowser } = await import('../../src/drivers/open.js');
    const machine = { platform: process.platform, env, home: homedir() };
    const settings = {
      url,
      headless,
      keepSessionCookies,
      browser: browser ?? (env['BROWSERSTATE_BROWSER'] || undefined),
      isRoot: process.getuid?.() === 0,
      mount: { create: !existing, message, offline, onConflict, handleSignals: false, signal },
      onWarning: (text: string) => report.warn(text),
    };
    let opened: OpenedSession | undefined;
    const mount = async (state: BrowserState): Promise<MountedCommand> => {
      opened = await mountForBrowser(state, session, settings, machine);
      announce(context, session, opened, headless);
      return { ...opened, kind: 'browser' };
    };
    const { ended, done, lost } = await runMounted(context, mount, { signal });
    const { failure, status, isStopped, errors = '' } = ended;
    if (failure !== undefined) throw failure;
    if (done === undefined) throw lost;
    if (status === 0 || isStopped || opened === undefined) return reportUnmount(context, done);
    const killed = killedWarning(opened.browser, status, done);
    if (killed !== undefined) {
      reportUnmount(context, done);
      report.warn(killed);
      context.status = KILLED;
      return;
    }
    if (done.changed && !report.options.json) reportUnmount(context, done);
    throw exitFailure(opened.browser, status, errors, done);
  },
});

/** Prints which session is open in which browser, and how that ends. */
function announce({ report, remote }: Context, session: string, { browser }: OpenedSession, headless = false): void {
  const close = process.platform === 'darwin' ? 'Quit the browser' : 'Close the window';
  const kept = remote === undefined ? 'commit' : 'commit and push';
  // Firefox does not close at a signal, but ends.
  const interrupt = browser.kind === 'firefox' ? 'at Ctrl-C its last seconds may be lost' : 'Ctrl-C closes it too';
  report.note(`opening session ${session} in ${browser.title} (${browser.path})`);
  report.note('The browser uses a copy of the session; your own profile is not touched.');
  report.note(headless ? `Press Ctrl-C to close the browser and ${kept} the session.` : `${close} to ${kept} the session; ${interrupt}.`);
}
