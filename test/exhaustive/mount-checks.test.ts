/** Parts of stores, mount points and entries of the system, with real mounts (C7). */
import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { testWith } from '../support/machine.js';
import { temporary } from '../support/temporary.js';

const program = fileURLToPath(new URL('../support/programs/mount-checks.js', import.meta.url));

/** Cases of the program. A new case is a line. */
const cases: Record<string, string> = {
  'a part of another home': 'is no target and no source',
  'a directory in a part of another home': 'is no target and no source',
  'a part of another home that is mounted nowhere else': 'is no target and no source',
  'a mounted directory that is mounted elsewhere too': 'is no part of a store',
  'a mount point below a change in place': 'is found before the first change, or left alone',
  'a mount point that the version does not have': 'is left alone by a change in place',
  'lost+found at the root of a mount': 'is no part of a version',
};

for (const [name, outcome] of Object.entries(cases)) {
  testWith(['mounts of its own'])(`C7: ${name} ${outcome}`, async (t) => {
    await t.notThrowsAsync(promisify(execFile)('unshare', ['-rm', process.execPath, program, temporary(t), name]));
  });
}
