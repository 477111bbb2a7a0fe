/**
 * Checkouts into mount points, such as the volumes of containers (SPEC.md R-OUT-2). Needs a kernel
 * that lets this user mount in a namespace.
 */
import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { testWith } from '../support/machine.js';
import { temporary } from '../support/temporary.js';

const program = fileURLToPath(new URL('../support/programs/mount-program.js', import.meta.url));

for (const kind of ['tmpfs', 'bind'] as const) {
  testWith(['mounts of its own'])(
    `R-OUT-2: a checkout into a mount point (${kind}) is exact, also after it was killed at any step`,
    async (t) => {
      const run = promisify(execFile)('unshare', ['-rm', process.execPath, program, temporary(t), kind]);
      await t.notThrowsAsync(run);
    },
  );
}
