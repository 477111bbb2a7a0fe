/**
 * A worker that swaps a directory for a symlink to an outside directory and back, without pause.
 * The shared number is 1 to run, 0 to rest with the directory in place, and 2 once the worker
 * rests.
 */
import { existsSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

const { state, place, away, outside } = workerData as {
  state: Int32Array<SharedArrayBuffer>;
  place: string;
  away: string;
  outside: string;
};

for (;;) {
  if (Atomics.load(state, 0) !== 1) {
    Atomics.store(state, 0, 2);
    Atomics.notify(state, 0);
    Atomics.wait(state, 0, 2);
    continue;
  }
  if (!existsSync(place)) continue;
  try {
    renameSync(place, away);
    symlinkSync(outside, place);
    Atomics.wait(state, 0, 1, Math.random() * 2);
    unlinkSync(place);
    renameSync(away, place);
  } catch {
    // A restore put another entry there. The entry stays, and the other thread removes the rest.
  }
  Atomics.wait(state, 0, 1, Math.random() * 4);
}
