/** The table that `sessions` prints: on terminals of several widths, and for programs. */
import test from 'ava';
import { describe } from '../../../../cli/commands/sessions.js';
import { render } from '../../../../cli/output/lines.js';
import type { SessionInfo } from '../../../../src/index.js';

const now = Date.UTC(2026, 10, 20, 12);
const MiB = 1024 ** 2;

const info = (session: string, given: Partial<Omit<SessionInfo, 'session'>>): SessionInfo => ({
  session,
  commit: '0123456789abcdef'.repeat(4) as SessionInfo['commit'],
  time: new Date(now - 3 * 3600_000),
  message: '',
  files: 1716,
  bytes: 48.2 * MiB,
  commits: 12,
  ...given,
});
const found: readonly SessionInfo[] = [
  info('an-account-with-a-long-name@example.com-000001', { message: 'logged in\nagain', commits: 1, files: 1, bytes: 512 }),
  info('bot', { pushed: false, message: '買い物をした' }),
  info('work', { lease: { owner: 'ada@desk', expires: new Date(now + 1000) }, message: 'a\u001b[31mb' }),
];

const screens: readonly (readonly [name: string, width: number | undefined, lines: string])[] = [
  [
    'a terminal of 160 columns',
    160,
    `
SESSION                                         COMMIT        CHANGED      COMMITS  FILES      SIZE  MESSAGE
an-account-with-a-long-name@example.com-000001  0123456789ab  3 hours ago        1      1     512 B  logged in …
bot                                             0123456789ab  3 hours ago       12  1,716  48.2 MiB  not pushed  買い物をした
work                                            0123456789ab  3 hours ago       12  1,716  48.2 MiB  in use by ada@desk  a\\x1b[31mb`,
  ],
  [
    'a terminal of 80 columns',
    80,
    `
SESSION                                      CHANGED      MESSAGE
an-account-with-a-lon…me@example.com-000001  3 hours ago  logged in …
bot                                          3 hours ago  not pushed  買い物を…
work                                         3 hours ago  in use by ada@desk  a…`,
  ],
  [
    'a terminal of 60 columns',
    60,
    `
SESSION                         CHANGED      MESSAGE
an-account-with…ple.com-000001  3 hours ago  logged in …
bot                             3 hours ago  not pushed  買…
work                            3 hours ago  in use by ada@…`,
  ],
  [
    'a pipe',
    undefined,
    `
an-account-with-a-long-name@example.com-000001  0123456789ab  2026-11-20T09:00:00.000Z    1 commit       1 file     512 B  logged in …
bot                                             0123456789ab  2026-11-20T09:00:00.000Z  12 commits  1,716 files  48.2 MiB  not pushed  買い物をした
work                                            0123456789ab  2026-11-20T09:00:00.000Z  12 commits  1,716 files  48.2 MiB  in use by ada@desk  a\\x1b[31mb`,
  ],
];
for (const [name, width, lines] of screens) {
  test(`sessions on ${name}`, (t) => {
    const output = describe(found, { width, now }).map((line) => `\n${render(line, false)}`);
    t.is(output.join(''), lines);
  });
}

test('no sessions are no lines', (t) => {
  t.deepEqual(describe([], { width: 80, now }), []);
});
