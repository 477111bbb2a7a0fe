/**
 * A directory of the target that is swapped for a symlink to an outside directory, before each
 * single change of a checkout in place (C9). No step changes anything outside.
 */
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { openStore } from '../../../src/index.js';
import { directory, file, type ProfileEntry, readListing, symlink, writeProfile } from '../../support/profile.js';
import { watched } from '../../support/session/steps.js';
import { temporary } from '../../support/temporary.js';

const first = new Map<string, ProfileEntry>([
  ['Default', directory()],
  ['Default/Cookies', file('one')],
  ['Default/Gone', file('one')],
  ['Default/Mode', file('same', 0o600)],
  ['Default/Old', directory()],
  ['Default/Old/file', file('one')],
  ['Default/Sub', directory(0o500)],
  ['Default/Sub/file', file('one')],
  ['Default/link', symlink('Cookies')],
  ['Local State', file('one')],
]);
const second = new Map<string, ProfileEntry>([
  ['Default', directory(0o750)],
  ['Default/Cookies', file('two')],
  ['Default/Mode', file('same', 0o640)],
  ['Default/New', directory()],
  ['Default/New/file', file('two')],
  ['Default/Sub', directory(0o700)],
  ['Default/Sub/file', file('two')],
  ['Default/link', symlink('New')],
  ['Local State', file('two')],
]);

for (const swapped of ['Default', 'Default/Sub', 'Default/Old']) {
  test.serial(`C9: ${swapped} becomes a symlink to a directory outside before any step of a checkout in place`, async (t) => {
    const folder = temporary(t);
    const session = (await openStore({ home: join(folder, 'home') })).session('s');
    const [dir, outside, source] = ['dir', 'outside', 'source'].map((name) => join(folder, name)) as [string, string, string];
    for (const version of [first, second]) {
      rmSync(source, { recursive: true, force: true });
      writeProfile(source, version);
      await session.commit(source, { allowShrink: true });
    }
    // Nothing is swapped before step 0: this checkout is undisturbed, and counts the steps.
    let steps = 0;
    for (let at = 0; at <= steps; at++) {
      await session.checkout(dir, { at: 'HEAD~1', force: true });
      rmSync(outside, { recursive: true, force: true });
      mkdirSync(outside);
      for (const name of ['Cookies', 'Gone', 'Mode', 'file']) writeFileSync(join(outside, name), 'of others');
      for (const name of ['Old', 'Sub', 'New']) {
        mkdirSync(join(outside, name));
        writeFileSync(join(outside, name, 'file'), 'of others');
      }
      const before = readListing(outside);
      let last = 0;
      await watched(
        () => session.checkout(dir).catch(() => undefined),
        (step) => {
          last = step;
          if (step !== at || !existsSync(join(dir, swapped))) return;
          renameSync(join(dir, swapped), join(folder, `away ${at}`));
          symlinkSync(outside, join(dir, swapped));
        },
      );
      if (at === 0) steps = last;
      t.deepEqual(readListing(outside), before, `step ${at} of ${steps}`);
    }
    t.true(steps > 20);
    t.log(`${steps} steps`);
  });
}
