/** The command `gc`: its output, and its question on a terminal. */
import { readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import type { GcResult } from '../../../src/index.js';
import { Desk, writeProfile } from '../../support/cli.js';
import { answered } from '../../support/terminal.js';

/** Returns a desk whose local store has a session, and the data of a deleted session. */
async function prepared(t: ExecutionContext): Promise<Desk> {
  const desk = new Desk(t);
  writeProfile(desk);
  await desk.run('snapshot', 'profile', '-s', 'work');
  desk.write({ 'profile/Default/Cookies': 'other cookies' });
  await desk.run('snapshot', 'profile', '-s', 'gone');
  await desk.run('delete', '-s', 'gone');
  return desk;
}

const onLinux = process.platform === 'linux' ? test.serial : test.skip;
const SIZE = String.raw`\d[\d.]* (?:B|KiB)`;
const garbage = String.raw`2 objects, ${SIZE} \(1 pack ${SIZE}, 1 manifest ${SIZE}\)\n`;
const kept = String.raw`kept 2 objects, ${SIZE}, of 1 session with 1 commit\n`;
const question = String.raw`would delete ${garbage}Delete it locally\? \[y/N\] `;

/** Commands in a terminal, with the answer, the status and the visible text. */
const asked: readonly (readonly [command: string, typed: string, status: number, seen: string])[] = [
  ['browserstate gc', 'y\n', 0, `${question}y\ndeleted ${garbage}${kept}`],
  ['browserstate gc', 'n\n', 130, `${question}n\nnothing was deleted\n`],
  ['browserstate gc --yes', '', 0, `deleted ${garbage}${kept}`],
  ['browserstate gc --dry-run', '', 0, `would delete ${garbage}${kept}`],
  ['browserstate gc </dev/null', '', 0, `deleted ${garbage}${kept}`],
];
for (const [command, typed, status, seen] of asked) {
  onLinux(`${command} on a terminal${typed === '' ? '' : `, answered with ${typed.trim()}`}`, async (t) => {
    const desk = await prepared(t);
    const found = await answered(desk, command, typed);
    t.is(found.status, status, found.seen);
    t.regex(found.seen, new RegExp(`^${seen}$`));
    const left = await desk.json<GcResult>(t, 'gc', '--dry-run');
    t.is(left.deleted.objects, seen.includes('deleted 2') && status === 0 ? 0 : 2);
  });
}

onLinux('gc does not ask if there is nothing to delete', async (t) => {
  const desk = await prepared(t);
  await desk.run('gc');
  const { status, seen } = await answered(desk, 'browserstate gc', '');
  t.deepEqual([status, seen.split('\n')[0]], [0, 'deleted 0 objects, 0 B']);
});

test.serial('gc reports JSON, on the remote too', async (t) => {
  const desk = await prepared(t);
  desk.env['BROWSERSTATE_REMOTE'] = `file://${desk.path('remote')}`;
  for (const session of ['work', 'gone']) await desk.run('snapshot', 'profile', '-s', session);
  await desk.run('delete', '-s', 'gone');
  const { deleted, kept, commits, sessions } = await desk.json<GcResult & { dryRun: boolean }>(t, 'gc', '--on', 'remote');
  t.is(deleted.objects, deleted.kinds.packs.objects + deleted.kinds.manifests.objects);
  t.true(deleted.kinds.manifests.objects === 1 && deleted.bytes > 0 && kept.objects > 0);
  t.deepEqual([sessions, commits.dropped], [1, 0]);
  t.deepEqual((await desk.json<{ findings: unknown[] }>(t, 'verify', '--read-data', '--on', 'remote')).findings, []);
});

/** Damage of the folder of refs, by which sessions would read as absent. */
const lost: Record<string, (refs: string) => void> = {
  'a ref that is a symlink': (refs) => {
    renameSync(`${refs}/work.cell`, `${refs}/../work`);
    symlinkSync('../work', `${refs}/work.cell`);
  },
  'a ref that is a file': (refs) => {
    rmSync(`${refs}/work.cell`, { recursive: true });
    writeFileSync(`${refs}/work.cell`, '');
  },
  'no refs': (refs) => rmSync(refs, { recursive: true }),
};
for (const [what, damage] of Object.entries(lost)) {
  test.serial(`gc deletes nothing of a folder with ${what}`, async (t) => {
    const desk = await prepared(t);
    const store = desk.path('home/default/.store');
    damage(`${store}/refs`);
    const content = () => ['packs', 'manifests'].flatMap((folder) => readdirSync(`${store}/${folder}`));
    const before = content();
    for (const options of [['--dry-run'], []]) t.is((await desk.failure(t, 5, 'gc', ...options)).code, 'INTEGRITY');
    t.deepEqual(content(), before);
  });
}

test.serial('gc without a store is NOT_FOUND, and with an unreadable session INTEGRITY', async (t) => {
  t.is((await new Desk(t).failure(t, 3, 'gc')).code, 'NOT_FOUND');
  const desk = await prepared(t);
  rmSync(desk.path('home/default/.store/manifests'), { recursive: true });
  const { code, message } = await desk.failure(t, 5, 'gc');
  t.is(code, 'INTEGRITY');
  t.regex(message, /session work is unreadable/);
});
