/**
 * One cell and many processes. No update is lost or doubled, versions never repeat, and killed
 * processes do not harm the others.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { localProvider } from '../../../../src/provider/local/local.js';
import { freshFolder, host } from '../../../support/provider/folders.js';
import { type Attempt, append, currentValue, verifyHistory, verifySound } from '../../../support/provider/history.js';

const LIMIT = 3;

function start(folder: string, name: string, count: number, attempts: Attempt[]): ChildProcess {
  const child = fork(join(import.meta.dirname, '../../../support/programs/provider-writer.js'), [
    folder,
    String(LIMIT),
    name,
    String(count),
  ]);
  child.on('message', (made: Attempt) => attempts.push(made));
  return child;
}

test('eight processes with forty increments each make 320', async (t) => {
  const folder = await freshFolder(t);
  const attempts: Attempt[] = [];
  const children = Array.from({ length: 8 }, (_, i) => start(folder, `p${i}`, 40, attempts));
  const statuses = await Promise.all(children.map((child) => once(child, 'close')));
  t.deepEqual(
    statuses.flat(),
    children.flatMap(() => [0, null]),
  );
  const provider = localProvider(folder, host, { entriesPerGeneration: LIMIT });
  const { ids } = await currentValue(provider);
  t.is(ids.length, 320);
  t.is(attempts.filter((each) => each.version !== undefined && each.version !== 'unknown').length, 320 - unknownThatWon(attempts, ids));
  await verifyHistory(provider, attempts);
  await verifySound(provider);
});

test('processes that are killed at any moment leave a usable cell', async (t) => {
  const folder = await freshFolder(t);
  const attempts: Attempt[] = [];
  const stays = start(folder, 'stays', 60, attempts);
  for (let i = 0; i < 8; i++) {
    const victim = start(folder, `victim${i}`, 10_000, attempts);
    await once(victim, 'message');
    await new Promise((resolve) => setTimeout(resolve, 7 * i));
    victim.kill('SIGKILL');
    await once(victim, 'close');
  }
  if (stays.exitCode === null) await once(stays, 'close');
  t.is(stays.exitCode, 0);
  const provider = localProvider(folder, host, { entriesPerGeneration: LIMIT });
  await append(provider, 'after', 2 * LIMIT, attempts);
  const { ids } = await currentValue(provider);
  t.is(new Set(ids).size, ids.length, 'every write once');
  for (const { id, version } of attempts) {
    if (version !== 'unknown') t.is(ids.includes(id), version !== undefined, id);
  }
  await verifySound(provider);
});

function unknownThatWon(attempts: readonly Attempt[], ids: readonly string[]): number {
  return attempts.filter((each) => each.version === 'unknown' && ids.includes(each.id)).length;
}
