/**
 * Many machines that save to one session at the same time over a bad network, and the checks of
 * their history.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { BrowserStateError, isError, memoryProvider, type Provider } from '../../../src/index.js';
import { dice } from '../dice.js';
import { around } from '../faults/providers.js';
import { file } from '../profile.js';
import { machine } from './machines.js';
import { Turns } from './turns.js';

/**
 * Returns a provider with faults. Of fifty requests one is rejected, one loses its response, and
 * one arrives late, after up to eight others. Every response takes up to four turns of the event
 * loop. The same seed and order of requests draw the same faults.
 */
export function unreliable(inner: Provider, seed: number): Provider {
  const roll = dice(seed);
  const late: { due: number; request: () => Promise<unknown> }[] = [];
  let count = 0;
  return around(inner, async (method, key, request) => {
    const now = ++count;
    for (let turns = roll(5); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    while (late[0] !== undefined && late[0].due <= now)
      await late
        .shift()
        ?.request()
        .catch(() => undefined);
    const drawn = roll(50);
    const unanswered = () => new BrowserStateError('UNREACHABLE', `${method} ${key}: a fault that the test asked for`);
    if (drawn === 0) throw unanswered();
    if (drawn === 1) {
      late.push({ due: now + 1 + roll(8), request });
      throw unanswered();
    }
    const result = await request();
    if (drawn === 2) throw unanswered();
    return result;
  });
}

/** Average number of idle writers that push at a time. On average a push then loses about twice. */
const MEETING = 2;

/**
 * Lets every writer commit and push until each commit is reported to be pushed. A writer keeps its
 * own content if others were first. Like any caller, a writer waits a random time after each push,
 * and mostly reads the ref instead of using the cached ref.
 */
export async function writeTogether(
  t: ExecutionContext,
  remote: Provider,
  open: (writer: number) => Provider,
  { writers, commits }: { writers: number; commits: number },
): Promise<void> {
  const committed = new Set<string>();
  const reported = new Set<string>();
  let failures = 0;
  const viewer = await machine(t, remote, 'main', memoryProvider());
  const newest = async (): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { commit } of viewer.session.log({ limit: 50 })) ids.push(commit);
    return ids;
  };
  const turns = new Turns(writers);
  const write = async (writer: number): Promise<void> => {
    const { session, profile } = await machine(t, open(writer), 'main', memoryProvider());
    const dir = profile(new Map([['Local State', file(`of writer ${writer}`)]]));
    const roll = dice(writer);
    for (let i = 0; i < commits; i++) {
      writeFileSync(join(dir, 'Local State'), `writer ${writer}, commit ${i}`);
      const { commit } = await session.commit(dir, { message: `${writer} ${i}`, offline: true });
      committed.add(commit);
      let mayBeThere = false;
      for (let isThere = false; !isThere; ) {
        try {
          reported.add((await session.push({ onConflict: 'ours', ask: roll(4) > 0 })).commit);
          isThere = true;
        } catch (error) {
          if (!isError(error, 'UNREACHABLE', 'CONFLICT')) throw error;
          failures++;
          mayBeThere ||= /unknown/.test(error.message);
          if (reported.size > 0 && !mayBeThere && (await newest()).includes(commit))
            t.fail(`${commit} is there, and was reported not to be: ${error.message}`);
        }
        turns.pass();
        await turns.wait(roll(2 * (writers - MEETING)));
      }
    }
    turns.leave();
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

  const rows = new Map<string, string[]>();
  let merges = 0;
  for await (const { commit, parents, op } of viewer.session.log()) {
    t.false(rows.has(commit), `${commit} is there twice`);
    rows.set(commit, parents);
    if (op === 'merge') merges++;
    else if (!committed.has(commit)) t.fail(`${commit} is there, and no writer made it`);
  }
  const [head] = rows.keys();
  const reached = new Set<string>();
  const waiting = [head as string];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    const parents = rows.get(id);
    if (parents === undefined) t.fail(`${id} is a parent, and has no entry`);
    waiting.push(...(parents ?? []));
  }
  t.is(committed.size, writers * commits);
  t.deepEqual(
    [...committed, ...reported].filter((id) => !reached.has(id)),
    [],
  );
  t.is(rows.size, committed.size + merges);
  t.is(reached.size, rows.size);
  t.deepEqual((await viewer.store.verify({ readData: true, on: 'remote' })).findings, []);
  t.log(`${writers} writers of ${commits} commits: ${merges} merges, ${failures} failures reported`);
}
