/**
 * The marker of a directory whose entries are being exchanged (SPEC.md R-OUT-13). The marker is a
 * file in the directory itself. Another local store sees neither record nor lock; the same applies
 * to another path, such as that of a copy.
 */
import { lstatSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserStateError } from '../base/errors.js';
import type { Tree } from '../format/tree.js';

/** The name of the marker. No commit of a directory contains it; other trees may. */
export const MARKER = '.browserstate-checkout';

const TEXT = `A checkout into this directory is under way, or was cut off: it may hold parts of two versions.
\`browserstate restore DIR -s SESSION\` with the same local store finishes it; with --force, any local store does.
If the content is right as it is, remove this file.
`;

/** Marks the directory as a possible mixture of two versions. Replaces only an earlier marker. */
export function mark(dir: string): void {
  unmark(dir);
  writeFileSync(join(dir, MARKER), TEXT, { flag: 'wx', mode: 0o600 });
}

/** Removes the marker, if the directory has one. */
export function unmark(dir: string): void {
  rmSync(join(dir, MARKER), { force: true, recursive: true });
}

/** Throws DIRTY if the directory is marked. */
export function rejectMarked(dir: string): void {
  const path = join(dir, MARKER);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  throw new BrowserStateError(
    'DIRTY',
    `${dir}: a checkout into this directory is under way or was cut off: it may hold parts of two versions`,
    {
      hint: `Run \`browserstate restore ${dir} -s SESSION --force\` to write it anew, or remove ${path} if its content is right as it is.`,
      details: { dir, leftovers: [{ path: dir, holds: 'parts of two versions' }] },
    },
  );
}

/** Throws UNSUPPORTED for a version whose root has an entry of the marker's name. */
export function rejectReserved(tree: Tree): void {
  if (!tree.some(({ path }) => path === MARKER)) return;
  throw new BrowserStateError('UNSUPPORTED', `${MARKER}: the version has an entry of this name, which marks an unfinished checkout`, {
    hint: 'Restore the other entries with --only.',
    details: { path: MARKER },
  });
}
