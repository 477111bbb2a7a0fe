/**
 * Printed commit ids (D1). Each id resolves in every command that accepts a revision, as a table,
 * on two machines that diverged.
 */
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { Desk, type ErrorLine, main, writeProfile } from '../../support/cli.js';

/** Commands that print ids, in the order in which they run. */
const printing: readonly (readonly string[])[] = [
  ['log', '-s', 'work'],
  ['sessions'],
  ['tag', '-s', 'work', 'named'],
  ['tag', '-s', 'work', '--list'],
  ['fork', '-s', 'work', 'forked'],
  ['restore', 'there', '-s', 'work'],
  ['push', '-s', 'work'],
  ['pull', '-s', 'work'],
  ['sync', '-s', 'work'],
  ['rollback', '-s', 'work', '--to', 'HEAD~1'],
];

/** Commands that accept a revision. Each call gets its own number for new names. */
const taking: readonly ((id: string, n: number) => string[])[] = [
  (id) => ['diff', '-s', 'work', 'HEAD', id],
  (id, n) => ['restore', `at ${n}`, '-s', 'work', '--at', id],
  (id, n) => ['fork', '-s', 'work', `fork${n}`, '--at', id],
  (id, n) => ['tag', '-s', 'work', `tag${n}`, '--at', id],
  (id) => ['rollback', '-s', 'work', '--to', id],
];

/** Returns every commit id under a name for commit ids. Ids of trees are no revisions. */
function idsIn(value: unknown, name = ''): string[] {
  if (typeof value === 'string') return /^[0-9a-f]{64}$/.test(value) && name !== 'tree' ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((each) => idsIn(each, name));
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, each]) => idsIn(each, key)) : [];
}

test.serial(
  'D1: ids that commands print, in results and in the details of errors, resolve in the session, locally and on the remote',
  async (t) => {
    const [a, b] = [new Desk(t), new Desk(t)];
    for (const desk of [a, b]) desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(a.path('remote')).href;
    const ids = new Map<string, string>();
    const note = (text: string, by: string) => {
      for (const id of text === '' ? [] : idsIn(JSON.parse(text))) if (!ids.has(id)) ids.set(id, by);
    };
    const act = async (desk: Desk, ...words: string[]) => {
      const { stdout, stderr } = await desk.run(...words, '--json');
      note(stdout, words.join(' '));
      if (stderr.startsWith('{')) note(stderr.split('\n')[0] as string, words.join(' '));
      return stderr.startsWith('{') ? (JSON.parse(stderr.split('\n')[0] as string) as { error: ErrorLine }).error : undefined;
    };
    writeProfile(a);
    await act(a, 'snapshot', 'profile', '-s', 'work', '-m', 'first', '--tag', 'good');
    await act(b, 'restore', 'profile', '-s', 'work');
    a.write({ 'profile/Default/Cookies': 'from a' });
    await act(a, 'snapshot', 'profile', '-s', 'work');
    b.write({ 'profile/Default/Cookies': 'from b' });
    t.is((await act(b, 'snapshot', 'profile', '-s', 'work'))?.code, 'CONFLICT');
    t.is(ids.size, 3);
    for (const words of printing) await act(b, ...words);
    let n = 0;
    for (const [id, by] of [...ids]) {
      for (const make of taking) {
        // A commit of the loser is in the conflict session. It can be read everywhere, and changes
        // no session that has moved on.
        const error = await act(b, ...make(id, n++));
        t.true(error === undefined || error.code === 'CONFLICT', `${make(id, n).join(' ')} (printed by ${by}): ${error?.message}`);
      }
    }
  },
);

/**
 * Returns the ids in a text for people. Ids of commits stand alone. Ids of mounts and conflict
 * sessions end a name.
 */
function idsInText(text: string): string[] {
  return text.match(/(?<![\w./-])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![\w-])/g) ?? [];
}

/** Commits another version to the session while it is mounted. */
const meddle = (desk: Desk): string[] => ['sh', '-c', 'echo "$0" > "$BROWSERSTATE_DIR/Default/Cookies"; exec "$@"', ...meddling(desk)];
const meddling = (desk: Desk): string[] => [
  desk.path('mounted'),
  process.execPath,
  main,
  'snapshot',
  desk.path('other'),
  '-s',
  'work',
  '--no-push',
];

test.serial('R-REV-5, D1: ids of a conflict resolve as printed, in its session', async (t) => {
  const [a, b] = [new Desk(t), new Desk(t)];
  for (const desk of [a, b]) desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(a.path('remote')).href;
  const printed = new Map<string, string>();
  const act = async (desk: Desk, ...words: string[]) => {
    const { stdout, stderr, status } = await desk.run(...words);
    for (const id of idsInText(`${stdout}\n${stderr}`)) if (desk === b) printed.set(id, words.join(' '));
    return { status, text: `${stdout}${stderr}` };
  };
  writeProfile(a);
  await act(a, 'snapshot', 'profile', '-s', 'work', '-m', 'first');
  await act(b, 'restore', 'profile', '-s', 'work');
  a.write({ 'profile/Default/Cookies': 'from a' });
  await act(a, 'snapshot', 'profile', '-s', 'work');
  b.write({ 'profile/Default/Cookies': 'from b' });
  t.is((await act(b, 'snapshot', 'profile', '-s', 'work')).status, 4);
  const ofPush = [...printed.keys()];
  t.is((await act(b, 'push', '-s', 'work', '--on-conflict', 'fork')).status, 0);
  await act(b, 'pull', '-s', 'work');
  writeProfile(b, 'other');
  b.write({ 'other/Default/Cookies': 'from another process of b' });
  const mounted = await act(b, 'run', '-s', 'work', '--offline', '--', ...meddle(b));
  t.is(mounted.status, 4, mounted.text);
  const ofMount = [...printed.keys()].filter((id) => !ofPush.includes(id));
  for (const words of [['log'], ['log', '--ops'], ['status', 'profile'], ['push'], ['sync']]) await act(b, ...words, '-s', 'work');
  await act(b, 'sessions');
  t.true(ofPush.length >= 2 && ofMount.length >= 2, [...printed].join('\n'));
  const succeeds = async (desk: Desk, words: string[], by: string) => {
    const { status, text } = await act(desk, ...words);
    t.is(status, 0, `${words.join(' ')} (printed by ${by}): ${text}`);
  };
  let n = 0;
  for (const [id, by] of [...printed]) {
    for (const desk of ofPush.includes(id) ? [a, b] : [b]) {
      for (const words of [
        ['diff', '-s', 'work', 'HEAD', `${id}~0`],
        ['restore', `at ${n++}`, '-s', 'work', '--at', id],
      ])
        await succeeds(desk, words, by);
    }
  }
  for (const id of [ofPush[0], ofMount[0]] as string[]) {
    await succeeds(b, ['fork', '-s', 'work', `copy${n++}`, '--at', id], 'a conflict');
    await succeeds(b, ['rollback', '-s', 'work', '--to', id], 'a conflict');
  }
});
