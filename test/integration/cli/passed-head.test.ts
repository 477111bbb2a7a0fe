/** The warning of R-WRITE-8 on the command line: on stderr, and in the result with `--json`. */
import test from 'ava';
import { Desk, writeProfile } from '../../support/cli.js';

test('R-WRITE-8: a snapshot of a directory that was restored from an older version names the head that it replaces', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  for (const cookies of ['one', 'two', 'three']) {
    desk.write({ 'profile/Default/Cookies': cookies });
    await desk.run('snapshot', 'profile', '-s', 'work');
  }
  const [head] = await desk.json<{ commit: string }[]>(t, 'log', '-s', 'work');
  await desk.run('restore', 'old', '-s', 'work', '--at', 'HEAD~2');
  const { status, stderr } = await desk.run('snapshot', 'old', '-s', 'work');
  t.is(status, 0);
  const [, command = ''] = /^warning: .*`browserstate (rollback [^`]+)`/m.exec(stderr) ?? [];
  t.is(command, `rollback -s work --to ${head?.commit.slice(0, 12)}`, stderr);
  t.is((await desk.run(...command.split(' '))).status, 0);
  t.deepEqual(await desk.json(t, 'diff', '-s', 'work', 'HEAD', head?.commit ?? ''), { added: [], removed: [], changed: [] });
  const { warnings } = await desk.json<{ warnings: string[] }>(t, 'snapshot', 'old', '-s', 'work');
  t.is(warnings.length, 1);
});
