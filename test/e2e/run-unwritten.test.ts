/**
 * `run` with real browsers (L4): browsers that used the directory, another directory, or none, and
 * a browser that only prints its version.
 */
import test from 'ava';
import { chromiumPath } from '../support/browser/login.js';
import { Desk, writeProfile } from '../support/cli.js';

const NEVER = /the browser never wrote to/;
const launch = ['--headless', '--no-sandbox', '--disable-gpu', '--dump-dom', 'about:blank'];

const launches: [what: string, words: readonly string[], isTold: boolean][] = [
  ['a profile of its own choice', launch, true],
  ['another profile', ['--user-data-dir=elsewhere', ...launch], true],
  ['the mounted directory', ['--user-data-dir={}', ...launch], false],
  ['no profile', ['--version'], false],
];

for (const [what, words, isTold] of launches) {
  test.serial(`L4: a browser that used ${what}: ${isTold ? 'a warning' : 'nothing'}`, async (t) => {
    const desk = new Desk(t);
    writeProfile(desk);
    await desk.run('snapshot', 'profile', '-s', 'work');
    const { status, stderr } = await desk.run('run', '-s', 'work', '--', chromiumPath(), ...words);
    t.is(status, 0, stderr);
    t.is(NEVER.test(stderr), isTold, stderr);
  });
}
