/**
 * The argument in the header of local/cell.ts, step by step. An actor that swaps, reads or checks
 * is stopped before each of its steps while others swap and roll. Then it continues, or never does.
 * Other tests run many actors in random order.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { equalBytes } from '../../src/base/bytes.js';
import { isError } from '../../src/base/errors.js';
import { localProvider } from '../../src/provider/local/local.js';
import type { Provider } from '../../src/provider/provider.js';
import { dice } from '../support/dice.js';
import { Actor, interceptFileSystem } from '../support/faults/file-system.js';
import { host } from '../support/provider/folders.js';
import { type Attempt, append, attempt, currentValue, verifyHistory, verifySound } from '../support/provider/history.js';

const memory = '/dev/shm';
const root = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), 'browserstate-interleavings-'));
await interceptFileSystem();
test.after.always(() => rm(root, { recursive: true, force: true }));

let folders = 0;

/** Opens one folder once for each process. */
function processes(entriesPerGeneration: number): () => Provider {
  const folder = join(root, String(folders++));
  return () => localProvider(folder, host, { entriesPerGeneration });
}

type Act = (provider: Provider, attempts: Attempt[]) => Promise<void>;

interface Stop {
  /** The step before which the actor is stopped. */
  step: number;
  /** Number of swaps by others meanwhile. */
  others: number;
  goesOn: boolean;
}

/**
 * Stops an actor that runs `act` on a cell that was swapped `before` times. Returns true if the
 * actor had not finished by itself.
 */
async function stopped(limit: number, before: number, stop: Stop, act: Act): Promise<boolean> {
  const open = processes(limit);
  const attempts: Attempt[] = [];
  await append(open(), 'before', before, attempts);
  const one = new Actor(() => act(open(), attempts));
  for (let i = 0; i < stop.step && !one.done; i++) await one.step();
  const reached = !one.done;
  await append(open(), 'other', stop.others, attempts);
  await (stop.goesOn ? one.finish() : one.kill());
  await append(open(), 'after', limit + 1, attempts);
  await verifyHistory(open(), attempts);
  await verifySound(open());
  return reached;
}

/**
 * Stops an actor before each of its steps, one run per step. Others then swap once or, if `goesOn`,
 * in another run also roll the cell more than once. Returns the number of steps tried.
 */
async function everywhere(limit: number, before: number, goesOn: boolean, act: Act): Promise<number> {
  let step = 0;
  for (let reached = true; reached; step++) {
    for (const others of goesOn ? [1, 2 * limit] : [1]) reached = await stopped(limit, before, { step, others, goesOn }, act);
  }
  return step;
}

async function swapOnce(provider: Provider, attempts: Attempt[]): Promise<void> {
  await attempt(provider, 'one', await currentValue(provider), attempts);
}

for (const limit of [2, 3]) {
  for (let before = 0; before <= limit; before++) {
    test(`R-LOCAL-7, R-LOCAL-8: generations of ${limit}: a swap after ${before} that stalls at any step`, async (t) => {
      t.true((await everywhere(limit, before, true, swapOnce)) > 10);
    });
    test(`R-LOCAL-7, R-LOCAL-8: generations of ${limit}: a swap after ${before} that dies at any step`, async (t) => {
      t.true((await everywhere(limit, before, false, swapOnce)) > 10);
    });
  }
  test(`R-LOCAL-9: generations of ${limit}: a read that stalls at any step finds a value of its time`, async (t) => {
    for (let before = 1; before <= limit; before++) {
      await everywhere(limit, before, true, async (provider, attempts) => {
        const earlier = winners(attempts);
        const { ids } = await currentValue(provider);
        const later = winners(attempts);
        assert.ok(ids.length >= earlier.length && ids.length <= later.length);
        assert.deepEqual(ids, later.slice(0, ids.length));
      });
    }
    t.pass();
  });
  test(`R-LOCAL-11: generations of ${limit}: a check that stalls at any step finds nothing`, async (t) => {
    await everywhere(limit, limit, true, verifySound);
    t.pass();
  });
}

test('R-LOCAL-3: a put that stalls or dies at any step leaves its object whole or absent, and can be made again', async (t) => {
  let step = 0;
  for (let reached = true; reached; step++) {
    const open = processes(3);
    const bytes = new Uint8Array(1000).fill(7);
    const one = new Actor(() => open().put('packs/a', bytes));
    for (let i = 0; i < step && !one.done; i++) await one.step();
    reached = !one.done;
    const found = await open()
      .get('packs/a')
      .catch((error: unknown) => error);
    t.true(isError(found, 'NOT_FOUND') || (found instanceof Uint8Array && equalBytes(found, bytes)), String(found));
    await (step % 2 === 0 ? one.kill() : Promise.all([open().put('packs/a', bytes), one.finish()]));
    await open().put('packs/a', bytes);
    t.deepEqual(await open().get('packs/a'), bytes);
  }
  t.true(step > 10);
});

function winners(attempts: readonly Attempt[]): string[] {
  return attempts.filter((each) => each.version !== undefined).map((each) => each.id);
}

async function randomRun(seed: number): Promise<void> {
  const roll = dice(seed);
  const open = processes(2 + roll(2));
  const attempts: Attempt[] = [];
  await append(open(), 'before', roll(4), attempts);
  const actors = Array.from({ length: 4 }, (_, i) => new Actor(() => append(open(), `w${i}`, 3, attempts)));
  const victim = roll(2) === 0 ? actors[0] : undefined;
  for (let running = actors; running.length > 0; running = actors.filter((actor) => !actor.done)) {
    const actor = running[roll(running.length)] as Actor<void>;
    for (let burst = roll(12); burst >= 0 && !actor.done; burst--) await actor.step();
    if (actor === victim && roll(8) === 0) await actor.kill();
  }
  await Promise.allSettled(actors.map((actor) => actor.result));
  await append(open(), 'after', 4, attempts);
  await verifyHistory(open(), attempts);
  await verifySound(open());
}

for (let batch = 0; batch < 4; batch++) {
  test(`four writers in random order, batch ${batch}`, async (t) => {
    for (let seed = batch * 20; seed < (batch + 1) * 20; seed++) await randomRun(seed);
    t.pass();
  });
}
