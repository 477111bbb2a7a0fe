/** Many workers of one machine, as separate processes with one local store. */
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openStore } from '../../src/index.js';
import { temporary } from '../support/temporary.js';

const cli = fileURLToPath(new URL('../../lib/cli.js', import.meta.url));
const WORKERS = 8;
const ROUNDS = 20;

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

function browserstate(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...args]);
    const outcome: Outcome = { status: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (outcome.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (outcome.stderr += text));
    child.on('close', (status) => resolve({ ...outcome, status }));
  });
}

test(`${WORKERS} processes snapshot ${WORKERS} sessions into one home at once, ${ROUNDS} times over: all succeed, all verify`, async (t) => {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const profiles = Array.from({ length: WORKERS }, (_, worker) => join(folder, `profile-${worker}`));
  for (const profile of profiles) {
    mkdirSync(join(profile, 'Default'), { recursive: true });
    // The content is shared, so that workers store the same blobs at the same time.
    writeFileSync(join(profile, 'Default', 'Shared'), Buffer.alloc(200_000, 'the same everywhere '));
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [worker, profile] of profiles.entries())
      appendFileSync(join(profile, 'Default', 'Own'), `worker ${worker} round ${round}\n`.repeat(500));
    const outcomes = await Promise.all(
      profiles.map((profile, worker) => browserstate('snapshot', profile, '-s', `w${worker}`, '--home', home, '--json')),
    );
    for (const { status, stderr, stdout } of outcomes) {
      t.is(status, 0, stderr);
      t.true((JSON.parse(stdout) as { changed: boolean }).changed);
    }
  }
  const store = await openStore({ home });
  const { findings, commits, sessions } = await store.verify({ readData: true });
  t.deepEqual({ findings, commits, sessions }, { findings: [], commits: WORKERS * ROUNDS, sessions: WORKERS });
  await store.close();
});
