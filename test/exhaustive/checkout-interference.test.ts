/**
 * A checkout that died at any step, and a directory that was changed since (C5; SPEC.md R-OUT-2,
 * R-OUT-3, R-OUT-6).
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { countSteps, interfere, interferences, makePlace, starts, type Target } from '../support/exhaustive/interference.js';
import { commitVersions } from '../support/exhaustive/killed.js';
import { testWith } from '../support/machine.js';
import { temporary } from '../support/temporary.js';

/** Every step is tried with one interference in three. test/long tries all combinations. */
const stride = Number(process.env['STRIDE'] ?? 3);

const targets: Record<string, Partial<Target>> = {
  'a directory': {},
  'the working directory': { keepDirectory: true },
  'a directory in one that cannot be written': { isClosed: true },
};

for (const [name, parts] of Object.entries(targets)) {
  for (const start of Object.keys(starts) as (keyof typeof starts)[]) {
    test.serial(`C5: ${name} that is ${start}, and the checkout dies at any step`, async (t) => {
      const folder = temporary(t);
      const home = join(folder, 'home');
      const expected = await commitVersions(home, join(folder, 'source'));
      const target: Target = { dir: makePlace(folder), home, expected, ...parts };
      const steps = await countSteps(target, start);
      const wrong: string[] = [];
      let offset = 0;
      for (const interference of Object.keys(interferences)) {
        for (let killAt = 1 + (offset++ % stride); killAt <= steps; killAt += stride) {
          try {
            await interfere(target, start, interference, killAt);
          } catch (error) {
            wrong.push(`${interference} after step ${killAt} of ${steps}: ${error}`);
          }
        }
      }
      t.deepEqual(wrong, []);
      t.true(steps > 10);
    });
  }
}

const program = fileURLToPath(new URL('../support/programs/interference-mounted.js', import.meta.url));

for (const [kind, name] of Object.entries({ tmpfs: 'a mount point', overlay: 'A5: a directory of an image under an overlay' })) {
  testWith(['mounts of its own'], test.serial)(`C5: ${name}, and the checkout dies at any step`, async (t) => {
    const run = promisify(execFile)('unshare', ['-rm', process.execPath, program, temporary(t), kind, String(stride)]);
    await t.notThrowsAsync(run);
  });
}
