/** D1: every commit id that a command prints resolves in every command that takes a revision, as a table, on two machines that diverged. */
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { Desk, type ErrorLine, writeProfile } from './_cli.js';

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

/** Commands that take a revision; each call is given a number of its own for new names. */
const taking: readonly ((id: string, n: number) => string[])[] = [
  (id) => ['diff', '-s', 'work', 'HEAD', id],
  (id, n) => ['restore', `at ${n}`, '-s', 'work', '--at', id],
  (id, n) => ['fork', '-s', 'work', `fork${n}`, '--at', id],
  (id, n) => ['tag', '-s', 'work', `tag${n}`, '--at', id],
  (id) => ['rollback', '-s', 'work', '--to', id],
];

/** Every commit id under a name that says that it is one. Ids of trees are no revisions. */
function idsIn(value: unknown, name = ''): string[] {
  if (typeof value === 'string') return /^[0-9a-f]{64}$/.test(value) && name !== 'tree' ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((each) => idsIn(each, name));
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, each]) => idsIn(each, key)) : [];
}

test.serial(
  'D1: ids that commands print, in results and in the details of errors, resolve in the session, on whichever side they are',
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
        // A commit of the loser is in the conflict session: it is read everywhere, and changes nothing that has moved on.
        const error = await act(b, ...make(id, n++));
        t.true(error === undefined || error.code === 'CONFLICT', `${make(id, n).join(' ')} (printed by ${by}): ${error?.message}`);
      }
    }
  },
);
